"""What the text of a template refers to and what is wrong with it.

Pure rules over the scanned tags and over what the engine's parser found (`ParserFacts`). The
engine itself runs in the render child only: its recursive parser overflows the stack on long
chains of operators, which would end the whole process.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

from templates_app.domain.declarations import RESERVED_NAMES, Declaration
from templates_app.domain.scanner import Tag, Token, line_and_column, scan
from templates_app.errors import TemplateInvalid

MAX_BODY_CHARS = 65_536
GLOBAL_NAMES = frozenset(
    {"range", "dict", "namespace", "cycler", "joiner", "super", "self", "loop", "caller"}
)
"""Names that the engine itself provides in a template."""
FILTERS = frozenset(
    word
    for line in (
        "abs attr batch bool capitalize chain count d default dictsort e escape filesizeformat",
        "first float format groupby indent int items join last length lines list lower map max",
        "min pluralize pprint reject rejectattr replace reverse round safe select selectattr slice",
        "sort split string striptags sum title tojson trim truncate unique upper urlencode",
        "wordwrap zip",
    )
    for word in line.split()
)
TESTS = frozenset(
    word
    for line in (
        "boolean defined divisibleby endingwith eq equalto escaped even false filter float ge gt",
        "greaterthan in integer iterable le lessthan lower lt mapping ne none number odd safe",
        "sameas sequence startingwith string test true undefined upper",
    )
    for word in line.split()
)

_NAME = "[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?"
_REFERENCE = re.compile(rf"(?:({_NAME})/)?({_NAME})@([1-9][0-9]{{0,8}})")
_REFERRING = {"extends": "extends", "include": "include", "import": "import", "from": "import"}
_INCLUDE_TAIL = re.compile(r"(ignore missing)? ?((with|without) context)?")
# Bidirectional overrides and invisible tag characters hide text from a reviewer. Emoji flags of
# regions are written with tag characters too, behind a black flag.
_HIDDEN = re.compile("[\u202a-\u202e\u2066-\u2069\U000e0000-\U000e007f]")
_FLAG = re.compile("\U0001f3f4[\U000e0020-\U000e007e]{1,6}\U000e007f")
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """A pinned template version that a body names, as it is written."""

    written: str
    kind: Literal["extends", "include", "import"]
    workspace: str | None
    """None means the workspace of the referring template."""
    name: str
    number: int
    line: int
    column: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostic:
    """Something to tell the author about one place; lines and columns count from 1."""

    severity: Literal["error", "warning"]
    code: str
    detail: str
    line: int | None = None
    column: int | None = None
    name: str | None = None
    """The variable, filter or reference that it is about."""

    def to_json(self) -> dict[str, Any]:
        """Return the form that the API and the editor show."""
        return {
            "severity": self.severity,
            "code": self.code,
            "detail": self.detail,
            "line": self.line,
            "column": self.column,
            "name": self.name,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ParserFacts:
    """What the engine's parser says about one body."""

    undeclared: frozenset[str] = frozenset()
    problem: Diagnostic | None = None
    """The syntax error, if there is one; nothing else is known then."""


@dataclass(frozen=True, slots=True)
class Source:
    """A scanned body."""

    body: str
    tags: tuple[Tag, ...]
    references: tuple[Reference, ...]
    diagnostics: tuple[Diagnostic, ...]
    """Errors that need neither the engine nor the database."""

    @property
    def parent(self) -> Reference | None:
        """The reference of `extends`."""
        return next((item for item in self.references if item.kind == "extends"), None)


def read_source(body: str) -> Source:
    """Scan a body: its references and everything that is wrong with its text alone."""
    diagnostics = list(_check_text(body))
    if diagnostics:
        return Source(body, (), (), tuple(diagnostics))
    tags = tuple(scan(body))
    references: list[Reference] = []
    for index, tag in enumerate(tags):
        if tag.keyword in _REFERRING:
            found = _read_reference(body, tag, is_first=index == 0)
            (references if isinstance(found, Reference) else diagnostics).append(found)  # type: ignore[arg-type]  # sorted by type just here
        elif tag.keyword == "set" and len(tag.tokens) > 1 and tag.tokens[1].text in RESERVED_NAMES:
            diagnostics.append(
                _at(
                    body,
                    tag.tokens[1],
                    "template.name_reserved",
                    f"{tag.tokens[1].text!r} has a meaning of its own; choose another name.",
                )
            )
        diagnostics.extend(_unknown_filters(body, tag))
    return Source(body, tags, tuple(references), tuple(diagnostics))


def storable_body(body: str) -> str:
    """Return a body with plain line ends; a draft may be wrong in every other way.

    Raises:
        TemplateInvalid: Too long, or it holds characters that no text may hold.
    """
    problem = next(_check_text(body), None)
    if problem is not None:
        raise TemplateInvalid(
            problem.detail,
            code=problem.code,
            errors=[{"field": "body", **problem.to_json()}],
            extra={"line": problem.line, "column": problem.column},
        )
    return body.replace("\r\n", "\n")


def undeclared(source: Source, facts: ParserFacts, declared: Iterable[str]) -> list[Diagnostic]:
    """Return an error for every name that the body reads but nobody declares."""
    unknown = facts.undeclared - set(declared) - GLOBAL_NAMES
    places = dict.fromkeys(sorted(unknown), None) | _first_places(source, unknown)
    return [
        Diagnostic(
            severity="error",
            code="template.variables_unknown",
            detail=f"{name!r} is not declared. Declare it or remove it from the text.",
            name=name,
            line=line_and_column(source.body, offset)[0] if offset is not None else None,
            column=line_and_column(source.body, offset)[1] if offset is not None else None,
        )
        for name, offset in places.items()
    ]


def unused(
    facts: ParserFacts, own: Sequence[Declaration], inherited: Iterable[str]
) -> list[Diagnostic]:
    """Return a warning for every declaration of the template's own that nothing reads."""
    used = facts.undeclared | set(inherited)
    return [
        Diagnostic(
            severity="warning",
            code="template.variable_unused",
            detail=f"{item.name!r} is declared but not used.",
            name=item.name,
        )
        for item in own
        if item.name not in used
    ]


def bound_names(source: Source) -> set[str]:
    """Return the names that the body itself assigns: loop variables, `set` and `with`.

    Included templates read them from the includer, so they are no input of the whole.
    """
    names: set[str] = set()
    for tag in source.tags:
        words = tag.tokens[1:]
        match tag.keyword:
            case "for":
                end = next((i for i, item in enumerate(words) if item.text == "in"), 0)
                names.update(item.text for item in words[:end] if item.kind == "word")
            case "set":
                end = next((i for i, item in enumerate(words) if item.text == "="), len(words))
                names.update(item.text for item in words[:end] if item.kind == "word")
            case "with":
                names.update(
                    item.text
                    for item, following in pairwise(words)
                    if item.kind == "word" and following.text == "="
                )
    return names


def error_at(body: str, offset: int, code: str, detail: str) -> Diagnostic:
    """Return an error about the character at `offset`."""
    line, column = line_and_column(body, offset)
    return Diagnostic(severity="error", code=code, detail=detail, line=line, column=column)


def _check_text(body: str) -> Iterator[Diagnostic]:
    if len(body) > MAX_BODY_CHARS:
        yield Diagnostic(
            severity="error",
            code="template.too_large",
            detail=f"The text has {len(body)} characters; at most {MAX_BODY_CHARS} are accepted."
            " Move parts into templates of their own and include them.",
        )
        return
    if found := _UNSTORABLE.search(body):
        yield error_at(
            body,
            found.start(),
            "template.character",
            "The text holds a NUL or half of a character pair; remove it.",
        )
    visible = _FLAG.sub(lambda flag: " " * len(flag[0]), body)
    if found := _HIDDEN.search(visible):
        yield error_at(
            body,
            found.start(),
            "template.hidden_text",
            f"The invisible character U+{ord(found[0]):04X} hides text from readers; remove it.",
        )


def _read_reference(body: str, tag: Tag, *, is_first: bool) -> Reference | Diagnostic:
    place = tag.tokens[0]
    keyword = tag.keyword
    target = tag.tokens[1] if len(tag.tokens) > 1 else place
    tail = " ".join(token.text for token in tag.tokens[2:])
    has_form = (
        (keyword == "extends" and not tail)
        or (keyword == "include" and _INCLUDE_TAIL.fullmatch(tail))
        or (keyword == "import" and tail.startswith("as "))
        or (keyword == "from" and tail.startswith("import "))
    )
    if target.kind != "string" or "\\" in target.text or not has_form:
        return _at(
            body,
            target,
            "template.reference_dynamic",
            f"`{keyword}` needs one reference in quotes, such as 'house-style@3'; a computed"
            " one could not be pinned.",
        )
    written = target.text[1:-1]
    parts = _REFERENCE.fullmatch(written)
    if parts is None:
        return _at(
            body,
            target,
            "template.reference_invalid",
            f"{written[:140]!r} does not pin a version. Write name@3 or workspace/name@3.",
        )
    if keyword == "extends" and not is_first:
        return _at(
            body, place, "template.extends_first", "`extends` must be the first tag of the text."
        )
    line, column = line_and_column(body, target.offset)
    return Reference(
        written=written,
        kind=_REFERRING[keyword],  # type: ignore[arg-type]  # the table holds these three only
        workspace=parts[1],
        name=parts[2],
        number=int(parts[3]),
        line=line,
        column=column,
    )


def _unknown_filters(body: str, tag: Tag) -> Iterator[Diagnostic]:
    """Find filters and tests that the engine would refuse only when it renders them."""
    previous = Token("sign", "", 0)
    if tag.keyword == "filter":
        previous = Token("sign", "|", 0)
    for token in tag.tokens[1:] if tag.keyword == "filter" else tag.tokens:
        if token.kind == "word" and previous.text == "|" and token.text not in FILTERS:
            yield _at(
                body, token, "template.filter_unknown", f"There is no filter {token.text[:64]!r}."
            )
        is_test = previous.text == "is" and previous.kind == "word" and token.kind == "word"
        if is_test and token.text not in TESTS and token.text != "not":
            yield _at(
                body, token, "template.test_unknown", f"There is no test {token.text[:64]!r}."
            )
        if not (is_test and token.text == "not"):
            previous = token


def _first_places(source: Source, names: frozenset[str]) -> dict[str, int]:
    """Return the offset at which each name is first read."""
    places: dict[str, int] = {}
    for tag in source.tags:
        for index, token in enumerate(tag.tokens):
            if token.kind != "word" or token.text not in names or token.text in places:
                continue
            before = tag.tokens[index - 1].text if index else ""
            after = tag.tokens[index + 1].text if index + 1 < len(tag.tokens) else ""
            if before not in {".", "|"} and after != "=":
                places[token.text] = token.offset
    return places


def _at(body: str, token: Token, code: str, detail: str) -> Diagnostic:
    line, column = line_and_column(body, token.offset)
    return Diagnostic(
        severity="error", code=code, detail=detail, line=line, column=column, name=token.text[:140]
    )
