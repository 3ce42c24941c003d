"""The blocks of a document: headings, prose, code and tables, with their exact places.

Markdown is read by a CommonMark parser with tables; plain text has paragraphs only. Nothing here
changes the text: every place is an offset into it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from markdown_it import MarkdownIt

_LINE_END = re.compile(r"\r\n?|\n")
"""What the parser takes as the end of a line."""
_PARAGRAPH = re.compile(r"\S.*(?:\n[ \t]*\S.*)*")
_MARKS = re.compile(r"[*_`~]+|!?\[([^\]]*)\]\([^)]*\)")
_ANCHOR = re.compile(r"\s*\{#[^}]*\}\s*$|\s+#+\s*$")


class BlockKind(StrEnum):
    """What a block is; code and tables are kept whole where they fit."""

    HEADING = "heading"
    PROSE = "prose"
    LIST = "list"
    CODE = "code"
    TABLE = "table"


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A part of a document's text that begins and ends with a visible character."""

    kind: BlockKind
    start: int
    end: int
    level: int = 0
    """1 to 6 for a heading, else 0."""
    title: str = ""
    """The plain text of a heading, else empty."""


def markdown_blocks(text: str) -> list[Block]:
    """Return the top-level blocks of Markdown `text`, in order and without overlap."""
    lines = [0, *(match.end() for match in _LINE_END.finditer(text)), len(text)]
    tokens = _parser().parse(text)
    blocks = []
    for index, token in enumerate(tokens):
        kind = _KINDS.get(token.type)
        if kind is None or token.level or token.map is None:
            continue
        first, after = token.map
        start, end = _trim(text, lines[first], lines[min(after, len(lines) - 1)])
        if start == end:
            continue
        is_heading = kind is BlockKind.HEADING
        blocks.append(
            Block(
                kind=kind,
                start=start,
                end=end,
                level=int(token.tag[1]) if is_heading else 0,
                title=_plain(tokens[index + 1].content) if is_heading else "",
            )
        )
    return list(_with_gaps(text, blocks))


def plain_blocks(text: str) -> list[Block]:
    """Return the paragraphs of plain `text`: runs of lines without an empty line between them."""
    return list(_paragraphs(text, 0, len(text)))


_KINDS = {
    "heading_open": BlockKind.HEADING,
    "paragraph_open": BlockKind.PROSE,
    "blockquote_open": BlockKind.PROSE,
    "html_block": BlockKind.PROSE,
    "bullet_list_open": BlockKind.LIST,
    "ordered_list_open": BlockKind.LIST,
    "fence": BlockKind.CODE,
    "code_block": BlockKind.CODE,
    "table_open": BlockKind.TABLE,
}


def _parser() -> MarkdownIt:
    # Only the places of blocks are wanted, so the costly reading of inline marks is left out.
    return MarkdownIt("commonmark").enable("table").disable("inline")


def _with_gaps(text: str, blocks: list[Block]) -> Iterator[Block]:
    """Yield `blocks` and, as prose, what lies between them, such as link definitions."""
    position = 0
    for block in blocks:
        yield from _paragraphs(text, position, block.start)
        yield block
        position = block.end
    yield from _paragraphs(text, position, len(text))


def _paragraphs(text: str, start: int, end: int) -> Iterator[Block]:
    for match in _PARAGRAPH.finditer(text, start, end):
        begin, after = _trim(text, match.start(), match.end())
        yield Block(kind=BlockKind.PROSE, start=begin, end=after)


def _trim(text: str, start: int, end: int) -> tuple[int, int]:
    inner = text[start:end]
    stripped = inner.lstrip("\r\n") if inner.startswith(("\r", "\n")) else inner
    start += len(inner) - len(stripped)
    return start, start + len(stripped.rstrip())


def _plain(title: str) -> str:
    """Return a heading without emphasis, code marks, links and a closing anchor."""
    bare = _ANCHOR.sub("", title)
    return " ".join(_MARKS.sub(lambda match: match.group(1) or "", bare).split())
