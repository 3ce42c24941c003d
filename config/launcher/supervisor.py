"""`make run`, `make setup` and `make stop`: a whole installation from one process."""

import os
import shutil
import signal
import sys
from collections.abc import Mapping

from config.environment import read_env_file
from config.launcher.errors import LauncherError
from config.launcher.keeper import users_lock
from config.launcher.keys import ensure_keys
from config.launcher.locations import Locations
from config.launcher.locks import FileLock, exclusive
from config.launcher.postgres import EmbeddedPostgres
from config.launcher.preparing import load_demo, migrate
from config.launcher.product import Product
from config.launcher.progress import say, step
from config.launcher.services import services
from config.launcher.stopping import StopRequestedError, stop_signals

STOP_TIMEOUT_S = 30.0
INTERRUPTED = 130


def set_up(locations: Locations, operator: Mapping[str, str]) -> int:
    """Make keys, database and demonstration ready; nothing stays running."""
    with stop_signals():
        try:
            _ensure_keys(locations)
            with services(locations, operator) as use:
                environ = {**operator, **use.environ}
                with exclusive(locations.locks / "prepare", on_wait=_say_waiting):
                    migrate(locations, environ)
                    load_demo(locations, environ)
        except StopRequestedError:
            return INTERRUPTED
    say("\nReady. `make run` starts it.")
    return 0


def run(locations: Locations, operator: Mapping[str, str]) -> int:
    """Set up, start everything, and stay until asked to stop."""
    with FileLock(locations.locks / "run") as mine:
        if not mine.try_exclusive():
            address = read_env_file(locations.services_env).get("AGENT_BUILDER_URL", "")
            raise LauncherError(
                f"This clone is running already{f' at {address}' if address else ''}.",
                remedy="Use that one, or end it with Ctrl-C in its terminal or with `make stop`.",
            )
        mine.write_note(str(os.getpid()))
        with stop_signals():
            try:
                _ensure_keys(locations)
                with services(locations, operator) as use:
                    Product(locations, operator, use).run()
            except StopRequestedError:
                say("Everything that was started has stopped.")
        mine.write_note("")
    return 0


def stop_running(locations: Locations) -> int:
    """Ask this clone's `run` to stop and wait until it has."""
    path = locations.locks / "run"
    with FileLock(path) as probe:
        if probe.try_exclusive():
            say("Nothing of this clone is running.")
            return 0
        note = path.read_text(encoding="utf-8").strip()
        if note.isdecimal():
            # The holder of the lock wrote its own number: this is no other process.
            os.kill(int(note), signal.SIGTERM)
        with step("Stopping"):
            if not probe.wait_exclusive(STOP_TIMEOUT_S):
                raise LauncherError(
                    f"Process {note} has not stopped within {STOP_TIMEOUT_S:g} s.",
                    remedy=f"End it with `kill -9 {note}`; what it started ends with it.",
                )
    return 0


def reset(locations: Locations, *, is_confirmed: bool) -> int:
    """Delete the embedded database of this clone and the token that belongs to it; keys stay.

    Raises `LauncherError` while somebody uses the database.
    """
    data = locations.state / "postgres"
    if not data.exists():
        say("This clone has no embedded database.")
        return 0
    if not is_confirmed:
        say(
            f"This deletes every agent, run and document in {data}. Type `delete` to go on: ",
            end="",
        )
        is_confirmed = sys.stdin.readline().strip() == "delete"
    if not is_confirmed:
        say("Nothing was deleted.")
        return 1
    with FileLock(users_lock(locations.locks, EmbeddedPostgres.name)) as users:
        if not users.try_exclusive():
            raise LauncherError(
                "The embedded database is in use.",
                remedy="End what uses it (`make stop`, a running `make test`), then repeat.",
            )
        shutil.rmtree(data)
        (locations.var / "api-token").unlink(missing_ok=True)
    say("Deleted. The next `make run` starts with an empty database.")
    return 0


def _ensure_keys(locations: Locations) -> None:
    if ensure_keys(locations.var):
        say("  Wrote new keys to var/secrets.env; keep a copy of that file.")


def _say_waiting() -> None:
    say("  Another set-up of this clone is at work; waiting for it.")
