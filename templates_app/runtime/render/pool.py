"""The render children of this process: started when needed, killed when stuck, replaced.

Thread-safe and blocking. Each child serves one request at a time; a request that finds all
children busy waits for one, at most `WAIT_S`.
"""

import atexit
import os
import queue
import select
import signal
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import orjson

from config.common.errors import Unavailable
from templates_app.domain.chain import TemplateChain

CHILD = Path(__file__).with_name("child.py")
SIZE = max(2, min(4, os.cpu_count() or 2))
HARD_STOP_S = 1.0
"""Wall time from request to answer, after which a child is killed."""
WAIT_S = 10.0
START_S = 10.0
KNOWN_BYTES = 4 * 1024 * 1024
"""Template text that one child keeps; beyond it the child starts afresh."""


class ChildEnded(Exception):
    """The child died or was killed; `reason` is `time`, `memory` or `failed`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Child:
    """One process and the pipe to it."""

    def __init__(self) -> None:
        # A clean environment: the child must not hold the keys of this process.
        self._process = subprocess.Popen(  # noqa: S603 (our own script)
            [sys.executable, "-I", str(CHILD)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={"PYTHONDONTWRITEBYTECODE": "1", "LANG": "C.UTF-8"},
            cwd="/",
            bufsize=0,
            start_new_session=True,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._sink = self._process.stdin.fileno()
        self._source = self._process.stdout.fileno()
        os.set_blocking(self._sink, False)
        os.set_blocking(self._source, False)
        self._known: set[str] = set()
        self._known_bytes = 0
        try:
            self.ask({"op": "inspect", "body": ""}, START_S)
        except ChildEnded as error:
            raise Unavailable(
                "The process that renders templates does not start. Look at the memory that is"
                " left and at the limits of this service."
            ) from error

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether the process still runs."""
        return self._process.poll() is None

    def render(self, chain: TemplateChain, values: dict[str, Any]) -> dict[str, Any]:
        """Render a chain, sending only the templates that the child has not seen."""
        new = [item for item in chain.templates if item.key not in self._known]
        size = sum(len(item.body) for item in new)
        forget = self._known_bytes + size > KNOWN_BYTES
        if forget:
            self._known, self._known_bytes = set(), 0
            new = list(chain.templates)
            size = sum(len(item.body) for item in new)
        request = {
            "op": "render",
            "forget": forget,
            "entry": chain.entry.key,
            "templates": [(item.key, item.body, dict(item.links)) for item in new],
            "values": values,
        }
        answer = self.ask(request, HARD_STOP_S)
        self._known.update(item.key for item in new)
        self._known_bytes += size
        return answer

    def ask(self, request: dict[str, Any], timeout_s: float) -> dict[str, Any]:
        """Send one request and wait for its answer.

        Raises:
            ChildEnded: No answer; the child is dead afterwards.
        """
        message = orjson.dumps(request)
        deadline = time.monotonic() + timeout_s
        try:
            self._write(struct.pack(">I", len(message)) + message, deadline)
            size = struct.unpack(">I", self._read(4, deadline))[0]
            answer: dict[str, Any] = orjson.loads(self._read(size, deadline))
        except (TimeoutError, EOFError, BrokenPipeError) as error:
            raise ChildEnded(self._end(is_late=isinstance(error, TimeoutError))) from error
        return answer

    def close(self) -> None:
        """End the process and free its pipes."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()

    def _end(self, *, is_late: bool) -> str:
        if is_late:
            self.close()
            return "time"
        code = self._process.wait(timeout=START_S)
        self.close()
        if code == -signal.SIGXCPU:
            return "time"
        # Rust aborts when an allocation fails; Python's own failures end with a code above 0.
        return "memory" if code in {-signal.SIGABRT, -signal.SIGKILL, 1} else "failed"

    def _write(self, data: bytes, deadline: float) -> None:
        view = memoryview(data)
        while view:
            try:
                view = view[os.write(self._sink, view) :]
            except BlockingIOError:
                _await(self._sink, select.POLLOUT, deadline)

    def _read(self, size: int, deadline: float) -> bytes:
        parts = bytearray()
        while len(parts) < size:
            _await(self._source, select.POLLIN, deadline)
            part = os.read(self._source, min(size - len(parts), 1 << 20))
            if not part:
                raise EOFError
            parts += part
        return bytes(parts)


class Pool:
    """Up to `size` children; the one that answered last is asked first, as its cache is warm."""

    def __init__(self, size: int = SIZE) -> None:
        self._idle: queue.LifoQueue[Child | None] = queue.LifoQueue()
        for _ in range(size):
            self._idle.put(None)
        self._owner = os.getpid()

    def render(self, chain: TemplateChain, values: dict[str, Any]) -> dict[str, Any]:
        """Return the child's answer: `{"text": …}` or `{"error": …}`."""
        return self._with_child(lambda child: child.render(chain, values))

    def inspect(self, body: str) -> dict[str, Any]:
        """Return what the parser says: `{"undeclared": […]}` or `{"error": …}`."""
        return self._with_child(
            lambda child: child.ask({"op": "inspect", "body": body}, HARD_STOP_S)
        )

    def pids(self) -> list[int]:
        """Return the processes that are idle now."""
        idle = list(self._idle.queue)
        return [child.pid for child in idle if child is not None and child.is_alive]

    def close(self) -> None:
        """End all idle children; a later request starts new ones."""
        if os.getpid() != self._owner:
            return
        taken = [self._idle.get_nowait() for _ in range(self._idle.qsize())]
        for child in taken:
            if child is not None:
                child.close()
            self._idle.put(None)

    def _with_child(self, work: Any) -> dict[str, Any]:
        try:
            child = self._idle.get(timeout=WAIT_S)
        except queue.Empty:
            raise Unavailable("All render processes are busy. Try again in a moment.") from None
        try:
            if child is not None and not child.is_alive:
                # It ended while idle, so no template is to blame.
                child.close()
                child = None
            child = child or Child()
            answer: dict[str, Any] = work(child)
            if answer.get("error") == "memory":
                # What it holds by now must not fail the next template.
                child.close()
                child = None
        except ChildEnded as error:
            child = None
            answer = {"error": error.reason}
        except BaseException:
            # A request may be half written: this child cannot be used again.
            if child is not None:
                child.close()
            child = None
            raise
        finally:
            self._idle.put(child)
        return answer


def _await(descriptor: int, event: int, deadline: float) -> None:
    poll = select.poll()
    poll.register(descriptor, event)
    if not poll.poll(max(0, (deadline - time.monotonic()) * 1000)):
        raise TimeoutError


_lock = threading.Lock()
_pool: Pool | None = None


def shared_pool() -> Pool:
    """Return the pool of this process, making it at the first call and after a fork."""
    global _pool
    with _lock:
        if _pool is None or _pool._owner != os.getpid():
            _pool = Pool()
            atexit.register(_pool.close)
        return _pool
