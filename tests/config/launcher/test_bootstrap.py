import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from config.environment import BASE_DIR
from config.launcher.bootstrap import REQUIREMENTS, STAMP, bring_up, fingerprint
from config.launcher.errors import LauncherError

SCRIPT = BASE_DIR / "deploy" / "bootstrap.sh"


def call_script(**environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["/bin/sh", SCRIPT], env=environ, capture_output=True, text=True)


def test_an_environment_made_from_these_locks_is_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "venv"
    folder.mkdir()
    (folder / STAMP).write_text(f"{fingerprint(REQUIREMENTS)} {folder}")
    assert bring_up(folder, var=tmp_path / "var") is False
    assert list(folder.iterdir()) == [folder / STAMP]


@pytest.mark.parametrize("name", ["bootstrap.txt", "dev.txt", "models.txt"])
def test_a_changed_lock_changes_the_fingerprint(tmp_path: Path, name: str) -> None:
    copy = tmp_path / "requirements"
    shutil.copytree(REQUIREMENTS, copy)
    before = fingerprint(copy)
    (copy / name).write_text((copy / name).read_text() + "\n")
    assert fingerprint(copy) != before


def test_every_declared_package_is_locked_in_a_version_that_suits() -> None:
    project = tomllib.loads((BASE_DIR / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    declared = [*project["dependencies"], *extras["embedded"], *extras["dev"]]
    lines = (REQUIREMENTS / "dev.txt").read_text().splitlines()
    locked = [Requirement(line.removesuffix(" \\")) for line in lines if re.match(r"\w.*==", line)]
    pins = {
        canonicalize_name(pin.name): pin.specifier
        for pin in locked
        if pin.marker is None or pin.marker.evaluate()
    }
    wanted = [Requirement(text) for text in declared]
    outdated = [
        want.name
        for want in wanted
        if want.marker is None or want.marker.evaluate()
        if not want.specifier.contains(str(pins[canonicalize_name(want.name)]).removeprefix("=="))
    ]
    assert outdated == []


def test_a_folder_that_is_no_environment_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "letter.txt").write_text("dear")
    with pytest.raises(LauncherError, match="is no virtual environment"):
        bring_up(folder, var=tmp_path / "var")
    assert (folder / "letter.txt").read_text() == "dear"


def test_an_index_that_cannot_be_reached_is_reported_and_mends_itself_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_INDEX_URL": "http://127.0.0.1:1/simple",
        "PIP_FIND_LINKS": "",
        "PIP_RETRIES": "0",
        "PIP_NO_CACHE_DIR": "1",
    }.items():
        monkeypatch.setenv(name, value)
    folder = tmp_path / "venv"
    with pytest.raises(LauncherError, match="could not be installed") as caught:
        bring_up(folder, var=tmp_path / "var")
    assert "PIP_INDEX_URL" in caught.value.remedy
    assert not (folder / STAMP).exists()


def test_the_script_names_a_python_that_does_not_start() -> None:
    done = call_script(PATH=os.environ["PATH"], PYTHON="/nowhere/python3")
    assert done.returncode == 1
    assert "PYTHON=/nowhere/python3 is not a Python 3.11, 3.12 or 3.13" in done.stderr


def test_the_script_says_what_to_install_where_python_is_missing_or_old(tmp_path: Path) -> None:
    # A machine with an old python3 and none of the newer names.
    for name in ("dirname", "sh"):
        (tmp_path / name).symlink_to(str(shutil.which(name)))
    old = tmp_path / "python3"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo Python 3.9.2 && exit 0\nexit 1\n')
    old.chmod(0o755)
    done = call_script(PATH=str(tmp_path), VENV=str(tmp_path / "none"))
    assert done.returncode == 1
    assert "this machine has Python 3.9.2" in done.stderr
    assert "apt-get install python3" in done.stderr
