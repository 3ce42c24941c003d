"""Services: rights, constraints, idempotence, audit rows, jobs in the same transaction."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob

from config.common.errors import DomainError, NotFound, PermissionMissing
from knowledge_app import services
from knowledge_app.errors import BaseArchived, DocumentBusy, NameTaken, SettingsInvalid
from knowledge_app.models import Document, KnowledgeBase, KnowledgeBaseShare
from tests.factories import make_user, make_workspace
from tests.knowledge_app.factories import make_base, make_document
from workspaces_app.models import AuditEvent, Blob

pytestmark = pytest.mark.django_db


def audited(action: str) -> tuple[AuditEvent, dict[str, Any], dict[str, Any]]:
    """Return the only audit row of an action, with its values before and after."""
    event = AuditEvent.objects.get(action=action)
    return event, event.before or {}, event.after or {}


def jobs() -> list[dict[str, Any]]:
    rows = ProcrastinateJob.objects.order_by("id").values("task_name", "queue_name", "args")
    return [dict(row) for row in rows]


def test_create_base_stores_it_with_an_audit_row() -> None:
    actor = make_user()

    base = make_base(actor, "handbook", language="german")

    assert base.reference == "default/handbook"
    assert base.language == "german"
    event, _, after = audited("knowledge_base.created")
    assert (event.object_id, event.actor, after["language"]) == (
        str(base.pk),
        actor,
        "german",
    )


def test_a_name_is_unique_until_its_base_is_archived() -> None:
    actor = make_user()
    base = make_base(actor, "handbook")

    with pytest.raises(NameTaken, match="'handbook'"):
        make_base(actor, "handbook")
    services.archive_base(actor, base=base)

    assert make_base(actor, "handbook").pk != base.pk


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ({"language": "klingon"}, "knowledge.language_unknown"),
        ({"chunk_tokens": 60, "overlap_tokens": 30}, "knowledge.overlap_too_large"),
    ],
)
def test_settings_without_meaning_are_refused(settings: dict[str, Any], code: str) -> None:
    with pytest.raises(SettingsInvalid) as caught:
        services.create_base(make_user(), workspace=make_workspace(), name="x", **settings)

    assert caught.value.code == code


@pytest.mark.parametrize(
    "values", [{"chunk_tokens": 241}, {"chunk_tokens": 31, "overlap_tokens": 1}, {"name": "No!"}]
)
def test_values_out_of_range_are_refused(values: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        services.create_base(make_user(), **{"workspace": make_workspace(), "name": "x", **values})


@pytest.mark.parametrize(
    ("role", "error"), [("runner", PermissionMissing), (None, NotFound)], ids=["runner", "stranger"]
)
def test_only_editors_create_and_change(role: str | None, error: type[DomainError]) -> None:
    base = make_base(make_user())
    document = make_document(make_user("owner"), base)
    other = make_user("eve", role=role)

    with pytest.raises(error):
        make_base(other, "mine")
    with pytest.raises(error):
        services.update_base(other, base=base, title="x")
    with pytest.raises(error):
        services.archive_base(other, base=base)
    with pytest.raises(error):
        make_document(other, base, "text")
    with pytest.raises(error):
        services.delete_document(other, document=document)
    with pytest.raises(error):
        services.retry_document(other, document=document)


def test_a_share_as_editor_lets_somebody_from_outside_add_documents() -> None:
    base = make_base(make_user())
    guest = make_user("guest", role=None)
    KnowledgeBaseShare.objects.create(object=base, user=guest, role="editor")

    document = make_document(guest, base)

    assert document.created_by == guest


def test_update_base_changes_what_is_given_and_says_so() -> None:
    actor = make_user()
    base = make_base(actor)

    changed = services.update_base(actor, base=base, title="Handbook")

    assert (changed.title, changed.description) == ("Handbook", "")
    _, before, after = audited("knowledge_base.updated")
    assert (before["title"], after["title"]) == ("", "Handbook")


def test_an_archived_base_takes_no_changes() -> None:
    actor = make_user()
    base = services.archive_base(actor, base=make_base(actor))

    with pytest.raises(BaseArchived):
        make_document(actor, base)
    with pytest.raises(BaseArchived):
        services.update_base(actor, base=base, title="x")


def test_add_document_stores_it_and_queues_its_reading() -> None:
    actor = make_user()
    base = make_base(actor)

    document = services.add_document(
        actor, base=base, content=b"# Title\n\nText.", filename="dir/user_guide.md"
    )

    assert (document.title, document.media_type, document.state) == (
        "user guide",
        "text/markdown",
        "queued",
    )
    assert document.blob.filename == "user_guide.md"
    assert jobs() == [
        {
            "task_name": "knowledge_app.tasks.ingest_document",
            "queue_name": "ingestion",
            "args": {"document_id": str(document.pk)},
        }
    ]


def test_the_job_is_queued_in_the_transaction_of_the_document() -> None:
    actor = make_user()
    base = make_base(actor)

    with transaction.atomic():
        make_document(actor, base)
        queued = len(jobs())
        transaction.set_rollback(True)

    assert queued == 1
    assert jobs() == []
    assert not Document.objects.exists()


def test_equal_content_is_kept_once_in_a_base_but_not_across_bases() -> None:
    actor = make_user()
    base, other = make_base(actor, "one"), make_base(actor, "two")
    first = make_document(actor, base, "same text")

    again = make_document(actor, base, "same text", title="Another title")
    elsewhere = make_document(actor, other, "same text")

    assert again.pk == first.pk
    assert again.title == "Pets"
    assert elsewhere.pk != first.pk
    assert len(jobs()) == 2


def test_delete_document_removes_its_content_too() -> None:
    actor = make_user()
    document = make_document(actor, make_base(actor))

    services.delete_document(actor, document=document)

    assert not Document.objects.exists()
    assert not Blob.objects.exists()
    _, before, _ = audited("document.deleted")
    assert before["title"] == "Pets"


def test_a_failed_document_can_be_retried() -> None:
    actor = make_user()
    document = make_document(actor, make_base(actor))
    Document.objects.filter(pk=document.pk).update(state="failed", error="broken")

    retried = services.retry_document(actor, document=document)

    assert (retried.state, retried.error) == ("queued", "")
    assert [job["args"] for job in jobs()] == [{"document_id": str(document.pk)}] * 2


def test_a_document_that_moves_cannot_be_retried_but_one_that_stalled_can() -> None:
    actor = make_user()
    document = make_document(actor, make_base(actor))

    with pytest.raises(DocumentBusy, match="queued"):
        services.retry_document(actor, document=document)
    Document.objects.filter(pk=document.pk).update(
        state="running", updated_at=timezone.now() - timedelta(minutes=6)
    )

    assert services.retry_document(actor, document=document).state == "queued"


def test_counts_of_a_base() -> None:
    actor = make_user()
    base = make_base(actor)
    for number, state in enumerate(["ready", "ready", "queued", "running", "failed"]):
        document = make_document(actor, base, f"text {number}")
        error = "broken" if state == "failed" else ""
        Document.objects.filter(pk=document.pk).update(state=state, error=error, chunk_count=3)

    counted = KnowledgeBase.objects.with_counts().get(pk=base.pk)

    assert (
        counted.document_count,
        counted.ready_count,
        counted.pending_count,
        counted.failed_count,
        counted.chunk_count,
    ) == (5, 2, 2, 1, 6)
