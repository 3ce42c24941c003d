from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents_app.engine.errors import StreamBroken
from agents_app.engine.llm.sse import EventSplitter

VALUES = st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), max_size=20)
NOISE = st.sampled_from(
    ["", ": ping", ":", "id: 7", "event: delta", "retry: 10", "data", "datum: x"]
)


@st.composite
def streams(draw: st.DrawFn) -> tuple[bytes, list[bytes]]:
    """A stream in any of its allowed spellings, and the data that it carries."""
    end = draw(st.sampled_from(["\n", "\r\n", "\r"]))
    events = draw(st.lists(st.lists(VALUES, min_size=1, max_size=3), max_size=6))
    lines: list[str] = []
    expected: list[bytes] = []
    for values in events:
        if noise := draw(NOISE):
            lines.append(noise)
        for value in values:
            has_space = value.startswith(" ") or draw(st.booleans())
            lines.append(f"data:{' ' if has_space else ''}{value}")
        lines.append("")
        if data := "\n".join(values).encode():
            expected.append(data)
        lines += [""] * draw(st.integers(0, 2))
    text = "".join(line + end for line in lines)
    return (b"\xef\xbb\xbf" if draw(st.booleans()) else b"") + text.encode(), expected


def split(stream: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({cut % (len(stream) + 1) for cut in cuts} | {0, len(stream)})
    splitter = EventSplitter()
    found: list[bytes] = []
    for start, stop in pairwise(places):
        found += splitter.feed(stream[start:stop])
    return found + splitter.finish()


@given(streams(), st.lists(st.integers(0, 10_000), max_size=30))
def test_any_spelling_cut_anywhere_gives_the_same_events(
    stream: tuple[bytes, list[bytes]], cuts: list[int]
) -> None:
    raw, expected = stream
    assert split(raw, cuts) == expected


@given(streams())
def test_a_stream_cut_at_every_byte_gives_the_same_events(
    stream: tuple[bytes, list[bytes]],
) -> None:
    raw, expected = stream
    assert split(raw, list(range(len(raw)))) == expected


@given(st.binary(max_size=200), st.lists(st.integers(0, 10_000), max_size=30))
def test_any_bytes_at_all_are_cut_without_a_difference(raw: bytes, cuts: list[int]) -> None:
    assert split(raw, cuts) == split(raw, [])


@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        (b"data: [DONE]", [b"[DONE]"]),
        (b"data: a\n", [b"a"]),
        (b"data: a\n\ndata: b", [b"a", b"b"]),
        (b"event: x\ndata: a\n\n", [b"a"]),
        (b"event: x\n\n", []),
        (b": only a comment\n\n", []),
        (b"data:\n\n", []),
        (b"data:  two blanks\n\n", [b" two blanks"]),
        (b"data: a\ndata:b\n\n", [b"a\nb"]),
        (b"data: a\r\rdata: b\r\r", [b"a", b"b"]),
        (b"", []),
    ],
)
def test_spelling(stream: bytes, expected: list[bytes]) -> None:
    assert split(stream, []) == expected


def test_an_event_is_given_as_soon_as_it_is_whole() -> None:
    splitter = EventSplitter()
    assert splitter.feed(b"data: a\n") == []
    assert splitter.feed(b"\ndata: b\r") == [b"a"]
    assert splitter.feed(b"\r") == [b"b"]


def test_an_event_without_end_is_refused_at_the_limit() -> None:
    splitter = EventSplitter(max_event_bytes=1000)
    assert splitter.feed(b"data: " + b"x" * 990) == []
    with pytest.raises(StreamBroken, match="more than 1,000 bytes"):
        splitter.feed(b"x" * 10)


def test_many_events_larger_than_the_limit_together_are_taken() -> None:
    splitter = EventSplitter(max_event_bytes=1000)
    assert len(splitter.feed(b"data: 0123456789\n\n" * 1000)) == 1000
