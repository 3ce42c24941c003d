"""Reading documents: chunks, states, resuming, deletion in the middle, failures."""

import asyncio
from uuid import UUID

import numpy as np
import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.contrib.auth.models import User

from config.common.embeddings import minilm
from config.common.uuid7 import uuid7
from knowledge_app import services
from knowledge_app.models import Chunk, Document
from knowledge_app.runtime.ingest import indexed_heading, ingest_document
from tests.factories import make_user
from tests.knowledge_app.factories import GUIDE, make_base, make_document, make_ready_document
from workspaces_app.models import BlobPiece

pytestmark = pytest.mark.django_db

LONG = "\n\n".join(
    f"Paragraph {number} tells of thing {number} at length." for number in range(120)
)


def chunk_ids(document: Document) -> dict[int, UUID]:
    rows = Chunk.objects.filter(document=document).values_list("ordinal", "id")
    return dict(rows)


async def first_chunk() -> None:
    """Wait until a chunk is stored; each question to the database lets the reader go on."""
    while not await sync_to_async(Chunk.objects.exists)():
        pass


def test_a_read_document_has_chunks_with_exact_places() -> None:
    actor = make_user()
    base = make_base(actor)

    document = make_ready_document(actor, base)

    chunks = list(Chunk.objects.filter(document=document))
    assert [(chunk.ordinal, chunk.heading) for chunk in chunks] == [
        (0, "Pets"),
        (1, "Pets › Cats"),
        (2, "Pets › Dogs"),
    ]
    assert all(GUIDE[chunk.start : chunk.end] == chunk.text for chunk in chunks)
    assert {chunk.base_id for chunk in chunks} == {base.pk}
    assert document.chunk_count == 3


def test_chunks_hold_the_embedding_of_heading_and_text_and_its_words() -> None:
    actor = make_user()
    document = make_ready_document(actor, make_base(actor))

    chunk = Chunk.objects.get(document=document, ordinal=1)

    expected = minilm.embed([f"Pets › Cats\n{chunk.text}"])[0]
    assert np.array(chunk.embedding) == pytest.approx(expected, abs=1e-3)
    assert "'cat':2B" in chunk.lexemes
    assert "'hunt'" in chunk.lexemes


def test_the_language_of_the_base_decides_its_words() -> None:
    actor = make_user()
    base = make_base(actor, language="german")

    document = make_ready_document(actor, base, "Die Häuser stehen.", title="Häuser")

    assert "'haus'" in Chunk.objects.get(document=document).lexemes


def test_reading_twice_changes_nothing() -> None:
    actor = make_user()
    document = make_ready_document(actor, make_base(actor))
    before = chunk_ids(document)

    async_to_sync(ingest_document)(document.pk)

    assert chunk_ids(document) == before


def test_a_worker_that_takes_over_keeps_what_is_stored_and_drops_what_is_stale() -> None:
    actor = make_user()
    document = make_ready_document(actor, make_base(actor, chunk_tokens=32), LONG)
    before = chunk_ids(document)
    last = max(before)
    Chunk.objects.filter(document=document, ordinal__gte=last - 20).delete()
    Chunk.objects.filter(document=document, ordinal=0).update(end=1)
    Document.objects.filter(pk=document.pk).update(state="running", chunk_count=0)

    async_to_sync(ingest_document)(document.pk)

    after = chunk_ids(document)
    assert after.keys() == before.keys()
    assert after[0] != before[0]
    assert {key: after[key] for key in range(1, last - 20)} == {
        key: before[key] for key in range(1, last - 20)
    }
    document.refresh_from_db()
    assert (document.state, document.chunk_count) == ("ready", last + 1)


async def test_deleting_a_document_while_it_is_read_leaves_nothing_behind() -> None:
    def prepare() -> tuple[User, Document]:
        actor = make_user()
        return actor, make_document(actor, make_base(actor, chunk_tokens=32), LONG)

    def remove() -> None:
        services.delete_document(actor, document=document)

    actor, document = await sync_to_async(prepare)()
    reading = asyncio.create_task(ingest_document(document.pk))
    await first_chunk()

    await sync_to_async(remove)()
    await reading

    assert not await sync_to_async(Chunk.objects.exists)()
    assert not await sync_to_async(Document.objects.exists)()


async def test_a_stopped_worker_leaves_the_document_to_the_next() -> None:
    def prepare() -> Document:
        actor = make_user()
        return make_document(actor, make_base(actor, chunk_tokens=32), LONG)

    document = await sync_to_async(prepare)()
    reading = asyncio.create_task(ingest_document(document.pk))
    await first_chunk()
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    await sync_to_async(document.refresh_from_db)()
    assert document.state == "running"

    await ingest_document(document.pk)

    await sync_to_async(document.refresh_from_db)()
    assert document.state == "ready"


def test_content_that_cannot_be_read_fails_with_its_reason() -> None:
    actor = make_user()
    document = make_document(actor, make_base(actor))
    BlobPiece.objects.filter(blob=document.blob).update(content=b"a\x00b")

    async_to_sync(ingest_document)(document.pk)

    document.refresh_from_db()
    assert document.state == "failed"
    assert "NUL" in document.error


def test_an_error_of_ours_fails_the_document_and_the_job() -> None:
    actor = make_user()
    document = make_document(actor, make_base(actor))
    BlobPiece.objects.filter(blob=document.blob).delete()

    with pytest.raises(BlobPiece.DoesNotExist):
        async_to_sync(ingest_document)(document.pk)

    document.refresh_from_db()
    assert document.state == "failed"
    assert "Retry it" in document.error


def test_an_unknown_document_is_passed_over() -> None:
    async_to_sync(ingest_document)(uuid7())

    assert not Chunk.objects.exists()


@pytest.mark.parametrize(
    ("title", "heading", "expected"),
    [
        ("Pets", "", "Pets"),
        ("Pets", "Pets", "Pets"),
        ("Pets", "Pets › Cats", "Pets › Cats"),
        ("Guide", "Pets › Cats", "Guide › Pets › Cats"),
    ],
)
def test_a_chunk_is_found_by_its_title_once(title: str, heading: str, expected: str) -> None:
    assert indexed_heading(title, heading) == expected
