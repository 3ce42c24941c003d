"""The processes of one `make run`: model, web server and worker, on given servers."""

import os
import socket
import sys
import time
from collections.abc import Callable, Mapping, Sequence

from config.launcher import model_server, web
from config.launcher.errors import LauncherError
from config.launcher.keys import write_private
from config.launcher.locations import Locations
from config.launcher.locks import exclusive
from config.launcher.preparing import StaffAccess, load_demo, migrate
from config.launcher.progress import say, step
from config.launcher.services import ServiceUse
from config.launcher.workload import Workload

POLL_S = 0.2
CHECK_SERVERS_EVERY_S = 2.0
START_TIMEOUT_S = 60.0
SHARED_WITH_OTHER_TERMINALS = ("DATABASE_URL", "REDIS_URL", "LOCAL_MODEL_URL", "EGRESS_ALLOW")
MODEL = "model"
NO = {"0", "false", "no", "off"}


class Product:
    """Starts everything in order, tends it, and stops it in order."""

    def __init__(self, locations: Locations, operator: Mapping[str, str], use: ServiceUse) -> None:
        self._locations = locations
        self._operator = operator
        self._use = use
        self._environ = {**operator, **use.environ, "SERVE_STATIC_FROM_SOURCE": "true"}
        self._workloads: list[Workload] = []
        self._address_file = locations.var / "model-address"

    def run(self) -> None:
        """Stay until an exception ends it, usually `StopRequestedError`; then stop everything."""
        # Of a launcher that was killed.
        self._locations.services_env.unlink(missing_ok=True)
        try:
            with web.listen(_wanted_port(self._operator)) as listener:
                port = listener.getsockname()[1]
                access = self._prepare()
                self._start_product(listener, port)
                self._write_services_env(port)
                self._print_welcome(port, access)
                self._tend()
        finally:
            self._locations.services_env.unlink(missing_ok=True)
            self._stop()

    def _prepare(self) -> StaffAccess:
        """Bring the database up to date while the model loads."""
        model = self._start_model() if wants_local_model(self._operator) else None
        with exclusive(self._locations.locks / "prepare"):
            migrate(self._locations, self._environ)
            if model is not None:
                self._await_model(model)
            return load_demo(self._locations, self._environ)

    def _start_model(self) -> Workload:
        self._address_file.unlink(missing_ok=True)
        model = self._add(MODEL, self._model_command, patience_s=3)
        model.start()
        return model

    def _model_command(self) -> Sequence[str | os.PathLike[str]]:
        # A restarted model keeps its port: web server and worker have its address by then.
        port = self._environ.get("LOCAL_MODEL_URL", "").removesuffix("/v1").rpartition(":")[2]
        return [
            *(sys.executable, "-m", "config.launcher.model_server", "--port", port or "0"),
            *("--address-file", self._address_file),
        ]

    def _await_model(self, model: Workload) -> None:
        with step("Loading the local model"):
            _wait_until(
                self._address_file.exists,
                model,
                remedy="Set OPENAI_API_KEY to use a hosted model, or LOCAL_MODEL=false to go on"
                " without one.",
            )
        address = self._address_file.read_text(encoding="utf-8").strip()
        allowed = [self._operator.get("EGRESS_ALLOW", ""), address.removeprefix("http://")]
        self._environ["LOCAL_MODEL_URL"] = f"{address}/v1"
        self._environ["EGRESS_ALLOW"] = ",".join(filter(None, allowed))

    def _start_product(self, listener: socket.socket, port: int) -> None:
        handle = listener.fileno()
        worker = self._add("worker", lambda: [sys.executable, "manage.py", "worker"], patience_s=5)
        daphne = ["-m", "daphne", "--fd", str(handle), "--access-log", os.devnull]
        server = self._add(
            "web",
            lambda: [sys.executable, *daphne, "config.asgi:application"],
            patience_s=3,
            inherited=[handle],
        )
        with step("Starting web server and worker"):
            worker.start()
            server.start()
            _wait_until(lambda: web.answers(port), server, remedy=f"Look at {server.log}.")
            _wait_until(lambda: True, worker, remedy=f"Look at {worker.log}.")

    def _add(
        self,
        name: str,
        command: Callable[[], Sequence[str | os.PathLike[str]]],
        *,
        patience_s: float,
        inherited: Sequence[int] = (),
    ) -> Workload:
        workload = Workload(
            name,
            command,
            log=self._locations.logs / f"{name}.log",
            environ=self._environ,
            folder=self._locations.base,
            patience_s=patience_s,
            inherited=inherited,
        )
        self._workloads.append(workload)
        return workload

    def _write_services_env(self, port: int) -> None:
        names = [name for name in SHARED_WITH_OTHER_TERMINALS if self._environ.get(name)]
        values = {name: self._environ[name] for name in names} | {
            "AGENT_BUILDER_URL": f"http://{web.HOST}:{port}",
            "SERVE_STATIC_FROM_SOURCE": "true",
        }
        lines = [f'{name}="{value}"\n' for name, value in values.items()]
        write_private(self._locations.services_env, "".join(lines))

    def _print_welcome(self, port: int, access: StaffAccess) -> None:
        address = f"http://{web.HOST}:{port}"
        rows = {
            "Console": f"{address}/admin/",
            "User": access.username,
            "Password": access.password,
            "API": f"{address}/api/v1/",
            "API token": access.token,
            "Model": _describe_model(self._operator),
            "Logs": str(self._locations.logs),
        }
        lines = [f"  {title:<10} {value}" for title, value in rows.items()]
        print("\n".join(["", "Agent Builder is running.", "", *lines, ""]))
        print("Ctrl-C stops everything.\n", flush=True)

    def _tend(self) -> None:
        next_check_at = 0.0
        while True:
            for workload in self._workloads:
                workload.tend()
            if time.monotonic() >= next_check_at:
                for title in self._use.revive():
                    say(f"{title} had gone; it runs again.")
                next_check_at = time.monotonic() + CHECK_SERVERS_EVERY_S
            time.sleep(POLL_S)

    def _stop(self) -> None:
        # The web server first, so that nothing new arrives. The model hears of it last: a run that
        # the worker brings to an end may still need it.
        models = [workload for workload in self._workloads if workload.name == MODEL]
        others = [workload for workload in reversed(self._workloads) if workload.name != MODEL]
        for group in (others, models):
            for workload in group:
                workload.ask_to_stop()
            for workload in group:
                workload.stop()


def wants_local_model(operator: Mapping[str, str]) -> bool:
    """Tell whether no hosted model is configured and the local one is not refused."""
    hosted = operator.get("OPENAI_API_KEY") or operator.get("OPENAI_BASE_URL")
    return not hosted and operator.get("LOCAL_MODEL", "").lower() not in NO


def _describe_model(operator: Mapping[str, str]) -> str:
    if wants_local_model(operator):
        name = model_server.MODEL_NAME
        return f"{name}, a tiny local demonstration model (OPENAI_API_KEY selects a real one)"
    if not operator.get("OPENAI_API_KEY") and not operator.get("OPENAI_BASE_URL"):
        return "none (LOCAL_MODEL is off and OPENAI_API_KEY is not set)"
    name = operator.get("OPENAI_MODEL") or "the default model"
    return f"{name} at {operator.get('OPENAI_BASE_URL') or 'OpenAI'}"


def _wanted_port(operator: Mapping[str, str]) -> int | None:
    port = operator.get("PORT", "")
    if not port:
        return None
    if not port.isdecimal() or not 0 < int(port) < 65536:
        raise LauncherError(
            f"PORT is {port!r}.", remedy="Write a number from 1 to 65535, or leave it out."
        )
    return int(port)


def _wait_until(ready: Callable[[], bool], workload: Workload, *, remedy: str) -> None:
    end = time.monotonic() + START_TIMEOUT_S
    while not ready():
        if workload.exit_code is not None or time.monotonic() > end:
            break
        time.sleep(0.05)
    else:
        if workload.exit_code is None:
            return
    code = workload.exit_code
    what = "does not answer" if code is None else f"ended with exit code {code}"
    raise LauncherError(
        f"{workload.name} {what}. Its last lines:\n{workload.last_words()}", remedy=remedy
    )
