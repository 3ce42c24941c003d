"""A document's text cut for display: where passages begin, and one place that is marked."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A run of the text that looks the same throughout; segments joined are the whole text."""

    text: str
    passage: int = 0
    """The number, from 1, of the passage that begins with this segment; else 0."""
    heading: str = ""
    """The headings above that passage."""
    is_marked: bool = False
    is_first_marked: bool = False
    """Whether the marked place begins here."""


def segments(
    text: str, *, places: Sequence[tuple[int, int, str]], marked: tuple[int, int]
) -> list[Segment]:
    """Cut `text` where a passage begins and around the marked place.

    Args:
        text: The whole document.
        places: (start, end, heading) of its passages, by ascending start; they may overlap.
        marked: [start, end) to mark; an empty or impossible range marks nothing.
    """
    start, end = marked
    has_mark = 0 <= start < end and start < len(text)
    begins = {place[0]: (number, place[2]) for number, place in enumerate(places, start=1)}
    edges = {0, len(text), *(place for place in begins if place < len(text))}
    if has_mark:
        edges |= {start, min(end, len(text))}
    return [
        Segment(
            text=text[left:right],
            passage=begins.get(left, (0, ""))[0],
            heading=begins.get(left, (0, ""))[1],
            is_marked=has_mark and start <= left < end,
            is_first_marked=has_mark and left == start,
        )
        for left, right in pairwise(sorted(edges))
    ]
