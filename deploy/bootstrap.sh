#!/bin/sh
# Makes the virtual environment with the locked packages; the work is in config/launcher/bootstrap.py.
# PYTHON chooses the interpreter (3.11 to 3.13), VENV the folder.
set -eu
cd "$(dirname "$0")/.."

usable() {
    "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null
}

if [ -n "${PYTHON:-}" ]; then
    if ! usable "$PYTHON"; then
        echo "error: PYTHON=$PYTHON is not a Python 3.11, 3.12 or 3.13 that starts." >&2
        echo "Name another one, for example: make setup PYTHON=python3.11" >&2
        exit 1
    fi
elif usable "${VENV:-.venv}/bin/python"; then
    # The interpreter that an existing environment was made from.
    PYTHON=$("${VENV:-.venv}/bin/python" -c 'import sys; print(sys._base_executable)')
else
    for candidate in python3 python3.13 python3.12 python3.11; do
        if usable "$candidate"; then
            PYTHON=$candidate
            break
        fi
    done
fi
if [ -z "${PYTHON:-}" ]; then
    found=$(python3 --version 2>/dev/null || echo "no python3")
    echo "error: Python 3.11, 3.12 or 3.13 is needed; this machine has $found." >&2
    echo "Install one (Debian, Ubuntu: apt-get install python3 python3-venv; Fedora: dnf install" >&2
    echo "python3.12; macOS: brew install python@3.12), or name it: make setup PYTHON=/path/python3" >&2
    exit 1
fi
exec "$PYTHON" -m config.launcher.bootstrap --venv "${VENV:-.venv}"
