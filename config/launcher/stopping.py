"""Turning Ctrl-C, SIGTERM and a closed terminal into one exception, once."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopRequestedError(Exception):
    """Somebody asked this process to stop."""


@contextmanager
def stop_signals() -> Iterator[None]:
    """Raise `StopRequestedError` in the block at the first stop signal.

    Later ones are ignored, so that the clean-up, which is bounded in time, runs to its end.
    """
    previous = {number: signal.signal(number, _request_stop) for number in STOP_SIGNALS}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _request_stop(_number: int, _frame: FrameType | None) -> None:
    for number in STOP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    raise StopRequestedError
