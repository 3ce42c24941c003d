"""Starting and stopping child processes so that none outlives the process that started it."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

PR_SET_PDEATHSIG = 1
MAX_LOG_BYTES = 20 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The user and group that a child runs as."""

    uid: int
    gid: int

    @property
    def is_ours(self) -> bool:
        """Whether this is the account of the present process."""
        return self.uid == os.geteuid()


def spawn(
    command: Sequence[str | os.PathLike[str]],
    *,
    log: Path,
    environ: Mapping[str, str] | None = None,
    account: Account | None = None,
    folder: Path | None = None,
    death_signal: signal.Signals = signal.SIGTERM,
    inherited: Sequence[int] = (),
) -> subprocess.Popen[bytes]:
    """Start a child in a session of its own, with its output appended to `log`.

    On Linux the kernel sends `death_signal` to it when the calling thread ends, so even SIGKILL
    leaves nothing behind. `inherited` file descriptors stay open in the child under their numbers.
    """
    changes = account is not None and not account.is_ours
    with open_log(log) as output:
        return subprocess.Popen(
            [os.fspath(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env=None if environ is None else dict(environ),
            start_new_session=True,
            pass_fds=tuple(inherited),
            user=account.uid if account and changes else None,
            group=account.gid if account and changes else None,
            extra_groups=[] if changes else None,
            preexec_fn=die_with_parent(death_signal),
        )


def die_with_parent(
    death_signal: signal.Signals = signal.SIGTERM,
) -> Callable[[], None] | None:
    """Return what a new child calls first to be bound to the life of its parent."""
    if sys.platform != "linux":
        return None
    # Loaded before the fork: a child must not take locks that another thread may have held.
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    parent = os.getpid()

    def bind() -> None:
        prctl(PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return bind


def stop(
    process: subprocess.Popen[bytes],
    *,
    first: signal.Signals | None = signal.SIGTERM,
    patience_s: float = 5.0,
) -> bool:
    """Ask the child to end, then kill it and its session; True when it ended by itself.

    `first` None: it has been asked already.
    """
    if process.poll() is not None:
        return True
    if first is not None:
        process.send_signal(first)
    try:
        process.wait(patience_s)
    except subprocess.TimeoutExpired:
        _kill_session(process.pid)
        process.wait()
        return False
    return True


def _kill_session(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def wait_gone(pids: Callable[[], Sequence[int]], *, timeout_s: float) -> bool:
    """Wait until `pids()` is empty; False when `timeout_s` has passed first."""
    end = time.monotonic() + timeout_s
    while pids():
        if time.monotonic() >= end:
            return False
        time.sleep(0.05)
    return True


def open_log(log: Path) -> BinaryIO:
    """Open a log for appending; one that has grown too long is kept once under `.1`."""
    if log.exists() and log.stat().st_size > MAX_LOG_BYTES:
        log.replace(log.with_name(log.name + ".1"))
    return log.open("ab")


def last_lines(log: Path, *, count: int = 15, since: int = 0) -> str:
    """Return the last lines of what stands in `log` after byte `since`, indented."""
    if not log.exists():
        return ""
    with log.open("rb") as file:
        file.seek(max(since, log.stat().st_size - 64 * 1024))
        lines = file.read().decode(errors="replace").splitlines()
    return "\n".join(f"    {line}" for line in lines[-count:])
