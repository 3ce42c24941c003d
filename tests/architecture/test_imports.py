import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.project import CODE, ROOT, tracked_files

ROOMS = {
    "admin",
    "api",
    "apps",
    "consumers",
    "domain",
    "engine",
    "errors",
    "management",
    "migrations",
    "models",
    "querysets",
    "routing",
    "runtime",
    "services",
    "static",
    "tasks",
    "templates",
    "templatetags",
}
"""Rooms of an app; a new one gets a place in the import contract first."""


@pytest.mark.parametrize("app", CODE[1:])
def test_an_app_has_known_rooms_only(app: str) -> None:
    inside = {
        path.parts[1].removesuffix(".py")
        for path in tracked_files()
        if path.parts[0] == app and path.name != "__init__.py"
    }
    assert inside
    assert inside - ROOMS == set()


@pytest.mark.parametrize(
    "module",
    [
        "agents_app.engine.loop",
        "agents_app.engine.memory",
        "templates_app.domain.source",
        "tools_app.domain.registry",
        "knowledge_app.domain.chunking",
    ],
)
def test_the_engine_and_the_domains_run_without_a_framework(module: str) -> None:
    code = f"import sys, {module}; print([n for n in ('django', 'rest_framework') if n in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True
    )
    assert done.stdout.strip() == "[]"


def test_the_import_contracts_hold() -> None:
    program = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([program, "--no-cache"], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, "kept, 0 broken" in done.stdout) == (0, True), done.stdout[-4000:]
