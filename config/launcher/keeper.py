"""The process that owns one embedded server for as long as anybody uses it.

Every user of a server (`make run`, `make test`, a command) holds a shared lock on the server's
users file. The keeper, one per server and clone, starts the server, restarts it when it dies, and
stops it when it can take that lock alone: the kernel releases a user's lock also after SIGKILL, so
nothing is counted and nothing goes stale. When the keeper itself is killed the kernel ends its
server, and the next user starts both again.
"""

import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FrameType
from typing import NoReturn, Protocol

from config.launcher.children import last_lines
from config.launcher.errors import LauncherError
from config.launcher.locations import Locations, find_locations, operator_environ
from config.launcher.locks import FileLock

logger = logging.getLogger(__name__)

POLL_S = 0.1
START_POLL_S = 0.05
# Exit codes that the starter tells apart.
ALREADY_KEPT = 3
FAILED = 4
# 1 is Python's own code for an exception that nobody caught.
FAILURES = (1, FAILED)
RESTARTS_IN_A_ROW = 5
STEADY_AFTER_S = 60.0


class EmbeddedServer(Protocol):
    """What a keeper needs of a server."""

    name: str
    """Also the module in this package that a keeper process runs."""
    title: str
    replaced_by: str
    """The variable that makes the embedded server unnecessary."""
    start_timeout_s: float
    log: Path
    process: subprocess.Popen[bytes] | None

    def environ(self) -> Mapping[str, str]:
        """Return the variable that leads a Django process here."""

    def answers(self) -> bool:
        """Tell by a real connection whether the server works."""

    def launch(self) -> None:
        """Start the server process."""

    def is_ready(self) -> bool:
        """Finish what a fresh start needs; True when the server can be used."""

    def stop(self) -> None:
        """End the server process cleanly."""


class Keeper:
    """Runs one server until nobody holds its users file."""

    def __init__(self, server: EmbeddedServer, locks: Path) -> None:
        self._server = server
        self._locks = locks
        self._ordered_to_stop = False

    def keep(self) -> int:
        """Start the server, stay with it, stop it; returns the exit code."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, self._on_terminate)
        with (
            FileLock(keeper_lock(self._locks, self._server.name)) as mine,
            FileLock(users_lock(self._locks, self._server.name)) as users,
            FileLock(ready_lock(self._locks, self._server.name)) as ready,
        ):
            if not mine.try_exclusive():
                return ALREADY_KEPT
            if users.try_exclusive():
                # Who started this keeper has gone.
                return 0
            try:
                self._start(ready)
                self._stay(users, ready)
            except LauncherError as error:
                # What the server wrote stands above it in the same log.
                logger.error("%s", error.message.splitlines()[0])
                return FAILED
            finally:
                # While this runs the users file is held, so that a newcomer waits and then
                # finds nobody here.
                self._server.stop()
        return 0

    def _stay(self, users: FileLock, ready: FileLock) -> None:
        restarts = 0
        started_at = time.monotonic()
        while not self._ordered_to_stop and not users.try_exclusive():
            time.sleep(POLL_S)
            process = self._server.process
            if process is None or process.poll() is None:
                continue
            restarts = 0 if time.monotonic() - started_at > STEADY_AFTER_S else restarts + 1
            if restarts > RESTARTS_IN_A_ROW:
                raise LauncherError(
                    f"{self._server.title} ended {restarts} times in a row.",
                    remedy=f"Look at {self._server.log}.",
                )
            logger.warning("%s ended with %s; restarting", self._server.name, process.returncode)
            self._start(ready)
            started_at = time.monotonic()

    def _start(self, ready: FileLock) -> None:
        ready.release()
        size_before = self._server.log.stat().st_size if self._server.log.exists() else 0
        self._server.launch()
        end = time.monotonic() + self._server.start_timeout_s
        while not self._server.is_ready():
            process = self._server.process
            ended = process is None or process.poll() is not None
            if ended or self._ordered_to_stop or time.monotonic() > end:
                what = "ended at once" if ended else "does not answer"
                raise LauncherError(
                    f"The embedded {self._server.title} {what}:\n"
                    + last_lines(self._server.log, since=size_before),
                    remedy=f"The whole log is {self._server.log}.",
                )
            time.sleep(START_POLL_S)
        ready.wait_exclusive()

    def _on_terminate(self, _signal: int, _frame: FrameType | None) -> None:
        self._ordered_to_stop = True


def main(kind: Callable[[Locations], EmbeddedServer]) -> NoReturn:
    """Keep one server of this clone: the whole of a keeper process."""
    logging.basicConfig(format="%(asctime)s keeper %(levelname)s %(message)s")
    locations = find_locations(operator_environ(os.environ))
    sys.exit(Keeper(kind(locations), locations.locks).keep())


def keeper_lock(locks: Path, name: str) -> Path:
    """Return the file that a server's keeper holds alone while it lives."""
    return locks / f"{name}.keeper"


def ready_lock(locks: Path, name: str) -> Path:
    """Return the file that a keeper holds alone while its server can be used.

    An answer alone does not say that: a server answers while its keeper still tidies up.
    """
    return locks / f"{name}.ready"


def users_lock(locks: Path, name: str) -> Path:
    """Return the file that everybody who uses a server holds shared."""
    return locks / f"{name}.users"
