"""In-memory twins of the tool, context and journal ports, for tests and runs without a store."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

from agents_app.engine.errors import Superseded
from agents_app.engine.events import TERMINAL_TYPES, Checkpoint, Event
from agents_app.engine.messages import Passage, ToolResult
from agents_app.engine.ports import PreparedCall
from agents_app.engine.spec import ToolSpec

ToolFunction = Callable[[Mapping[str, object]], Awaitable[str]]


class MemoryToolset:
    """Tools that are coroutines of the caller."""

    def __init__(self, tools: Sequence[tuple[ToolSpec, ToolFunction]] = ()) -> None:
        """Keep specs and functions in order."""
        self._tools = {spec.name: (spec, function) for spec, function in tools}
        self.calls: list[PreparedCall] = []

    def specs(self) -> Sequence[ToolSpec]:
        """Return the specs in the order given."""
        return [spec for spec, _ in self._tools.values()]

    async def call(self, call: PreparedCall, *, timeout_s: float) -> ToolResult:
        """Await the function; a timeout or a `ValueError` becomes an error result."""
        self.calls.append(call)
        _, function = self._tools[call.spec.name]
        is_error = True
        try:
            async with asyncio.timeout(timeout_s):
                content = await function(call.arguments)
                is_error = False
        except TimeoutError:
            content = f"The tool {call.spec.name!r} timed out after {timeout_s:g} s."
        except ValueError as error:
            content = str(error)
        return ToolResult(
            call_id=call.call.id, name=call.spec.name, content=content, is_error=is_error
        )


class MemoryContext:
    """Passages given in advance, best first."""

    def __init__(self, passages: Sequence[Passage] = ()) -> None:
        """Keep the passages."""
        self._passages = list(passages)

    async def fetch(self, query: str, *, budget_tokens: int) -> list[Passage]:
        """Return those that fit the budget, counting four characters as a token."""
        chosen: list[Passage] = []
        for passage in self._passages:
            budget_tokens -= len(passage.text) // 4 + 1
            if budget_tokens < 0:
                break
            chosen.append(passage)
        return chosen


class MemoryJournal:
    """A log in a list, fenced by an attempt number like the stored one."""

    def __init__(self) -> None:
        """Begin an empty log whose holder is attempt 1."""
        self.events: list[Event] = []
        self.checkpoint: Checkpoint | None = None
        self.attempt = 1
        self._mine = 1
        self._is_cancelled = False
        self._seen_cancel = False

    def take_over(self) -> None:
        """Let another worker hold the run: the next append of this journal is refused."""
        self.attempt += 1

    def request_cancel(self) -> None:
        """Ask for a cancel; the next append reports it."""
        self._is_cancelled = True

    async def append(self, events: Sequence[Event], *, checkpoint: Checkpoint | None = None) -> int:
        """Record events in order; see the port."""
        is_over = bool(self.events) and self.events[-1].type in TERMINAL_TYPES
        if self.attempt != self._mine or is_over:
            raise Superseded("Another worker has taken this run over, or the run is over.")
        self.events.extend(events)
        if checkpoint is not None:
            self.checkpoint = dict(checkpoint)
        self._seen_cancel = self._is_cancelled
        return len(self.events)

    def cancelled(self) -> bool:
        """Tell what the newest append saw."""
        return self._seen_cancel
