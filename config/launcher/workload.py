"""One long-running process of `make run`: started, watched, restarted after a pause."""

import os
import re
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from config.launcher.children import last_lines, spawn, stop
from config.launcher.progress import say

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 15.0
STEADY_AFTER_S = 30.0
# Lines of a log that belong on the terminal too: problems, not traffic.
IMPORTANT = re.compile(r"\b(WARNING|ERROR|CRITICAL)\b|^Traceback |^\w[\w.]*(Error|Exception)\b")
LONGEST_SHOWN_LINE = 300


class Workload:
    """A process that is kept running; its output goes to a log of its own."""

    def __init__(
        self,
        name: str,
        command: Callable[[], Sequence[str | os.PathLike[str]]],
        *,
        log: Path,
        environ: Mapping[str, str],
        folder: Path,
        patience_s: float,
        inherited: Sequence[int] = (),
    ) -> None:
        self.name = name
        self.log = log
        self._command = command
        self._environ = environ
        self._folder = folder
        self._patience_s = patience_s
        self._inherited = inherited
        self._process: subprocess.Popen[bytes] | None = None
        self._started_at = 0.0
        self._next_start_at = 0.0
        self._pause_s = FIRST_PAUSE_S
        self._log_start = 0
        self._shown_to = 0

    def start(self) -> None:
        """Start the process."""
        self._log_start = self.log.stat().st_size if self.log.exists() else 0
        self._shown_to = max(self._shown_to, self._log_start)
        self._started_at = time.monotonic()
        self._process = spawn(
            self._command(),
            log=self.log,
            environ=self._environ,
            folder=self._folder,
            inherited=self._inherited,
        )
        if self.log.stat().st_size < self._log_start:
            self._log_start = self._shown_to = 0

    @property
    def exit_code(self) -> int | None:
        """Return None while the process runs."""
        return None if self._process is None else self._process.poll()

    def last_words(self) -> str:
        """Return the end of what the present process wrote."""
        return last_lines(self.log, since=self._log_start)

    def tend(self) -> None:
        """Show new important lines; report an ended process and restart it after a pause."""
        self._show_important()
        now = time.monotonic()
        if self._process is None:
            if now >= self._next_start_at:
                self.start()
            return
        code = self._process.poll()
        if code is None:
            return
        if now - self._started_at > STEADY_AFTER_S:
            self._pause_s = FIRST_PAUSE_S
        say(
            f"\n{self.name} ended with exit code {code}; restarting in {self._pause_s:g} s."
            f" Its last lines ({self.log}):\n{self.last_words()}"
        )
        self._process = None
        self._next_start_at = now + self._pause_s
        self._pause_s = min(self._pause_s * 2, LONGEST_PAUSE_S)

    def ask_to_stop(self) -> None:
        """Send SIGTERM and return at once."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()

    def stop(self) -> None:
        """Wait for the process, which was asked to stop; kill it when it takes too long."""
        if self._process is not None and not stop(
            self._process, first=None, patience_s=self._patience_s
        ):
            say(f"  {self.name} did not end within {self._patience_s:g} s and was killed.")
        self._process = None

    def _show_important(self) -> None:
        if not self.log.exists() or self.log.stat().st_size <= self._shown_to:
            return
        with self.log.open("rb") as file:
            file.seek(self._shown_to)
            text = file.read(1024 * 1024)
        whole = text[: text.rfind(b"\n") + 1]
        self._shown_to += len(whole)
        for line in whole.decode(errors="replace").splitlines():
            if IMPORTANT.search(line):
                say(f"[{self.name}] {line[:LONGEST_SHOWN_LINE]}")
