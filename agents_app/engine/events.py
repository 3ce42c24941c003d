"""Everything that can happen in a run. `docs/events.md` is the catalogue for readers.

Events are recorded and numbered by the journal. A `TextDelta` is not: it is a preview of the
message that `message.completed` will record.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from typing_extensions import override

from agents_app.engine.limits import Usage
from agents_app.engine.messages import (
    AssistantMessage,
    ContextMessage,
    ToolCall,
    ToolResult,
    encode_message,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened; `type` is `noun.past_verb`."""

    type: ClassVar[str]

    def payload(self) -> dict[str, Any]:
        """Return the JSON object that the log keeps beside the type."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True, kw_only=True)
class RunQueued(Event):
    """The run was accepted; its input is pinned."""

    type: ClassVar[str] = "run.queued"
    agent_id: str
    agent: str
    version: int
    input: str

    @override
    def payload(self) -> dict[str, Any]:
        return {
            "agent_id": self.agent_id,
            "agent": self.agent,
            "version": self.version,
            "input": self.input,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted(Event):
    """A worker took the run for the first time."""

    type: ClassVar[str] = "run.started"
    model: str

    @override
    def payload(self) -> dict[str, Any]:
        return {"model": self.model}


@dataclass(frozen=True, slots=True, kw_only=True)
class StepStarted(Event):
    """The model is about to be asked. Steps count from 1."""

    type: ClassVar[str] = "step.started"
    step: int

    @override
    def payload(self) -> dict[str, Any]:
        return {"step": self.step}


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRestarted(Event):
    """A step that was cut is asked again; text of its earlier attempts is void."""

    type: ClassVar[str] = "step.restarted"
    step: int
    reason: str

    @override
    def payload(self) -> dict[str, Any]:
        return {"step": self.step, "reason": self.reason}


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextRetrieved(Event):
    """Passages were found before the first step."""

    type: ClassVar[str] = "context.retrieved"
    message: ContextMessage

    @override
    def payload(self) -> dict[str, Any]:
        return {"passages": encode_message(self.message)["passages"]}


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageCompleted(Event):
    """The model's answer of a step is whole."""

    type: ClassVar[str] = "message.completed"
    step: int
    message: AssistantMessage
    usage: Usage

    @override
    def payload(self) -> dict[str, Any]:
        return {
            "step": self.step,
            "message": encode_message(self.message),
            "usage": self.usage.encode(),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCalled(Event):
    """A tool is about to be called: the intent, recorded before the call goes out."""

    type: ClassVar[str] = "tool.called"
    step: int
    call: ToolCall
    effect: str
    idempotency_key: str

    @override
    def payload(self) -> dict[str, Any]:
        return {
            "step": self.step,
            "call_id": self.call.id,
            "name": self.call.name,
            "arguments": self.call.arguments,
            "effect": self.effect,
            "idempotency_key": self.idempotency_key,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCompleted(Event):
    """A tool call has its result, good or bad."""

    type: ClassVar[str] = "tool.completed"
    step: int
    result: ToolResult
    duration_ms: int

    @override
    def payload(self) -> dict[str, Any]:
        return {
            "step": self.step,
            "result": encode_message(self.result),
            "duration_ms": self.duration_ms,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class StepCompleted(Event):
    """A step is over; `next` is `again` or `final`."""

    type: ClassVar[str] = "step.completed"
    step: int
    next: str

    @override
    def payload(self) -> dict[str, Any]:
        return {"step": self.step, "next": self.next}


@dataclass(frozen=True, slots=True, kw_only=True)
class RunWaiting(Event):
    """The run holds no worker until a person has answered."""

    type: ClassVar[str] = "run.waiting"
    reason: str
    detail: str
    call_ids: Sequence[str] = ()

    @override
    def payload(self) -> dict[str, Any]:
        return {"reason": self.reason, "detail": self.detail, "call_ids": list(self.call_ids)}


@dataclass(frozen=True, slots=True, kw_only=True)
class RunCompleted(Event):
    """The run ended with an answer."""

    type: ClassVar[str] = "run.completed"
    output: str
    steps: int
    usage: Usage

    @override
    def payload(self) -> dict[str, Any]:
        return {"output": self.output, "steps": self.steps, "usage": self.usage.encode()}


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFailed(Event):
    """The run ended without an answer. `fault` is caller, model, provider or ours."""

    type: ClassVar[str] = "run.failed"
    code: str
    detail: str
    fault: str
    usage: Usage

    @override
    def payload(self) -> dict[str, Any]:
        return {
            "code": self.code,
            "detail": self.detail,
            "fault": self.fault,
            "usage": self.usage.encode(),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class RunCancelled(Event):
    """Somebody stopped the run; what the model had said so far is kept in `message`."""

    type: ClassVar[str] = "run.cancelled"
    step: int
    message: AssistantMessage | None
    usage: Usage

    @override
    def payload(self) -> dict[str, Any]:
        return {
            "step": self.step,
            "message": encode_message(self.message) if self.message else None,
            "usage": self.usage.encode(),
        }


TERMINAL_TYPES = frozenset({"run.completed", "run.failed", "run.cancelled"})

ALL_EVENTS: tuple[type[Event], ...] = (
    RunQueued,
    RunStarted,
    StepStarted,
    StepRestarted,
    ContextRetrieved,
    MessageCompleted,
    ToolCalled,
    ToolCompleted,
    StepCompleted,
    RunWaiting,
    RunCompleted,
    RunFailed,
    RunCancelled,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TextDelta:
    """A piece of the text that the model is writing, before the message is recorded."""

    step: int
    offset: int
    """Code points of this step's text that came before."""
    text: str


Checkpoint = Mapping[str, Any]
