"""What can be done beside a clone that runs; one run serves all of these tests."""

import os
import signal
from collections.abc import Iterator

import pytest

from config.environment import read_env_file
from tests.config.launcher.conftest import POSTMASTER, Clone, wait_until

pytestmark = pytest.mark.processes


@pytest.fixture(scope="module")
def running(clone: Clone) -> Iterator[str]:
    """The address of the clone's run."""
    process, address = clone.run()
    yield address
    process.terminate()
    assert process.wait(20) == 0
    clone.assert_nothing_runs()


def test_other_terminals_find_the_servers(clone: Clone, running: str) -> None:
    values = read_env_file(clone.services_env)
    assert values["DATABASE_URL"].startswith("postgresql://")
    assert values["REDIS_URL"].startswith("unix://")
    assert values["AGENT_BUILDER_URL"] == running
    assert clone.services_env.stat().st_mode & 0o777 == 0o600


def test_a_second_run_is_refused_with_the_address_of_the_first(clone: Clone, running: str) -> None:
    code, output = clone.call("run")
    assert code == 1
    assert f"is running already at {running}" in output


@pytest.mark.usefixtures("running")
def test_a_command_shares_the_servers_and_leaves_them_running(clone: Clone) -> None:
    server = clone.pid_of(POSTMASTER)
    assert int(clone.sql("SELECT count(*) FROM visit")) >= 1
    assert clone.pid_of(POSTMASTER) == server


@pytest.mark.usefixtures("running")
def test_reset_is_refused(clone: Clone) -> None:
    code, output = clone.call("reset", "--yes")
    assert (code, "is in use" in output) == (1, True), output
    assert int(clone.sql("SELECT count(*) FROM visit")) >= 1


@pytest.mark.usefixtures("running")
def test_a_killed_worker_comes_back(clone: Clone) -> None:
    first = clone.pid_of("manage.py worker")
    os.kill(first, signal.SIGKILL)
    wait_until(
        lambda: [
            pid
            for pid, line in clone.processes().items()
            if "manage.py worker" in line and pid != first
        ],
        "another worker runs",
    )
