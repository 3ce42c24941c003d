"""Bringing a database up to date and filling it with the demonstration."""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from config.launcher.children import die_with_parent, last_lines, open_log
from config.launcher.errors import LauncherError
from config.launcher.keys import ensure_staff_password
from config.launcher.locations import Locations
from config.launcher.progress import step


@dataclass(frozen=True, slots=True, kw_only=True)
class StaffAccess:
    """How a person and a program get in, as the demo command reports it."""

    username: str
    password: str
    token: str


def migrate(locations: Locations, environ: Mapping[str, str]) -> None:
    """Apply outstanding migrations."""
    with step("Bringing the database up to date"):
        _manage(locations, environ, ["migrate", "--no-input"])


def load_demo(locations: Locations, environ: Mapping[str, str]) -> StaffAccess:
    """Create or keep the staff user, its token and the demonstration rows."""
    ensure_staff_password(locations.var)
    files = {"password": locations.var / "staff-password", "token": locations.var / "api-token"}
    options = [f"--{name}-file={path}" for name, path in files.items()]
    with step("Loading the demonstration"):
        # Its output holds the password and the token.
        output = _manage(locations, environ, ["demo", *options], is_logged=False)
    try:
        report = json.loads(output.strip().splitlines()[-1])
        return StaffAccess(
            username=report["username"], password=report["password"], token=report["token"]
        )
    except (IndexError, KeyError, ValueError) as error:
        raise LauncherError(
            f"`manage.py demo` did not report the staff user: {type(error).__name__} {error}.",
            remedy=f"Look at {_log(locations)}.",
        ) from error


def _log(locations: Locations) -> Path:
    return locations.logs / "setup.log"


def _manage(
    locations: Locations,
    environ: Mapping[str, str],
    words: Sequence[str],
    *,
    is_logged: bool = True,
) -> str:
    """Run one management command; standard output is returned and, if wanted, logged."""
    with open_log(_log(locations)) as log:
        process = subprocess.run(
            [sys.executable, "manage.py", *words],
            cwd=locations.base,
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,
            # The demo command writes a token.
            umask=0o077,
            preexec_fn=die_with_parent(),
        )
        if is_logged:
            log.write(process.stdout)
    if process.returncode != 0:
        raise LauncherError(
            f"`manage.py {words[0]}` failed with exit code {process.returncode}:\n"
            + last_lines(_log(locations)),
            remedy=f"The whole log is {_log(locations)}. With a database of your own, check that"
            " DATABASE_URL's user may create tables and that the extension `vector` is installed.",
        )
    return process.stdout.decode(errors="replace")
