"""The one JSON parser for input from outside: request bodies, socket frames, model arguments.

Framework-free. It accepts what RFC 8259 calls interoperable: UTF-8 without a byte order mark,
no duplicate keys, integers of 64 bits with sign, finite numbers, no NUL and no lone surrogate
(PostgreSQL stores neither), bounded size and nesting. `orjson` parses; what it lets through is
found by cheap scans, and only a suspicious text is looked at closely.
"""

import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime, time
from decimal import Decimal
from enum import Enum
from math import isfinite
from typing import TypeAlias
from uuid import UUID

import orjson

JSON: TypeAlias = "dict[str, JSON] | list[JSON] | str | int | float | bool | None"

MAX_BYTES = 1_048_576
MAX_DEPTH = 64
MAX_NODES = 1_000_000
INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
TOO_DEEP = "[nested too deep]"
TOO_BIG = "[number too large]"

# A string token of a text that orjson has accepted; possessive, so it never backtracks.
_STRING = r'"(?:[^"\\]++|\\.)*+"'
_DIGITS = bytes(ord("0") if ord("0") <= byte <= ord("9") else ord(" ") for byte in range(256))
_NINETEEN_DIGITS = b"0" * 19
_LONG_INTEGERS = re.compile(rf"{_STRING}|(?<![\d.eE+\-])(-?\d{{19,}})(?![\d.eE])", re.ASCII)
_BRACKETS = re.compile(rf"{_STRING}|[\[\]{{}}]")
_KEYS = re.compile(rf"({_STRING})(?:[ \t\r\n]*+(:))?|[{{}}]")
_ESCAPES = re.compile(r"\\(?:u([0-9a-fA-F]{4})|.)", re.DOTALL)
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


class StrictJSONError(ValueError):
    """A text that is not acceptable JSON.

    `code` is one of json.invalid, json.encoding, json.too_large, json.too_deep,
    json.duplicate_key, json.number_range and json.bad_character. `position` counts characters
    from 0; it is None where the whole text is at fault.
    """

    def __init__(self, code: str, detail: str, position: int | None = None) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.position = position


def loads(data: bytes | str, *, max_bytes: int = MAX_BYTES, max_depth: int = MAX_DEPTH) -> JSON:
    """Parse one JSON document.

    A scalar has depth 0, a list or object one more than its deepest value; `max_depth` is at
    most 250. An ordinary text costs its `orjson` parse and one visit of each container.

    Raises:
        StrictJSONError: the text is not acceptable; the code says why.
    """
    raw = data if isinstance(data, bytes) else _encode(data, max_bytes)
    if len(raw) > max_bytes:
        raise StrictJSONError(
            "json.too_large",
            f"The JSON text has {len(raw)} bytes; at most {max_bytes} are accepted.",
        )
    try:
        value: JSON = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise _explain(raw, error, max_depth) from None
    if rb"\u0000" in raw:
        _refuse_nul(raw.decode())
    if _NINETEEN_DIGITS in raw.translate(_DIGITS):
        _refuse_long_integers(raw.decode())
    # No text is deeper than the number of its opening brackets; most have few.
    if raw.count(b"[") + raw.count(b"{") > max_depth and _is_deeper(value, max_depth):
        raise _too_deep(raw.decode(), max_depth)
    if b"{" in raw:
        _refuse_duplicate_keys(raw, value)
    return value


def dumps(value: object) -> bytes:
    """Write compact UTF-8 JSON.

    Dates, UUIDs and dataclasses are written as `orjson` writes them; NaN and infinity become
    null. Raises TypeError for other types and for lone surrogates: pass values that come from
    outside through `sanitise` first.
    """
    return orjson.dumps(value)


def sanitise(value: object, *, max_depth: int = MAX_DEPTH) -> JSON:
    """Return `value` as JSON that every store and every reader accepts.

    NUL and lone surrogates become U+FFFD, what lies deeper than `max_depth` a marker, NaN and
    infinity null, integers beyond 64 bits their digits as text. Tuples and sets become lists,
    dataclasses and mappings objects, dates, UUIDs and decimals text.

    Raises:
        TypeError: a value has another type.
        StrictJSONError: there are more than a million values (`json.too_large`).
    """
    return _Sanitiser(max_depth).clean(value, 0)


def sanitise_text(text: str) -> str:
    """Replace NUL and lone surrogates, which no text column stores, by U+FFFD."""
    return _UNSTORABLE.sub(REPLACEMENT, text)


def _encode(text: str, max_bytes: int) -> bytes:
    if len(text) > max_bytes:
        raise StrictJSONError(
            "json.too_large",
            f"The JSON text has {len(text)} characters; at most {max_bytes} bytes are accepted.",
        )
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise StrictJSONError(
            "json.bad_character",
            f"Character {error.start} is half of a surrogate pair; send whole characters.",
            error.start,
        ) from None


def _is_deeper(value: JSON, max_depth: int) -> bool:
    level: list[JSON] = [value]
    for _ in range(max_depth):
        level = [
            item
            for container in level
            for item in (container.values() if type(container) is dict else container)  # type: ignore[union-attr]  # only containers are kept
            if type(item) is dict or type(item) is list
        ]
        if not level:
            return False
    return True


def _refuse_nul(text: str) -> None:
    for match in _ESCAPES.finditer(text):
        if match[1] == "0000":
            raise StrictJSONError(
                "json.bad_character",
                rf"The NUL character \u0000 at character {match.start()} is not accepted;"
                " remove it.",
                match.start(),
            )


def _refuse_long_integers(text: str) -> None:
    for match in _LONG_INTEGERS.finditer(text):
        digits = match[1]
        # 20 characters hold every 64-bit integer; `int` itself refuses thousands of digits.
        if digits and (len(digits) > 20 or not INT64_MIN <= int(digits) <= INT64_MAX):
            raise StrictJSONError(
                "json.number_range",
                f"The number at character {match.start()} is beyond 64 bits; send it as text.",
                match.start(),
            )


def _too_deep(text: str, max_depth: int) -> StrictJSONError:
    return StrictJSONError(
        "json.too_deep",
        f"Lists and objects are nested more than {max_depth} deep.",
        _position_of_depth(text, max_depth),
    )


def _position_of_depth(text: str, max_depth: int) -> int | None:
    depth = 0
    for match in _BRACKETS.finditer(text):
        found = match[0]
        if found in "[{":
            depth += 1
            if depth > max_depth:
                return match.start()
        elif found in "]}":
            depth -= 1
    return None


def _refuse_duplicate_keys(raw: bytes, value: JSON) -> None:
    """Raise if a key comes twice in one object of the text that `value` was parsed from.

    orjson keeps the last of two equal keys, so the text then has more colons than the value
    written out again; a colon that is spelled as an escape would hide one.
    """
    if raw.count(b":") == orjson.dumps(value).count(b":") and rb"\u003" not in raw:
        return
    text = raw.decode()
    seen: list[set[str]] = []
    for match in _KEYS.finditer(text):
        found = match[0]
        if found == "{":
            seen.append(set())
        elif found == "}":
            seen.pop()
        elif match[2]:
            key: str = orjson.loads(match[1])
            if key in seen[-1]:
                raise StrictJSONError(
                    "json.duplicate_key",
                    f"The key {key[:80]!r} comes twice in one object, again at character"
                    f" {match.start()}; send it once.",
                    match.start(),
                )
            seen[-1].add(key)


def _explain(raw: bytes, error: orjson.JSONDecodeError, max_depth: int) -> StrictJSONError:
    """Say which rule the text breaks that `orjson` has refused."""
    if raw.startswith(b"\xef\xbb\xbf"):
        return StrictJSONError(
            "json.encoding", "The text begins with a byte order mark; send UTF-8 without one.", 0
        )
    try:
        text = raw.decode()
    except UnicodeDecodeError as cause:
        position = len(raw[: cause.start].decode())
        return StrictJSONError(
            "json.encoding",
            f"The text is not UTF-8: byte {cause.start} is invalid; send UTF-8.",
            position,
        )
    reason, position = error.msg, error.pos
    if "depth limit" in reason:
        return _too_deep(text, max_depth)
    if "surrogate" in reason:
        return StrictJSONError(
            "json.bad_character",
            f"The string at character {position} holds half of a surrogate pair;"
            " send whole characters.",
            position,
        )
    if "infinity" in reason or text.startswith(("NaN", "Infinity", "-Infinity"), position):
        return StrictJSONError(
            "json.number_range",
            f"The number at character {position} is not finite in 64 bits; send a smaller one.",
            position,
        )
    if text.startswith("\0", position):
        return StrictJSONError(
            "json.bad_character", f"There is a NUL character at character {position}.", position
        )
    return StrictJSONError(
        "json.invalid", f"The text is not valid JSON at character {position}: {reason}.", position
    )


class _Sanitiser:
    """One walk over a value, with a bound on the number of nodes."""

    def __init__(self, max_depth: int) -> None:
        self.max_depth = max_depth
        self.nodes_left = MAX_NODES

    def clean(self, value: object, depth: int) -> JSON:
        """Return the JSON form of one value."""
        self.nodes_left -= 1
        if self.nodes_left < 0:
            raise StrictJSONError(
                "json.too_large", f"The value holds more than {MAX_NODES} values; return fewer."
            )
        match value:
            case Enum():
                return self.clean(value.value, depth)
            case str():
                return sanitise_text(value)
            case None | bool():
                return value
            case int():
                return _sanitise_integer(value)
            case float():
                return value if isfinite(value) else None
            case UUID() | Decimal():
                return str(value)
            case datetime() | date() | time():
                return value.isoformat()
            case _:
                return self._clean_container(value, depth + 1)

    def _clean_container(self, value: object, depth: int) -> JSON:
        if depth > self.max_depth:
            return TOO_DEEP
        if isinstance(value, list | tuple | set | frozenset):
            return [self.clean(item, depth) for item in value]
        if isinstance(value, Mapping):
            return {sanitise_text(str(key)): self.clean(item, depth) for key, item in value.items()}
        if is_dataclass(value) and not isinstance(value, type):
            return {
                field.name: self.clean(getattr(value, field.name), depth) for field in fields(value)
            }
        raise TypeError(f"A value of type {type(value).__name__!r} has no JSON form.")


def _sanitise_integer(value: int) -> JSON:
    if INT64_MIN <= value <= INT64_MAX:
        return value
    # Python refuses to write out more than 4,300 digits.
    return str(value) if value.bit_length() <= 4096 else TOO_BIG
