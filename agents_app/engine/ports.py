"""The four ways in which the loop touches the world.

Each has a real adapter and an in-memory twin (`engine/memory.py`, `engine/llm/scripted.py`) that
pass the same contract tests.
"""

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from agents_app.engine.events import Checkpoint, Event
from agents_app.engine.limits import Usage
from agents_app.engine.messages import AssistantMessage, Passage, ToolCall, ToolResult
from agents_app.engine.spec import ModelRequest, ToolSpec


@dataclass(slots=True)
class TextChunk:
    """A piece of text from the model; never empty."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelAnswer:
    """The whole answer, always the last chunk of a stream that did not fail."""

    message: AssistantMessage
    usage: Usage


ModelChunk = TextChunk | ModelAnswer


class ModelClient(Protocol):
    """A model that answers requests."""

    def stream(self, request: ModelRequest) -> AsyncGenerator[ModelChunk, None]:
        """Yield text as it comes and end with exactly one `ModelAnswer`.

        The texts, joined, are the answer's text. Closing the generator ends the request.

        Raises:
            ProviderUnavailable, ProviderRefused, ProviderRateLimited, StreamBroken,
            AnswerIncomplete: never half an answer without an error.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedCall:
    """A tool call that passed the gate: the tool exists and its arguments are valid."""

    call: ToolCall
    spec: ToolSpec
    arguments: Mapping[str, object]
    idempotency_key: str
    """`run:step:call`, the same on every attempt."""


class Toolset(Protocol):
    """The tools of one run."""

    def specs(self) -> Sequence[ToolSpec]:
        """Return the tools in the order in which the model sees them; names are unique."""
        ...

    async def call(self, call: PreparedCall, *, timeout_s: float) -> ToolResult:
        """Carry the call out. What the model should read, errors included, is a result.

        Raises nothing but `EngineError` (the run cannot go on) and cancellation.
        """
        ...


class ContextSource(Protocol):
    """Knowledge that fits a question."""

    async def fetch(self, query: str, *, budget_tokens: int) -> list[Passage]:
        """Return passages, best first, of at most `budget_tokens` together; may be empty."""
        ...


class Journal(Protocol):
    """The record of a run, written by the one worker that holds it."""

    async def append(self, events: Sequence[Event], *, checkpoint: Checkpoint | None = None) -> int:
        """Record events, and the position after them, at once; return the last `seq`.

        Raises:
            Superseded: another worker holds the run; nothing was written.
        """
        ...

    def cancelled(self) -> bool:
        """Tell whether a cancel was asked for, as the newest append saw it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """What the loop is given beside its spec and state."""

    model: ModelClient
    tools: Toolset
    context: ContextSource
    journal: Journal
    clock: Callable[[], float]
    """Seconds that only grow; the spec's deadline is on it."""
