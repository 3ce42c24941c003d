import pytest

from knowledge_app.domain.blocks import BlockKind, markdown_blocks, plain_blocks

DOCUMENT = """\
\ufeffIntroduction

# Cats and *dogs* {#pets}

Some `code` here.
Second line.

- one
- two

    indented code

```python
# not a heading

print()
```

| a | b |
|---|---|
| 1 | 2 |

[link]: https://example.org

Setext [title](https://example.org)
---

> quoted
"""


def test_markdown_blocks_have_kinds_titles_and_exact_places() -> None:
    found = [
        (block.kind.value, block.level, block.title, DOCUMENT[block.start : block.end])
        for block in markdown_blocks(DOCUMENT)
    ]

    assert found == [
        ("prose", 0, "", "\ufeffIntroduction"),
        ("heading", 1, "Cats and dogs", "# Cats and *dogs* {#pets}"),
        ("prose", 0, "", "Some `code` here.\nSecond line."),
        ("list", 0, "", "- one\n- two\n\n    indented code"),
        ("code", 0, "", "```python\n# not a heading\n\nprint()\n```"),
        ("table", 0, "", "| a | b |\n|---|---|\n| 1 | 2 |"),
        ("prose", 0, "", "[link]: https://example.org"),
        ("heading", 2, "Setext title", "Setext [title](https://example.org)\n---"),
        ("prose", 0, "", "> quoted"),
    ]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["lf", "crlf", "cr"])
def test_every_kind_of_line_end_keeps_places_exact(end: str) -> None:
    text = f"# Title{end}{end}First{end}{end}## Next{end}Second"

    assert [text[block.start : block.end] for block in markdown_blocks(text)] == [
        "# Title",
        "First",
        "## Next",
        "Second",
    ]


def test_plain_text_has_paragraphs_only() -> None:
    text = "# not a heading\nsecond line\n\n \t\n   third  \r\n\r\nfourth"

    blocks = plain_blocks(text)

    assert [text[block.start : block.end] for block in blocks] == [
        "# not a heading\nsecond line",
        "third",
        "fourth",
    ]
    assert {block.kind for block in blocks} == {BlockKind.PROSE}


@pytest.mark.parametrize("text", ["", "\n\n", " \t\r\n "])
def test_nothing_visible_gives_no_blocks(text: str) -> None:
    assert markdown_blocks(text) == []
    assert plain_blocks(text) == []
