"""Reading configuration from the environment and from the project's env files.

The process environment wins; then `.env` (the operator's), `var/secrets.env` (keys written once
by the set-up) and `var/services.env` (addresses of the embedded servers, written by the launcher).
"""

import os
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

BASE_DIR = Path(__file__).resolve().parent.parent
ENV_FILES = (
    BASE_DIR / ".env",
    BASE_DIR / "var" / "secrets.env",
    BASE_DIR / "var" / "services.env",
)


def read_env_file(path: Path) -> dict[str, str]:
    """Parse `NAME=value` lines; blank lines and lines that begin with `#` are skipped.

    A value may stand in single or double quotes. A missing file is an empty one.
    """
    values: dict[str, str] = {}
    if not path.is_file():
        return values
    for number, raw in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        name, separator, value = line.partition("=")
        if not separator or not name.strip().isidentifier():
            raise ValueError(f"{path.name} line {number}: write NAME=value, not {name!r}.")
        value = value.strip()
        if len(value) >= 2 and value[0] == value[-1] and value[0] in "'\"":
            value = value[1:-1]
        values[name.strip()] = value
    return values


def load_env_files() -> None:
    """Add what the env files say to `os.environ`, without replacing what is there."""
    for path in ENV_FILES:
        for name, value in read_env_file(path).items():
            os.environ.setdefault(name, value)
    # numpy's matrix library starts a thread per core, which wait for each other in a busy loop:
    # on a busy machine embedding then takes twice as long (measured on 2 cores with load 6). It
    # reads the number when numpy is first imported, which is after the settings.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def text(name: str, default: str = "") -> str:
    """Return the variable, or `default` when it is missing or empty."""
    return os.environ.get(name, "") or default


def boolean(name: str, *, default: bool) -> bool:
    """Read 1/true/yes/on and 0/false/no/off; anything else is refused by name."""
    value = text(name).lower()
    if not value:
        return default
    if value in {"1", "true", "yes", "on"}:
        return True
    if value in {"0", "false", "no", "off"}:
        return False
    raise ValueError(f"{name} is {value!r}; write true or false.")


def integer(name: str, *, default: int) -> int:
    """Read a whole number."""
    value = text(name)
    try:
        return int(value) if value else default
    except ValueError:
        raise ValueError(f"{name} is {value!r}; write a whole number.") from None


def words(name: str, default: str = "") -> list[str]:
    """Read a comma-separated list, without empty entries."""
    return [word.strip() for word in text(name, default).split(",") if word.strip()]


def database_settings(url: str) -> dict[str, object]:
    """Translate `postgresql://user:password@host:port/name?option=value` for Django.

    `?host=/path` names the folder of a unix socket, as libpq reads it.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"postgres", "postgresql"}:
        raise ValueError(
            "DATABASE_URL must begin with postgresql://; only PostgreSQL is supported."
        )
    options: dict[str, object] = dict(parse_qsl(parts.query))
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")) or "agent_builder",
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": options.pop("host", None) or parts.hostname or "",
        "PORT": str(parts.port or options.pop("port", "") or ""),
        "OPTIONS": options,
    }
