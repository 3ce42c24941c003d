"""What the fake server says: a request in, one turn out. Knows nothing of HTTP or of frames.

The behaviour is the model name up to an optional `#suffix`, which is ignored (it lets a test find its own
requests in the record). A marker `[[fake-...]]` in the last user message outweighs the model name.

| name | what it does |
|---|---|
| `fake-echo` | answers with the last user message |
| `fake-say:TEXT` | answers with TEXT (percent-encoded) |
| `fake-tool` | calls the first offered tool with arguments made from its schema; answers with its output |
| `fake-tools` | the same, calling every offered tool at once |
| `fake-script:BASE64` | plays a JSON list of turns (see `parse_script`); the turn is the number of answers in the conversation |
| `fake-N-tokens` or `fake-N-tokens:MS` | N tokens of text, MS milliseconds apart |
| `fake-run:N` or `fake-run:N:MS` | a tool call if a tool is offered and has not answered yet, then N tokens, MS apart |
| `fake-slow` | ten tokens, 200 ms apart |
| `fake-reasoning` | a summary of reasoning, then an answer |
| `fake-broken-arguments` | calls the first tool with arguments that are not JSON |
| `fake-error-STATUS` | that HTTP status in OpenAI's error shape; 429 takes `fake-error-429:SECONDS` |
| `fake-quota` | 429 with the code `insufficient_quota` |
| `fake-flaky-STATUS:N` | that status for the first N requests with this model name, then an echo |
| `fake-cut` | closes the connection in the middle of the text |
| `fake-unfinished` | ends the stream politely in the middle: no finish reason, no end mark |
| `fake-hang` | stops sending in the middle of the text and keeps the connection |
| `fake-silent` | accepts the request and never answers |
| `fake-garbage` | puts an event that is not JSON into the middle |
| `fake-error-event` | puts an error event into the middle and ends |
| `fake-length`, `fake-filter`, `fake-refusal` | stops early for that reason |
| `fake-absurd-usage` | counts a negative number of tokens |
| `fake-huge:MIB` | streams that many MiB of text |

Anything else is answered with 404 `model_not_found`.
"""

import base64
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import unquote

Finish = Literal["stop", "length", "content_filter", "refusal"]
Fault = Literal["", "cut", "unfinished", "hang", "silent", "garbage", "error-event", "absurd-usage"]

_MARKER = re.compile(r"\[\[(fake-[^\]]+)\]\]")
_TOKENS = re.compile(r"fake-(\d+)-tokens(?::(\d+(?:\.\d+)?))?")
_RUN = re.compile(r"fake-run:(\d+)(?::(\d+(?:\.\d+)?))?")
_WORDS = re.compile(r"\S+\s*|\s+")
_FAULTS: dict[str, Fault] = {
    "fake-cut": "cut",
    "fake-unfinished": "unfinished",
    "fake-hang": "hang",
    "fake-silent": "silent",
    "fake-garbage": "garbage",
    "fake-error-event": "error-event",
    "fake-absurd-usage": "absurd-usage",
}
_FINISHES: dict[str, Finish] = {
    "fake-length": "length",
    "fake-filter": "content_filter",
    "fake-refusal": "refusal",
}
_ERROR_KINDS = {
    400: ("invalid_request_error", "invalid_value"),
    401: ("invalid_request_error", "invalid_api_key"),
    403: ("invalid_request_error", "unsupported_country_region_territory"),
    404: ("invalid_request_error", "model_not_found"),
    429: ("requests", "rate_limit_exceeded"),
}
LONG_TEXT = (
    "The quick brown fox jumps over the lazy dog, and then it sleeps in the sun all day long."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A request, the same for both wire shapes."""

    model: str
    last_user: str = ""
    answers: int = 0
    """Assistant turns in the conversation."""
    tool_outputs: tuple[str, ...] = ()
    """Outputs after the last assistant turn."""
    tools: Sequence[tuple[str, Mapping[str, Any]]] = ()
    schema: Mapping[str, Any] | None = None
    """The JSON schema that the answer must have."""
    input_chars: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What the server will send."""

    pieces: tuple[str, ...] = ()
    calls: tuple[tuple[str, str], ...] = ()
    reasoning: tuple[str, ...] = ()
    delay_ms: float = 0.0
    finish: Finish = "stop"
    fault: Fault = ""
    number: int = 0
    """Which answer of the conversation this is; call ids follow from it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """An HTTP error."""

    status: int
    kind: str
    code: str
    message: str = "The fake server was told to fail."
    retry_after: str | None = None


@dataclass(slots=True)
class Counters:
    """How often a model name was asked: what flaky behaviours need to know."""

    asked: dict[str, int] = field(default_factory=dict)

    def count(self, model: str) -> int:
        """Count this request and return how many came before it."""
        before = self.asked.get(model, 0)
        self.asked[model] = before + 1
        return before


def words(text: str) -> tuple[str, ...]:
    """Split text into words that keep their blanks."""
    return tuple(_WORDS.findall(text))


def sample(schema: Mapping[str, Any]) -> Any:
    """Return a value that the schema allows: the least one, with the first of alternatives."""
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][0]
    if "default" in schema:
        return schema["default"]
    for alternatives in ("anyOf", "oneOf"):
        if alternatives in schema:
            return sample(schema[alternatives][0])
    kind = schema.get("type", "object")
    if isinstance(kind, list):
        kind = kind[0]
    if kind == "object":
        properties = schema.get("properties", {})
        return {name: sample(properties[name]) for name in schema.get("required", properties)}
    if kind == "array":
        return [sample(schema.get("items", {"type": "string"}))] * int(schema.get("minItems", 0))
    if kind in ("integer", "number"):
        return schema.get("minimum", 1)
    return {"boolean": True, "null": None}.get(kind, "text")


def parse_script(encoded: str) -> list[dict[str, Any]]:
    """Return the turns of a `fake-script:`.

    Each is `{"text": "...", "pieces": 20, "delay_ms": 5}`, all but the text optional, or
    `{"calls": [{"name": "...", "arguments": {...} | "raw text"}]}`, or both together.
    """
    padded = encoded + "=" * (-len(encoded) % 4)
    turns = json.loads(base64.urlsafe_b64decode(padded))
    if not isinstance(turns, list):
        raise ValueError("A script is a JSON list of turns.")
    return turns


def script_model(turns: Sequence[Mapping[str, Any]]) -> str:
    """Return the model name that plays these turns."""
    encoded = base64.urlsafe_b64encode(json.dumps(turns).encode()).decode().rstrip("=")
    return f"fake-script:{encoded}"


def decide(ask: Ask, counters: Counters) -> Turn | Refusal:
    """Return what to do with a request."""
    marker = _MARKER.search(ask.last_user)
    name = marker[1] if marker else ask.model.partition("#")[0]
    if refusal := _refusal(name, ask, counters):
        return refusal
    turn = _turn(name, ask)
    if turn is None:
        return Refusal(
            status=404,
            kind="invalid_request_error",
            code="model_not_found",
            message=f"The model `{name[:80]}` does not exist or you do not have access to it.",
        )
    return turn


def _refusal(name: str, ask: Ask, counters: Counters) -> Refusal | None:
    if name == "fake-quota":
        return Refusal(status=429, kind="insufficient_quota", code="insufficient_quota")
    failing = re.fullmatch(r"fake-error-(\d{3})(?::(.+))?", name)
    if failing is None:
        flaky = re.fullmatch(r"fake-flaky-(\d{3}):(\d+)", name)
        if flaky is None or counters.count(ask.model) >= int(flaky[2]):
            return None
        status, retry_after = int(flaky[1]), "0" if flaky[1] == "429" else None
    else:
        status, retry_after = int(failing[1]), failing[2]
    kind, code = _ERROR_KINDS.get(status, ("server_error", "server_error"))
    return Refusal(status=status, kind=kind, code=code, retry_after=retry_after)


def _turn(name: str, ask: Ask) -> Turn | None:
    number = ask.answers
    if timed := _TOKENS.fullmatch(name) or _RUN.fullmatch(name):
        if name.startswith("fake-run") and ask.tools and not ask.tool_outputs:
            return _calls(ask, count=1)
        return Turn(pieces=tokens(int(timed[1])), delay_ms=float(timed[2] or 0), number=number)
    kind, _, argument = name.partition(":")
    match kind:
        case "fake-say":
            return _say(ask, unquote(argument))
        case "fake-tool" | "fake-tools" | "fake-broken-arguments":
            return _use_tools(kind, ask)
        case "fake-script":
            return _scripted(parse_script(argument), ask)
        case "fake-slow":
            return Turn(pieces=tokens(10), delay_ms=200.0, number=number)
        case "fake-reasoning":
            return Turn(
                pieces=("Forty", "-two."), reasoning=("Six times ", "seven."), number=number
            )
        case "fake-huge":
            return Turn(pieces=("x" * 65_536,) * (16 * int(argument or 5)), number=number)
    if kind == "fake-echo" or kind.startswith("fake-flaky-"):
        return _say(ask, ask.last_user)
    text = words(LONG_TEXT)
    if kind in _FAULTS:
        return Turn(pieces=text, fault=_FAULTS[kind], number=number)
    if kind in _FINISHES:
        return Turn(pieces=text[:6], finish=_FINISHES[kind], number=number)
    return None


def _use_tools(kind: str, ask: Ask) -> Turn:
    if ask.tool_outputs or not (ask.tools or ask.schema):
        return _say(ask, "\n".join(ask.tool_outputs) or ask.last_user)
    if kind == "fake-broken-arguments" and ask.tools:
        return Turn(calls=((ask.tools[0][0], '{"broken": '),), number=ask.answers)
    return _calls(ask, count=len(ask.tools) if kind == "fake-tools" else 1)


def tokens(count: int) -> tuple[str, ...]:
    """Return that many short pieces of text."""
    return tuple(f"tok{index} " for index in range(count))


def _say(ask: Ask, text: str) -> Turn:
    if ask.schema is not None:
        text = json.dumps({"answer": text})
    return Turn(pieces=words(text), number=ask.answers)


def _calls(ask: Ask, *, count: int) -> Turn:
    if ask.schema is not None:
        return Turn(pieces=words(json.dumps(sample(ask.schema))), number=ask.answers)
    return Turn(
        calls=tuple((name, json.dumps(sample(schema))) for name, schema in ask.tools[:count]),
        number=ask.answers,
    )


def _scripted(turns: Sequence[Mapping[str, Any]], ask: Ask) -> Turn:
    turn = turns[min(ask.answers, len(turns) - 1)]
    text = turn.get("text", "")
    if ask.schema is not None:
        text = json.dumps({"answer": text})
        for call in turn.get("calls", ()):
            text = json.dumps({"tool": call["name"], "arguments": call.get("arguments", {})})
    pieces = words(text)
    if count := turn.get("pieces"):
        size = max(1, -(-len(text) // int(count)))
        pieces = tuple(text[start : start + size] for start in range(0, len(text), size))
    return Turn(
        pieces=pieces,
        calls=() if ask.schema is not None else _written_calls(turn),
        delay_ms=float(turn.get("delay_ms", 0)),
        number=ask.answers,
    )


def _written_calls(turn: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple(
        (
            call["name"],
            call["arguments"]
            if isinstance(call.get("arguments"), str)
            else json.dumps(call.get("arguments", {})),
        )
        for call in turn.get("calls", ())
    )
