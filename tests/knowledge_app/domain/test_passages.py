from hypothesis import given
from hypothesis import strategies as st

from knowledge_app.domain.passages import segments


def test_text_is_cut_where_passages_begin_and_around_the_mark() -> None:
    found = segments("abcdefghij", places=[(0, 4, ""), (3, 8, "Top")], marked=(5, 8))

    assert [(part.text, part.passage, part.heading, part.is_marked) for part in found] == [
        ("abc", 1, "", False),
        ("de", 2, "Top", False),
        ("fgh", 0, "", True),
        ("ij", 0, "", False),
    ]


def test_only_the_first_part_of_a_mark_is_its_beginning() -> None:
    found = segments("abcdef", places=[(3, 6, "")], marked=(1, 5))

    assert [part.text for part in found if part.is_marked] == ["bc", "de"]
    assert [part.text for part in found if part.is_first_marked] == ["bc"]


@given(
    st.text(max_size=40),
    st.lists(st.integers(0, 60), max_size=5, unique=True),
    st.integers(0, 60),
    st.integers(0, 60),
)
def test_segments_joined_are_the_text(text: str, starts: list[int], start: int, end: int) -> None:
    places = [(place, place + 1, "") for place in sorted(starts)]

    found = segments(text, places=places, marked=(start, end))

    assert "".join(part.text for part in found) == text
    assert "".join(part.text for part in found if part.is_marked) == text[start : max(start, end)]
