"""Conversations on behalf of an actor. Messages are written by runs, never here."""

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from config.common.errors import NotFound
from config.common.roles import Role
from sessions_app.errors import SessionArchived
from sessions_app.models import Session
from workspaces_app.models import Workspace
from workspaces_app.services.access import require_role
from workspaces_app.services.audit import record


@transaction.atomic
def create_session(actor: User, *, workspace: Workspace, title: str = "") -> Session:
    """Create an empty conversation of the actor's; needs the role of a runner in the workspace.

    Args:
        actor: Whose conversation it is.
        workspace: Where it belongs; its administrators may read it.
        title: At most 160 characters, on one line; may be empty.
    """
    require_role(actor, workspace, Role.RUNNER)
    session = Session(workspace=workspace, user=actor, title=_on_one_line(title))
    session.full_clean()
    session.save(force_insert=True)
    record(actor, "session.created", session)
    return session


@transaction.atomic
def rename_session(actor: User, *, session: Session, title: str) -> Session:
    """Give the conversation another title. Locks its row.

    Raises:
        NotFound: The actor may not see it.
        SessionArchived: It takes no changes any more.
    """
    locked = _locked(actor, session)
    before = locked.title
    locked.title = _on_one_line(title)
    locked.full_clean()
    locked.save(update_fields=["title", "updated_at"])
    if locked.title != before:
        record(
            actor,
            "session.renamed",
            locked,
            before={"title": before},
            after={"title": locked.title},
        )
    return locked


@transaction.atomic
def archive_session(actor: User, *, session: Session) -> Session:
    """Take the conversation out of lists; its messages stay readable. Locks its row.

    Raises:
        NotFound: The actor may not see it.
        SessionArchived: It already is.
    """
    locked = _locked(actor, session)
    locked.archived_at = timezone.now()
    locked.save(update_fields=["archived_at", "updated_at"])
    record(actor, "session.archived", locked)
    return locked


def _on_one_line(title: str) -> str:
    return " ".join(title.split())


def _locked(actor: User, session: Session) -> Session:
    locked: Session | None = (
        Session.objects.editable_by(actor)
        .select_for_update(of=("self",))
        .select_related("workspace")
        .filter(pk=session.pk)
        .first()
    )
    if locked is None:
        raise NotFound("There is no such session, or you may not see it.", code="session.not_found")
    if locked.archived_at is not None:
        raise SessionArchived(f"The session {str(locked)!r} is archived; start another one.")
    return locked
