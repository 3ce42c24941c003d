"""Advisory file locks (`flock`): held by a process, released by the kernel when it ends."""

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

POLL_S = 0.05


class FileLock:
    """One open handle on a lock file; shared or exclusive, never inherited by children."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def try_exclusive(self) -> bool:
        """Take the lock alone, or convert a shared hold; False when another handle holds it."""
        return self._try(fcntl.LOCK_EX)

    def try_shared(self) -> bool:
        """Take the lock beside other shared holders; False when one holds it alone."""
        return self._try(fcntl.LOCK_SH)

    def wait_exclusive(self, timeout_s: float | None = None) -> bool:
        """Wait to hold the lock alone; False when `timeout_s` has passed first."""
        return _wait_for(self.try_exclusive, timeout_s)

    def wait_shared(self, timeout_s: float | None = None) -> bool:
        """Wait to hold the lock beside others; False when `timeout_s` has passed first."""
        return _wait_for(self.try_shared, timeout_s)

    def release(self) -> None:
        """Let the lock go and keep the handle."""
        fcntl.flock(self._handle, fcntl.LOCK_UN)

    def write_note(self, text: str) -> None:
        """Replace the file's text, which others may read; for the exclusive holder."""
        os.ftruncate(self._handle, 0)
        os.pwrite(self._handle, text.encode(), 0)

    def close(self) -> None:
        """Release the lock and the handle."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _try(self, operation: int) -> bool:
        try:
            fcntl.flock(self._handle, operation | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def _wait_for(attempt: Callable[[], bool], timeout_s: float | None) -> bool:
    end = None if timeout_s is None else time.monotonic() + timeout_s
    while not attempt():
        if end is not None and time.monotonic() >= end:
            return False
        time.sleep(POLL_S)
    return True


@contextmanager
def exclusive(path: Path, *, on_wait: Callable[[], None] | None = None) -> Iterator[FileLock]:
    """Hold the lock file alone; `on_wait` is called once when another process has it."""
    with FileLock(path) as lock:
        if not lock.try_exclusive():
            if on_wait is not None:
                on_wait()
            lock.wait_exclusive()
        yield lock


def is_held_alone(path: Path) -> bool:
    """Tell whether some process holds the lock file exclusively right now."""
    with FileLock(path) as lock:
        return not lock.try_shared()
