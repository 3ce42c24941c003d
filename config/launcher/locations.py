"""Where the launcher keeps things.

The clone's `var/` holds keys, the staff password, logs and the addresses of running servers. Data
of the embedded servers lies outside of the clone, keyed by a hash of the clone's path, because a
socket's path must be short and, for root, another account must be able to enter.
"""

import hashlib
import os
import stat
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from config.environment import BASE_DIR, read_env_file
from config.launcher.errors import LauncherError

# Linux allows 107 bytes for the path of a unix socket, macOS 103.
MAX_SOCKET_PATH_BYTES = 100
LONGEST_SOCKET_NAME = "postgres/.s.PGSQL.5432.lock"


@dataclass(frozen=True, slots=True, kw_only=True)
class Locations:
    """Every path that the launcher uses."""

    base: Path
    """The clone."""
    var: Path
    state: Path
    """Data of the embedded servers of this clone."""
    sockets: Path
    """Parent of the private folders that hold the unix sockets."""

    @property
    def logs(self) -> Path:
        """Folder of the log files."""
        return self.var / "log"

    @property
    def locks(self) -> Path:
        """Folder of the lock files."""
        return self.state / "locks"

    @property
    def copies(self) -> Path:
        """Copies of server programs, shared by all clones of this user."""
        return self.state.parent / "bin"

    @property
    def services_env(self) -> Path:
        """Addresses of running servers, for commands in another terminal."""
        return self.var / "services.env"


def operator_environ(environ: Mapping[str, str], *, base: Path = BASE_DIR) -> dict[str, str]:
    """Return `environ` plus what `.env` says; addresses that a launcher wrote are left out.

    Raises `LauncherError` when `.env` cannot be read.
    """
    try:
        return {**read_env_file(base / ".env"), **environ}
    except (OSError, ValueError) as error:
        raise LauncherError(
            f"{str(base / '.env')!r} cannot be read: {error}", remedy="Mend it or remove it."
        ) from error


def find_locations(environ: Mapping[str, str], *, base: Path = BASE_DIR) -> Locations:
    """Derive the paths and create `var/`, `var/log/` and the state folder.

    `STATE_DIR` in `environ` replaces the default parent of the state folder.
    Raises `LauncherError` when a folder cannot be created.
    """
    base = base.resolve()
    digest = hashlib.sha256(os.fsencode(base)).hexdigest()[:12]
    locations = Locations(
        base=base,
        var=base / "var",
        state=_state_parent(environ) / digest,
        sockets=_socket_folder(_state_parent(environ) / digest, digest),
    )
    try:
        locations.var.mkdir(exist_ok=True)
        locations.logs.mkdir(exist_ok=True)
        # Others may pass through (the database's account when we are root), not look around.
        for folder in (locations.state.parent, locations.state, locations.sockets):
            if not folder.exists():
                folder.mkdir(parents=True, exist_ok=True)
                folder.chmod(0o711)
        locations.locks.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise LauncherError(
            f"Cannot create {error.filename!r}: {error.strerror}.",
            remedy="Make the folder writable for this user, or choose another parent for the data"
            " of the embedded servers: STATE_DIR=/path make run.",
        ) from error
    for folder in (locations.var, locations.logs, locations.locks):
        if not os.access(folder, os.W_OK):
            raise LauncherError(
                f"{str(folder)!r} belongs to another user and is not writable.",
                remedy="Run as the user who made this clone's first set-up, or use a clone of"
                " your own.",
            )
    return locations


def _state_parent(environ: Mapping[str, str]) -> Path:
    if environ.get("STATE_DIR"):
        return Path(environ["STATE_DIR"]).resolve()
    if os.geteuid() == 0:
        return Path("/var/lib/agent-builder")
    home = environ.get("XDG_DATA_HOME") or os.path.expanduser("~/.local/share")
    return Path(home).resolve() / "agent-builder"


def _socket_folder(state: Path, digest: str) -> Path:
    folder = state / "run"
    if len(os.fsencode(folder / LONGEST_SOCKET_NAME)) <= MAX_SOCKET_PATH_BYTES:
        return folder
    return Path(tempfile.gettempdir()) / f"agent-builder-{os.geteuid()}-{digest}"


def make_private_folder(folder: Path, *, uid: int, gid: int) -> None:
    """Create `folder` with mode 0700 for `uid`; refuse one that somebody else prepared.

    Raises `LauncherError` when the path is a link, no folder, or another user's.
    """
    folder.mkdir(mode=0o700, exist_ok=True)
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid not in {uid, os.geteuid()}:
        raise LauncherError(
            f"{str(folder)!r} is not a folder of this user.",
            remedy="Remove it, or choose another place with STATE_DIR=/path.",
        )
    if status.st_uid != uid:
        os.chown(folder, uid, gid)
    folder.chmod(0o700)
