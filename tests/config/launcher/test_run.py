import http.client
import os
import signal
import socket
from urllib.parse import urlsplit

import pytest

from config.environment import read_env_file
from config.launcher.web import listen
from tests.config.launcher.conftest import KEEPER, POSTMASTER, Clone, wait_until

pytestmark = pytest.mark.processes


def get(address: str, path: str = "/") -> str:
    """Body of a page, or nothing when the connection ended without an answer."""
    parts = urlsplit(address)
    connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=20)
    try:
        connection.request("GET", path)
        return connection.getresponse().read().decode()
    except (ConnectionError, http.client.HTTPException):
        return ""
    finally:
        connection.close()


def test_run_tells_how_to_get_in_and_ctrl_c_ends_everything(clone: Clone) -> None:
    process, address = clone.run()
    assert get(address).isdecimal()
    password = (clone.path / "var/staff-password").read_text().strip()
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=20)
    assert process.returncode == 0, output
    assert password not in (clone.path / "var/log/setup.log").read_text()
    assert f"{address}/admin/" in output
    assert f"User       admin\n  Password   {password}\n" in output
    assert "API token  ab_0123" in output
    assert "has stopped" in output
    assert not clone.services_env.exists()
    clone.assert_nothing_runs()


def test_the_second_start_keeps_password_and_keys(clone: Clone) -> None:
    assert clone.call("setup")[0] == 0
    names = ("staff-password", "api-token", "secrets.env")
    before = [(clone.path / "var" / name).read_text() for name in names]
    process, _ = clone.run()
    process.terminate()
    assert process.wait(20) == 0
    assert [(clone.path / "var" / name).read_text() for name in names] == before
    modes = {(clone.path / "var" / name).stat().st_mode & 0o777 for name in names}
    assert modes == {0o600}


def test_setup_migrates_and_leaves_nothing_running(clone: Clone) -> None:
    code, output = clone.call("setup")
    assert code == 0
    assert "Bringing the database up to date" in output
    clone.assert_nothing_runs()
    assert int(clone.sql("SELECT count(*) FROM visit")) >= 1


def test_a_taken_port_is_passed_over(clone: Clone) -> None:
    with listen(None) as first:
        process, address = clone.run()
        assert urlsplit(address).port not in {None, first.getsockname()[1]}
    process.terminate()
    assert process.wait(20) == 0


def test_a_chosen_port_that_is_taken_is_named(clone: Clone) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        code, output = clone.call("run", PORT=port)
    assert code == 1
    assert port in output
    assert "PORT=9000 make run" in output


def test_a_web_server_that_dies_is_reported_and_comes_back_on_its_port(clone: Clone) -> None:
    process, address = clone.run()
    first = get(address)
    get(address, "/die")
    assert get(address) not in {"", first}
    process.terminate()
    output, _ = process.communicate(timeout=20)
    assert "web ended with exit code 7; restarting in 0.5 s" in output
    assert "ERROR about to die" in output


def test_everything_ends_with_a_killed_launcher(clone: Clone) -> None:
    process, _ = clone.run()
    process.kill()
    process.communicate()
    wait_until(lambda: not clone.processes(), "everything has gone")
    again, address = clone.run()
    assert get(address).isdecimal()
    again.terminate()
    assert again.wait(20) == 0


def test_servers_killed_under_a_run_are_started_again(clone: Clone) -> None:
    process, _ = clone.run()
    keeper = clone.pid_of(KEEPER)
    server = clone.pid_of(POSTMASTER)
    os.kill(keeper, signal.SIGKILL)
    os.kill(server, signal.SIGKILL)
    wait_until(
        lambda: any(KEEPER in line and pid != keeper for pid, line in clone.processes().items()),
        "a new keeper runs",
    )
    assert int(clone.sql("SELECT count(*) FROM visit")) >= 1
    process.terminate()
    output, _ = process.communicate(timeout=30)
    assert "PostgreSQL had gone; it runs again." in output


@pytest.mark.parametrize("command", ["migrate", "demo"])
def test_a_failing_command_is_shown_and_nothing_stays(clone: Clone, command: str) -> None:
    code, output = clone.call("run", FAILING_COMMAND=command)
    assert code == 1
    assert f"`manage.py {command}` failed with exit code 1" in output
    assert "the table 'agents' is in the way" in output
    clone.assert_nothing_runs()


def test_a_worker_that_cannot_start_is_shown_with_its_last_lines(clone: Clone) -> None:
    process = clone.start("run", FAILING_COMMAND="worker")
    assert process.stdout is not None
    shown = next((line for line in process.stdout if "is in the way" in line), None)
    process.terminate()
    process.wait(30)
    assert shown == "    the table 'agents' is in the way\n"


def test_ctrl_c_in_the_middle_of_the_start_leaves_nothing(fresh_clone: Clone) -> None:
    process = fresh_clone.start("run")
    assert process.stderr is None
    wait_until(fresh_clone.processes, "something has started")
    fresh_clone.pid_of(KEEPER)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode == 0
    fresh_clone.assert_nothing_runs()


def test_the_local_model_is_started_and_allowed(clone: Clone) -> None:
    process, _ = clone.run(LOCAL_MODEL="true", EGRESS_ALLOW="10.0.0.1:80")
    values = read_env_file(clone.services_env)
    pair = urlsplit(values["LOCAL_MODEL_URL"]).netloc
    assert values["EGRESS_ALLOW"] == f"10.0.0.1:80,{pair}"
    process.terminate()
    output, _ = process.communicate(timeout=20)
    assert "tiny local demonstration model" in output


def test_reset_deletes_the_database_and_keeps_the_keys(fresh_clone: Clone) -> None:
    assert fresh_clone.call("setup")[0] == 0
    keys = (fresh_clone.path / "var/secrets.env").read_text()
    assert fresh_clone.call("reset", "--yes")[0] == 0
    assert fresh_clone.sql("SELECT to_regclass('visit') IS NULL") == "True"
    assert (fresh_clone.path / "var/secrets.env").read_text() == keys
    assert not (fresh_clone.path / "var/api-token").exists()


def test_stop_ends_a_run_from_another_terminal(clone: Clone) -> None:
    process, _ = clone.run()
    assert clone.call("stop")[0] == 0
    assert process.wait(20) == 0
    assert "Nothing of this clone is running" in clone.call("stop")[1]
