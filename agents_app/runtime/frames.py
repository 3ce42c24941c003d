"""What readers of a run get: events and pieces of text, with the cursor after each.

A frame is encoded once per process and sent to every socket as it is.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import orjson
from typing_extensions import override

from agents_app.engine.events import TERMINAL_TYPES
from config.common.errors import FormInvalid


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """How far a reader has come: the last event, and the text of the answer after it."""

    seq: int = 0
    offset: int = 0

    @override
    def __str__(self) -> str:
        return f"{self.seq}:{self.offset}"


def parse_cursor(raw: str) -> Cursor:
    """Read `seq` or `seq:offset`.

    Raises:
        FormInvalid: it is anything else.
    """
    seq, _, offset = raw.partition(":")
    if not all(
        part.isascii() and part.isdigit() and len(part) < 10 for part in (seq, offset or "0")
    ):
        raise FormInvalid(
            f"{raw[:40]!r} is not a cursor; write seq or seq:offset, such as 7:120.",
            code="cursor.invalid",
        )
    return Cursor(seq=int(seq), offset=int(offset or 0))


@dataclass(slots=True, kw_only=True)
class EventFrame:
    """A recorded event."""

    run_id: UUID
    seq: int
    attempt: int
    type: str
    payload: str
    """JSON text."""
    at: str
    """ISO 8601."""
    _encoded: bytes = b""
    _data: Mapping[str, Any] | None = field(default=None, repr=False)

    @property
    def cursor(self) -> Cursor:
        """The cursor after this frame."""
        return Cursor(seq=self.seq)

    @property
    def is_last(self) -> bool:
        """Whether nothing follows in this run."""
        return self.type in TERMINAL_TYPES

    @property
    def data(self) -> Mapping[str, Any]:
        """The payload, parsed at first use."""
        if self._data is None:
            self._data = orjson.loads(self.payload)
        return self._data

    def encode(self) -> bytes:
        """Return the JSON object that sockets and server-sent events carry."""
        if not self._encoded:
            self._encoded = orjson.dumps(
                {
                    "type": self.type,
                    "run": str(self.run_id),
                    "seq": self.seq,
                    "offset": 0,
                    "attempt": self.attempt,
                    "at": self.at,
                    "data": orjson.Fragment(self.payload),
                }
            )
        return self._encoded


@dataclass(slots=True, kw_only=True)
class DeltaFrame:
    """A piece of the answer that is being written; `seq` is the event before it."""

    run_id: UUID
    step: int
    attempt: int
    offset: int
    text: str

    @property
    def end(self) -> int:
        """Code points of the step's text up to and with this piece."""
        return self.offset + len(self.text)

    def encode(self, seq: int) -> bytes:
        """Return the JSON object that sockets and server-sent events carry."""
        return orjson.dumps(
            {
                "type": "message.delta",
                "run": str(self.run_id),
                "seq": seq,
                "step": self.step,
                "attempt": self.attempt,
                "offset": self.offset,
                "end": self.end,
                "text": self.text,
            }
        )

    def from_offset(self, offset: int) -> "DeltaFrame":
        """Return the part of the piece that begins at `offset`."""
        return DeltaFrame(
            run_id=self.run_id,
            step=self.step,
            attempt=self.attempt,
            offset=offset,
            text=self.text[offset - self.offset :],
        )


Frame = EventFrame | DeltaFrame
