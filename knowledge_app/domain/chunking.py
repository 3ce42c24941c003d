"""Cutting a document into chunks that follow its structure.

A chunk never crosses a heading, keeps code and tables whole where they fit, and is an exact part of
the text: `text[chunk.start:chunk.end]`. Sizes are in tokens of the embedding model.
"""

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from knowledge_app.domain.blocks import Block, BlockKind, markdown_blocks, plain_blocks

HEADING_SEPARATOR = " › "
MAX_HEADING_CHARS = 300
MARKDOWN_TYPES = frozenset({"text/markdown", "text/x-markdown"})

_SENTENCE_END = re.compile(r"[.!?…][\"'”’)\]]*\s+|[。！？]\s*")  # noqa: RUF001 (full-width marks)
_LINE_END = re.compile(r"\r?\n")
_WORD_END = re.compile(r"\s+")
# Where an oversized block may be cut, best first.
_CUTS = {
    BlockKind.PROSE: (_SENTENCE_END, _LINE_END, _WORD_END),
    BlockKind.HEADING: (_LINE_END, _WORD_END),
    BlockKind.LIST: (_LINE_END, _SENTENCE_END, _WORD_END),
    BlockKind.CODE: (_LINE_END, _WORD_END),
    BlockKind.TABLE: (_LINE_END, _WORD_END),
}


@dataclass(frozen=True, slots=True)
class ChunkSpan:
    """The place of a chunk in its document, and the headings above it."""

    start: int
    end: int
    heading: str
    """The headings from the outermost to the nearest, joined by ` › `; may be empty."""


@dataclass(frozen=True, slots=True)
class _Atom:
    """A part that is not cut any further: a block, or a sentence, line or word of a long one."""

    start: int
    end: int
    kind: BlockKind


@dataclass(frozen=True, slots=True)
class _Section:
    """Blocks under one heading, with the headings that open it in front."""

    headings: tuple[Block, ...]
    body: tuple[Block, ...]
    path: str


def split_document(
    text: str,
    *,
    media_type: str,
    token_starts: Sequence[int],
    max_tokens: int,
    overlap_tokens: int,
) -> list[ChunkSpan]:
    """Cut `text` into chunks, in order; every visible character is in at least one of them.

    Args:
        text: The whole document.
        media_type: `text/markdown` is read as Markdown, anything else as plain paragraphs.
        token_starts: The offset at which each token begins, ascending, as
            `config.common.embeddings.tokenizer.Tokenizer.starts` gives them.
        max_tokens: The largest size of a chunk.
        overlap_tokens: How much of a chunk the next one of the same section may repeat, in whole
            sentences or words; code and tables are never repeated. Less than half of `max_tokens`.

    Returns:
        The chunks by ascending start; empty if the text has no visible character.
    """
    is_markdown = media_type.partition(";")[0].strip().lower() in MARKDOWN_TYPES
    blocks = markdown_blocks(text) if is_markdown else plain_blocks(text)
    splitter = _Splitter(text, token_starts, max_tokens=max_tokens, overlap_tokens=overlap_tokens)
    return [chunk for section in _sections(blocks) for chunk in splitter.split(section)]


def _sections(blocks: Sequence[Block]) -> Iterator[_Section]:
    """Group `blocks` by heading; headings without a body open the next section that has one."""
    path: list[Block] = []
    headings: list[Block] = []
    body: list[Block] = []
    for block in blocks:
        if block.kind is not BlockKind.HEADING:
            body.append(block)
            continue
        if body:
            yield _Section(tuple(headings), tuple(body), _joined(path))
            headings, body = [], []
        while path and path[-1].level >= block.level:
            path.pop()
        path.append(block)
        headings.append(block)
    if headings or body:
        yield _Section(tuple(headings), tuple(body), _joined(path))


def _joined(path: Sequence[Block]) -> str:
    """Join the titles; if they are too long together, the outer ones are left out first."""
    titles = [block.title for block in path if block.title]
    while len(titles) > 1 and len(HEADING_SEPARATOR.join(titles)) > MAX_HEADING_CHARS:
        titles.pop(0)
    return HEADING_SEPARATOR.join(titles)[:MAX_HEADING_CHARS]


class _Splitter:
    """Packs the blocks of a section into chunks of at most `max_tokens`."""

    def __init__(
        self, text: str, token_starts: Sequence[int], *, max_tokens: int, overlap_tokens: int
    ) -> None:
        self._text = text
        self._starts = token_starts
        self._max = max_tokens
        self._overlap = overlap_tokens

    def split(self, section: _Section) -> Iterator[ChunkSpan]:
        atoms = list(self._atoms(section))
        start, last = atoms[0].start, atoms[0]
        for atom in atoms[1:]:
            if self._tokens(start, atom.end) > self._max:
                yield ChunkSpan(start, last.end, section.path)
                start = self._overlap_start(start, last, atom)
            last = atom
        yield ChunkSpan(start, last.end, section.path)

    def _tokens(self, start: int, end: int) -> int:
        return bisect_left(self._starts, end) - bisect_left(self._starts, start)

    def _atoms(self, section: _Section) -> Iterator[_Atom]:
        """Yield the parts of a section; its headings are one part with what follows them."""
        headings, body = section.headings, section.body
        joined = 0
        if headings and body:
            joined = self._tokens(headings[0].start, headings[-1].end)
        if joined * 2 > self._max or not body:
            for heading in headings:
                yield from self._cut(heading, self._max)
            joined, headings = 0, ()
        for index, block in enumerate(body):
            parts = self._cut(block, self._max - joined if index == 0 else self._max)
            if index == 0 and headings:
                first = next(parts)
                yield _Atom(headings[0].start, first.end, first.kind)
            yield from parts

    def _cut(self, block: Block, budget: int) -> Iterator[_Atom]:
        for start, end in self._cut_span(block.start, block.end, budget, _CUTS[block.kind]):
            yield _Atom(start, end, block.kind)

    def _cut_span(
        self, start: int, end: int, budget: int, cuts: Sequence[re.Pattern[str]]
    ) -> Iterator[tuple[int, int]]:
        """Yield the visible parts of a span, each of at most `budget` tokens."""
        if self._tokens(start, end) <= budget:
            yield from self._visible(start, end)
            return
        if not cuts:
            yield from self._cut_at_tokens(start, end, budget)
            return
        position = start
        for match in cuts[0].finditer(self._text, start, end):
            yield from self._cut_span(position, match.end(), budget, cuts[1:])
            position = match.end()
        yield from self._cut_span(position, end, budget, cuts[1:])

    def _cut_at_tokens(self, start: int, end: int, budget: int) -> Iterator[tuple[int, int]]:
        first = bisect_left(self._starts, start) + budget
        after = bisect_left(self._starts, end)
        position = start
        for index in range(first, after, budget):
            # Several tokens can begin at one character; such a place makes no progress.
            if self._starts[index] > position:
                yield from self._visible(position, self._starts[index])
                position = self._starts[index]
        yield from self._visible(position, end)

    def _visible(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        length = len(self._text[start:end].rstrip())
        if length:
            yield start, start + length

    def _overlap_start(self, start: int, last: _Atom, following: _Atom) -> int:
        """Return where the chunk of `following` begins: at it, or a little before it.

        The overlap begins with a sentence (a line in a list), else with a word, lies inside the
        chunk before it, and leaves room for `following`.
        """
        if last.kind not in {BlockKind.PROSE, BlockKind.LIST} or not self._overlap:
            return following.start
        room = min(self._overlap, self._max - self._tokens(following.start, following.end))
        earliest = bisect_left(self._starts, following.start) - room
        if room <= 0 or earliest < 0:
            return following.start
        begin = max(self._starts[earliest], start + 1)
        for cut in (_CUTS[last.kind][0], _WORD_END):
            # One character more, so that a cut right before the first allowed place counts.
            for match in cut.finditer(self._text, begin - 1, last.end):
                if begin <= match.end() < last.end:
                    return match.end()
        return following.start
