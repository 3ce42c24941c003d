"""Knowledge bases and documents for tests, made through the services."""

from asgiref.sync import async_to_sync
from django.contrib.auth.models import User

from knowledge_app import services
from knowledge_app.models import Document, KnowledgeBase
from knowledge_app.runtime.ingest import ingest_document
from tests.factories import make_workspace
from workspaces_app.models import Visibility, Workspace

GUIDE = """\
# Pets

Notes about animals at home.

## Cats

Cats sleep most of the day. They hunt mice at night.

## Dogs

Dogs bark at the postman and love long walks.
"""


def make_base(
    actor: User,
    name: str = "handbook",
    *,
    workspace: Workspace | None = None,
    visibility: str = Visibility.PRIVATE,
    language: str = "english",
    chunk_tokens: int = 200,
) -> KnowledgeBase:
    return services.create_base(
        actor,
        workspace=workspace or make_workspace(),
        name=name,
        visibility=visibility,
        language=language,
        chunk_tokens=chunk_tokens,
        overlap_tokens=min(30, chunk_tokens // 4),
    )


def make_document(
    actor: User,
    base: KnowledgeBase,
    text: str = GUIDE,
    *,
    title: str = "Pets",
    media_type: str = "text/markdown",
) -> Document:
    """Return a queued document."""
    return services.add_document(
        actor, base=base, content=text.encode(), title=title, media_type=media_type
    )


def make_ready_document(
    actor: User, base: KnowledgeBase, text: str = GUIDE, *, title: str = "Pets"
) -> Document:
    """Return a document that was read."""
    document = make_document(actor, base, text, title=title)
    async_to_sync(ingest_document)(document.pk)
    document.refresh_from_db()
    assert document.state == Document.State.READY, document.error
    return document
