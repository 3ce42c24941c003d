"""Following one run from any cursor: every event and every character once, in order."""

from collections.abc import AsyncGenerator
from uuid import UUID

from agents_app.runtime import log
from agents_app.runtime.frames import Cursor, DeltaFrame, EventFrame, Frame
from agents_app.runtime.stream import Reader, hub


async def follow_run(
    run_id: UUID, after: Cursor | None = None
) -> AsyncGenerator[tuple[Frame, Cursor], None]:
    """Yield each frame after the cursor with the cursor after it, until the run is over.

    The log comes first, then what happens from then on. A run that waits keeps its followers.
    The texts of an answer's deltas, joined, are the answer's text whenever one delta was seen;
    `message.completed` carries the whole either way. Rights are the caller's to check.
    """
    async with hub().attach(run_id) as reader:
        follower = _Follower(run_id, after or Cursor(), reader)
        async for frame in follower.frames():
            yield frame, follower.cursor


class _Follower:
    """The position of one follower, and the text of the answer it is being shown."""

    def __init__(self, run_id: UUID, after: Cursor, reader: Reader) -> None:
        self._run_id = run_id
        self.cursor = after
        self._reader = reader
        self._step: tuple[int, int] | None = None
        """Step and attempt under way at the cursor."""
        self._is_over = False

    async def frames(self) -> AsyncGenerator[Frame, None]:
        if self.cursor.seq:
            if await log.is_over_at(self._run_id, self.cursor.seq):
                return
            self._step = await log.step_at(self._run_id, self.cursor.seq)
        async for frame in self._look():
            yield frame
        while not self._is_over:
            live = await self._reader.get()
            if live is None or self._is_ahead(live):
                async for frame in self._look():
                    yield frame
            if live is None or self._is_over:
                continue
            if isinstance(live, EventFrame):
                if live.seq == self.cursor.seq + 1:
                    async for frame in self._event(live):
                        yield frame
            elif (fresh := self._fresh(live)) is not None:
                yield fresh

    def _is_ahead(self, frame: Frame) -> bool:
        """Whether something between the cursor and this frame has been missed."""
        if isinstance(frame, EventFrame):
            return frame.seq > self.cursor.seq + 1
        here = (frame.step, frame.attempt)
        if self._step is None or here > self._step:
            return True
        return here == self._step and frame.offset > self.cursor.offset

    async def _look(self) -> AsyncGenerator[Frame, None]:
        """Yield what log and stored text have beyond the cursor."""
        while not self._is_over:
            events = await log.read_events(self._run_id, self.cursor.seq)
            for event in events:
                async for frame in self._event(event):
                    yield frame
            if len(events) < log.PAGE:
                break
        if self._step is None or self._is_over:
            return
        step, attempt = self._step
        text = await log.stored_text(self._run_id, step=step, attempt=attempt)
        stored = DeltaFrame(run_id=self._run_id, step=step, attempt=attempt, offset=0, text=text)
        if (fresh := self._fresh(stored)) is not None:
            yield fresh

    async def _event(self, event: EventFrame) -> AsyncGenerator[Frame, None]:
        """Yield the rest of a text before the event that records it, then the event."""
        if event.type == "message.completed" and self.cursor.offset:
            rest = await self._rest_of_text(event)
            if rest is not None:
                yield rest
        if event.type in {"step.started", "step.restarted"}:
            self._step = (event.data["step"], event.attempt)
        elif event.type == "message.completed":
            self._step = None
        self.cursor = event.cursor
        self._is_over = event.is_last
        yield event

    async def _rest_of_text(self, event: EventFrame) -> DeltaFrame | None:
        text = event.data["message"]["text"]
        if event.data.get("is_truncated"):
            text = await log.message_text(event.data["message_id"])
        whole = DeltaFrame(
            run_id=self._run_id,
            step=event.data["step"],
            attempt=event.attempt,
            offset=0,
            text=text,
        )
        return self._fresh(whole)

    def _fresh(self, delta: DeltaFrame) -> DeltaFrame | None:
        """Return what the follower has not seen of a delta of the step under way."""
        if (delta.step, delta.attempt) != self._step:
            return None
        if delta.offset > self.cursor.offset or delta.end <= self.cursor.offset:
            return None
        fresh = (
            delta.from_offset(self.cursor.offset) if delta.offset < self.cursor.offset else delta
        )
        self.cursor = Cursor(seq=self.cursor.seq, offset=delta.end)
        return fresh
