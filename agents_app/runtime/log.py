"""Reading the event log and the stored text of a run."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import orjson
from django.db import connection

from agents_app.runtime import database
from agents_app.runtime.frames import EventFrame

PAGE = 500

READ = """
SELECT seq, attempt, type, payload::text AS payload, created_at
  FROM agents_app_runevent
 WHERE run_id = %s AND seq > %s
 ORDER BY seq LIMIT %s
"""
NEWEST_START = """
SELECT (payload ->> 'step')::int AS step, attempt
  FROM agents_app_runevent
 WHERE run_id = %s AND seq <= %s AND type IN ('step.started', 'step.restarted')
 ORDER BY seq DESC LIMIT 1
"""
TEXT = """
SELECT "offset", text FROM agents_app_rundelta
 WHERE run_id = %s AND step = %s AND attempt = %s
 ORDER BY "offset"
"""


async def read_events(run_id: UUID, after_seq: int, *, limit: int = PAGE) -> list[EventFrame]:
    """Return events with a greater `seq`, in order, at most `limit`."""
    rows = await database.fetch(READ, [run_id, after_seq, limit])
    return [_frame(run_id, row) for row in rows]


def read_events_now(run_id: UUID, after_seq: int, *, limit: int = PAGE) -> list[EventFrame]:
    """Do what `read_events` does from code that is not async, on Django's own connection."""
    with connection.cursor() as cursor:
        cursor.execute(READ, [run_id, after_seq, limit])
        names = [column.name for column in cursor.description]
        return [_frame(run_id, dict(zip(names, row, strict=True))) for row in cursor.fetchall()]


def _frame(run_id: UUID, row: Mapping[str, Any]) -> EventFrame:
    return EventFrame(
        run_id=run_id,
        seq=row["seq"],
        attempt=row["attempt"],
        type=row["type"],
        payload=row["payload"],
        at=row["created_at"].isoformat(),
    )


async def newest_seq(run_id: UUID) -> int:
    """Return the `seq` of the newest event, 0 if the run does not exist."""
    rows = await database.fetch("SELECT last_seq FROM agents_app_run WHERE id = %s", [run_id])
    return int(rows[0]["last_seq"]) if rows else 0


async def is_over_at(run_id: UUID, seq: int) -> bool:
    """Tell whether the run is over and has no event after `seq`."""
    rows = await database.fetch(
        "SELECT last_seq FROM agents_app_run WHERE id = %s AND finished_at IS NOT NULL", [run_id]
    )
    return bool(rows) and int(rows[0]["last_seq"]) <= seq


async def step_at(run_id: UUID, seq: int) -> tuple[int, int] | None:
    """Return step and attempt that were under way after the event `seq`, if any."""
    rows = await database.fetch(NEWEST_START, [run_id, seq])
    return (rows[0]["step"], rows[0]["attempt"]) if rows else None


async def stored_text(run_id: UUID, *, step: int, attempt: int) -> str:
    """Return the stored text of an unfinished answer, up to the first gap."""
    text: list[str] = []
    length = 0
    for row in await database.fetch(TEXT, [run_id, step, attempt]):
        if row["offset"] > length:
            break
        fresh = row["text"][length - row["offset"] :]
        text.append(fresh)
        length += len(fresh)
    return "".join(text)


async def message_text(message_id: str) -> str:
    """Return the whole text of a recorded answer whose event was shortened."""
    rows = await database.fetch(
        "SELECT content::text AS content FROM sessions_app_message WHERE id = %s", [message_id]
    )
    return str(orjson.loads(rows[0]["content"])["text"]) if rows else ""
