"""OpenAI's two wire shapes: requests read, answers and event streams written.

Shapes follow the types of the `openai` package (`types/responses`, `types/chat`). Frames of a turn are
computed once and kept: the server is the peer of benchmarks and must cost next to nothing.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from tests.fake_openai.behaviours import Ask, Refusal, Turn

Api = Literal["chat", "responses"]
CREATED = 1_767_225_600


@dataclass(frozen=True, slots=True)
class Frame:
    """Bytes of one event; `is_token` marks those that pacing holds back."""

    data: bytes
    is_token: bool = False


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "".join(part.get("text", "") for part in content if isinstance(part, dict))
    return ""


def read_chat(body: Mapping[str, Any]) -> Ask:
    """Read a Chat Completions request."""
    last_user, answers = "", 0
    outputs: list[str] = []
    for message in body.get("messages", []):
        content = _text(message.get("content"))
        match message.get("role"):
            case "user":
                last_user, outputs = content, []
                # Without native calls, results stand in the user's turn.
                if found := content.count("\n\nResult of "):
                    answers, outputs = answers + found, [content]
            case "assistant":
                answers, outputs = answers + 1, []
            case "tool":
                outputs.append(content)
    schema = body.get("response_format", {}).get("json_schema", {}).get("schema")
    tools = [
        (tool["function"]["name"], tool["function"].get("parameters", {}))
        for tool in body.get("tools", [])
    ]
    return Ask(
        model=str(body.get("model", "")),
        last_user=last_user,
        answers=answers,
        tool_outputs=tuple(outputs),
        tools=() if body.get("tool_choice") == "none" else _forced(tools, body.get("tool_choice")),
        schema=schema,
        input_chars=len(json.dumps(body.get("messages", []))),
    )


def read_responses(body: Mapping[str, Any]) -> Ask:
    """Read a Responses request."""
    items = body.get("input", [])
    if isinstance(items, str):
        items = [{"role": "user", "content": items}]
    last_user, answers, outputs, in_answer = "", 0, [], False
    for item in items:
        if item.get("type") == "function_call_output":
            outputs.append(_text(item.get("output")))
            in_answer = False
        elif item.get("type") == "function_call" or item.get("role") == "assistant":
            # A text and calls of one answer are several items in a row.
            answers += 0 if in_answer else 1
            outputs, in_answer = [], True
        elif item.get("role") == "user":
            last_user, outputs, in_answer = _text(item.get("content")), [], False
    tools = [
        (tool["name"], tool.get("parameters", {}))
        for tool in body.get("tools", [])
        if tool.get("type") == "function"
    ]
    return Ask(
        model=str(body.get("model", "")),
        last_user=last_user,
        answers=answers,
        tool_outputs=tuple(outputs),
        tools=() if body.get("tool_choice") == "none" else _forced(tools, body.get("tool_choice")),
        schema=body.get("text", {}).get("format", {}).get("schema"),
        input_chars=len(json.dumps(items)),
    )


def _forced(tools: list[tuple[str, Any]], choice: Any) -> tuple[tuple[str, Any], ...]:
    if isinstance(choice, dict):
        name = choice.get("name") or choice.get("function", {}).get("name")
        return tuple(tool for tool in tools if tool[0] == name)
    return tuple(tools)


def error_body(refusal: Refusal) -> dict[str, Any]:
    """Return OpenAI's error object."""
    return {
        "error": {
            "message": refusal.message,
            "type": refusal.kind,
            "param": None,
            "code": refusal.code,
        }
    }


def _ident(prefix: str, turn: Turn, *more: object) -> str:
    digest = hashlib.sha256(repr((turn.pieces, turn.calls, turn.number, more)).encode())
    return f"{prefix}_{digest.hexdigest()[:24]}"


def _output_tokens(turn: Turn) -> int:
    return (
        len(turn.pieces) + len(turn.reasoning) + sum(len(args) // 4 + 1 for _, args in turn.calls)
    )


def _chat_usage(turn: Turn, input_tokens: int) -> dict[str, Any]:
    output = -5 if turn.fault == "absurd-usage" else _output_tokens(turn)
    return {
        "prompt_tokens": input_tokens,
        "completion_tokens": output,
        "total_tokens": input_tokens + output,
        "prompt_tokens_details": {"cached_tokens": input_tokens // 2, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": len(turn.reasoning),
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def _responses_usage(turn: Turn, input_tokens: int) -> dict[str, Any]:
    output = -5 if turn.fault == "absurd-usage" else _output_tokens(turn)
    return {
        "input_tokens": input_tokens,
        "input_tokens_details": {"cached_tokens": input_tokens // 2},
        "output_tokens": output,
        "output_tokens_details": {"reasoning_tokens": len(turn.reasoning)},
        "total_tokens": input_tokens + output,
    }


def _chat_finish(turn: Turn) -> str:
    if turn.finish in ("length", "content_filter"):
        return turn.finish
    return "tool_calls" if turn.calls else "stop"


def chat_answer(turn: Turn, model: str, input_tokens: int) -> dict[str, Any]:
    """Return a whole Chat Completions answer."""
    text = "".join(turn.pieces)
    message: dict[str, Any] = {
        "role": "assistant",
        "content": text if text and turn.finish != "refusal" else None,
        "refusal": text if turn.finish == "refusal" else None,
        "annotations": [],
    }
    if turn.calls:
        message["tool_calls"] = [
            {
                "id": _ident("call", turn, index),
                "type": "function",
                "function": {"name": name, "arguments": arguments},
            }
            for index, (name, arguments) in enumerate(turn.calls)
        ]
    return {
        "id": _ident("chatcmpl", turn),
        "object": "chat.completion",
        "created": CREATED,
        "model": model,
        "choices": [
            {
                "index": 0,
                "message": message,
                "logprobs": None,
                "finish_reason": _chat_finish(turn),
            }
        ],
        "usage": _chat_usage(turn, input_tokens),
        "service_tier": "default",
        "system_fingerprint": "fp_fake",
    }


@lru_cache(maxsize=256)
def chat_frames(turn: Turn, model: str, input_tokens: int, with_usage: bool) -> tuple[Frame, ...]:
    """Return the events of a streamed Chat Completions answer."""
    head = {
        "id": _ident("chatcmpl", turn),
        "object": "chat.completion.chunk",
        "created": CREATED,
        "model": model,
        "service_tier": "default",
        "system_fingerprint": "fp_fake",
    }
    tail: dict[str, Any] = {"usage": None} if with_usage else {}

    def frame(delta: dict[str, Any], *, finish: str | None = None, token: bool = False) -> Frame:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return Frame(_data({**head, "choices": [choice], **tail}), token)

    frames = [frame({"role": "assistant", "content": "", "refusal": None})]
    frames += [frame({"reasoning_content": piece}) for piece in turn.reasoning]
    field = "refusal" if turn.finish == "refusal" else "content"
    frames += [frame({field: piece}, token=True) for piece in turn.pieces]
    for index, (name, arguments) in enumerate(turn.calls):
        call = {
            "index": index,
            "id": _ident("call", turn, index),
            "type": "function",
            "function": {"name": name, "arguments": ""},
        }
        frames.append(frame({"tool_calls": [call]}))
        for start in range(0, len(arguments), 8):
            part = {"index": index, "function": {"arguments": arguments[start : start + 8]}}
            frames.append(frame({"tool_calls": [part]}))
    frames.append(frame({}, finish=_chat_finish(turn)))
    if with_usage:
        usage = _chat_usage(turn, input_tokens)
        frames.append(Frame(_data({**head, "choices": [], "usage": usage})))
    frames.append(Frame(b"data: [DONE]\n\n"))
    return tuple(frames)


def _data(value: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(value, separators=(",", ":")).encode() + b"\n\n"


def _output_items(turn: Turn) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    if turn.reasoning:
        summary = [{"type": "summary_text", "text": "".join(turn.reasoning)}]
        items.append({"id": _ident("rs", turn), "type": "reasoning", "summary": summary})
    text = "".join(turn.pieces)
    if text:
        part: dict[str, Any] = {"type": "refusal", "refusal": text}
        if turn.finish != "refusal":
            part = {"type": "output_text", "annotations": [], "logprobs": [], "text": text}
        items.append(
            {
                "id": _ident("msg", turn),
                "type": "message",
                "status": "completed",
                "content": [part],
                "role": "assistant",
            }
        )
    for index, (name, arguments) in enumerate(turn.calls):
        items.append(
            {
                "id": _ident("fc", turn, index),
                "type": "function_call",
                "status": "completed",
                "arguments": arguments,
                "call_id": _ident("call", turn, index),
                "name": name,
            }
        )
    return items


def responses_answer(turn: Turn, model: str, input_tokens: int) -> dict[str, Any]:
    """Return a whole Responses answer."""
    incomplete = {"length": "max_output_tokens", "content_filter": "content_filter"}
    reason = incomplete.get(turn.finish)
    return {
        "id": _ident("resp", turn),
        "object": "response",
        "created_at": CREATED,
        "status": "incomplete" if reason else "completed",
        "background": False,
        "error": None,
        "incomplete_details": {"reason": reason} if reason else None,
        "instructions": None,
        "max_output_tokens": None,
        "model": model,
        "output": _output_items(turn),
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "reasoning": {"effort": None, "summary": None},
        "service_tier": "default",
        "store": False,
        "temperature": 1.0,
        "text": {"format": {"type": "text"}},
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "truncation": "disabled",
        "usage": _responses_usage(turn, input_tokens),
        "user": None,
        "metadata": {},
    }


class _Events:
    """Numbers the events of one response."""

    def __init__(self) -> None:
        self.frames: list[Frame] = []

    def add(self, kind: str, *, is_token: bool = False, **fields: Any) -> None:
        value = {"type": kind, **fields, "sequence_number": len(self.frames)}
        self.frames.append(Frame(b"event: " + kind.encode() + b"\n" + _data(value), is_token))


@lru_cache(maxsize=256)
def responses_frames(turn: Turn, model: str, input_tokens: int) -> tuple[Frame, ...]:
    """Return the events of a streamed Responses answer."""
    answer = responses_answer(turn, model, input_tokens)
    begun = {**answer, "status": "in_progress", "output": [], "usage": None}
    begun["incomplete_details"] = None
    events = _Events()
    events.add("response.created", response=begun)
    events.add("response.in_progress", response=begun)
    for index, item in enumerate(answer["output"]):
        match item["type"]:
            case "reasoning":
                _reasoning_events(events, turn, item, index)
            case "message":
                _message_events(events, turn, item, index)
            case "function_call":
                _call_events(events, item, index)
    events.add(f"response.{answer['status']}", response=answer)
    return tuple(events.frames)


def _reasoning_events(events: _Events, turn: Turn, item: dict[str, Any], index: int) -> None:
    place = {"item_id": item["id"], "output_index": index, "summary_index": 0}
    empty = {"type": "summary_text", "text": ""}
    events.add("response.output_item.added", output_index=index, item={**item, "summary": []})
    events.add("response.reasoning_summary_part.added", **place, part=empty)
    for piece in turn.reasoning:
        events.add("response.reasoning_summary_text.delta", **place, delta=piece)
    text = item["summary"][0]["text"]
    events.add("response.reasoning_summary_text.done", **place, text=text)
    events.add("response.reasoning_summary_part.done", **place, part=item["summary"][0])
    events.add("response.output_item.done", output_index=index, item=item)


def _message_events(events: _Events, turn: Turn, item: dict[str, Any], index: int) -> None:
    place = {"item_id": item["id"], "output_index": index, "content_index": 0}
    part = item["content"][0]
    field = "refusal" if part["type"] == "refusal" else "text"
    kind = "response.refusal" if field == "refusal" else "response.output_text"
    extra: dict[str, Any] = {} if field == "refusal" else {"logprobs": []}
    begun = {**item, "status": "in_progress", "content": []}
    events.add("response.output_item.added", output_index=index, item=begun)
    events.add("response.content_part.added", **place, part={**part, field: ""})
    for piece in turn.pieces:
        events.add(f"{kind}.delta", is_token=True, **place, delta=piece, **extra)
    events.add(f"{kind}.done", **place, **{field: part[field]}, **extra)
    events.add("response.content_part.done", **place, part=part)
    events.add("response.output_item.done", output_index=index, item=item)


def _call_events(events: _Events, item: dict[str, Any], index: int) -> None:
    place = {"item_id": item["id"], "output_index": index}
    begun = {**item, "status": "in_progress", "arguments": ""}
    events.add("response.output_item.added", output_index=index, item=begun)
    arguments = item["arguments"]
    for start in range(0, len(arguments), 8):
        delta = arguments[start : start + 8]
        events.add("response.function_call_arguments.delta", **place, delta=delta)
    events.add(
        "response.function_call_arguments.done",
        **place,
        arguments=arguments,
        name=item["name"],
    )
    events.add("response.output_item.done", output_index=index, item=item)


def error_event(api: Api, sequence: int) -> bytes:
    """Return the event with which a server gives up in the middle of a stream."""
    if api == "chat":
        error = {"message": "The server had an error.", "type": "server_error", "code": None}
        return _data({"error": {**error, "param": None}})
    value = {
        "type": "error",
        "code": "server_error",
        "message": "The server had an error.",
        "param": None,
        "sequence_number": sequence,
    }
    return b"event: error\n" + _data(value)
