"""A running product for tests: web server, worker and fake model server as real processes.

It has a database of its own on the server of DATABASE_URL, a free port, and log files whose last
lines stand in every error. Everything is stopped by its own process id.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit, urlunsplit
from urllib.request import Request, urlopen
from uuid import uuid4

import psycopg
from psycopg import sql

from config.launcher import web
from config.launcher.children import last_lines, spawn, stop
from tests.fake_openai.process import ROOT, FakeOpenAI

START_TIMEOUT_S = 60.0
STOP_PATIENCE_S = 20.0
PASSWORD = "correct horse battery staple"

ACCESS = """
import json
from django.contrib.auth.models import User
from workspaces_app.models import Membership, Workspace
from workspaces_app.services.providers import sync_providers
from workspaces_app.services.tokens import create_token
user = User.objects.create_superuser("admin", "admin@example.org", {password!r})
workspace, _ = Workspace.objects.get_or_create(name="default")
Membership.objects.create(workspace=workspace, user=user, role="admin")
sync_providers(workspace)
print(json.dumps(create_token(user, name="Tests", lifetime=None)[1]))
"""


@dataclass(slots=True, kw_only=True)
class LiveProduct:
    """A product that answers at `url`; its user `admin` has `PASSWORD` and `token`."""

    url: str
    token: str
    fake: FakeOpenAI
    environ: Mapping[str, str]
    folder: Path
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start_worker(self, name: str = "worker") -> subprocess.Popen[bytes]:
        """Start a worker, beside those that run."""
        command = [sys.executable, "manage.py", "worker", "--concurrency", "20"]
        return self.start(name, command)

    def start(
        self, name: str, command: Sequence[str], *, inherited: Sequence[int] = ()
    ) -> subprocess.Popen[bytes]:
        """Start a process of the product; it ends with the test run at the latest."""
        self.processes[name] = spawn(
            command, log=self.log(name), environ=self.environ, folder=ROOT, inherited=inherited
        )
        return self.processes[name]

    def log(self, name: str) -> Path:
        """Return where a process writes."""
        return self.folder / f"{name}.log"

    def manage(self, *words: str) -> str:
        """Run a management command and return what it prints; its failure is an error."""
        done = subprocess.run(
            [sys.executable, "manage.py", *words],
            cwd=ROOT,
            env=dict(self.environ),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise RuntimeError(f"manage.py {words[0]} failed:\n{done.stdout}{done.stderr}")
        return done.stdout

    def api(self, method: str, path: str, body: Any = None) -> Any:
        """Call the API below `/api/v1/` as the user `admin` and return the JSON of the answer."""
        request = Request(
            f"{self.url}/api/v1/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "Authorization": f"Bearer {self.token}",
                "Content-Type": "application/json",
            },
        )
        try:
            with urlopen(request, timeout=30) as answer:
                raw = answer.read()
        except HTTPError as error:
            raise AssertionError(f"{method} {path}: {error.status} {error.read()!r}") from error
        return json.loads(raw) if raw else None

    def last_words(self) -> str:
        """Return the last lines of every log, for the message of a failed test."""
        return "\n".join(f"{name}:\n{last_lines(self.log(name))}" for name in self.processes)

    def stop(self) -> None:
        """End what was started and still runs, the newest first."""
        for process in reversed(self.processes.values()):
            stop(process, patience_s=STOP_PATIENCE_S)


@contextmanager
def running_product(folder: Path, **settings: str) -> Iterator[LiveProduct]:
    """Start database, fake model server, web server and one worker; stop them at the end.

    Args:
        folder: An empty folder for the logs.
        settings: Further environment variables, such as `RUN_DEADLINE_S="5"`.
    """
    with FakeOpenAI() as fake, _database() as database_url, web.listen(None) as listener:
        port = listener.getsockname()[1]
        product = LiveProduct(
            url=f"http://{web.HOST}:{port}",
            token="",
            fake=fake,
            environ=_environ(database_url, fake, settings),
            folder=folder,
        )
        product.manage("migrate", "--no-input")
        shell = product.manage("shell", "-v", "0", "-c", ACCESS.format(password=PASSWORD))
        product.token = json.loads(shell.strip().splitlines()[-1])
        try:
            product.start_worker()
            handle = listener.fileno()
            daphne = ["-m", "daphne", "--fd", str(handle), "--access-log", os.devnull]
            product.start(
                "web", [sys.executable, *daphne, "config.asgi:application"], inherited=[handle]
            )
            _wait_until_it_answers(product, port)
            yield product
        finally:
            product.stop()


def _environ(database_url: str, fake: FakeOpenAI, settings: Mapping[str, str]) -> Mapping[str, str]:
    return {
        **os.environ,
        "DATABASE_URL": database_url,
        "CHANNEL_PREFIX": f"live-{uuid4().hex[:12]}",
        "OPENAI_API_KEY": "sk-test",
        "OPENAI_BASE_URL": fake.base_url,
        "OPENAI_MODEL": "fake-echo",
        "LOCAL_MODEL_URL": "",
        "EGRESS_ALLOW": fake.host_and_port,
        "SERVE_STATIC_FROM_SOURCE": "true",
        **settings,
    }


@contextmanager
def _database() -> Iterator[str]:
    """Create an empty database beside the one of DATABASE_URL, and drop it at the end."""
    url = os.environ["DATABASE_URL"]
    name = f"live_{uuid4().hex[:12]}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            yield urlunsplit(urlsplit(url)._replace(path=f"/{name}"))
        finally:
            connection.execute(
                sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name))
            )


def _wait_until_it_answers(product: LiveProduct, port: int) -> None:
    end = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < end:
        for name, process in product.processes.items():
            if process.poll() is not None:
                raise RuntimeError(f"{name} ended at its start:\n{product.last_words()}")
        with suppress(OSError):
            if web.answers(port):
                return
        time.sleep(0.1)
    raise RuntimeError(f"The product does not answer:\n{product.last_words()}")
