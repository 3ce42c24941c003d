"""A small clone of this project, with the real launcher and stand-ins for Django's commands."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from config.environment import BASE_DIR, read_env_file

# Long enough for two busy cores; every wait ends as soon as its condition holds.
PATIENCE_S = 40.0
# What a run of the tests itself sets and a fresh machine does not have.
FOREIGN = (
    *("DATABASE_URL", "REDIS_URL", "LOCAL_MODEL_URL", "EGRESS_ALLOW", "OPENAI_API_KEY"),
    *("OPENAI_BASE_URL", "CHANNEL_PREFIX", "SECRET_KEY", "ENCRYPTION_KEYS", "PORT", "STATE_DIR"),
)

# Parts of command lines.
POSTMASTER = "bin/postgres -D"
KEEPER = "config.launcher.postgres"

MANAGE = '''
"""Stand-in for Django's command line: the contract that the launcher relies on."""
import json, os, pathlib, signal, sys

command, options = sys.argv[1], dict(word.split("=") for word in sys.argv[2:] if "=" in word)
if os.environ.get("FAILING_COMMAND") == command:
    sys.exit("the table 'agents' is in the way")
if command == "migrate":
    import psycopg
    with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS visit (at timestamptz DEFAULT now())")
        connection.execute("INSERT INTO visit DEFAULT VALUES")
if command == "demo":
    token = pathlib.Path(options["--token-file"])
    if not token.exists():
        token.write_text("ab_0123")
    password = pathlib.Path(options["--password-file"]).read_text().strip()
    print(json.dumps({"username": "admin", "password": password, "token": token.read_text()}))
if command == "worker":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    while True:
        signal.pause()
'''

ASGI = '''
"""Stand-in for the product: answers everything, and dies when asked to."""
import os

async def application(scope, receive, send):
    if scope["path"] == "/die":
        print("ERROR about to die", flush=True)
        os._exit(7)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": str(os.getpid()).encode()})
'''


def wait_until(
    condition: Callable[[], object], what: str, *, timeout_s: float = PATIENCE_S
) -> None:
    """Poll until the condition holds; fails the test by name when it never does."""
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, f"waited in vain until {what}"
        time.sleep(0.05)


@dataclass(kw_only=True)
class Clone:
    """A copy of the launcher in a folder of its own, with its own state."""

    path: Path
    state: Path
    python: str = sys.executable
    extra_environ: dict[str, str] = field(default_factory=dict)
    user: int | None = None
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    @property
    def environ(self) -> dict[str, str]:
        """The environment of a fresh machine."""
        kept = {name: value for name, value in os.environ.items() if name not in FOREIGN}
        return {
            **kept,
            "STATE_DIR": str(self.state),
            "LOCAL_MODEL": "false",
            "PYTHONUNBUFFERED": "1",
            **self.extra_environ,
        }

    def start(self, *words: str, **environ: str) -> subprocess.Popen[str]:
        """Start `python -m config.launcher WORDS`."""
        process = subprocess.Popen(
            [self.python, "-m", "config.launcher", *words],
            cwd=self.path,
            env={**self.environ, **environ},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            user=self.user,
            group=self.user,
            extra_groups=None if self.user is None else [],
        )
        self.started.append(process)
        return process

    def call(self, *words: str, **environ: str) -> tuple[int, str]:
        """Run the launcher to its end; returns exit code and output."""
        process = self.start(*words, **environ)
        output, _ = process.communicate(timeout=PATIENCE_S)
        return process.returncode, output

    def sql(self, statement: str, **environ: str) -> str:
        """Run one statement through `exec` and return the first value."""
        code, output = self.call("exec", "--", self.python, "-c", QUERY, statement, **environ)
        assert code == 0, output
        return output.splitlines()[-1]

    def run(self, **environ: str) -> tuple[subprocess.Popen[str], str]:
        """Start `run` and wait for its welcome; returns the process and its address."""
        # A launcher that was killed leaves the file of its addresses behind.
        self.services_env.unlink(missing_ok=True)
        process = self.start("run", **environ)
        wait_until(
            lambda: process.poll() is not None or self.services_env.exists(), "`run` is ready"
        )
        assert process.poll() is None, process.communicate()[0]
        return process, read_env_file(self.services_env)["AGENT_BUILDER_URL"]

    @property
    def services_env(self) -> Path:
        """The file that leads other terminals to the running servers."""
        return self.path / "var" / "services.env"

    def processes(self) -> dict[int, str]:
        """Every process that works in the clone or its state, with its command line."""
        found = {}
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                where = (folder / "cwd").readlink()
                words = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue
            if words and (where.is_relative_to(self.path) or where.is_relative_to(self.state)):
                found[int(folder.name)] = words
        return found

    def pid_of(self, words: str) -> int:
        """The process whose command line contains the words; waits for it."""
        found: list[int] = []

        def search() -> list[int]:
            found[:] = [pid for pid, line in self.processes().items() if words in line]
            return found

        wait_until(search, f"a process {words!r} runs")
        return found[0]

    def assert_nothing_runs(self) -> None:
        """Fail unless every process of this clone has ended or is about to."""
        wait_until(lambda: not self.processes(), f"{self.processes()} have ended", timeout_s=15)

    def kill_all(self) -> None:
        """SIGKILL everything of this clone, as a crashed machine would."""
        for pid in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for process in self.started:
            process.wait()
            if process.stdout is not None:
                process.stdout.close()
        self.started.clear()
        wait_until(lambda: not self.processes(), "everything has gone")


QUERY = """
import os, sys, psycopg
with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
    cursor = connection.execute(sys.argv[1])
    print(cursor.fetchone()[0] if cursor.description else "done")
"""


@pytest.fixture(scope="module")
def clone() -> Iterator[Clone]:
    """A clone whose embedded cluster is kept for the tests of one file."""
    with _new_clone() as made:
        yield made


@pytest.fixture
def fresh_clone() -> Iterator[Clone]:
    """A clone that has never been started."""
    with _new_clone() as made:
        yield made


@pytest.fixture(autouse=True)
def _nothing_left_running(request: pytest.FixtureRequest) -> Iterator[None]:
    # A test file may keep one run for all of its tests; then it sees to the end itself.
    is_kept = "running" in request.fixturenames
    names = set() if is_kept else {"clone", "fresh_clone"} & set(request.fixturenames)
    clones: list[Clone] = [request.getfixturevalue(name) for name in names]
    yield
    for made in clones:
        made.extra_environ.clear()
        try:
            made.assert_nothing_runs()
        finally:
            made.kill_all()


class _new_clone:
    """Makes the folders below /tmp, where an unprivileged account can enter, and removes them."""

    def __enter__(self) -> Clone:
        self.root = Path(tempfile.mkdtemp(prefix="ab-"))
        self.root.chmod(0o755)
        path = self.root / "clone"
        (path / "config").mkdir(parents=True)
        for name in ("__init__.py", "environment.py"):
            shutil.copy(BASE_DIR / "config" / name, path / "config" / name)
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(BASE_DIR / "config/launcher", path / "config/launcher", ignore=ignored)
        (path / "config" / "asgi.py").write_text(ASGI)
        (path / "manage.py").write_text(MANAGE)
        self.clone = Clone(path=path, state=self.root / "state")
        return self.clone

    def __exit__(self, *_details: object) -> None:
        self.clone.kill_all()
        shutil.rmtree(self.root)
