"""The adapter for servers that speak Chat Completions: OpenAI's older API, which most others copy.

Wire shape: https://platform.openai.com/docs/api-reference/chat (read 2026-11-23). What other
servers do differently is noted where it is handled.
"""

from collections.abc import AsyncGenerator
from typing import Any, Literal, assert_never

import orjson
from openai import AsyncOpenAI

from agents_app.engine.errors import AnswerIncomplete, StreamBroken
from agents_app.engine.limits import Usage
from agents_app.engine.llm.answers import (
    CallDraft,
    chat_usage,
    error_in_stream,
    finish_calls,
    is_harmless,
    name_of,
    utf8_size,
)
from agents_app.engine.llm.conversation import (
    known_call_ids,
    paired,
    render_passages,
    valid_arguments,
)
from agents_app.engine.llm.json_calls import JsonCalls, json_turns
from agents_app.engine.llm.wire import FIRST_BYTE_S, IDLE_S, MAX_OUTPUT_BYTES, Assembler, converse
from agents_app.engine.messages import (
    AssistantMessage,
    ContextMessage,
    Message,
    ToolResult,
    UserMessage,
)
from agents_app.engine.ports import ModelAnswer, ModelChunk
from agents_app.engine.spec import AUTO, NONE, ModelRequest, ModelSettings, ToolSpec

ToolMode = Literal["native", "json"]
PATH = "/chat/completions"

# `eos` and the like come from servers that pass on what their engine says.
_STOPPED = frozenset({"stop", "tool_calls", "function_call", "eos", "end_turn", "stop_sequence"})
_TOO_LONG = frozenset({"length", "max_tokens", "model_length"})
_FILTERED = frozenset({"content_filter", "safety"})


class ChatCompletionsModel:
    """A model behind `/chat/completions`.

    With `tool_mode="json"`, for servers that cannot call tools, the model is made to answer with
    JSON that names a tool or holds the answer.
    """

    def __init__(
        self,
        client: AsyncOpenAI,
        *,
        tool_mode: ToolMode = "native",
        first_byte_s: float = FIRST_BYTE_S,
        idle_s: float = IDLE_S,
        max_output_bytes: int = MAX_OUTPUT_BYTES,
    ) -> None:
        """Keep a client of the running event loop; the caller closes it.

        Args:
            client: its retries, timeout and redirects are not used.
            tool_mode: how tools are called.
            first_byte_s: seconds from the request to the first byte of the answer.
            idle_s: seconds without a byte after which the stream is given up.
            max_output_bytes: UTF-8 size of text, reasoning and arguments together.
        """
        self._client = client
        self._tool_mode = tool_mode
        self._first_byte_s = first_byte_s
        self._idle_s = idle_s
        self._max_output_bytes = max_output_bytes

    def stream(self, request: ModelRequest) -> AsyncGenerator[ModelChunk, None]:
        """Yield the answer; see `ModelClient`."""
        assembler: Assembler = ChatAssembler(request)
        body = {
            "model": request.model,
            "stream": True,
            "stream_options": {"include_usage": True},
            **_settings(request.settings),
        }
        if self._tool_mode == "native":
            body |= native_turns(request)
        else:
            body |= json_turns(request)
            if "response_format" in body:
                # A stop text may stand between two fields of the JSON.
                body.pop("stop", None)
                assembler = JsonCalls(assembler, request)
        return converse(
            self._client,
            PATH,
            body,
            assembler,
            first_byte_s=self._first_byte_s,
            idle_s=self._idle_s,
            max_output_bytes=self._max_output_bytes,
        )


def native_turns(request: ModelRequest) -> dict[str, Any]:
    """Return the conversation, instructions first, and the tools in the API's own way."""
    turns = [{"role": "system", "content": request.instructions}] if request.instructions else []
    body: dict[str, Any] = {
        "messages": turns + [_turn(message) for message in paired(request.messages)]
    }
    if request.tools:
        body["tools"] = [_tool(tool) for tool in request.tools]
        if request.tool_choice in (AUTO, NONE):
            body["tool_choice"] = request.tool_choice
        else:
            body["tool_choice"] = {"type": "function", "function": {"name": request.tool_choice}}
    return body


def _settings(settings: ModelSettings) -> dict[str, Any]:
    """Return the settings that are set, by their names in this API."""
    values = {
        "temperature": settings.temperature,
        "top_p": settings.top_p,
        # Not `max_completion_tokens`: few of the servers that this adapter is for know it.
        "max_tokens": settings.max_output_tokens,
        "reasoning_effort": settings.reasoning_effort,
        "stop": list(settings.stop) or None,
    }
    return {name: value for name, value in values.items() if value is not None}


def _tool(tool: ToolSpec) -> dict[str, Any]:
    return {
        "type": "function",
        "function": {
            "name": tool.name,
            "description": tool.description,
            "parameters": tool.parameters,
        },
    }


def _turn(message: Message) -> dict[str, Any]:
    match message:
        case UserMessage():
            return {"role": "user", "content": message.text}
        case ContextMessage():
            return {"role": "user", "content": render_passages(message.passages)}
        case ToolResult():
            return {"role": "tool", "tool_call_id": message.call_id, "content": message.content}
        case AssistantMessage():
            if not message.calls:
                return {"role": "assistant", "content": message.text}
            calls = [
                {
                    "id": call.id,
                    "type": "function",
                    "function": {"name": call.name, "arguments": valid_arguments(call)},
                }
                for call in message.calls
            ]
            return {"role": "assistant", "content": message.text or None, "tool_calls": calls}
        case _:
            assert_never(message)


class ChatAssembler:
    """Puts the chunks of one streamed completion together."""

    def __init__(self, request: ModelRequest) -> None:
        """Begin an answer to the request."""
        self.is_complete = False
        self.hidden_bytes = 0
        self._known_ids = known_call_ids(request.messages)
        self._model = request.model
        self._response_id = ""
        self._finish = ""
        self._is_refusal = False
        self._reasoning: list[str] = []
        self._drafts: list[CallDraft] = []
        self._by_index: dict[int, CallDraft] = {}
        self._usage = Usage(model_calls=1)

    def take(self, event: bytes) -> str:
        """Take one chunk and return its text; see `Assembler`."""
        if event.startswith(b"[DONE]"):
            self.is_complete = True
            return ""
        chunk: dict[str, Any] = orjson.loads(event)
        choices = chunk.get("choices")
        if not self._response_id or not choices or chunk.get("usage") or "error" in chunk:
            self._take_envelope(chunk)
        if not choices:
            return ""
        choice: dict[str, Any] = choices[0]
        if choice.get("index"):
            return ""  # Only one choice was asked for.
        if finish := choice.get("finish_reason"):
            self._finish = str(finish)
            self._take_envelope(chunk)
        delta: dict[str, Any] | None = choice.get("delta")
        if not delta:
            return ""
        content: Any = delta.get("content")
        if len(delta) > 1 or content.__class__ is not str:
            return self._take_delta(delta)
        return content

    def _take_envelope(self, chunk: dict[str, Any]) -> None:
        """Take what surrounds the choices: names, usage, an error."""
        if error := chunk.get("error"):
            raise error_in_stream(error)
        if "choices" not in chunk and "usage" not in chunk:
            raise StreamBroken(
                "The model server sent something else than chunks of a chat completion. Check"
                " that the provider's base URL and API setting are right."
            )
        self._response_id = self._response_id or name_of(chunk.get("id"))
        self._model = name_of(chunk.get("model")) or self._model
        # Groq also puts usage under `x_groq`, and there alone if it was not asked for.
        usage = chunk.get("usage") or (chunk.get("x_groq") or {}).get("usage")
        if usage:
            self._usage = chat_usage(usage)

    def _take_delta(self, delta: dict[str, Any]) -> str:
        """Take a delta that is more than plain text."""
        text = ""
        content = delta.get("content")
        if isinstance(content, str):
            text = content
        elif isinstance(content, list):
            # Mistral sends parts, among them its reasoning.
            for part in content:
                text += part.get("text") or ""
                for thought in part.get("thinking") or ():
                    self._think(thought.get("text"))
        elif content is not None:
            raise TypeError("content is neither text nor parts")
        # `reasoning_content` is DeepSeek's name, `reasoning` that of Groq, vLLM and OpenRouter.
        self._think(delta.get("reasoning_content") or delta.get("reasoning"))
        if refusal := delta.get("refusal"):
            self._is_refusal = True
            self.hidden_bytes += utf8_size(refusal)
        for fragment in delta.get("tool_calls") or ():
            self._take_call(fragment)
        return text

    def _think(self, text: Any) -> None:
        if text and isinstance(text, str):
            self._reasoning.append(text)
            self.hidden_bytes += utf8_size(text)

    def _take_call(self, fragment: dict[str, Any]) -> None:
        """Add a piece of a tool call to the call that it belongs to."""
        function: dict[str, Any] = fragment.get("function") or {}
        ident, name = fragment.get("id") or "", function.get("name") or ""
        index = fragment.get("index")
        if index is None:
            # Mistral and Gemini send whole calls without an index.
            draft = self._drafts[-1] if self._drafts and not (ident or name) else None
        else:
            draft = self._by_index.get(index)
        # Some servers number every call 0, others invent a new id for every piece.
        is_other = draft is not None and name and ident and draft.id and ident != draft.id
        if draft is None or is_other:
            draft = CallDraft(id=ident)
            self._drafts.append(draft)
            self.hidden_bytes += 100
            if index is not None:
                self._by_index[index] = draft
        draft.id = draft.id or ident
        draft.name = draft.name or name
        self.hidden_bytes += draft.add(function.get("arguments"))

    def flush(self) -> str:
        """Return nothing: no text is held back."""
        return ""

    def answer(self, text: str) -> ModelAnswer:
        """Return the whole answer; see `Assembler`."""
        calls = finish_calls(self._drafts, self._known_ids)
        self._check_finish(has_calls=bool(calls))
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

    def _check_finish(self, *, has_calls: bool) -> None:
        finish = self._finish
        if not finish:
            raise StreamBroken(
                "The model's stream ended without a finish reason, so its answer may be cut."
                " Try again."
            )
        if finish in _TOO_LONG:
            raise AnswerIncomplete(
                "The model reached its limit of output tokens before it had finished. Raise the"
                " limit, or ask for less."
            )
        if finish in _FILTERED:
            raise AnswerIncomplete(
                "The provider's content filter stopped the answer. Change the question or the"
                " instructions."
            )
        if self._is_refusal:
            raise AnswerIncomplete(
                "The model refused to answer. Change the question or the instructions."
            )
        if finish not in _STOPPED or (finish == "tool_calls" and not has_calls):
            shown = f" {finish!r}" if is_harmless(finish) else ""
            raise StreamBroken(
                f"The model's answer ended with the reason{shown}, which does not fit what it"
                " sent. Try again."
            )
