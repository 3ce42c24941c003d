"""Server-sent events, split as the bytes come in: only the `data` of each event is kept.

Follows the event stream format of the HTML standard
(https://html.spec.whatwg.org/multipage/server-sent-events.html, read 2026-11-23), but an event
that the stream's end cuts is returned too: servers forget the last blank line, and a half JSON
text is found by its reader.
"""

from agents_app.engine.errors import StreamBroken

MAX_EVENT_BYTES = 16 * 1_048_576
_BOM = b"\xef\xbb\xbf"


class EventSplitter:
    """Takes the bytes of one stream, cut anywhere, and gives back whole events."""

    def __init__(self, *, max_event_bytes: int = MAX_EVENT_BYTES) -> None:
        """Begin a stream; an event of more than `max_event_bytes` is refused."""
        self._max_event_bytes = max_event_bytes
        self._pending: list[bytes] = []
        """The bytes after the last whole event; together they hold no blank line."""
        self._pending_bytes = 0
        self._ends_line = True
        """Whether the pending bytes end in a line feed, or are the stream's beginning."""
        self._skips_line_feed = False
        """Whether the last byte was a carriage return, so that a line feed belongs to it."""
        self._is_at_start = True

    def feed(self, chunk: bytes) -> list[bytes]:
        """Return the data of the events that `chunk` completes, in order; none are empty.

        Raises:
            StreamBroken: an event grew past the limit.
        """
        if self._is_at_start:
            chunk = self._without_bom(chunk)
        if self._skips_line_feed or b"\r" in chunk:
            chunk = self._with_line_feeds(chunk)
        if not chunk:
            return []
        closes_line = self._ends_line and chunk[0] == 10
        self._ends_line = chunk[-1] == 10
        self._pending.append(chunk)
        self._pending_bytes += len(chunk)
        if not closes_line and b"\n\n" not in chunk:
            self._check_size()
            return []
        blocks = b"".join(self._pending).split(b"\n\n")
        rest = blocks.pop()
        self._pending = [rest] if rest else []
        self._pending_bytes = len(rest)
        self._ends_line = not rest or rest[-1] == 10
        self._check_size()
        return [data for block in blocks if (data := _data(block))]

    def finish(self) -> list[bytes]:
        """Return the data of the event that the end of the stream completes, if there is one."""
        data = _data(b"".join(self._pending))
        self._pending.clear()
        self._pending_bytes = 0
        return [data] if data else []

    def _check_size(self) -> None:
        if self._pending_bytes > self._max_event_bytes:
            raise StreamBroken(
                f"The model server sent an event of more than {self._max_event_bytes:,} bytes."
            )

    def _without_bom(self, chunk: bytes) -> bytes:
        """Drop a byte order mark, which may come in pieces."""
        seen = b"".join(self._pending) + chunk
        self._pending.clear()
        self._pending_bytes = 0
        if len(seen) < len(_BOM) and _BOM.startswith(seen):
            self._pending.append(seen)
            self._pending_bytes = len(seen)
            return b""
        self._is_at_start = False
        return seen.removeprefix(_BOM)

    def _with_line_feeds(self, chunk: bytes) -> bytes:
        """Return the chunk with every line end as one line feed."""
        if self._skips_line_feed and chunk[:1] == b"\n":
            chunk = chunk[1:]
        elif not chunk:
            return chunk
        self._skips_line_feed = chunk[-1:] == b"\r"
        return chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def _data(block: bytes) -> bytes:
    """Return the joined data lines of one event."""
    # Providers send `data: ...` alone or after one `event: ...` line.
    start = 0
    if block.startswith(b"event:"):
        start = block.find(b"\n") + 1
    if block.startswith(b"data: ", start) and block.find(b"\n", start) < 0:
        return block[start + 6 :]
    values = []
    for line in block.split(b"\n"):
        if line.startswith(b"data:"):
            value = line[5:]
            values.append(value[1:] if value.startswith(b" ") else value)
    return b"\n".join(values)
