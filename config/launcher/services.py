"""Using PostgreSQL and Redis: the operator's where set, else the embedded ones."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import psycopg

from config.launcher.children import last_lines, open_log
from config.launcher.errors import LauncherError
from config.launcher.keeper import FAILURES, EmbeddedServer, keeper_lock, ready_lock, users_lock
from config.launcher.locations import Locations
from config.launcher.locks import FileLock, is_held_alone
from config.launcher.postgres import EmbeddedPostgres
from config.launcher.progress import say, step
from config.launcher.valkey import EmbeddedValkey

POLL_S = 0.05
STOP_TIMEOUT_S = 20.0
CONNECT_TIMEOUT_S = 5
# The variable that names the operator's server, and what stands in for it.
SERVERS: dict[str, Callable[[Locations], EmbeddedServer]] = {
    "DATABASE_URL": EmbeddedPostgres,
    "REDIS_URL": EmbeddedValkey,
}


class ServiceUse:
    """One process's use of the servers it needs; the last user out stops an embedded one."""

    def __init__(self, locations: Locations, operator: Mapping[str, str]) -> None:
        self._locations = locations
        self._operator = operator
        self._servers: list[EmbeddedServer] = [
            kind(locations) for name, kind in SERVERS.items() if not operator.get(name)
        ]
        self._holds: dict[str, FileLock] = {}
        self._keepers: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def environ(self) -> dict[str, str]:
        """DATABASE_URL and REDIS_URL for the processes that work with these servers."""
        values = {name: self._operator[name] for name in SERVERS if self._operator.get(name)}
        for server in self._servers:
            values |= server.environ()
        return values

    def start(self) -> None:
        """Make every server answer, starting what is embedded and does not run."""
        for server in self._servers:
            hold = FileLock(users_lock(self._locations.locks, server.name))
            self._holds[server.name] = hold
            # Held alone only by a keeper on its way out.
            hold.wait_shared()
            if not server.answers():
                self._spawn_keeper(server)
        for server in self._servers:
            with step(f"Starting {server.title}"):
                self._ensure(server)
        _check_operators(self._operator)

    def revive(self) -> list[str]:
        """Start embedded servers again that were killed together with their keeper.

        Returns the titles of those that did not answer.
        """
        silent = [server for server in self._servers if not server.answers()]
        for server in silent:
            self._ensure(server)
        return [server.title for server in silent]

    def stop(self) -> None:
        """Give the servers up and, where nobody else uses one, wait until it has stopped."""
        for hold in self._holds.values():
            hold.close()
        self._holds.clear()
        for server in self._servers:
            self._await_end(server)

    def _ensure(self, server: EmbeddedServer) -> None:
        end = time.monotonic() + server.start_timeout_s + 10
        lock = keeper_lock(self._locations.locks, server.name)
        ready = ready_lock(self._locations.locks, server.name)
        while not (is_held_alone(ready) and server.answers()):
            keeper = self._keepers.get(server.name)
            if keeper is not None and (keeper.poll() or 0) in FAILURES:
                raise LauncherError(
                    f"The embedded {server.title} could not be started:\n" + last_lines(server.log),
                    remedy=f"The whole log is {server.log}. To use a server of your own, set"
                    f" {server.replaced_by} in the environment or in .env.",
                )
            if time.monotonic() > end:
                raise LauncherError(
                    f"The embedded {server.title} did not answer in time.",
                    remedy=f"Look at {server.log}.",
                )
            if (keeper is None or keeper.poll() is not None) and not is_held_alone(lock):
                self._spawn_keeper(server)
            time.sleep(POLL_S)

    def _spawn_keeper(self, server: EmbeddedServer) -> None:
        with open_log(server.log) as log:
            self._keepers[server.name] = subprocess.Popen(
                [sys.executable, "-m", f"config.launcher.{server.name}"],
                cwd=self._locations.base,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _await_end(self, server: EmbeddedServer) -> None:
        users = users_lock(self._locations.locks, server.name)
        lock = keeper_lock(self._locations.locks, server.name)
        keeper = self._keepers.get(server.name)
        end = time.monotonic() + STOP_TIMEOUT_S
        # A keeper of ours that has not yet taken its lock finds no user and ends, too.
        while is_held_alone(lock) or (keeper is not None and keeper.poll() is None):
            with FileLock(users) as probe:
                # Shared but not alone: somebody else uses it. Neither: its keeper is stopping it.
                if not probe.try_exclusive() and probe.try_shared():
                    return
            if time.monotonic() > end:
                say(f"The embedded {server.title} has not stopped yet; look at {server.log}.")
                return
            time.sleep(POLL_S)


@contextmanager
def services(locations: Locations, operator: Mapping[str, str]) -> Iterator[ServiceUse]:
    """Use the servers for the length of the block."""
    use = ServiceUse(locations, operator)
    try:
        use.start()
        yield use
    finally:
        use.stop()


def _check_operators(operator: Mapping[str, str]) -> None:
    """Connect to the servers that the operator named; raises `LauncherError` when one is silent."""
    if operator.get("DATABASE_URL"):
        try:
            psycopg.connect(operator["DATABASE_URL"], connect_timeout=CONNECT_TIMEOUT_S).close()
        except psycopg.Error as error:
            raise LauncherError(
                f"The database of DATABASE_URL does not answer: {error}".strip(),
                remedy="Start it, correct DATABASE_URL, or unset it to use the embedded one.",
            ) from error
    if operator.get("REDIS_URL"):
        # A fifth of a second that only those pay who have a server of their own.
        import redis

        try:
            with redis.Redis.from_url(
                operator["REDIS_URL"], socket_connect_timeout=CONNECT_TIMEOUT_S
            ) as client:
                client.ping()
        except (redis.RedisError, ValueError) as error:
            raise LauncherError(
                f"The server of REDIS_URL does not answer: {error}".strip(),
                remedy="Start it, correct REDIS_URL, or unset it to use the embedded one.",
            ) from error
