"""The server programs inside wheels: where they are, and who runs them.

Nobody should run a server as root, and PostgreSQL refuses to. For root the servers run under an
existing unprivileged account, with a copy of the programs when that account cannot enter the
virtual environment.
"""

import contextlib
import importlib.metadata
import importlib.util
import os
import pwd
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from config.launcher.children import Account
from config.launcher.errors import LauncherError

# For root: the first of these accounts that exists.
UNPRIVILEGED_ACCOUNTS = ("postgres", "nobody")


def server_account(data: Path) -> Account:
    """Choose who runs a server: ourselves, or for root the owner of existing `data`."""
    if os.geteuid() != 0:
        return Account(uid=os.geteuid(), gid=os.getegid())
    if data.exists():
        status = data.stat()
        return Account(uid=status.st_uid, gid=status.st_gid)
    for name in UNPRIVILEGED_ACCOUNTS:
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return Account(uid=entry.pw_uid, gid=entry.pw_gid)
    raise LauncherError(
        "Servers do not run as root here, and there is no account 'postgres' or 'nobody'.",
        remedy="Run as an ordinary user, or set DATABASE_URL and REDIS_URL to servers of your own.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """One program of a wheel."""

    title: str
    wheel: str
    package: str
    path: str
    """Below the folder of installed packages."""
    parts: Sequence[str]
    """What the program needs, below the same folder, to run from a copy."""
    replaced_by: str
    """The variable that makes the embedded server unnecessary."""

    def runnable_by(self, account: Account, *, copies: Path) -> Path:
        """Return the program's path, of a copy in `copies` if `account` needs one.

        Raises `LauncherError` when it is not installed or `account` cannot run it anywhere.
        """
        packages = self._packages()
        if account.is_ours or can_run(packages / self.path, account):
            return packages / self.path
        copy = copies / f"{self.package}-{importlib.metadata.version(self.wheel)}"
        if not copy.exists():
            self._copy(packages, copy)
        if not can_run(copy / self.path, account):
            name = pwd.getpwuid(account.uid).pw_name
            raise LauncherError(
                f"The account {name!r}, which runs {self.title} for root, cannot run"
                f" {str(copy / self.path)!r}.",
                remedy="Choose a folder that everybody may enter: STATE_DIR=/path make run;"
                f" or run as an ordinary user, or set {self.replaced_by}.",
            )
        return copy / self.path

    def _packages(self) -> Path:
        spec = importlib.util.find_spec(self.package)
        folders = list(spec.submodule_search_locations or []) if spec else []
        if not folders or not (Path(folders[0]).parent / self.path).is_file():
            raise LauncherError(
                f"The embedded {self.title} is not installed for this kind of machine.",
                remedy=f"Run `make setup`, or set {self.replaced_by} to a server of your own.",
            )
        return Path(folders[0]).parent

    def _copy(self, packages: Path, copy: Path) -> None:
        draft = copy.with_name(f"{copy.name}.{os.getpid()}.new")
        for part in self.parts:
            shutil.copytree(packages / part, draft / part, symlinks=True)
        for folder in (copy.parent, draft, *(path for path in draft.rglob("*") if path.is_dir())):
            folder.chmod(0o755)
        # Another clone's launcher may have been faster; either copy serves.
        with contextlib.suppress(OSError):
            draft.rename(copy)
        shutil.rmtree(draft, ignore_errors=True)


def can_run(program: Path, account: Account) -> bool:
    """Run `program --version` as `account`.

    Raises `LauncherError` when this root may not change its account at all.
    """
    try:
        done = subprocess.run(
            [program, "--version"],
            user=account.uid,
            group=account.gid,
            extra_groups=[],
            capture_output=True,
            cwd="/",
        )
    except PermissionError as error:
        # Python names the program only when starting it failed, not when setuid did.
        if error.filename is None:
            raise LauncherError(
                f"This root may not act as user {account.uid}: {error.strerror}.",
                remedy="Run as an ordinary user, or set DATABASE_URL and REDIS_URL.",
            ) from error
        return False
    return done.returncode == 0
