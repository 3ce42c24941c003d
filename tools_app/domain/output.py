"""What the model reads of a result: clean text of a bounded size."""

import re
from dataclasses import dataclass

from config.common.strict_json import (
    MAX_DEPTH,
    StrictJSONError,
    dumps,
    loads,
    sanitise,
    sanitise_text,
)

# Terminal escapes, control characters but tab and line ends, and characters that hide text or
# turn its direction: zero width, bidirectional controls, tags.
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")
_HIDDEN = re.compile(
    "[\x01-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069"
    "\ufeff\U000e0000-\U000e007f]"
)
_TEXT_SUBTYPES = frozenset({"xml", "javascript", "x-www-form-urlencoded", "yaml", "x-ndjson"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolOutput:
    """The result of a call as text."""

    content: str
    is_truncated: bool = False
    size_bytes: int
    """Of the whole result in UTF-8, before it was cut."""


def output_of(value: object, *, max_bytes: int) -> ToolOutput:
    """Turn a result into clean text: text as it is, None as nothing, the rest as compact JSON.

    Raises:
        TypeError: the value has no JSON form.
        StrictJSONError: it holds more than a million values.
    """
    if value is None:
        text = ""
    elif isinstance(value, str):
        text = value
    else:
        text = dumps(sanitise(value)).decode()
    text = clean(text)
    content = text.encode()
    if len(content) <= max_bytes:
        return ToolOutput(content=text, size_bytes=len(content))
    kept = content[:max_bytes].decode(errors="ignore")
    return ToolOutput(
        content=f"{kept}\n[cut off after {max_bytes:,} of {len(content):,} bytes]",
        is_truncated=True,
        size_bytes=len(content),
    )


def text_of_body(body: bytes, *, media_type: str, charset: str) -> str:
    """Return the body of an answer as text: JSON compacted, other text decoded.

    Bytes that are no text of the charset become U+FFFD; a body that is not text is described.
    """
    if not body:
        return ""
    if media_type == "application/json" or media_type.endswith("+json"):
        try:
            return dumps(loads(body, max_bytes=len(body), max_depth=MAX_DEPTH)).decode()
        except StrictJSONError:
            pass  # Shown as it came: the model may still make sense of it.
    elif not _is_text(media_type, body):
        return f"[{media_type or 'unknown data'}, {len(body):,} bytes, not shown]"
    if body.startswith((b"\xff\xfe", b"\xfe\xff")):
        charset = "utf-16"
    try:
        return body.decode(charset or "utf-8", errors="replace")
    except LookupError:
        return body.decode(errors="replace")


def clean(text: str) -> str:
    """Remove what is invisible or steers a terminal, and replace what cannot be stored."""
    if text.isascii() and text.isprintable():
        return text
    return _HIDDEN.sub("", _ESCAPES.sub("", sanitise_text(text)))


def _is_text(media_type: str, body: bytes) -> bool:
    kind, _, subtype = media_type.partition("/")
    if kind == "text" or subtype in {
        "xml",
        "javascript",
        "x-www-form-urlencoded",
        "yaml",
        "x-ndjson",
    }:
        return True
    if subtype.endswith(("+xml", "+yaml")):
        return True
    return not media_type and b"\0" not in body[:1024]
