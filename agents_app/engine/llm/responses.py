"""The adapter for OpenAI's Responses API.

Wire shape: https://platform.openai.com/docs/api-reference/responses-streaming (read 2026-11-23).
Nothing is stored at the provider; the conversation is sent whole every time.
"""

from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any, assert_never

import orjson
from openai import AsyncOpenAI

from agents_app.engine.errors import AnswerIncomplete, EngineError, StreamBroken
from agents_app.engine.limits import Usage
from agents_app.engine.llm.answers import (
    CallDraft,
    error_in_stream,
    finish_calls,
    is_harmless,
    name_of,
    responses_usage,
    utf8_size,
)
from agents_app.engine.llm.conversation import (
    known_call_ids,
    paired,
    render_passages,
    valid_arguments,
)
from agents_app.engine.llm.wire import FIRST_BYTE_S, IDLE_S, MAX_OUTPUT_BYTES, converse
from agents_app.engine.messages import (
    AssistantMessage,
    ContextMessage,
    Message,
    ToolResult,
    UserMessage,
)
from agents_app.engine.ports import ModelAnswer, ModelChunk
from agents_app.engine.spec import AUTO, NONE, ModelRequest, ToolSpec

PATH = "/responses"

# What a schema may use in strict mode:
# https://platform.openai.com/docs/guides/structured-outputs#supported-schemas (read 2026-11-23).
_STRICT_KEYWORDS = frozenset(
    {
        "$defs",
        "$ref",
        "additionalProperties",
        "anyOf",
        "const",
        "description",
        "enum",
        "exclusiveMaximum",
        "exclusiveMinimum",
        "items",
        "maxItems",
        "maximum",
        "minItems",
        "minimum",
        "multipleOf",
        "pattern",
        "properties",
        "required",
        "title",
        "type",
    }
)


class ResponsesModel:
    """A model behind `/responses`."""

    def __init__(
        self,
        client: AsyncOpenAI,
        *,
        first_byte_s: float = FIRST_BYTE_S,
        idle_s: float = IDLE_S,
        max_output_bytes: int = MAX_OUTPUT_BYTES,
    ) -> None:
        """Keep a client of the running event loop; the caller closes it.

        Args:
            client: its retries, timeout and redirects are not used.
            first_byte_s: seconds from the request to the first byte of the answer.
            idle_s: seconds without a byte after which the stream is given up.
            max_output_bytes: UTF-8 size of text, reasoning and arguments together.
        """
        self._client = client
        self._first_byte_s = first_byte_s
        self._idle_s = idle_s
        self._max_output_bytes = max_output_bytes

    def stream(self, request: ModelRequest) -> AsyncGenerator[ModelChunk, None]:
        """Yield the answer; see `ModelClient`."""
        return converse(
            self._client,
            PATH,
            responses_request(request),
            ResponsesAssembler(request),
            first_byte_s=self._first_byte_s,
            idle_s=self._idle_s,
            max_output_bytes=self._max_output_bytes,
        )


def responses_request(request: ModelRequest) -> dict[str, Any]:
    """Return the body of a request."""
    settings = request.settings
    values = {
        "instructions": request.instructions or None,
        "temperature": settings.temperature,
        "top_p": settings.top_p,
        "max_output_tokens": settings.max_output_tokens,
        "reasoning": {"effort": settings.reasoning_effort} if settings.reasoning_effort else None,
    }
    body: dict[str, Any] = {
        "model": request.model,
        "input": [item for message in paired(request.messages) for item in _items(message)],
        "stream": True,
        "store": False,
        **{name: value for name, value in values.items() if value is not None},
    }
    if request.tools:
        body["tools"] = [_tool(tool) for tool in request.tools]
        if request.tool_choice in (AUTO, NONE):
            body["tool_choice"] = request.tool_choice
        else:
            body["tool_choice"] = {"type": "function", "name": request.tool_choice}
    return body


def _tool(tool: ToolSpec) -> dict[str, Any]:
    return {
        "type": "function",
        "name": tool.name,
        "description": tool.description,
        "parameters": tool.parameters,
        "strict": allows_strict(tool.parameters),
    }


def allows_strict(schema: Mapping[str, Any]) -> bool:
    """Whether the API's strict mode takes the schema: closed objects, nothing optional."""
    return schema.get("type") == "object" and _is_strict(schema)


def _is_strict(schema: Any) -> bool:
    if not isinstance(schema, Mapping) or not _STRICT_KEYWORDS.issuperset(schema):
        return False
    properties: Mapping[str, Any] = schema.get("properties", {})
    if schema.get("type") == "object" or properties:
        is_closed = schema.get("additionalProperties") is False
        if not is_closed or set(schema.get("required", ())) != set(properties):
            return False
    parts = [*properties.values(), *schema.get("anyOf", ()), *schema.get("$defs", {}).values()]
    if "items" in schema:
        parts.append(schema["items"])
    return all(_is_strict(part) for part in parts)


def _items(message: Message) -> Sequence[dict[str, Any]]:
    """Return the input items of one message."""
    match message:
        case UserMessage():
            return [{"role": "user", "content": message.text}]
        case ContextMessage():
            return [{"role": "user", "content": render_passages(message.passages)}]
        case ToolResult():
            return [
                {
                    "type": "function_call_output",
                    "call_id": message.call_id,
                    "output": message.content,
                }
            ]
        case AssistantMessage():
            items: list[dict[str, Any]] = []
            if message.text:
                items.append({"role": "assistant", "content": message.text})
            for call in message.calls:
                items.append(
                    {
                        "type": "function_call",
                        "call_id": call.id,
                        "name": call.name,
                        "arguments": valid_arguments(call),
                    }
                )
            return items
        case _:
            assert_never(message)


class ResponsesAssembler:
    """Puts the events of one streamed response together.

    Calls are told apart by `output_index`: some servers change item ids from event to event.
    """

    def __init__(self, request: ModelRequest) -> None:
        """Begin an answer to the request."""
        self.is_complete = False
        self.hidden_bytes = 0
        self._known_ids = known_call_ids(request.messages)
        self._model = request.model
        self._response_id = ""
        self._is_refusal = False
        self._has_text = False
        self._has_delta = False
        """Whether the current part of a text or of reasoning came in pieces."""
        self._reasoning: list[str] = []
        self._drafts: dict[int, CallDraft] = {}
        self._foreign: list[str] = []
        self._usage = Usage(model_calls=1)

    def take(self, event: bytes) -> str:
        """Take one event and return its text; see `Assembler`."""
        if event.startswith(b"[DONE]"):
            return ""
        fields: dict[str, Any] = orjson.loads(event)
        kind = fields.get("type")
        if kind == "response.output_text.delta":
            self._has_delta = self._has_text = True
            delta: str = fields["delta"]
            return delta
        if kind == "response.output_text.done":
            return self._take_whole_text(fields.get("text"))
        self._take_other(str(kind), fields)
        if kind == "response.completed":
            return self._complete(fields["response"])
        return ""

    def _take_whole_text(self, text: Any) -> str:
        """Return a text of which no piece came before."""
        came_in_pieces, self._has_delta = self._has_delta, False
        if came_in_pieces or not text:
            return ""
        self._has_text = True
        whole: str = text
        return whole

    def _take_other(self, kind: str, fields: dict[str, Any]) -> None:
        match kind:
            case "response.function_call_arguments.delta" | "response.custom_tool_call_input.delta":
                draft = self._drafts[fields["output_index"]]
                self.hidden_bytes += draft.add(fields["delta"])
            case "response.reasoning_summary_text.delta" | "response.reasoning_text.delta":
                self._has_delta = True
                self._think(fields["delta"])
            case "response.reasoning_summary_text.done" | "response.reasoning_text.done":
                if not self._has_delta:
                    self._think(fields.get("text") or "")
                self._has_delta = False
            case "response.output_item.added" | "response.output_item.done":
                self._take_item(fields["item"], fields["output_index"])
            case "response.refusal.delta" | "response.refusal.done":
                self._is_refusal = True
            case _:
                self._take_state(kind, fields)

    def _take_state(self, kind: str, fields: dict[str, Any]) -> None:
        """Take an event about the response as a whole, and pass over those that say nothing."""
        match kind:
            case "response.created":
                self._response_id = name_of(fields["response"].get("id"))
                self._model = name_of(fields["response"].get("model")) or self._model
            case "response.incomplete":
                raise _stopped_early(fields["response"])
            case "response.failed":
                raise error_in_stream(fields["response"].get("error"))
            case "error":
                raise error_in_stream(fields.get("error") or fields)
            case _ if "error" in fields:
                raise error_in_stream(fields["error"])
            case "None":
                raise ValueError("an event without a type")

    def _think(self, text: str) -> None:
        self._reasoning.append(text)
        self.hidden_bytes += utf8_size(text)

    def _take_item(self, item: dict[str, Any], index: int) -> None:
        """Take an output item, first when it begins and then whole."""
        match item.get("type"):
            case "function_call" | "custom_tool_call":
                draft = self._drafts.setdefault(index, CallDraft())
                draft.id = item.get("call_id") or draft.id
                draft.name = item.get("name") or draft.name
                whole = item.get("arguments") or item.get("input")
                if whole:
                    # The item's own arguments are whole; pieces before them were a preview.
                    draft.arguments.clear()
                    self.hidden_bytes += draft.add(whole)
            case "message" | "reasoning":
                pass
            case other:
                self._foreign.append(str(other))

    def _complete(self, response: dict[str, Any]) -> str:
        """Take the end of the response; return text that no event brought before it."""
        self.is_complete = True
        self._response_id = name_of(response.get("id")) or self._response_id
        self._model = name_of(response.get("model")) or self._model
        self._usage = responses_usage(response.get("usage"))
        status = response.get("status", "completed")
        if status == "incomplete":
            raise _stopped_early(response)
        if status != "completed":
            raise StreamBroken("The model server completed a response that is not complete.")
        if self._has_text or self._drafts:
            return ""
        texts: list[str] = []
        for index, item in enumerate(response.get("output") or ()):
            self._take_item(item, index)
            if item.get("type") == "message":
                texts += [part.get("text") or "" for part in item.get("content") or ()]
        self._has_text = any(texts)
        return "".join(texts)

    def flush(self) -> str:
        """Return nothing: no text is held back."""
        return ""

    def answer(self, text: str) -> ModelAnswer:
        """Return the whole answer; see `Assembler`."""
        if not self.is_complete:
            raise StreamBroken(
                "The model's stream ended before its response was completed, so its answer may be"
                " cut. Try again."
            )
        if self._is_refusal:
            raise AnswerIncomplete(
                "The model refused to answer. Change the question or the instructions."
            )
        drafts = [self._drafts[index] for index in sorted(self._drafts)]
        calls = finish_calls(drafts, self._known_ids)
        if self._foreign and not text and not calls:
            kinds = ", ".join(sorted({kind for kind in self._foreign if is_harmless(kind)}))
            raise StreamBroken(
                f"The model answered with nothing but items that were not asked for: {kinds}."
            )
        return ModelAnswer(
            message=AssistantMessage(
                text=text,
                calls=calls,
                reasoning="".join(self._reasoning),
                finish="tool_calls" if calls else "stop",
                model=self._model,
                response_id=self._response_id,
            ),
            usage=self._usage,
        )


def _stopped_early(response: dict[str, Any]) -> EngineError:
    reason = (response.get("incomplete_details") or {}).get("reason")
    if reason == "content_filter":
        return AnswerIncomplete(
            "The provider's content filter stopped the answer. Change the question or the"
            " instructions."
        )
    return AnswerIncomplete(
        "The model reached its limit of output tokens before it had finished. Raise the limit, or"
        " ask for less."
    )
