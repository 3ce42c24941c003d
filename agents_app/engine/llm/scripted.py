"""A model that says what it was told to say: the twin of the provider adapters."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field

from agents_app.engine.errors import EngineError
from agents_app.engine.limits import Usage
from agents_app.engine.messages import AssistantMessage, ToolCall
from agents_app.engine.ports import ModelAnswer, ModelChunk, TextChunk
from agents_app.engine.spec import ModelRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class Say:
    """One scripted answer: pieces of text, then calls, or an error after the pieces."""

    pieces: Sequence[str] = ()
    calls: Sequence[ToolCall] = ()
    usage: Usage = field(
        default_factory=lambda: Usage(input_tokens=10, output_tokens=5, model_calls=1)
    )
    error: EngineError | None = None
    pause_s: float = 0.0
    """Time before every piece."""


class ScriptedModel:
    """Answers requests with the script, in order, and keeps the requests it saw."""

    def __init__(self, script: Sequence[Say]) -> None:
        """Keep the script; running past its end is an error of the test."""
        self._script = list(script)
        self.requests: list[ModelRequest] = []

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelChunk, None]:
        """Yield the next scripted answer."""
        if len(self.requests) >= len(self._script):
            raise AssertionError("The scripted model was asked more often than its script says.")
        say = self._script[len(self.requests)]
        self.requests.append(request)
        for piece in say.pieces:
            if say.pause_s:
                await asyncio.sleep(say.pause_s)
            yield TextChunk(piece)
        if say.error is not None:
            raise say.error
        yield ModelAnswer(
            message=AssistantMessage(
                text="".join(say.pieces),
                calls=tuple(say.calls),
                finish="tool_calls" if say.calls else "stop",
                model=request.model,
            ),
            usage=say.usage,
        )
