"""Writing a run: one statement that holds the fence, the sequence, the events and the position.

`append_events` in SQL (migration 0003) does the work. Nobody else writes events, and nothing else
writes a run's status once it has been accepted.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
import psycopg
from django.db import connection

from agents_app.engine.errors import Superseded
from agents_app.engine.events import (
    TERMINAL_TYPES,
    Checkpoint,
    ContextRetrieved,
    Event,
    MessageCompleted,
    RunCancelled,
    RunCompleted,
    RunFailed,
    RunWaiting,
    ToolCompleted,
)
from agents_app.engine.messages import KINDS, Message, encode_message
from agents_app.runtime import bell, database
from agents_app.runtime.deltas import DeltaWriter
from config.common.strict_json import sanitise
from config.common.uuid7 import uuid7

logger = logging.getLogger(__name__)

MAX_INLINE_BYTES = 24_576
"""An event's payload above this size is shortened; the message row holds the whole."""
KEPT_CHARACTERS = 4_000
RETRY_FOR_S = 60.0
"""How long an append outlives a database that is restarting."""

APPEND = """
SELECT seq, cancel_requested, at FROM agents_app_append_events(
    %s::uuid, %s, %s::text[], %s::text[]::jsonb[], %s::text::jsonb, %s::text::jsonb,
    %s, %s::uuid[], %s::text[], %s::text[]::jsonb[], %s)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Appended:
    """What an append did: the newest `seq`, whether a cancel is wanted, and when it happened."""

    seq: int
    is_cancel_requested: bool
    at: datetime


class PostgresJournal:
    """The journal port of one run for one attempt."""

    def __init__(self, *, run_id: UUID, attempt: int, last_seq: int, deltas: DeltaWriter) -> None:
        """Begin after the events recorded so far; `attempt` is the fence."""
        self._run_id = run_id
        self._attempt = attempt
        self._last_seq = last_seq
        self._deltas = deltas
        self._is_cancelled = False

    async def append(self, events: Sequence[Event], *, checkpoint: Checkpoint | None = None) -> int:
        """Record events and position in one statement, then ring the bell; see the port.

        Outlives a lost database for a minute: the fence and the sequence tell whether a statement
        whose answer was lost had taken effect.
        """
        parameters = append_parameters(
            self._run_id,
            self._attempt,
            events,
            checkpoint,
            drop_deltas=await self._settle_deltas(events),
        )
        appended = await self._insist(parameters, expected=self._last_seq + len(events))
        first, self._last_seq = self._last_seq + 1, appended.seq
        self._is_cancelled = appended.is_cancel_requested
        frames = event_frames(events, parameters[3], first, self._attempt, appended.at)
        await bell.ring(
            bell.run_group(self._run_id),
            {"type": "run.events", "run": str(self._run_id), "frames": frames},
        )
        return appended.seq

    def cancelled(self) -> bool:
        """Tell what the newest append saw."""
        return self._is_cancelled

    async def _settle_deltas(self, events: Sequence[Event]) -> bool:
        """Forget text that these events record; tell whether some of it was stored."""
        if any(
            event.type == "message.completed" or event.type in TERMINAL_TYPES for event in events
        ):
            return await self._deltas.settle(self._run_id)
        return False

    async def _insist(self, parameters: Sequence[Any], *, expected: int) -> Appended:
        pause_s, waited_s = 0.1, 0.0
        while True:
            try:
                rows = await database.fetch_once(APPEND, parameters)
                return _appended(rows)
            except (psycopg.OperationalError, psycopg.InterfaceError, TimeoutError) as error:
                if waited_s >= RETRY_FOR_S:
                    raise
                logger.warning(
                    "journal.database_lost",
                    extra={"run": str(self._run_id), "reason": type(error).__name__},
                )
            await asyncio.sleep(pause_s)
            waited_s += pause_s
            pause_s = min(pause_s * 2, 2.0)
            found = await self._find_outcome(expected)
            if found is not None:
                return found

    async def _find_outcome(self, expected: int) -> Appended | None:
        """Return what the lost statement did, None if it did nothing or nobody can say yet."""
        try:
            rows = await database.fetch_once(
                "SELECT last_seq AS seq, attempt, cancel_requested_at IS NOT NULL AS"
                " cancel_requested, updated_at AS at FROM agents_app_run WHERE id = %s",
                [self._run_id],
            )
        except (psycopg.OperationalError, psycopg.InterfaceError, TimeoutError):
            return None
        if rows and rows[0]["attempt"] == self._attempt and rows[0]["seq"] == expected:
            return _appended(rows)
        return None


def append_now(
    run_id: UUID, attempt: int, events: Sequence[Event], *, drop_deltas: bool = False
) -> Appended:
    """Append inside the caller's transaction, from a service; the caller rings the bell on commit.

    Raises:
        Superseded: the run is over or another attempt holds it.
    """
    parameters = append_parameters(run_id, attempt, events, None, drop_deltas=drop_deltas)
    with connection.cursor() as cursor:
        cursor.execute(APPEND, parameters)
        rows = [
            dict(zip(("seq", "cancel_requested", "at"), row, strict=True))
            for row in cursor.fetchall()
        ]
    return _appended(rows)


def append_parameters(
    run_id: UUID,
    attempt: int,
    events: Sequence[Event],
    checkpoint: Checkpoint | None,
    *,
    drop_deltas: bool,
) -> list[Any]:
    """Return the parameters of `APPEND`, in order."""
    messages = [_recorded_message(event) for event in events]
    ids = [uuid7() if message is not None else None for message in messages]
    changes = _changes(events)
    kept = [
        (message_id, KINDS[type(message)], _dump(encode_message(message)))
        for message_id, message in zip(ids, messages, strict=True)
        if message is not None
    ]
    return [
        run_id,
        attempt,
        [event.type for event in events],
        [_payload(event, message_id) for event, message_id in zip(events, ids, strict=True)],
        _dump(checkpoint) if checkpoint is not None else None,
        _dump(changes) if changes else None,
        checkpoint["step"] if checkpoint is not None else 0,
        [message_id for message_id, _, _ in kept],
        [kind for _, kind, _ in kept],
        [content for _, _, content in kept],
        drop_deltas,
    ]


def event_frames(
    events: Sequence[Event], payloads: Sequence[str], first: int, attempt: int, at: datetime
) -> list[list[Any]]:
    """Return `[seq, attempt, type, payload as JSON text, time in ISO 8601]` of each event."""
    moment = at.isoformat()
    return [
        [first + index, attempt, event.type, payload, moment]
        for index, (event, payload) in enumerate(zip(events, payloads, strict=True))
    ]


def _appended(rows: Sequence[Mapping[str, Any]]) -> Appended:
    if not rows:
        raise Superseded("Another worker has taken this run over, or the run is over.")
    row = rows[0]
    return Appended(seq=row["seq"], is_cancel_requested=row["cancel_requested"], at=row["at"])


def _recorded_message(event: Event) -> Message | None:
    """Return the message that an event adds to the conversation."""
    match event:
        case MessageCompleted() | ContextRetrieved() | RunCancelled():
            return event.message
        case ToolCompleted():
            return event.result
        case _:
            return None


def _changes(events: Sequence[Event]) -> dict[str, Any]:
    """Return the columns of the run that the last event changes."""
    match events[-1]:
        case RunCompleted(output=output, usage=usage):
            return {"status": "completed", "output": output, "usage": usage.encode()}
        case RunFailed(code=code, detail=detail, usage=usage):
            return {
                "status": "failed",
                "error_code": code,
                "error_detail": detail,
                "usage": usage.encode(),
            }
        case RunCancelled(usage=usage, message=message):
            return {
                "status": "cancelled",
                "usage": usage.encode(),
                "output": message.text if message else "",
            }
        case RunWaiting():
            return {"status": "waiting"}
        case _:
            return {}


def _payload(event: Event, message_id: UUID | None) -> str:
    payload = event.payload()
    if message_id is not None:
        payload["message_id"] = str(message_id)
    encoded = _dump(payload)
    if len(encoded) > MAX_INLINE_BYTES:
        encoded = _dump({**_shortened(payload), "is_truncated": True})
    return encoded


def _shortened(value: Any) -> Any:
    """Return the same structure with long texts and long lists cut."""
    if isinstance(value, str):
        return value if len(value) <= KEPT_CHARACTERS else value[:KEPT_CHARACTERS] + "…"
    if isinstance(value, Mapping):
        return {name: _shortened(inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_shortened(inner) for inner in value[:5]]
    return value


def _dump(value: Any) -> str:
    """Return JSON that PostgreSQL takes: no NUL, no lone surrogate."""
    try:
        encoded = orjson.dumps(value).decode()
    except (TypeError, orjson.JSONEncodeError):
        return orjson.dumps(sanitise(value)).decode()
    return orjson.dumps(sanitise(value)).decode() if "\\u0000" in encoded else encoded
