"""Tool calls for servers that have none: the model answers with JSON that a schema constrains.

The JSON is `{"tool": NAME, "arguments": {...}}` or `{"answer": TEXT}`. Prompts are short, because
the servers that need this run small models: of earlier rounds only what was said is kept, and the
results of the current round stand in one turn with the question. Wording and bounds were tried
out on SmolLM2-135M.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from agents_app.engine.llm.answers import CallDraft, finish_calls
from agents_app.engine.llm.conversation import known_call_ids, render_passages
from agents_app.engine.llm.wire import Assembler
from agents_app.engine.messages import (
    AssistantMessage,
    ContextMessage,
    Message,
    ToolCall,
    ToolResult,
    UserMessage,
)
from agents_app.engine.ports import ModelAnswer
from agents_app.engine.spec import AUTO, NONE, ModelRequest, ToolSpec

# A small model that begins to repeat itself ends where the schema says; in characters and items.
MAX_ARGUMENT_CHARS = 500
MAX_ANSWER_CHARS = 4_000
MAX_ITEMS = 20

_ANSWER_OPENS = re.compile(r'\s*\{\s*"answer"\s*:\s*"')
# Whole characters of a JSON string; half an escape and half a surrogate pair are left for later.
_CHARACTERS = re.compile(
    r'(?:[^"\\]|\\["\\/bfnrt]|\\u(?![dD][89a-fA-F])[0-9a-fA-F]{4}'
    r"|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})*"
)


def json_turns(request: ModelRequest) -> dict[str, Any]:
    """Return the parts of a request's body that hold the conversation and, if any, the schema."""
    tools = [tool for tool in request.tools if request.tool_choice in (AUTO, tool.name)]
    is_forced = request.tool_choice not in (AUTO, NONE)
    system = request.instructions
    if tools and not is_forced:
        system = f"{system}\n\n{_describe(tools)}".strip()
    turns = [{"role": "system", "content": system}] if system else []
    turns += _turns(request.messages, tools, is_forced=is_forced)
    if not tools:
        return {"messages": turns}
    shapes = [_call_schema(tool) for tool in tools]
    if not is_forced:
        text = {"type": "string", "maxLength": MAX_ANSWER_CHARS}
        shapes.append(_object({"answer": text}))
    parts: dict[str, Any] = {
        "messages": turns,
        "response_format": {
            "type": "json_schema",
            "json_schema": {
                "name": "turn",
                "strict": True,
                "schema": shapes[0] if len(shapes) == 1 else {"anyOf": shapes},
            },
        },
    }
    if request.settings.temperature is None:
        # A call is no place for invention.
        parts["temperature"] = 0.0
    return parts


def _describe(tools: Sequence[ToolSpec]) -> str:
    lines = ["You have these tools:"]
    for tool in tools:
        properties: Mapping[str, Any] = tool.parameters.get("properties", {})
        arguments = ", ".join(
            f'"{name}": {part.get("type", "any")}' for name, part in properties.items()
        )
        lines.append(f"- {tool.name}: {tool.description} Arguments: {{{arguments}}}")
    lines.append('Answer with JSON: {"tool": NAME, "arguments": {...}} or {"answer": TEXT}.')
    return "\n".join(lines)


def _turns(
    messages: Sequence[Message], tools: Sequence[ToolSpec], *, is_forced: bool
) -> list[dict[str, str]]:
    """Return earlier rounds as they were spoken, and the current one as a single turn."""
    last = max(
        (index for index, message in enumerate(messages) if isinstance(message, UserMessage)),
        default=len(messages),
    )
    turns: list[dict[str, str]] = []
    for message in messages[:last]:
        match message:
            case UserMessage():
                turns.append({"role": "user", "content": message.text})
            case AssistantMessage() if message.text:
                turns.append({"role": "assistant", "content": message.text})
    found: list[str] = []
    for message in messages[last:]:
        match message:
            case ContextMessage():
                found.append(render_passages(message.passages))
            case ToolResult():
                kind = "Error" if message.is_error else "Result"
                found.append(f"{kind} of {message.name}:\n{message.content}")
    question = ""
    if last < len(messages) and isinstance(current := messages[last], UserMessage):
        question = current.text
    ask = _ask(question, tools, is_forced=is_forced, has_found=bool(found))
    turns.append({"role": "user", "content": "\n\n".join([question, *found, ask]).strip()})
    return turns


def _ask(question: str, tools: Sequence[ToolSpec], *, is_forced: bool, has_found: bool) -> str:
    """Return what stands after the question and the results; small models obey the last words."""
    if is_forced and tools:
        tool = tools[0]
        return (
            f"Answer with a call of {tool.name} ({tool.description}), as JSON."
            f' Copy words from the question: "{question}"'
        )
    if tools:
        return "Answer with JSON."
    if has_found:
        return "Answer the question in one or two sentences, using what is written above."
    return ""


def _call_schema(tool: ToolSpec) -> dict[str, Any]:
    return _object({"tool": {"const": tool.name}, "arguments": _bounded(tool.parameters)})


def _object(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }


def _bounded(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema with a limit on strings and lists that have none."""
    bounded = dict(schema)
    if schema.get("type") == "string" and not {"enum", "const", "pattern", "format"} & set(schema):
        bounded.setdefault("maxLength", MAX_ARGUMENT_CHARS)
    if schema.get("type") == "array":
        bounded.setdefault("maxItems", MAX_ITEMS)
    if isinstance(items := schema.get("items"), Mapping):
        bounded["items"] = _bounded(items)
    for name in ("properties", "$defs"):
        if isinstance(parts := schema.get(name), Mapping):
            bounded[name] = {
                key: _bounded(part) if isinstance(part, Mapping) else part
                for key, part in parts.items()
            }
    return bounded


class JsonCalls:
    """Reads a stream of JSON text: an answer is passed on as it comes, a call is held back."""

    def __init__(self, inner: Assembler, request: ModelRequest) -> None:
        """Read what `inner` assembles."""
        self._inner = inner
        self._known_ids = known_call_ids(request.messages)
        self._written = ""
        self._position: int | None = None
        """Where in the written JSON the next character of the answer begins; None before it."""
        self._said: list[str] = []
        self._answer: ModelAnswer | None = None

    @property
    def is_complete(self) -> bool:
        """Whether the end mark was seen."""
        return self._inner.is_complete

    @property
    def hidden_bytes(self) -> int:
        """Size of everything that came, of which the caller sees the text of an answer only."""
        return self._inner.hidden_bytes + len(self._written)

    def take(self, event: bytes) -> str:
        """Take one event and return what it adds to an answer."""
        piece = self._inner.take(event)
        if not piece:
            return ""
        self._written += piece
        if self._position is None:
            opening = _ANSWER_OPENS.match(self._written)
            if opening is None:
                return ""
            self._position = opening.end()
        return self._say(self._position)

    def _say(self, position: int) -> str:
        found = _CHARACTERS.match(self._written, position)
        if found is None or not found[0]:
            return ""
        self._position = found.end()
        text: str = orjson.loads(f'"{found[0]}"')
        self._said.append(text)
        return text

    def flush(self) -> str:
        """Return the rest of the answer, now that all of the JSON is there."""
        whole = self._inner.answer(self._written + self._inner.flush())
        value = _object_in(whole.message.text)
        if "tool" in value:
            draft = CallDraft(name=str(value["tool"]))
            draft.add(value.get("arguments") or {})
            self._answer = _with(whole, text="", calls=finish_calls([draft], self._known_ids))
            return ""
        # A server that ignores the schema answers in plain text.
        text = str(value["answer"]) if "answer" in value else whole.message.text
        self._answer = _with(whole, text=text, calls=())
        return text[len("".join(self._said)) :]

    def answer(self, text: str) -> ModelAnswer:
        """Return the whole answer; see `Assembler`."""
        if self._answer is None:
            raise RuntimeError("answer() is called after flush()")
        return _with(self._answer, text=text, calls=self._answer.message.calls)


def _object_in(text: str) -> dict[str, Any]:
    """Return the JSON object that the text is; an empty one for any other text."""
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return {}
    return value if isinstance(value, dict) else {}


def _with(answer: ModelAnswer, *, text: str, calls: Sequence[ToolCall]) -> ModelAnswer:
    message = answer.message
    return ModelAnswer(
        message=AssistantMessage(
            text=text,
            calls=tuple(calls),
            reasoning=message.reasoning,
            finish="tool_calls" if calls else "stop",
            model=message.model,
            response_id=message.response_id,
        ),
        usage=answer.usage,
    )
