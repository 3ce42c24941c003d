import base64
import threading
from pathlib import Path

import pytest

from config.environment import read_env_file
from config.launcher.errors import LauncherError
from config.launcher.keys import ensure_keys, ensure_staff_password, write_once


def test_keys_are_strong_private_and_readable_by_the_settings(tmp_path: Path) -> None:
    assert ensure_keys(tmp_path) is True
    values = read_env_file(tmp_path / "secrets.env")
    assert len(base64.b64decode(values["ENCRYPTION_KEYS"], validate=True)) == 32
    assert len(values["SECRET_KEY"]) >= 60
    assert (tmp_path / "secrets.env").stat().st_mode & 0o777 == 0o600


def test_keys_are_never_overwritten(tmp_path: Path) -> None:
    ensure_keys(tmp_path)
    before = (tmp_path / "secrets.env").read_bytes()
    assert ensure_keys(tmp_path) is False
    assert (tmp_path / "secrets.env").read_bytes() == before


def test_a_file_that_lacks_a_key_is_named_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "secrets.env").write_text("SECRET_KEY=abc\n")
    with pytest.raises(LauncherError, match="lacks ENCRYPTION_KEYS"):
        ensure_keys(tmp_path)
    assert (tmp_path / "secrets.env").read_text() == "SECRET_KEY=abc\n"


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "secrets.env").write_text("SECRET_KEY\n")
    with pytest.raises(LauncherError, match=r"cannot be read: secrets\.env line 1"):
        ensure_keys(tmp_path)


def test_writers_beside_each_other_agree_on_one_content(tmp_path: Path) -> None:
    path = tmp_path / "once"
    meeting = threading.Barrier(8)
    created: list[bool] = []

    def write(number: int) -> None:
        meeting.wait()
        created.append(write_once(path, lambda: str(number) * 1000))

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    text = path.read_text()
    assert created.count(True) == 1
    assert text == text[0] * 1000
    assert list(tmp_path.iterdir()) == [path]


def test_the_staff_password_is_made_once(tmp_path: Path) -> None:
    password = ensure_staff_password(tmp_path)
    assert len(password) >= 16
    assert ensure_staff_password(tmp_path) == password
    assert (tmp_path / "staff-password").stat().st_mode & 0o777 == 0o600
