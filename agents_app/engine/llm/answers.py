"""Parts of an answer that both wire shapes assemble in the same way: calls, usage, errors."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from agents_app.engine.errors import (
    EngineError,
    ProviderRateLimited,
    ProviderRefused,
    StreamBroken,
)
from agents_app.engine.limits import Usage
from agents_app.engine.messages import ToolCall

MAX_TOKENS = 1_000_000_000
"""A count above this, or below 0, is no count."""
_NUL = "\x00"


@dataclass(slots=True, kw_only=True)
class CallDraft:
    """A tool call of which more may come."""

    id: str = ""
    name: str = ""
    arguments: list[str] = field(default_factory=list)

    def add(self, arguments: Any) -> int:
        """Append a piece of the arguments, which may be an object; return its size."""
        if not arguments:
            return 0
        text = arguments if isinstance(arguments, str) else orjson.dumps(arguments).decode()
        self.arguments.append(text)
        return utf8_size(text)


def finish_calls(drafts: Sequence[CallDraft], known_ids: Sequence[str]) -> tuple[ToolCall, ...]:
    """Return the calls; an id that is missing or not new becomes one of ours.

    Ours count the calls of the conversation, so that a repeated request gives the same ones.
    """
    taken = set(known_ids)
    calls: list[ToolCall] = []
    for draft in drafts:
        if not draft.name:
            raise StreamBroken("The model server sent a tool call without a name.")
        ident, number = clean(draft.id), len(known_ids) + len(calls)
        while not ident or ident in taken:
            ident = f"call_{number}"
            number += 1
        taken.add(ident)
        arguments = clean("".join(draft.arguments))
        calls.append(
            ToolCall(
                id=ident,
                name=clean(draft.name),
                arguments=arguments if arguments.strip() else "{}",
            )
        )
    return tuple(calls)


def clean(text: str) -> str:
    """Return text without NUL, which no store keeps."""
    return text.replace(_NUL, "\N{REPLACEMENT CHARACTER}") if _NUL in text else text


def utf8_size(text: str) -> int:
    """Return the size of the text in UTF-8."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def name_of(value: Any) -> str:
    """Return what a server calls a model or an answer, cut to a sane length; empty if nothing."""
    return clean(value)[:200] if isinstance(value, str) else ""


def chat_usage(value: Any) -> Usage:
    """Read `usage` of Chat Completions; servers that send none give zeros."""
    return _usage(value, "prompt_tokens", "completion_tokens")


def responses_usage(value: Any) -> Usage:
    """Read `usage` of the Responses API; servers that send none give zeros."""
    return _usage(value, "input_tokens", "output_tokens")


def _usage(value: Any, input_name: str, output_name: str) -> Usage:
    if not value:
        return Usage(model_calls=1)
    if not isinstance(value, dict):
        raise _absurd("is not an object")
    used = _count(value, input_name)
    made = _count(value, output_name)
    cached = _count(value.get(f"{input_name}_details") or {}, "cached_tokens")
    reasoning = _count(value.get(f"{output_name}_details") or {}, "reasoning_tokens")
    if cached > used:
        raise _absurd("has more cached tokens than input tokens")
    if reasoning and _count(value, "total_tokens") == used + made + reasoning:
        # xAI counts reasoning beside the output, OpenAI within it.
        made += reasoning
    return Usage(
        input_tokens=used,
        cached_tokens=cached,
        output_tokens=max(made, reasoning),
        reasoning_tokens=reasoning,
        model_calls=1,
    )


def _count(value: Any, name: str) -> int:
    count = value.get(name) if isinstance(value, dict) else None
    if count is None:
        return 0
    if type(count) is not int or not 0 <= count <= MAX_TOKENS:
        raise _absurd(f"has the {name} {str(count)[:40]}")
    return count


def _absurd(what: str) -> StreamBroken:
    return StreamBroken(
        f"The model server's token count {what}. Its answer is not trusted; if it happens again,"
        " report it to the server's provider."
    )


def error_in_stream(error: Any) -> EngineError:
    """Return what an error object means that a server sent in the middle of a stream.

    Of the server's words only the code is repeated: the message may quote the prompt.
    """
    code = ""
    if isinstance(error, dict):
        code = str(error.get("code") or error.get("type") or "")
    if code in ("insufficient_quota", "billing_hard_limit_reached"):
        return quota_used_up()
    if code == "rate_limit_exceeded":
        return ProviderRateLimited("The model server asks to slow down; try again later.")
    shown = f" ({code})" if is_harmless(code) else ""
    return StreamBroken(
        f"The model server reported an error in the middle of its answer{shown}. Try again."
    )


def quota_used_up() -> ProviderRefused:
    """Return the refusal of an account without money."""
    return ProviderRefused(
        "The account at the model's provider has used up its quota. Check its plan and billing,"
        " or choose another provider."
    )


def is_harmless(word: str) -> bool:
    """Whether a code or parameter name is plain enough to be shown."""
    return 0 < len(word) <= 80 and word.isascii() and word.replace("_", "").isidentifier()
