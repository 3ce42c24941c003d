"""Knowledge bases and their documents, on behalf of an actor."""

import hashlib
from collections.abc import Sequence
from datetime import timedelta
from functools import cache
from typing import Any

from django.contrib.auth.models import User
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from config.common.errors import NotFound, PermissionMissing
from config.common.roles import Role
from knowledge_app import tasks
from knowledge_app.domain.content import document_text, media_type_of, safe_filename, title_of
from knowledge_app.errors import BaseArchived, DocumentBusy, NameTaken, SettingsInvalid
from knowledge_app.models import Document, KnowledgeBase
from knowledge_app.runtime.search import Hit, search_now
from workspaces_app.models import Visibility, Workspace
from workspaces_app.services.access import require_role
from workspaces_app.services.audit import record
from workspaces_app.services.blobs import store_blob

STALLED_AFTER = timedelta(minutes=5)
"""A document that has not moved for so long may be queued again."""


@transaction.atomic
def create_base(
    actor: User,
    *,
    workspace: Workspace,
    name: str,
    title: str = "",
    description: str = "",
    visibility: str = Visibility.PRIVATE,
    language: str = "english",
    chunk_tokens: int = 200,
    overlap_tokens: int = 30,
) -> KnowledgeBase:
    """Create an empty knowledge base; needs the role of an editor in the workspace.

    Args:
        actor: Who creates it.
        workspace: Where it belongs.
        name: Unique among the workspace's living bases; never changes.
        title: Shown to people; the name stands in for an empty one.
        description: What it holds; agents read it to know when to search.
        visibility: Who may read it beside the members.
        language: A text search configuration of PostgreSQL, such as `english` or `simple`.
        chunk_tokens: The largest size of a chunk, 32 to 240.
        overlap_tokens: How much a chunk may repeat of the one before it; less than half of it.

    Raises:
        NameTaken, SettingsInvalid: As they say.
    """
    require_role(actor, workspace, Role.EDITOR)
    base = KnowledgeBase(
        workspace=workspace,
        name=name,
        title=title,
        description=description,
        visibility=visibility,
        language=language,
        chunk_tokens=chunk_tokens,
        overlap_tokens=overlap_tokens,
        created_by=actor,
    )
    check_settings(base)
    base.full_clean(validate_constraints=False)
    try:
        with transaction.atomic():
            base.save(force_insert=True)
    except IntegrityError as error:
        raise NameTaken(
            f"The workspace {workspace.name!r} already has a knowledge base {name!r}."
            " Choose another name."
        ) from error
    record(actor, "knowledge_base.created", base, after=_shown(base))
    return base


@transaction.atomic
def update_base(
    actor: User,
    *,
    base: KnowledgeBase,
    title: str | None = None,
    description: str | None = None,
    visibility: str | None = None,
) -> KnowledgeBase:
    """Change what people see of a base; None leaves a part as it is.

    Language and sizes stay, because the stored chunks were made with them. Locks the base's row.

    Raises:
        BaseArchived: It takes no changes any more.
    """
    locked = _locked(actor, base)
    before = _shown(locked)
    if title is not None:
        locked.title = title
    if description is not None:
        locked.description = description
    if visibility is not None:
        locked.visibility = visibility
    locked.full_clean(validate_constraints=False)
    locked.save()
    if (after := _shown(locked)) != before:
        record(actor, "knowledge_base.updated", locked, before=before, after=after)
    return locked


@transaction.atomic
def archive_base(actor: User, *, base: KnowledgeBase) -> KnowledgeBase:
    """Take a base out of every list and search; its name becomes free, its rows stay.

    Raises:
        BaseArchived: It already is.
    """
    locked = _locked(actor, base)
    locked.archived_at = timezone.now()
    locked.save(update_fields=["archived_at", "updated_at"])
    record(actor, "knowledge_base.archived", locked)
    return locked


@transaction.atomic
def add_document(
    actor: User,
    *,
    base: KnowledgeBase,
    content: bytes,
    title: str = "",
    media_type: str = "text/markdown",
    filename: str = "",
) -> Document:
    """Store a document and queue its reading; content that the base has is returned as it is.

    Args:
        actor: Needs the role of an editor on the base.
        base: Where it belongs; its row is locked, so that equal content is stored once.
        content: UTF-8 text of at most 5 MiB.
        title: At most 200 characters; the file's name stands in for an empty one.
        media_type: `text/markdown` or `text/plain`; a file's ending decides before it.
        filename: Where the content comes from; folders and control characters are dropped.

    Raises:
        DocumentRefused, DocumentTooLarge: The content or a name cannot be taken.
        BaseArchived: The base takes no documents any more.
    """
    name = safe_filename(filename)
    kind = media_type_of(name, media_type)
    heading = title_of(title, name)
    document_text(content)
    digest = hashlib.sha256(content).hexdigest()
    locked = _locked(actor, base)
    known: Document | None = Document.objects.filter(base=locked, content_sha256=digest).first()
    if known is not None:
        return known
    blob = store_blob(locked.workspace, content, media_type=kind, filename=name, actor=actor)
    document = Document(
        base=locked,
        title=heading,
        media_type=kind,
        blob=blob,
        content_sha256=digest,
        created_by=actor,
    )
    document.full_clean()
    document.save(force_insert=True)
    record(actor, "document.added", locked, after=_shown_document(document))
    tasks.ingest_document.defer(document_id=str(document.pk))
    return document


@transaction.atomic
def delete_document(actor: User, *, document: Document) -> None:
    """Delete a document with its chunks, embeddings and content; a reading worker stops.

    Locks the document's row.
    """
    locked = _locked_document(actor, document)
    record(actor, "document.deleted", locked.base, before=_shown_document(locked))
    blob = locked.blob
    locked.delete()
    blob.delete()


@transaction.atomic
def retry_document(actor: User, *, document: Document) -> Document:
    """Queue a failed document again; what was stored of it is kept. Locks the document's row.

    A document that has been waiting or being read for five minutes without a step counts as
    failed: its job may be lost.

    Raises:
        DocumentBusy: It is ready, waiting or being read.
    """
    locked = _locked_document(actor, document)
    has_stalled = (
        locked.state in {Document.State.QUEUED, Document.State.RUNNING}
        and locked.updated_at < timezone.now() - STALLED_AFTER
    )
    if locked.state != Document.State.FAILED and not has_stalled:
        raise DocumentBusy(
            f"The document {locked.title!r} is {locked.get_state_display().lower()}."
            " Only a failed document is read again."
        )
    locked.state = Document.State.QUEUED
    locked.error = ""
    locked.save(update_fields=["state", "error", "updated_at"])
    record(actor, "document.retried", locked.base, after=_shown_document(locked))
    tasks.ingest_document.defer(document_id=str(locked.pk))
    return locked


def search(actor: User, *, bases: Sequence[KnowledgeBase], query: str, k: int = 6) -> list[Hit]:
    """Return the chunks of `bases` that fit `query` best, best first, at most `k`.

    See `knowledge_app.runtime.search.search`, which this does from code that is not async.

    Raises:
        BaseUnreadable: The actor may read none of `bases`.
        QueryInvalid: `query` is empty or too long, or `k` is not 1 to 50.
    """
    base_ids = [base.pk for base in bases]
    return search_now(user_id=actor.pk, base_ids=base_ids, query=query, k=k)


@cache
def languages() -> tuple[str, ...]:
    """Return the text search configurations of the database, in alphabetical order."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT cfgname FROM pg_ts_config"
            " WHERE cfgnamespace = 'pg_catalog'::regnamespace ORDER BY cfgname"
        )
        return tuple(name for (name,) in cursor.fetchall())


def check_settings(base: KnowledgeBase) -> None:
    """Check that the language exists and that the overlap fits the size of a chunk.

    Raises:
        SettingsInvalid: One of them does not.
    """
    if base.language not in languages():
        raise SettingsInvalid(
            f"The language {base.language!r} is unknown; use one of {', '.join(languages())}.",
            code="knowledge.language_unknown",
        )
    if base.overlap_tokens >= base.chunk_tokens // 2:
        raise SettingsInvalid(
            f"An overlap of {base.overlap_tokens} tokens is too large for chunks of"
            f" {base.chunk_tokens}; use less than half.",
            code="knowledge.overlap_too_large",
        )


def _locked(actor: User, base: KnowledgeBase) -> KnowledgeBase:
    """Lock the base's row and check that the actor may change it now."""
    locked: KnowledgeBase | None = (
        KnowledgeBase.objects.visible_to(actor)
        .select_for_update(of=("self",))
        .filter(pk=base.pk)
        .select_related("workspace")
        .first()
    )
    if locked is None:
        raise NotFound(
            "There is no such knowledge base, or you may not see it.",
            code="knowledge.base_not_found",
        )
    if not KnowledgeBase.objects.editable_by(actor).filter(pk=base.pk).exists():
        raise PermissionMissing(
            f"You can read the knowledge base {locked.name!r}, but your role does not let you"
            " change it."
        )
    if locked.archived_at is not None:
        raise BaseArchived(
            f"The knowledge base {locked.name!r} is archived and takes no changes any more."
        )
    return locked


def _locked_document(actor: User, document: Document) -> Document:
    """Lock the document's row and check that the actor may change its base."""
    locked: Document | None = (
        Document.objects.visible_to(actor)
        .select_for_update(of=("self",))
        .filter(pk=document.pk)
        .select_related("base__workspace", "blob")
        .first()
    )
    if locked is None:
        raise NotFound(
            "There is no such document, or you may not see it.", code="document.not_found"
        )
    if not Document.objects.editable_by(actor).filter(pk=document.pk).exists():
        raise PermissionMissing(
            f"You can read the document {locked.title!r}, but your role does not let you change it."
        )
    return locked


def _shown(base: KnowledgeBase) -> dict[str, Any]:
    return {
        "title": base.title,
        "description": base.description,
        "visibility": base.visibility,
        "language": base.language,
        "chunk_tokens": base.chunk_tokens,
        "overlap_tokens": base.overlap_tokens,
    }


def _shown_document(document: Document) -> dict[str, Any]:
    return {
        "document": str(document.pk),
        "title": document.title,
        "media_type": document.media_type,
        "sha256": document.content_sha256,
    }
