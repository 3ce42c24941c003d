"""What the live parts of a page know about runs before their socket is open."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from agents_app.models import Run, RunEvent

MAX_EVENTS = 2_000
"""Per page; the rest comes over the socket, or from the API."""


def snapshots(runs: Iterable[Run]) -> list[dict[str, Any]]:
    """Return each run with its events so far, in the shape of the socket's frames; one query.

    The runs need `agent_version__agent__workspace` and `user` selected.
    """
    rows = list(runs)
    events: dict[UUID, list[dict[str, Any]]] = defaultdict(list)
    for event in RunEvent.objects.filter(run__in=[run.pk for run in rows]).order_by(
        "run_id", "seq"
    )[:MAX_EVENTS]:
        events[event.run_id].append(
            {
                "type": event.type,
                "run": str(event.run_id),
                "seq": event.seq,
                "offset": 0,
                "attempt": event.attempt,
                "at": event.created_at.isoformat(),
                "data": event.payload,
            }
        )
    return [_snapshot(run, events[run.pk]) for run in rows]


def _snapshot(run: Run, events: list[dict[str, Any]]) -> dict[str, Any]:
    agent = run.agent_version.agent
    asked = run.cancel_requested_at
    return {
        "id": str(run.pk),
        "status": run.status,
        "input": run.input,
        "agent": agent.reference,
        "agent_id": str(agent.pk),
        "version": run.agent_version.number,
        "model": run.manifest.get("model", {}).get("name", ""),
        "purpose": run.get_purpose_display(),
        "user": run.user.get_username(),
        "session": str(run.session_id),
        "created_at": run.created_at.isoformat(),
        "cancel_requested_at": asked.isoformat() if asked else None,
        "events": events,
    }
