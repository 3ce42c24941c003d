"""One command in the foreground with the servers up: tests, checks, management commands."""

import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence

from config.launcher.children import die_with_parent
from config.launcher.errors import LauncherError
from config.launcher.keys import ensure_keys
from config.launcher.locations import Locations
from config.launcher.services import services
from config.launcher.valkey import DATABASES

# What a test run must not take from the installation beside it: each variable is set to nothing.
WITHHELD_FROM_TESTS = ("OPENAI_API_KEY", "OPENAI_BASE_URL", "LOCAL_MODEL_URL", "EGRESS_ALLOW")


def run_command(
    locations: Locations, operator: Mapping[str, str], words: Sequence[str], *, for_tests: bool
) -> int:
    """Run `words` with DATABASE_URL and REDIS_URL set; returns its exit code.

    The command shares our terminal and gets Ctrl-C itself. `for_tests` sets a cache database and
    a channel prefix of its own, and hides the operator's models.
    """
    ensure_keys(locations.var)
    with services(locations, operator) as use:
        environ = {**os.environ, **use.environ}
        if for_tests:
            environ |= test_environ(environ)
        previous = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            process = subprocess.Popen(
                list(words),
                env=environ,
                preexec_fn=_foreground(die_with_parent()),
            )
        except OSError as error:
            raise LauncherError(
                f"{words[0]!r} cannot be started: {error.strerror}.",
                remedy="Check the spelling and the path.",
            ) from error
        signal.signal(signal.SIGTERM, lambda number, _frame: process.send_signal(number))
        try:
            code = process.wait()
        finally:
            signal.signal(signal.SIGINT, previous)
    return code if code >= 0 else 128 - code


def test_environ(environ: Mapping[str, str]) -> dict[str, str]:
    """Return what sets a test run apart from the installation and from other test runs.

    Test databases get their names from the test suite; PostgreSQL need not wait for the disk
    for data that is thrown away.
    """
    number = os.getpid()
    values = dict.fromkeys(WITHHELD_FROM_TESTS, "")
    values["CHANNEL_PREFIX"] = f"test-{number}"
    url = environ["DATABASE_URL"]
    values["DATABASE_URL"] = (
        url + ("&" if "?" in url else "?") + "options=-c%20synchronous_commit%3Doff"
        if "options=" not in url
        else url
    )
    redis = environ["REDIS_URL"]
    if redis.startswith("unix://") and redis.endswith("?db=0"):
        # Database 0 is the installation's.
        values["REDIS_URL"] = f"{redis.removesuffix('0')}{1 + number % (DATABASES - 1)}"
    return values


def _foreground(bind: Callable[[], None] | None) -> Callable[[], None]:
    def prepare() -> None:
        # An ignored signal stays ignored in a new program; this one must hear Ctrl-C.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        if bind is not None:
            bind()

    return prepare
