"""What the project consists of: its tracked files and its layers."""

import subprocess
import tomllib
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
CODE = (
    "config",
    "workspaces_app",
    "templates_app",
    "tools_app",
    "knowledge_app",
    "sessions_app",
    "agents_app",
    "testing_app",
    "analytics_app",
)


@cache
def tracked_files() -> list[Path]:
    """Return every file under version control that is there, relative to the root.

    In a copy without a repository: every file that version control would not ignore by folder.
    """
    if (ROOT / ".git").exists():
        listed = subprocess.run(
            ["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True
        ).stdout.split("\0")
        return [Path(name) for name in listed if name and (ROOT / name).is_file()]
    skipped = {"var", "node_modules", ".hypothesis", ".ruff_cache", "__pycache__"}
    return [
        path.relative_to(ROOT)
        for path in ROOT.rglob("*")
        if path.is_file()
        and not any(part in skipped or part.startswith(".venv") for part in path.parts)
    ]


def python_files(*, of: tuple[str, ...] | None = None) -> list[Path]:
    """Return the Python files, all of them or those below some folders."""
    return [
        path
        for path in tracked_files()
        if path.suffix == ".py" and (of is None or path.parts[0] in of)
    ]


def text_of(path: Path) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


@cache
def floors() -> dict[str, int]:
    """Return the floor of every app, from the import contract; 0 is the lowest."""
    settings = tomllib.loads(text_of(Path("pyproject.toml")))
    contracts = settings["tool"]["importlinter"]["contracts"]
    (layers,) = [item["layers"] for item in contracts if item["id"] == "floors-between-apps"]
    return {
        name.strip(): number
        for number, layer in enumerate(reversed(layers))
        for name in layer.replace(":", "|").split("|")
    }
