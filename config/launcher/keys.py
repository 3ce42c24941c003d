"""Secrets of an installation, made once and never replaced.

`var/secrets.env` holds SECRET_KEY and ENCRYPTION_KEYS, `var/staff-password` the password of the
first staff user. All are readable by their owner only.
"""

import base64
import os
import secrets
import tempfile
from collections.abc import Callable
from pathlib import Path

from config.environment import read_env_file
from config.launcher.errors import LauncherError

SECRET_NAMES = ("SECRET_KEY", "ENCRYPTION_KEYS")
HEADER = (
    "# Written once by the set-up. Keep a copy: what ENCRYPTION_KEYS encrypted (provider keys,\n"
    "# secrets) cannot be read without it. To rotate, put a new key before the old, with a comma.\n"
)


def ensure_keys(var: Path) -> bool:
    """Write `secrets.env` if it is missing; True when it was written now.

    A file that is there is never changed. Raises `LauncherError` when it lacks a key or cannot be
    read. Safe beside other processes: the first complete file wins.
    """
    path = var / "secrets.env"
    written = write_once(path, _new_secrets)
    try:
        values = read_env_file(path)
    except (OSError, ValueError) as error:
        raise LauncherError(
            f"{str(path)!r} cannot be read: {error}",
            remedy="Restore it from your copy, or make it readable for this user.",
        ) from error
    missing = [name for name in SECRET_NAMES if not values.get(name)]
    if missing:
        raise LauncherError(
            f"{str(path)!r} lacks {', '.join(missing)}.",
            remedy="Restore the file from your copy. Only if nothing encrypted is worth keeping:"
            " remove it, and the next set-up writes a new one.",
        )
    return written


def ensure_staff_password(var: Path) -> str:
    """Return the generated password of the first staff user, making it the first time."""
    path = var / "staff-password"
    write_once(path, lambda: secrets.token_urlsafe(12) + "\n")
    return path.read_text(encoding="utf-8").strip()


def write_once(path: Path, make: Callable[[], str]) -> bool:
    """Create `path` (mode 0600) with the text of `make()` unless it exists; True when created.

    The file appears complete or not at all, also beside other processes that try the same.
    """
    if path.exists():
        return False
    draft = _write_draft(path, make())
    try:
        # Unlike a rename, a link does not replace the file of a process that was faster.
        os.link(draft, path)
    except FileExistsError:
        return False
    finally:
        draft.unlink(missing_ok=True)
    return True


def write_private(path: Path, text: str) -> None:
    """Replace `path` (mode 0600) with `text` in one step."""
    _write_draft(path, text).replace(path)


def _write_draft(path: Path, text: str) -> Path:
    # Made with mode 0600 under a name of its own.
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    return Path(name)


def _new_secrets() -> str:
    key = base64.b64encode(secrets.token_bytes(32)).decode()
    return f"{HEADER}SECRET_KEY={secrets.token_urlsafe(48)}\nENCRYPTION_KEYS={key}\n"
