"""Announcing what was recorded. The bell may fail to ring; readers then find it in the log."""

import asyncio
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from channels.layers import get_channel_layer
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

SEND_TIMEOUT_S = 1.0
PAUSE_AFTER_FAILURE_S = 2.0

_silent_until = 0.0


def run_group(run_id: UUID | str) -> str:
    """Return the group that hears of one run."""
    return f"run.{run_id}"


def session_group(session_id: UUID | str) -> str:
    """Return the group that hears of new runs of one session."""
    return f"session.{session_id}"


async def ring(group: str, message: dict[str, Any]) -> None:
    """Send to a group; a failure is logged and pauses the bell for two seconds."""
    if time.monotonic() < _silent_until:
        return
    with tolerated():
        async with asyncio.timeout(SEND_TIMEOUT_S):
            await get_channel_layer().group_send(group, message)


@contextmanager
def tolerated() -> Iterator[None]:
    """Let a failure of the channel layer pass: readers find everything in the log."""
    global _silent_until
    try:
        yield
    except (OSError, TimeoutError, RedisError) as error:
        _silent_until = time.monotonic() + PAUSE_AFTER_FAILURE_S
        logger.warning("bell.silent", extra={"reason": type(error).__name__})
