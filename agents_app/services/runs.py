"""Starting and cancelling runs: the one way in for every interface."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from asgiref.sync import async_to_sync
from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone
from procrastinate.contrib.django import app

from agents_app.domain.manifest import decode_manifest
from agents_app.engine.events import RunCancelled
from agents_app.engine.limits import Usage
from agents_app.models import Agent, Run
from agents_app.runtime import bell
from agents_app.runtime.journal import append_now
from agents_app.runtime.runs import create_run
from agents_app.services import definitions
from config.common.errors import MeaningInvalid, NotFound
from config.common.roles import Role
from sessions_app.errors import SessionArchived
from sessions_app.models import Session
from templates_app.domain.variables import validate_values
from templates_app.services import load_chain
from workspaces_app.models import Workspace
from workspaces_app.services import audit

MAX_INPUT_CHARS = 200_000


@transaction.atomic
def start_run(
    actor: User,
    *,
    agent: Agent,
    text: str,
    session: Session | None = None,
    variables: Mapping[str, Any] | None = None,
    purpose: str = Run.Purpose.PRODUCTION,
    version_number: int | None = None,
) -> Run:
    """Accept a run: the user's message, the run, its first event and its job in one transaction.

    Everything that the run uses is resolved now and stored with it. Without a session a new one
    is made in the actor's own workspace of the agent, or in their first one.

    Args:
        actor: Needs the role runner on the agent, and must own the session.
        agent: Its newest version is run, or `version_number`.
        text: What the user says; 1 to 200,000 characters.
        session: The conversation to go on with; its runs follow one another.
        variables: Values for the template's variables, on top of the agent's own.
        purpose: Kept with the run; only `production` counts as real use.
        version_number: A published version other than the newest.

    Raises:
        Conflict: the agent has not been published.
        MeaningInvalid: the text or a variable is refused; `errors` names every variable.
    """
    definitions.require_runnable(actor, agent)
    version = definitions.published_version(agent, version_number)
    if not text.strip() or len(text) > MAX_INPUT_CHARS or "\x00" in text:
        raise MeaningInvalid(
            f"input: write 1 to {MAX_INPUT_CHARS:,} characters, without NUL.",
            code="run.input_invalid",
        )
    manifest = decode_manifest(version.manifest)
    chain = load_chain(UUID(manifest.instructions.version_id))
    given = dict(variables or {})
    validate_values(chain.declarations, {**manifest.instructions.values, **given})
    session = _session_for(actor, agent, session, text)
    run = create_run(
        version=version,
        session=session,
        user_id=actor.pk,
        text=text,
        variables=given,
        purpose=purpose,
        deadline_at=timezone.now() + timedelta(seconds=settings.RUN_DEADLINE_S),
    )
    _announce(bell.session_group(session.pk), {"type": "session.run", "run": str(run.pk)})
    return run


@transaction.atomic
def cancel_run(actor: User, *, run: Run) -> Run:
    """Stop a run. One that no worker holds ends at once; a running one within two seconds.

    Calling it again, or on a run that is over, changes nothing.

    Raises:
        NotFound: `actor` may not see the run.
    """
    rows = Run.objects.visible_to(actor).select_for_update(of=("self",))
    locked: Run | None = rows.filter(pk=run.pk).first()
    if locked is None:
        raise NotFound("There is no such run, or you may not see it.", code="run.not_found")
    if locked.is_over or locked.cancel_requested_at is not None:
        return locked
    locked.cancel_requested_at = timezone.now()
    locked.save(update_fields=["cancel_requested_at", "updated_at"])
    audit.record(actor, "run.cancel_requested", locked)
    if locked.status != Run.Status.RUNNING:
        append_now(
            locked.pk,
            locked.attempt,
            [RunCancelled(step=0, message=None, usage=Usage(**(locked.usage or {})))],
            drop_deltas=True,
        )
        _announce(
            bell.run_group(locked.pk), {"type": "run.events", "run": str(locked.pk), "frames": []}
        )
        locked.refresh_from_db()
    if locked.job_id is not None:
        app.job_manager.cancel_job_by_id(locked.job_id, abort=True)
    return locked


def require_run(actor: User, run_id: UUID) -> Run:
    """Return a run that `actor` may read.

    Raises:
        NotFound: there is none, or `actor` may not see it.
    """
    run: Run | None = Run.objects.visible_to(actor).filter(pk=run_id).first()
    if run is None:
        raise NotFound("There is no such run, or you may not see it.", code="run.not_found")
    return run


def _session_for(actor: User, agent: Agent, session: Session | None, text: str) -> Session:
    if session is None:
        return Session.objects.create(
            workspace=_workspace_of(actor, agent), user=actor, title=" ".join(text.split())[:80]
        )
    # The lock keeps the order agent, session, run that every writer follows.
    locked = (
        Session.objects.runnable_by(actor).select_for_update(of=("self",)).filter(pk=session.pk)
    )
    found: Session | None = locked.first()
    if found is None:
        raise NotFound("There is no such session, or it is not yours.", code="session.not_found")
    if found.archived_at is not None:
        raise SessionArchived("This session is archived. Start another one.")
    return found


def _workspace_of(actor: User, agent: Agent) -> Workspace:
    """Return where the actor's use of an agent belongs: its workspace, or one of their own."""
    mine = Workspace.objects.with_role(actor, Role.RUNNER)
    own = mine.filter(pk=agent.workspace_id).first() or mine.order_by("name").first()
    return own or agent.workspace


def _announce(group: str, message: dict[str, Any]) -> None:
    """Ring the bell once the transaction is committed."""
    transaction.on_commit(lambda: async_to_sync(bell.ring)(group, message))
