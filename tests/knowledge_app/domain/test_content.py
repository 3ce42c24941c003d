import pytest

from knowledge_app.domain.content import (
    MAX_DOCUMENT_BYTES,
    document_text,
    media_type_of,
    safe_filename,
    title_of,
)
from knowledge_app.errors import DocumentRefused, DocumentTooLarge


def test_text_is_what_was_stored_without_its_mark() -> None:
    assert document_text(b"\xef\xbb\xbfone\r\ntwo \xc3\xa9") == "one\r\ntwo é"


@pytest.mark.parametrize(
    ("content", "code", "words"),
    [
        (b"", "document.empty", "Add some text"),
        (b" \n\t", "document.empty", "Add some text"),
        (b"ab\xff", "document.not_utf8", "byte 2"),
        (b"a\x00b", "document.not_text", "offset 1"),
        ("x".encode("utf-16"), "document.not_utf8", "Save it as UTF-8"),
    ],
    ids=["empty", "blank", "not-utf8", "nul", "utf-16"],
)
def test_content_that_is_no_text_is_refused(content: bytes, code: str, words: str) -> None:
    with pytest.raises(DocumentRefused, match=words) as caught:
        document_text(content)

    assert caught.value.code == code


def test_content_above_the_limit_is_refused() -> None:
    with pytest.raises(DocumentTooLarge, match="5,242,880"):
        document_text(b"x" * (MAX_DOCUMENT_BYTES + 1))


@pytest.mark.parametrize(
    ("filename", "declared", "expected"),
    [
        ("guide.MD", "application/octet-stream", "text/markdown"),
        ("notes.txt", "text/markdown", "text/plain"),
        ("", "text/plain; charset=utf-8", "text/plain"),
        ("README", "text/markdown", "text/markdown"),
    ],
)
def test_the_ending_decides_before_the_declared_type(
    filename: str, declared: str, expected: str
) -> None:
    assert media_type_of(filename, declared) == expected


@pytest.mark.parametrize(
    ("filename", "declared"),
    [("a.pdf", "text/plain"), ("a.md.exe", ""), ("", "application/pdf"), ("", "")],
)
def test_other_kinds_are_refused(filename: str, declared: str) -> None:
    with pytest.raises(DocumentRefused, match=r"\.md") as caught:
        media_type_of(filename, declared)

    assert caught.value.code == "document.type_unsupported"


@pytest.mark.parametrize(
    ("filename", "expected"),
    [
        ("../../etc/cron.d/x.txt", "x.txt"),
        ("C:\\notes\\a.md", "a.md"),
        ("a\r\nX: y.txt", "aX: y.txt"),
        ("a" * 300 + ".txt", "a" * 251 + ".txt"),
        ("", ""),
    ],
    ids=["traversal", "windows", "control", "long", "none"],
)
def test_file_names_keep_only_their_visible_last_part(filename: str, expected: str) -> None:
    assert safe_filename(filename) == expected


def test_a_name_that_changes_its_direction_is_refused() -> None:
    with pytest.raises(DocumentRefused, match="direction"):
        safe_filename("fdp\u202etxt.md")


def test_the_title_falls_back_to_the_file_name() -> None:
    assert title_of("  A\n title ", "x.md") == "A title"
    assert title_of(" ", "user_guide.md") == "user guide"
    assert title_of("", "a" * 250 + ".md") == "a" * 200


@pytest.mark.parametrize(
    ("title", "code"),
    [("", "document.title_missing"), ("x" * 201, "document.title_too_long")],
)
def test_a_missing_or_too_long_title_is_refused(title: str, code: str) -> None:
    with pytest.raises(DocumentRefused) as caught:
        title_of(title, "")

    assert caught.value.code == code
