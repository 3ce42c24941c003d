"""Time-ordered identifiers: UUID version 7 (RFC 9562, section 5.7), made in Python.

Primary keys sort by creation time, so that keyset pagination and range partitions work on them.
"""

import os
import threading
import time
from datetime import UTC, datetime
from uuid import UUID

_lock = threading.Lock()
_last_ms = 0
_counter = 0


def uuid7() -> UUID:
    """Return a new identifier, greater than every earlier one of this process.

    48 bits of Unix milliseconds, a 12-bit counter within the millisecond that starts at random
    in its lower half (RFC 9562, section 6.2, method 1), and 62 random bits.
    """
    global _last_ms, _counter
    random = int.from_bytes(os.urandom(10), "big")
    with _lock:
        now_ms = time.time_ns() // 1_000_000
        if now_ms > _last_ms:
            _last_ms, _counter = now_ms, random & 0x7FF
        else:
            _counter += 1
            if _counter > 0xFFF:
                _last_ms, _counter = _last_ms + 1, random & 0x7FF
        milliseconds, counter = _last_ms, _counter
    tail = random >> 12 & (1 << 62) - 1
    return UUID(int=milliseconds << 80 | 0x7 << 76 | counter << 64 | 0x2 << 62 | tail)


def created_at(identifier: UUID) -> datetime:
    """Return the moment, to the millisecond, at which a version 7 identifier was made."""
    return datetime.fromtimestamp((identifier.int >> 80) / 1000, tz=UTC)
