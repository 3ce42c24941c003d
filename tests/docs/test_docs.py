"""The documentation says what the code does: links, events, error codes, settings, limits."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest

from agents_app import consumers
from agents_app.engine.events import ALL_EVENTS

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")])
APPS = [
    ROOT / name
    for name in (
        *("config", "workspaces_app", "templates_app", "tools_app", "knowledge_app"),
        *("sessions_app", "agents_app", "testing_app", "analytics_app"),
    )
]
DOTTED = re.compile(r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*")
# Dotted texts in the source that are no error codes: messages of sockets and of the channel layer,
# paths of serializers, names of files, beginnings of codes.
NO_CODES = {
    *("run.accepted", "run.cancel", "run.cancelling", "run.follow", "run.following", "run.start"),
    *("run.delta", "run.events", "session.run", "message.delta", "tool.outcome_unknown"),
    *("model.safetensors", "tool.secret", "workspace.name"),
}


def sources() -> Iterator[Path]:
    """Yield the modules whose errors reach a caller."""
    for app in APPS:
        for path in sorted(app.rglob("*.py")):
            if not {"launcher", "migrations"} & set(path.parts):
                yield path


def is_note(node: ast.AST) -> bool:
    """Tell whether a call writes to a log or to the audit trail, whose words are dotted too."""
    if not isinstance(node, ast.Call):
        return False
    function = node.func
    if isinstance(function, ast.Attribute):
        owner = function.value
        return function.attr == "record" or (isinstance(owner, ast.Name) and owner.id == "logger")
    return isinstance(function, ast.Name) and function.id == "record"


def words_of(tree: ast.Module) -> tuple[set[str], set[str], list[re.Pattern[str]]]:
    """Return dotted texts outside of notes, those that are codes, and patterns of made-up codes."""
    notes = {id(part) for node in ast.walk(tree) if is_note(node) for part in ast.walk(node)}
    words: set[str] = set()
    codes: set[str] = set()
    patterns: list[re.Pattern[str]] = []
    for node in ast.walk(tree):
        if id(node) in notes:
            continue
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            words |= {node.value} if DOTTED.fullmatch(node.value) else set()
        elif isinstance(node, ast.keyword) and node.arg == "code":
            for part in ast.walk(node.value):
                if isinstance(part, ast.JoinedStr):
                    patterns.append(pattern_of(part))
                elif isinstance(part, ast.Constant) and DOTTED.fullmatch(str(part.value)):
                    codes.add(str(part.value))
    return words, codes, patterns


def pattern_of(text: ast.JoinedStr) -> re.Pattern[str]:
    pieces = [
        re.escape(str(part.value)) if isinstance(part, ast.Constant) else "[a-z_]+"
        for part in text.values
    ]
    return re.compile("".join(pieces))


def codes_in_source() -> tuple[set[str], list[re.Pattern[str]]]:
    """Return what looks like an error code, by the namespaces of catalogue and source."""
    words: set[str] = set()
    codes = catalogue()
    patterns: list[re.Pattern[str]] = []
    for path in sources():
        found = words_of(ast.parse(path.read_text(encoding="utf-8")))
        words |= found[0]
        codes |= found[1]
        patterns += found[2]
    namespaces = {code.partition(".")[0] for code in codes}
    events = {event.type for event in ALL_EVENTS} - {"run.failed"}
    known = {word for word in words if word.partition(".")[0] in namespaces}
    return known - NO_CODES - events, patterns


def catalogue() -> set[str]:
    """Return the codes that docs/errors.md lists."""
    text = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    return set(re.findall(r"^\| `([a-z0-9_]+\.[a-z0-9_]+)` \|", text, re.M))


def anchors_of(page: Path) -> set[str]:
    """Return the fragments of a page's headings, as GitHub makes them."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    headings = re.findall(r"^#{1,6} (.+)$", text, re.M)
    return {
        re.sub(r"[^\w\- ]", "", heading.replace("`", "").lower()).replace(" ", "-")
        for heading in headings
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_inside_the_project_resolve(page: Path) -> None:
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    broken = []
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = unquote(link).partition("#")
        target = (page.parent / path).resolve() if path else page
        is_broken = not target.exists() or (anchor and anchor not in anchors_of(target))
        broken += [link] if is_broken else []
    assert broken == []


def test_every_event_is_in_the_catalogue_with_its_fields() -> None:
    text = (ROOT / "docs" / "events.md").read_text(encoding="utf-8")
    sections = dict(re.findall(r"^### ([a-z]+\.[a-z]+)\n(.*?)(?=^#)", text, re.M | re.S))
    source = ast.parse((ROOT / "agents_app" / "engine" / "events.py").read_text(encoding="utf-8"))
    fields: dict[str, set[str]] = {}
    for node in source.body:
        if isinstance(node, ast.ClassDef):
            keys = {
                key.value
                for part in ast.walk(node)
                if isinstance(part, ast.Dict)
                for key in part.keys
                if isinstance(key, ast.Constant)
            }
            fields[node.name] = {str(key) for key in keys}

    documented = {
        kind: set(re.findall(r"^\| `([a-z_]+)` \|", section, re.M)) - {"message_id"}
        for kind, section in sections.items()
    }
    assert documented == {event.type: fields[event.__name__] for event in ALL_EVENTS}


def test_every_error_code_of_the_source_is_in_the_catalogue() -> None:
    words, _ = codes_in_source()

    assert sorted(words - catalogue()) == []


def test_every_error_code_of_the_catalogue_is_in_the_source() -> None:
    words, patterns = codes_in_source()

    invented = {
        code
        for code in catalogue() - words
        if not any(pattern.fullmatch(code) for pattern in patterns)
    }
    assert sorted(invented) == []


def variables_in_source() -> set[str]:
    """Return the environment variables that settings, launcher, tools and examples read."""
    names: set[str] = set()
    reading = re.compile(
        r"(?:\b(?:text|boolean|integer|words)|environ\.get|operator\.get)\(\s*\"([A-Z_]+)\""
    )
    index = re.compile(r"(?:environ|operator)\[\"([A-Z_]+)\"\]")
    for folder in ("config", "examples"):
        for path in (ROOT / folder).rglob("*.py"):
            source = path.read_text(encoding="utf-8")
            names |= set(reading.findall(source)) | set(index.findall(source))
    bootstrap = (ROOT / "deploy" / "bootstrap.sh").read_text(encoding="utf-8")
    return names | (set(re.findall(r"\$\{([A-Z_]+):-", bootstrap)))


def test_every_environment_variable_is_documented_and_real() -> None:
    page = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ((?:`[A-Z_]+`(?:, )?)+) \|", page, re.M)
    documented = {name for row in rows for name in re.findall(r"[A-Z_]+", row)}
    # Read by pip, uv and the C library, which the set-up starts.
    by_others = {"PIP_INDEX_URL", "HTTPS_PROXY"}

    assert documented - by_others == variables_in_source()


def test_every_variable_of_the_example_file_is_documented() -> None:
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    page = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")

    offered = set(re.findall(r"^#?([A-Z_]+)=", example, re.M))
    assert sorted(name for name in offered if f"`{name}`" not in page) == []


def test_the_socket_protocol_names_every_message_field_and_limit() -> None:
    page = (ROOT / "docs" / "realtime.md").read_text(encoding="utf-8")

    missing = [kind for kind in consumers.FIELDS if f'"type": "{kind}"' not in page]
    for fields in consumers.FIELDS.values():
        missing += [name for name in fields if f'"{name}"' not in page and f"`{name}`" not in page]
    for code in (consumers.NOT_FOUND, consumers.TOO_MANY_MESSAGES, consumers.SERVER_ERROR):
        missing += [] if f"| {code} |" in page or f"| {code}" in page else [str(code)]
    assert missing == []
    assert f"| size of a message from the client | {consumers.MAX_FRAME_BYTES:,} bytes |" in page
    assert f"| messages from the client | {consumers.MESSAGES_PER_S} a second per socket |" in page
    assert f"| runs followed by one socket | {consumers.MAX_FOLLOWED_RUNS} |" in page


def test_the_readme_names_only_targets_that_make_knows() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.M))
    named = {
        target
        for page in PAGES
        for target in re.findall(r"`make ([a-z-]+)", page.read_text(encoding="utf-8"))
    }

    assert sorted(named - targets) == []
