"""Messages of a conversation: plain values, and their one JSON form.

Identity, order and storage are someone else's concern. The JSON form is what the session keeps,
what events carry and what readers get; `decode_message` is its exact inverse.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, assert_never

Finish = Literal["stop", "tool_calls"]


@dataclass(frozen=True, slots=True, kw_only=True)
class UserMessage:
    """What the person said."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """The model's wish to call a tool; `id` names one invocation for the life of the run."""

    id: str
    name: str
    arguments: str
    """JSON text as the model wrote it; it may be invalid."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AssistantMessage:
    """One answer of the model: text, tool calls, or both."""

    text: str
    calls: tuple[ToolCall, ...] = ()
    reasoning: str = ""
    finish: Finish = "stop"
    model: str = ""
    response_id: str = ""
    """The provider's own name of the answer; empty if it gave none."""
    is_partial: bool = False
    """True when a cancel cut the message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A piece of a document that was found, with its place: `text` is [start:end] of it."""

    chunk_id: str
    document_id: str
    title: str
    heading: str
    text: str
    start: int
    end: int
    score: float
    """Fused rank, 0 to 1, higher is better."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolResult:
    """What a tool call gave back, as the model reads it."""

    call_id: str
    name: str
    content: str
    is_error: bool = False
    passages: tuple[Passage, ...] = ()
    """Where the content comes from, when the tool searched knowledge."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextMessage:
    """Passages that were found before the first step; untrusted text."""

    passages: tuple[Passage, ...]


Message = UserMessage | AssistantMessage | ToolResult | ContextMessage

KINDS: dict[type[Message], str] = {
    UserMessage: "user",
    AssistantMessage: "assistant",
    ToolResult: "tool_result",
    ContextMessage: "passages",
}


def encode_passage(passage: Passage) -> dict[str, Any]:
    """Return the JSON form of a passage."""
    return {
        "chunk_id": passage.chunk_id,
        "document_id": passage.document_id,
        "title": passage.title,
        "heading": passage.heading,
        "text": passage.text,
        "start": passage.start,
        "end": passage.end,
        "score": passage.score,
    }


def encode_message(message: Message) -> dict[str, Any]:
    """Return the JSON form; `kind` says which message it is."""
    match message:
        case UserMessage():
            return {"kind": "user", "text": message.text}
        case AssistantMessage():
            return {
                "kind": "assistant",
                "text": message.text,
                "calls": [
                    {"id": call.id, "name": call.name, "arguments": call.arguments}
                    for call in message.calls
                ],
                "reasoning": message.reasoning,
                "finish": message.finish,
                "model": message.model,
                "response_id": message.response_id,
                "is_partial": message.is_partial,
            }
        case ToolResult():
            return {
                "kind": "tool_result",
                "call_id": message.call_id,
                "name": message.name,
                "content": message.content,
                "is_error": message.is_error,
                "passages": [encode_passage(passage) for passage in message.passages],
            }
        case ContextMessage():
            return {
                "kind": "passages",
                "passages": [encode_passage(passage) for passage in message.passages],
            }
        case _:
            assert_never(message)


def decode_message(content: Mapping[str, Any]) -> Message:
    """Return the message that `encode_message` wrote.

    Raises:
        ValueError: `kind` is unknown.
    """
    fields = {name: value for name, value in content.items() if name != "kind"}
    match content.get("kind"):
        case "user":
            return UserMessage(**fields)
        case "assistant":
            fields["calls"] = tuple(ToolCall(**call) for call in fields["calls"])
            return AssistantMessage(**fields)
        case "tool_result":
            fields["passages"] = tuple(Passage(**passage) for passage in fields["passages"])
            return ToolResult(**fields)
        case "passages":
            return ContextMessage(
                passages=tuple(Passage(**passage) for passage in fields["passages"])
            )
        case kind:
            raise ValueError(f"Unknown kind of message {kind!r}.")
