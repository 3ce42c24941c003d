"""The tags of a template body with their positions: what the engine's parser does not tell.

The engine names undeclared variables but not where they stand, and shows no references. This
scanner finds tags and their tokens in one linear pass. Where it and the engine's own parser
disagree, the engine wins: it alone decides what is rendered, and it can load nothing but the
references that were resolved from here.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_OPENING = re.compile(r"\{\{|\{%|\{#")
_RAW = re.compile(r"\{%[-+]?\s*raw\s*[-+]?%\}")
_END_RAW = re.compile(r"\{%[-+]?\s*endraw\s*[-+]?%\}")
# Possessive quantifiers: no token is tried in two ways, so the scan is linear.
_TOKEN = re.compile(
    r"(?P<string>'(?:[^'\\]|\\.)*+'|\"(?:[^\"\\]|\\.)*+\")"
    r"|(?P<word>[^\W\d]\w*+)"
    r"|(?P<end>[-+]?[%}]\})"
    r"|(?P<number>\d[\w.]*+)"
    r"|(?P<space>\s++)"
    r"|(?P<sign>\*\*|//|[=!<>]=|.)",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Token:
    """One token inside a tag; `offset` counts characters from the start of the body."""

    kind: str
    text: str
    offset: int


@dataclass(frozen=True, slots=True)
class Tag:
    """One `{{ … }}` or `{% … %}` with its tokens, spaces left out."""

    is_statement: bool
    offset: int
    tokens: tuple[Token, ...]

    @property
    def keyword(self) -> str:
        """The first word of a statement; empty for an expression."""
        first = self.tokens[0] if self.is_statement and self.tokens else None
        return first.text if first and first.kind == "word" else ""


def scan(body: str) -> list[Tag]:
    """Return the tags of a body in order, without comments and raw blocks.

    The scan ends at the first tag that never closes; the engine reports that one.
    """
    return list(_tags(body))


def line_and_column(body: str, offset: int) -> tuple[int, int]:
    """Return the position of a character, both counted from 1."""
    return body.count("\n", 0, offset) + 1, offset - (body.rfind("\n", 0, offset) + 1) + 1


def _tags(body: str) -> Iterator[Tag]:
    position = 0
    while opening := _OPENING.search(body, position):
        start = opening.start()
        if opening[0] == "{#":
            position = body.find("#}", start) + 2
            if position == 1:
                return
            continue
        if raw := _RAW.match(body, start):
            end = _END_RAW.search(body, raw.end())
            if end is None:
                return
            position = end.end()
            continue
        tokens, position = _tokens(body, opening.end(), "}}" if opening[0] == "{{" else "%}")
        if position < 0:
            return
        yield Tag(opening[0] == "{%", start, tokens)


def _tokens(body: str, start: int, closing: str) -> tuple[tuple[Token, ...], int]:
    """Return the tokens of a tag and the offset behind it, or -1 if it never closes."""
    tokens: list[Token] = []
    depth = 0
    position = start
    if body[position : position + 1] in {"-", "+"}:
        position += 1
    while match := _TOKEN.match(body, position):
        kind, text = str(match.lastgroup), match[0]
        if kind == "end":
            if text.endswith(closing) and (closing == "%}" or depth == 0):
                return tuple(tokens), match.end()
            # Part of an expression, such as the two brackets that close a map in a map.
            text, kind = text[0], "sign"
        position += len(text)
        if kind == "space":
            continue
        depth += (text in {"{", "(", "["}) - (text in {"}", ")", "]"})
        tokens.append(Token(kind, text, match.start()))
    return tuple(tokens), -1
