"""The virtual environment with the locked packages, made by a bare Python.

Nothing but the standard library is imported here, and modules that do the same. A stamp in the
environment tells which locks it was made from, so a second call costs milliseconds.
"""

import argparse
import hashlib
import importlib.util
import os
import subprocess
import sys
import venv
from collections.abc import Mapping, Sequence
from pathlib import Path

from config.launcher.errors import LauncherError
from config.launcher.locks import exclusive
from config.launcher.progress import say, step

ROOT = Path(__file__).resolve().parent.parent.parent
REQUIREMENTS = ROOT / "requirements"
INSTALLER_LOCK = "bootstrap.txt"
PACKAGE_LOCKS = ("dev.txt", "models.txt")
STAMP = ".locks-installed"
# Installed; shown, so that a first wait has a size.
MEGABYTES = 950


def bring_up(folder: Path, *, var: Path) -> bool:
    """Make `folder` match the locks; False when it already did.

    Calls beside each other wait for the first. Raises `LauncherError` with the way out.
    """
    var.mkdir(exist_ok=True)
    # Scripts in an environment name its folder: a copied or moved one has to be made anew.
    wanted = f"{fingerprint(REQUIREMENTS)} {folder.resolve()}"
    if read_stamp(folder) == wanted:
        return False
    with exclusive(
        var / "setup.lock", on_wait=lambda: say("  Another set-up is at work; waiting.")
    ):
        if read_stamp(folder) == wanted:
            return False
        if not _works(folder):
            _create(folder)
        _install(folder / "bin" / "python", var / "log" / "packages.log")
        (folder / STAMP).write_text(wanted, encoding="utf-8")
    return True


def fingerprint(requirements: Path) -> str:
    """Hash what decides the content of the environment: the locks and the Python version."""
    digest = hashlib.sha256(sys.version.encode())
    for name in (INSTALLER_LOCK, *PACKAGE_LOCKS):
        digest.update((requirements / name).read_bytes())
    return digest.hexdigest()


def read_stamp(folder: Path) -> str:
    """Return what the environment was made from and where, or nothing."""
    stamp = folder / STAMP
    return stamp.read_text(encoding="utf-8") if stamp.is_file() else ""


def _works(folder: Path) -> bool:
    """Tell whether the environment was made here, has this Python's version, and starts."""
    place = read_stamp(folder).partition(" ")[2]
    if not (folder / "bin" / "python").exists() or place not in {"", str(folder.resolve())}:
        return False
    code = "import sys, pip; print(*sys.version_info[:3])"
    done = subprocess.run(
        [folder / "bin" / "python", "-c", code], capture_output=True, text=True, check=False
    )
    return done.stdout.split() == [str(part) for part in sys.version_info[:3]]


def _create(folder: Path) -> None:
    if importlib.util.find_spec("ensurepip") is None:
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        raise LauncherError(
            f"{sys.executable} comes without `ensurepip`, so it cannot make environments.",
            remedy=f"Install it (Debian, Ubuntu: apt-get install python{version}-venv), or name"
            " another Python: make setup PYTHON=/path/python3",
        )
    is_foreign = folder.exists() and not (folder / "pyvenv.cfg").exists() and any(folder.iterdir())
    if is_foreign:
        raise LauncherError(
            f"{str(folder)!r} exists and is no virtual environment.",
            remedy="Move it away, or choose another folder: make setup VENV=.venv-2",
        )
    with step(f"Creating {folder.name} with Python {sys.version.split()[0]}"):
        try:
            venv.create(folder, with_pip=True, clear=True)
        except (OSError, subprocess.CalledProcessError) as error:
            raise LauncherError(
                f"The virtual environment {str(folder)!r} could not be made: {error}",
                remedy="Check that the folder is writable and the disk not full.",
            ) from error


def _install(python: Path, log: Path) -> None:
    """Install the locks with uv, or with pip where uv does not work."""
    log.parent.mkdir(exist_ok=True)
    log.write_bytes(b"")
    pip = [str(python), "-m", "pip", "--disable-pip-version-check", "--no-input"]
    options = ["install", "--require-hashes", "--no-deps"]
    locks = [part for name in PACKAGE_LOCKS for part in ("-r", str(REQUIREMENTS / name))]
    count = sum(_count(REQUIREMENTS / name) for name in PACKAGE_LOCKS)
    with step("Installing the package installer"):
        has_uv = _call([*pip, *options, "-r", str(REQUIREMENTS / INSTALLER_LOCK)], log)
    if has_uv:
        with step(f"Installing {count} locked packages (about {MEGABYTES} MB)"):
            environ = {**os.environ, **_index_for_uv(pip)}
            uv = [str(python.parent / "uv"), "pip", *options, "--python", str(python), *locks]
            if _call(uv, log, environ):
                return
    with step(f"Installing {count} locked packages with pip (some minutes)"):
        if _call([*pip, *options, *locks], log):
            return
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-12:]
    raise LauncherError(
        "The packages could not be installed:\n" + "\n".join(f"    {line}" for line in lines),
        remedy=f"Check the network, or the proxy or package index of this machine (HTTPS_PROXY,"
        f" PIP_INDEX_URL), then repeat; what was loaded is kept. The whole log is {log}.",
    )


def _index_for_uv(pip: Sequence[str]) -> dict[str, str]:
    """Translate pip's choice of a package index, which uv does not read."""
    if os.environ.get("UV_DEFAULT_INDEX") or os.environ.get("UV_INDEX_URL"):
        return {}
    done = subprocess.run([*pip, "config", "list"], capture_output=True, text=True, check=False)
    for line in done.stdout.splitlines():
        key, _, value = line.partition("=")
        if key.endswith(".index-url"):
            return {"UV_DEFAULT_INDEX": value.strip("'\"")}
    return {}


def _count(lock: Path) -> int:
    return sum("==" in line for line in lock.read_text(encoding="utf-8").splitlines())


def _call(
    command: Sequence[str],
    log: Path,
    environ: Mapping[str, str] | None = None,
) -> bool:
    with log.open("ab") as output:
        try:
            done = subprocess.run(command, stdout=output, stderr=output, env=environ, check=False)
        except OSError as error:
            output.write(f"{error}\n".encode())
            return False
    return done.returncode == 0


def main() -> int:
    """Parse the command line, bring the environment up, return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m config.launcher.bootstrap")
    parser.add_argument("--venv", type=Path, default=ROOT / ".venv")
    options = parser.parse_args()
    try:
        bring_up(ROOT / options.venv, var=ROOT / "var")
    except LauncherError as error:
        say(f"\nerror: {error.message}\n{error.remedy}")
        return 1
    except OSError as error:
        say(f"\nerror: {error}\nCheck who owns this clone and whether the disk is full.")
        return 1
    except KeyboardInterrupt:
        say("\nStopped; `make setup` goes on where this ended.")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
