"""Telling the person in front of the terminal what is going on (on standard error)."""

import contextlib
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager


def say(text: str, *, end: str = "\n") -> None:
    """Print one line at once; a terminal that has been closed is no reason to fail."""
    with contextlib.suppress(OSError):
        print(text, end=end, file=sys.stderr, flush=True)


@contextmanager
def step(title: str) -> Iterator[None]:
    """Show a step that may take seconds, and at its end how long it took."""
    say(f"  {title} ... ", end="")
    started_at = time.monotonic()
    try:
        yield
    except BaseException:
        say("not finished")
        raise
    say(f"{time.monotonic() - started_at:.1f} s")
