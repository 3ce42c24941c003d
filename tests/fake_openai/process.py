"""The fake server in a process of its own, for tests and benchmarks.

with FakeOpenAI() as fake:
    client = AsyncOpenAI(base_url=fake.base_url, api_key="sk-test")
    ...
    assert fake.requests(model="fake-echo")[0]["body"]["stream"] is True
"""

import json
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import quote
from urllib.request import Request, urlopen

ROOT = Path(__file__).resolve().parents[2]


class FakeOpenAI:
    """Starts the server on a free port and stops it at the end of the `with` block."""

    def __init__(self, *, is_recording: bool = True) -> None:
        self._is_recording = is_recording
        self._process: subprocess.Popen[str] | None = None
        self.base_url = ""
        """Ends in `/v1`, as the `openai` client wants it."""

    def __enter__(self) -> "FakeOpenAI":
        command = [sys.executable, "-m", "tests.fake_openai", "--port", "0", "--follow-stdin"]
        self._process = subprocess.Popen(
            command if self._is_recording else [*command, "--no-record"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        self.base_url = self._process.stdout.readline().strip()
        if not self.base_url:
            raise RuntimeError(f"The fake server ended with {self._process.wait()} at its start.")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._process is not None
        with self._process:
            self._process.terminate()

    @property
    def host_and_port(self) -> str:
        """`127.0.0.1:PORT`, as an allow list of addresses wants it."""
        return self.base_url.removeprefix("http://").removesuffix("/v1")

    @property
    def pid(self) -> int:
        """Process id of the server."""
        assert self._process is not None
        return self._process.pid

    def requests(self, *, model: str | None = None) -> list[dict[str, Any]]:
        """Return what was asked, oldest first: number, path, headers, body."""
        query = f"?model={quote(model, safe='')}" if model else ""
        return list(self._call("GET", f"/requests{query}"))

    def forget(self) -> None:
        """Forget requests and counters."""
        self._call("DELETE", "/requests")

    def open_streams(self) -> int:
        """Return how many streams the server is writing now."""
        return int(self._call("GET", "/health")["open_streams"])

    def wait_until_idle(self, timeout_s: float = 5.0) -> None:
        """Wait until the server writes no stream any more; raises TimeoutError."""
        deadline = time.monotonic() + timeout_s
        while self.open_streams():
            if time.monotonic() > deadline:
                raise TimeoutError(f"The server still writes {self.open_streams()} streams.")
            time.sleep(0.02)

    def _call(self, method: str, path: str) -> Any:
        url = self.base_url.removesuffix("/v1") + path
        with urlopen(Request(url, method=method), timeout=10) as answer:
            raw = answer.read()
        return json.loads(raw) if raw else None
