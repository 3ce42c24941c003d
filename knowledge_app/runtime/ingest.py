"""Reading a document: cut it, embed it, store its chunks; safe to repeat at any point.

Chunks are stored in batches, each in its own transaction. A worker that takes over keeps the
batches that are there; search sees the document only when it is ready.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

from asgiref.sync import sync_to_async
from django.db import OperationalError, close_old_connections, connection, transaction
from django.utils import timezone
from pgvector import HalfVector

from config.common.embeddings.minilm import Floats, embed, model
from config.common.errors import DomainError
from config.common.uuid7 import uuid7
from knowledge_app.domain.chunking import HEADING_SEPARATOR, ChunkSpan, split_document
from knowledge_app.domain.content import document_text
from knowledge_app.models import Chunk, Document
from workspaces_app.services.blobs import read_blob

logger = logging.getLogger(__name__)

T = TypeVar("T")

BATCH_CHUNKS = 16
"""About 0.4 s of work on one core: short enough to stop soon, long enough to fill the core."""

# One thread embeds for all documents of this process, so that a large upload leaves the other
# threads, and with them the searches of running agents, free.
_embedder = ThreadPoolExecutor(max_workers=1, thread_name_prefix="ingest")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Source:
    """A claimed document and what is stored of it."""

    document_id: UUID
    base_id: UUID
    title: str
    media_type: str
    language: str
    chunk_tokens: int
    overlap_tokens: int
    content: bytes
    stored: dict[int, ChunkSpan]
    """By ordinal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """How a document is cut, and which of its chunks are not stored yet."""

    source: _Source
    text: str
    spans: Sequence[ChunkSpan]
    missing: Sequence[int]
    """Ordinals, ascending."""
    stale: Sequence[int]
    """Ordinals of stored chunks that an earlier cut made and this one does not."""


async def ingest_document(document_id: UUID) -> None:
    """Bring a queued document, or one whose worker was lost, to `ready` or `failed`.

    Does nothing if the document is gone or settled. A content or model that cannot be used ends
    in `failed` with the reason; so does an error of ours, which is then raised for the job's
    record. When the database is lost or the worker stops, the state stays and the job is repeated.
    """
    try:
        source = await _in_database(partial(_claim, document_id))
        if source is None:
            logger.info("document.not_claimed", extra={"document_id": str(document_id)})
            return
        plan = await _in_embedder(partial(_cut, source))
        await _in_database(partial(_drop, document_id, plan.stale))
        for first in range(0, len(plan.missing), BATCH_CHUNKS):
            ordinals = plan.missing[first : first + BATCH_CHUNKS]
            vectors = await _in_embedder(partial(_embed, plan, ordinals))
            if not await _in_database(partial(_store, plan, ordinals, vectors)):
                logger.info("document.gone", extra={"document_id": str(document_id)})
                return
        await _in_database(partial(_finish, document_id, chunks=len(plan.spans)))
    except DomainError as error:
        logger.warning(
            "document.failed", extra={"document_id": str(document_id), "code": error.code}
        )
        await _in_database(partial(_fail, document_id, error.detail))
    except OperationalError:
        raise
    except Exception:
        logger.exception("document.broken", extra={"document_id": str(document_id)})
        await _in_database(
            partial(
                _fail,
                document_id,
                "Reading it stopped because of an error of ours, which is in the worker's log."
                " Retry it; if it fails again, report it with the document's id.",
            )
        )
        raise


async def _in_embedder(work: Callable[[], T]) -> T:
    return await asyncio.get_running_loop().run_in_executor(_embedder, work)


async def _in_database(work: Callable[[], T]) -> T:
    # Short statements: all documents of a process may share one thread and one connection.
    return await sync_to_async(partial(_with_fresh_connection, work))()


def _with_fresh_connection(work: Callable[[], T]) -> T:
    """Give the connection back after the work, unless a caller's transaction holds it."""
    if connection.in_atomic_block:
        return work()
    close_old_connections()
    try:
        return work()
    finally:
        close_old_connections()


def _claim(document_id: UUID) -> _Source | None:
    """Take the document and read what is needed; None if it is gone or settled."""
    claimed = Document.objects.filter(
        pk=document_id, state__in=[Document.State.QUEUED, Document.State.RUNNING]
    ).update(state=Document.State.RUNNING, updated_at=timezone.now())
    if not claimed:
        return None
    document = Document.objects.select_related("base", "blob").filter(pk=document_id).first()
    if document is None:
        return None
    rows = Chunk.objects.filter(document=document).values_list("ordinal", "start", "end", "heading")
    return _Source(
        document_id=document.pk,
        base_id=document.base_id,
        title=document.title,
        media_type=document.media_type,
        language=document.base.language,
        chunk_tokens=document.base.chunk_tokens,
        overlap_tokens=document.base.overlap_tokens,
        content=read_blob(document.blob),
        stored={ordinal: ChunkSpan(start, end, heading) for ordinal, start, end, heading in rows},
    )


def _cut(source: _Source) -> _Plan:
    """Cut the text. Content never changes, so a stored chunk of the same place is the same."""
    text = document_text(source.content)
    spans = split_document(
        text,
        media_type=source.media_type,
        token_starts=model().tokenizer.starts(text),
        max_tokens=source.chunk_tokens,
        overlap_tokens=source.overlap_tokens,
    )
    kept = {
        ordinal
        for ordinal, span in source.stored.items()
        if ordinal < len(spans) and spans[ordinal] == span
    }
    return _Plan(
        source=source,
        text=text,
        spans=spans,
        missing=[ordinal for ordinal in range(len(spans)) if ordinal not in kept],
        stale=sorted(source.stored.keys() - kept),
    )


def _embed(plan: _Plan, ordinals: Sequence[int]) -> Floats:
    title, text = plan.source.title, plan.text
    spans = [plan.spans[ordinal] for ordinal in ordinals]
    return embed(
        [f"{indexed_heading(title, span.heading)}\n{text[span.start : span.end]}" for span in spans]
    )


def _drop(document_id: UUID, ordinals: Sequence[int]) -> None:
    if ordinals:
        Chunk.objects.filter(document=document_id, ordinal__in=ordinals).delete()


def _store(plan: _Plan, ordinals: Sequence[int], vectors: Floats) -> bool:
    """Store one batch; False if the document was deleted or settled by somebody else.

    Locks the document's row, which `delete_document` locks too: no chunk outlives its document.
    """
    source = plan.source
    rows: list[dict[str, Any]] = [
        {
            "id": uuid7(),
            "document": source.document_id,
            "base": source.base_id,
            "ordinal": ordinal,
            "text": plan.text[span.start : span.end],
            "heading": span.heading,
            "start": span.start,
            "end": span.end,
            "embedding": HalfVector(vector).to_text(),
            "language": source.language,
            "indexed_heading": indexed_heading(source.title, span.heading),
        }
        for ordinal, vector in zip(ordinals, vectors, strict=True)
        for span in [plan.spans[ordinal]]
    ]
    with transaction.atomic():
        held = Document.objects.filter(pk=source.document_id, state=Document.State.RUNNING).update(
            updated_at=timezone.now()
        )
        if held:
            with connection.cursor() as cursor:
                cursor.executemany(_INSERT_CHUNK, rows)
    return bool(held)


# Words of headings weigh more (B) than words of the text (D). Another worker that was taken for
# lost may have stored the same chunk.
_INSERT_CHUNK = """
INSERT INTO knowledge_app_chunk
    (id, updated_at, document_id, base_id, ordinal, text, heading, start, "end", embedding, lexemes)
VALUES (
    %(id)s, now(), %(document)s, %(base)s, %(ordinal)s, %(text)s, %(heading)s, %(start)s, %(end)s,
    %(embedding)s::halfvec,
    setweight(to_tsvector(%(language)s::regconfig, translate(%(indexed_heading)s, '›', ' ')), 'B')
        || to_tsvector(%(language)s::regconfig, %(text)s)
)
ON CONFLICT (document_id, ordinal) DO NOTHING
"""


def _finish(document_id: UUID, *, chunks: int) -> None:
    Document.objects.filter(pk=document_id, state=Document.State.RUNNING).update(
        state=Document.State.READY, chunk_count=chunks, error="", updated_at=timezone.now()
    )


def _fail(document_id: UUID, reason: str) -> None:
    Document.objects.filter(
        pk=document_id, state__in=[Document.State.QUEUED, Document.State.RUNNING]
    ).update(state=Document.State.FAILED, error=reason[:500], updated_at=timezone.now())


def indexed_heading(title: str, heading: str) -> str:
    """Return what a chunk is found by beside its text: the document's title and the headings."""
    if not heading or heading == title or heading.startswith(title + HEADING_SEPARATOR):
        return heading or title
    return f"{title}{HEADING_SEPARATOR}{heading}"
