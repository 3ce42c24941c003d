"""Text on its way: announced at once, stored in batches, forgotten when its message is recorded.

One writer per event loop serves all runs of a worker. The first piece of a message is announced
without delay; later pieces are joined for 20 to 200 ms, longer when the writer falls behind.
"""

import asyncio
import logging
import time
from dataclasses import dataclass, field
from uuid import UUID
from weakref import WeakKeyDictionary

import psycopg

from agents_app.runtime import bell, database

logger = logging.getLogger(__name__)

SHORTEST_S = 0.02
LONGEST_S = 0.2

STORE = """
INSERT INTO agents_app_rundelta (run_id, step, attempt, "offset", text)
SELECT * FROM unnest(%s::uuid[], %s::int[], %s::int[], %s::int[], %s::text[])
ON CONFLICT DO NOTHING
"""


@dataclass(slots=True)
class _Pending:
    """Text of one run that waits to go out."""

    step: int
    attempt: int
    offset: int
    pieces: list[str] = field(default_factory=list)


class DeltaWriter:
    """Collects pieces of text of many runs and sends them out together."""

    def __init__(self) -> None:
        """Begin idle; the task runs while there is text."""
        self._pending: dict[UUID, _Pending] = {}
        self._stored: set[UUID] = set()
        self._announcing: set[asyncio.Task[None]] = set()
        self._flushing = asyncio.Lock()
        self._ticker: asyncio.Task[None] | None = None
        self._interval_s = SHORTEST_S

    def push(self, run_id: UUID, *, step: int, attempt: int, offset: int, text: str) -> None:
        """Take a piece of text; costs no waiting. NUL, which PostgreSQL refuses, is replaced."""
        text = text.replace("\x00", "\ufffd")
        if offset == 0:
            task = asyncio.ensure_future(self._announce(run_id, _Pending(step, attempt, 0, [text])))
            self._announcing.add(task)
            task.add_done_callback(self._announcing.discard)
        pending = self._pending.get(run_id)
        if pending is None:
            self._pending[run_id] = _Pending(step, attempt, offset, [text])
        else:
            pending.pieces.append(text)
        if self._ticker is None or self._ticker.done():
            self._ticker = asyncio.ensure_future(self._tick())

    async def settle(self, run_id: UUID) -> bool:
        """Forget what waits of a run; tell whether some of its text was stored."""
        self._pending.pop(run_id, None)
        if self._flushing.locked():
            async with self._flushing:
                pass
        if run_id in self._stored:
            self._stored.discard(run_id)
            return True
        return False

    async def _tick(self) -> None:
        while self._pending:
            await asyncio.sleep(self._interval_s)
            started = time.perf_counter()
            async with self._flushing:
                await self._flush()
            spent_s = time.perf_counter() - started
            factor = 1.5 if spent_s > self._interval_s / 2 else 0.9
            self._interval_s = min(max(self._interval_s * factor, SHORTEST_S), LONGEST_S)

    async def _flush(self) -> None:
        batch, self._pending = self._pending, {}
        if not batch:
            # Every message was completed while the writer paused.
            return
        for run_id, pending in batch.items():
            await self._announce(run_id, pending)
        self._stored.update(batch)
        rows = [
            (run_id, pending.step, pending.attempt, pending.offset, "".join(pending.pieces))
            for run_id, pending in batch.items()
        ]
        try:
            await database.fetch(STORE, [list(column) for column in zip(*rows, strict=True)])
        except (psycopg.Error, TimeoutError) as error:
            # The text is a preview; the message that follows records all of it.
            logger.warning("deltas.not_stored", extra={"reason": type(error).__name__})

    async def _announce(self, run_id: UUID, pending: _Pending) -> None:
        await bell.ring(
            bell.run_group(run_id),
            {
                "type": "run.delta",
                "run": str(run_id),
                "step": pending.step,
                "attempt": pending.attempt,
                "offset": pending.offset,
                "text": "".join(pending.pieces),
            },
        )


_writers: WeakKeyDictionary[asyncio.AbstractEventLoop, DeltaWriter] = WeakKeyDictionary()


def delta_writer() -> DeltaWriter:
    """Return this event loop's writer."""
    loop = asyncio.get_running_loop()
    writer = _writers.get(loop)
    if writer is None:
        writer = _writers[loop] = DeltaWriter()
    return writer
