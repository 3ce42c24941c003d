"""WordPiece: known pieces, places in the text, properties that hold for any text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.common.embeddings.minilm import model
from config.common.embeddings.tokenizer import Tokenizer

SMALL = Tokenizer(
    ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "un", "##aff", "##able", "cafe", ",", "東", "京", "foobar"]
)

# Ids from the model's own tokenizer.json read by the tokenizers library.
KNOWN = [
    ("Hello, world!", [7592, 1010, 2088, 999]),
    ("unaffable", [14477, 20961, 3468]),
    ("naïve CAFÉ", [15743, 7668]),
    ("a_b", [1037, 1035, 1038]),
]


@pytest.mark.parametrize(("text", "ids"), KNOWN)
def test_known_texts_have_the_ids_of_the_reference(text: str, ids: list[int]) -> None:
    assert model().tokenizer.ids(text, max_tokens=256) == [101, *ids, 102]


@pytest.mark.parametrize(
    ("text", "pieces", "starts"),
    [
        ("unaffable", [4, 5, 6], [0, 2, 5]),
        ("  CAFÉ,cafe\u0301", [7, 8, 7], [2, 6, 7]),
        ("東京", [9, 10], [0, 1]),
        ("foo\u200bbar", [11], [0]),
        ("unknown", [1], [0]),
        ("\ufeff \x00", [], []),
    ],
    ids=["pieces", "accents", "ideographs", "invisible", "unknown", "nothing"],
)
def test_pieces_and_their_places(text: str, pieces: list[int], starts: list[int]) -> None:
    assert SMALL.ids(text, max_tokens=64) == [2, *pieces, 3]
    assert SMALL.starts(text) == starts
    assert SMALL.count(text) == len(starts)


def test_a_long_unknown_word_is_one_piece_that_counts_once_per_100_characters() -> None:
    assert SMALL.ids("x" * 250, max_tokens=64) == [2, 1, 3]
    assert SMALL.starts("x" * 250) == [0, 100, 200]


def test_the_window_includes_the_opening_and_the_closing_token() -> None:
    assert SMALL.ids("cafe " * 10, max_tokens=4) == [2, 7, 7, 3]


@given(st.text())
def test_starts_are_ordered_places_of_visible_characters(text: str) -> None:
    starts = model().tokenizer.starts(text)

    assert starts == sorted(starts)
    assert all(0 <= start < len(text) and not text[start].isspace() for start in starts)
    assert len(starts) >= len(model().tokenizer.ids(text, max_tokens=10_000)) - 2


@given(st.text())
def test_upper_case_ascii_has_the_ids_of_lower_case(text: str) -> None:
    plain = text.encode("ascii", "ignore").decode()
    tokenizer = model().tokenizer

    assert tokenizer.ids(plain.upper(), max_tokens=99) == tokenizer.ids(plain, max_tokens=99)
