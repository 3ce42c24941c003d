import ast
import re
from pathlib import Path

import pytest

from tests.architecture.project import CODE, ROOT, python_files, text_of, tracked_files

MAX_LINES = 500
STARTS_PROCESSES = {
    # The launcher starts and stops the servers of a fresh machine.
    "config/launcher/bootstrap.py",
    "config/launcher/children.py",
    "config/launcher/foreground.py",
    "config/launcher/keeper.py",
    "config/launcher/postgres.py",
    "config/launcher/preparing.py",
    "config/launcher/programs.py",
    "config/launcher/services.py",
    "config/launcher/valkey.py",
    "config/launcher/workload.py",
    # Templates are rendered in children with limits of their own.
    "templates_app/runtime/render/pool.py",
}
EVALUATING = {"eval", "exec", "compile", "__import__"}
REFUSED_MODULES = {"pickle", "marshal", "shelve", "dill", "code", "codeop"}
PROCESS_CALLS = {"system", "popen", "fork", "posix_spawn", "execv", "execve", "execvp"}
PRODUCT = python_files(of=CODE)


def names(paths: list[Path]) -> list[str]:
    return [path.as_posix() for path in paths]


def faults(tree: ast.AST) -> list[str]:
    """Return what our own code must never do, by name."""
    found: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            found += [node.func.id] if node.func.id in EVALUATING else []
        elif isinstance(node, ast.Import):
            found += [item.name for item in node.names if item.name in REFUSED_MODULES]
        elif isinstance(node, ast.ImportFrom):
            found += [str(node.module)] if node.module in REFUSED_MODULES else []
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            dotted = f"{node.value.id}.{node.attr}"
            found += [dotted] if dotted in {"yaml.load", "yaml.unsafe_load"} else []
    return found


def starts_processes(tree: ast.AST) -> bool:
    """Tell whether a file can start another program."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=imported) if any(item.name == "subprocess" for item in imported):
                return True
            case ast.ImportFrom(module="subprocess" | "multiprocessing"):
                return True
            case ast.Attribute(value=ast.Name(id="asyncio"), attr=attr) if attr.startswith(
                "create_subprocess"
            ):
                return True
            case ast.Attribute(value=ast.Name(id="os"), attr=attr) if attr in PROCESS_CALLS:
                return True
    return False


def test_the_product_is_found() -> None:
    assert len(PRODUCT) > 150


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("eval('1')", ["eval"]),
        ("import pickle", ["pickle"]),
        ("from marshal import loads", ["marshal"]),
        ("yaml.load(x)", ["yaml.load"]),
        ("re.compile('x')", []),
        ("model.eval()", []),
    ],
)
def test_the_search_for_faults_finds_them(source: str, expected: list[str]) -> None:
    assert faults(ast.parse(source)) == expected


@pytest.mark.parametrize("path", PRODUCT, ids=names(PRODUCT))
def test_our_code_evaluates_no_text_and_unpickles_nothing(path: Path) -> None:
    assert faults(ast.parse(text_of(path))) == []


def test_only_listed_files_start_processes() -> None:
    found = {path.as_posix() for path in PRODUCT if starts_processes(ast.parse(text_of(path)))}
    assert found == STARTS_PROCESSES


@pytest.mark.parametrize("path", PRODUCT, ids=names(PRODUCT))
def test_every_module_says_what_it_owns(path: Path) -> None:
    tree = ast.parse(text_of(path))
    is_generated = path.parent.name == "migrations"
    assert is_generated or not tree.body or ast.get_docstring(tree)


@pytest.mark.parametrize("path", python_files(), ids=names(python_files()))
def test_no_file_grows_beyond_what_one_can_read(path: Path) -> None:
    lines = text_of(path).count("\n")
    assert path.parent.name == "migrations" or lines <= MAX_LINES


ABSOLUTE = re.compile(r"(?<![\w./~$}>-])/(?:home|Users|work|root)/[\w.-]+")
REGISTRY = re.compile(
    r"(?:registry\.npm"
    r"js\.org|registry\.yarnpkg|files\.python"
    r"hosted|py"
    r"pi\.org/simple|artifactory"
    r"|nexus|--(?:extra-)?index-url|--find-links)"
)
# Words of these files that name a registry on purpose: a switch that leaves its address out.
NAMES_A_REGISTRY = {"tests/architecture/test_source.py"}


def test_no_tracked_file_names_a_registry_or_a_place_on_one_machine() -> None:
    found = [
        f"{path}: {match[0]}"
        for path in tracked_files()
        if path.suffix in {".py", ".toml", ".txt", ".json", ".yml", ".yaml", ".md", ".sh", ".ts"}
        or path.name in {"Makefile", ".npmrc", ".env.example"}
        if path.as_posix() not in NAMES_A_REGISTRY
        for pattern in (ABSOLUTE, REGISTRY)
        for match in pattern.finditer((ROOT / path).read_text(encoding="utf-8"))
    ]
    assert found == []
