"""Where a run stands: what a worker needs to go on where another one stopped.

The messages themselves are kept by the session, once; the checkpoint holds only the position.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from agents_app.engine.errors import CheckpointUnreadable
from agents_app.engine.limits import Usage
from agents_app.engine.messages import AssistantMessage, Message, ToolCall, ToolResult

SCHEMA = 1
"""1: step, phase, called, usage."""

Phase = Literal["new", "model", "tools", "done"]


@dataclass(slots=True, kw_only=True)
class RunState:
    """The position of one run; the loop alone changes it."""

    phase: Phase = "new"
    """new: nothing recorded; model: the step's answer is awaited; tools: its calls are; done."""
    step: int = 0
    messages: list[Message] = field(default_factory=list)
    """What the run has added to the conversation so far, without the user's input."""
    called: set[str] = field(default_factory=set)
    """Calls of the current step whose intent is recorded."""
    usage: Usage = field(default_factory=Usage)
    streamed: list[str] = field(default_factory=list)
    """Text of the answer that is being written; never part of the checkpoint."""

    def checkpoint(self) -> dict[str, Any]:
        """Return the position as JSON."""
        return {
            "schema": SCHEMA,
            "phase": self.phase,
            "step": self.step,
            "called": sorted(self.called),
            "usage": self.usage.encode(),
        }

    def pending_calls(self) -> list[ToolCall]:
        """Return the calls of the newest answer that have no result, in the model's order."""
        for index in range(len(self.messages) - 1, -1, -1):
            message = self.messages[index]
            if isinstance(message, AssistantMessage):
                done = {
                    result.call_id
                    for result in self.messages[index + 1 :]
                    if isinstance(result, ToolResult)
                }
                return [call for call in message.calls if call.id not in done]
        return []


def restore(checkpoint: Mapping[str, Any] | None, messages: Sequence[Message]) -> RunState:
    """Return the state that a checkpoint and the run's recorded messages describe.

    Raises:
        CheckpointUnreadable: a newer version of the program wrote it.
    """
    if not checkpoint:
        return RunState()
    if checkpoint.get("schema") != SCHEMA:
        raise CheckpointUnreadable(
            f"The run was stored with checkpoint schema {checkpoint.get('schema')!r}; this"
            f" version reads {SCHEMA}. Finish it with the version that started it."
        )
    return RunState(
        phase=checkpoint["phase"],
        step=checkpoint["step"],
        messages=list(messages),
        called=set(checkpoint["called"]),
        usage=Usage(**checkpoint["usage"]),
    )
