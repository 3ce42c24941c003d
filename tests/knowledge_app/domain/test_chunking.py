"""Chunks: exact places, sizes, headings, wholeness of code, overlap; then properties."""

import re
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from knowledge_app.domain.chunking import ChunkSpan, split_document


def word_starts(text: str) -> list[int]:
    """Count every run of letters and every other visible character as one token."""
    return [match.start() for match in re.finditer(r"\w+|[^\w\s]", text)]


def split(
    text: str, *, max_tokens: int = 20, overlap: int = 0, media_type: str = "text/markdown"
) -> list[ChunkSpan]:
    return split_document(
        text,
        media_type=media_type,
        token_starts=word_starts(text),
        max_tokens=max_tokens,
        overlap_tokens=overlap,
    )


def texts(text: str, chunks: list[ChunkSpan]) -> list[str]:
    return [text[chunk.start : chunk.end] for chunk in chunks]


def test_chunks_carry_the_path_of_headings_and_never_cross_one() -> None:
    text = "Preface.\n\n# A\n\none\n\n## B\n\ntwo\n\n### C\nthree\n\n## D\nfour\n\n# E\n\nfive\n"

    chunks = split(text)

    assert [(chunk.heading, text[chunk.start : chunk.end]) for chunk in chunks] == [
        ("", "Preface."),
        ("A", "# A\n\none"),
        ("A › B", "## B\n\ntwo"),
        ("A › B › C", "### C\nthree"),
        ("A › D", "## D\nfour"),
        ("E", "# E\n\nfive"),
    ]


def test_a_heading_without_a_body_opens_the_next_section() -> None:
    text = "# Book\n\n## Chapter\n\nText.\n\n# Last\n"

    chunks = split(text)

    assert [(chunk.heading, text[chunk.start : chunk.end]) for chunk in chunks] == [
        ("Book › Chapter", "# Book\n\n## Chapter\n\nText."),
        ("Last", "# Last"),
    ]


def test_code_that_fits_is_kept_whole() -> None:
    code = "```\na b c d e f g\n\nh i j k\n```"
    text = f"Some words that come before the code here.\n\n{code}\n\nAnd after."

    assert texts(text, split(text, max_tokens=20))[1] == f"{code}\n\nAnd after."


def test_a_table_that_fits_is_kept_whole() -> None:
    table = "| a | b |\n|---|---|\n| 1 | 2 |"
    text = f"One two three four five six seven eight nine ten eleven.\n\n{table}"

    assert texts(text, split(text, max_tokens=24))[1] == table


def test_long_code_is_cut_between_lines() -> None:
    lines = [f"value_{number} = call({number})" for number in range(12)]
    text = "```\n" + "\n".join(lines) + "\n```"

    chunks = texts(text, split(text, max_tokens=20))

    assert len(chunks) > 2
    assert "\n".join(chunks) == text


def test_long_prose_is_cut_after_sentences() -> None:
    text = "One two three four five. Six seven eight! Nine ten eleven twelve? Thirteen fourteen."

    assert texts(text, split(text, max_tokens=10)) == [
        "One two three four five. Six seven eight!",
        "Nine ten eleven twelve? Thirteen fourteen.",
    ]


def test_overlap_repeats_the_last_sentence_or_where_that_is_too_long_its_end() -> None:
    text = "One two three four. Five six. Seven eight nine ten. Eleven twelve thirteen."

    assert texts(text, split(text, max_tokens=10, overlap=4)) == [
        "One two three four. Five six.",
        "Five six. Seven eight nine ten.",
        "eight nine ten. Eleven twelve thirteen.",
    ]


def test_overlap_repeats_words_where_no_sentence_begins() -> None:
    text = " ".join(f"w{number}" for number in range(20))

    assert texts(text, split(text, max_tokens=10, overlap=2)) == [
        "w0 w1 w2 w3 w4 w5 w6 w7 w8 w9",
        "w8 w9 w10 w11 w12 w13 w14 w15 w16 w17",
        "w16 w17 w18 w19",
    ]


def test_code_is_never_repeated() -> None:
    text = "```\n" + "\n".join(f"a{number} b" for number in range(20)) + "\n```"

    chunks = split(text, max_tokens=10, overlap=4)

    assert all(before.end <= after.start for before, after in pairwise(chunks))


def test_markdown_is_read_by_its_type_only() -> None:
    text = "# A\n\none\n\n# B\n\ntwo"

    assert [chunk.heading for chunk in split(text, media_type="text/plain")] == [""]
    assert [chunk.heading for chunk in split(text, media_type="text/markdown; charset=utf-8")] == [
        "A",
        "B",
    ]


def test_headings_that_are_too_long_together_lose_the_outer_ones() -> None:
    text = f"# {'a' * 200}\n\n## {'b' * 200}\n\ntext"

    assert split(text)[0].heading == "b" * 200


def test_a_heading_longer_than_a_chunk_is_cut_like_text() -> None:
    text = f"# {'word ' * 50}\n\ntext"

    chunks = texts(text, split(text, max_tokens=20))

    assert chunks[0].startswith("# word")
    assert chunks[-1].endswith("text")
    assert max(len(word_starts(chunk)) for chunk in chunks) <= 20


@pytest.mark.parametrize("text", ["", " \n\t\n", "\r\n"])
def test_nothing_visible_gives_no_chunks(text: str) -> None:
    assert split(text) == []


markdown = st.lists(
    st.one_of(
        st.text(max_size=60),
        st.sampled_from(
            [
                "\n", "\n\n", "# Title\n", "## Sub\n", "```\n", "~~~py\n", "| a | b |\n|---|---|\n",
                "- item\n", "1. item\n", "> quote\n", "    code\n", "A sentence. ", "Title\n===\n",
                "<div>\n", "[a]: /b\n", "word " * 30, "東京。" * 10, "x" * 300, "\t", "\r", "\ufeff",
            ]
        ),
    ),
    max_size=40,
).map("".join)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(
    text=markdown,
    max_tokens=st.integers(4, 40),
    overlap=st.integers(0, 19),
    media_type=st.sampled_from(["text/markdown", "text/plain"]),
)
def test_chunks_cover_the_text_in_order_within_the_size(
    text: str, max_tokens: int, overlap: int, media_type: str
) -> None:
    overlap = min(overlap, max_tokens // 2)
    chunks = split(text, max_tokens=max_tokens, overlap=overlap, media_type=media_type)
    starts = word_starts(text)

    covered: set[int] = set()
    for chunk in chunks:
        covered.update(range(chunk.start, chunk.end))
    assert [
        char for place, char in enumerate(text) if not char.isspace() and place not in covered
    ] == []
    assert all(text[chunk.start : chunk.end].strip() for chunk in chunks)
    assert all(
        before.start < after.start and before.end < after.end for before, after in pairwise(chunks)
    )
    assert all(
        sum(chunk.start <= place < chunk.end for place in starts) <= max_tokens for chunk in chunks
    )
    assert all(
        sum(after.start <= place < before.end for place in starts) <= overlap
        for before, after in pairwise(chunks)
    )
    assert all(len(chunk.heading) <= 300 for chunk in chunks)
