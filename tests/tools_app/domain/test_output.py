"""Results become clean text of a bounded size."""

import pytest

from tools_app.domain.output import output_of, text_of_body


@pytest.mark.parametrize(
    ("value", "content"),
    [
        pytest.param("plain", "plain", id="text"),
        pytest.param(None, "", id="nothing"),
        pytest.param({"a": [1, True, None]}, '{"a":[1,true,null]}', id="JSON"),
        pytest.param("tab\tline\r\n", "tab\tline\r\n", id="white space stays"),
        pytest.param("a\0b", "a�b", id="NUL"),
        pytest.param("\ud83d!", "�!", id="lone surrogate"),
        pytest.param("\x1b[31mred\x1b[0m", "red", id="terminal escape"),
        pytest.param("a\u200b\u202eb\ufeff\U000e0041", "ab", id="hidden characters"),
        pytest.param("grüße 😀", "grüße 😀", id="other languages stay"),
        pytest.param({"k": "\u202e"}, '{"k":""}', id="hidden in JSON"),
    ],
)  # fmt: skip
def test_content(value: object, content: str) -> None:
    assert output_of(value, max_bytes=1000).content == content


def test_a_long_result_is_cut_at_a_character_and_says_so() -> None:
    output = output_of("ü" * 1000, max_bytes=257)

    assert output.content == "ü" * 128 + "\n[cut off after 257 of 2,000 bytes]"
    assert output.is_truncated
    assert output.size_bytes == 2000


def test_a_value_without_a_json_form_is_refused() -> None:
    with pytest.raises(TypeError, match="'object'"):
        output_of(object(), max_bytes=100)


@pytest.mark.parametrize(
    ("body", "media_type", "charset", "text"),
    [
        pytest.param(b"", "application/json", "", "", id="empty"),
        pytest.param(b'{"a": [1, 2]}', "application/json", "", '{"a":[1,2]}', id="compacted"),
        pytest.param(b'{"a": 1}', "application/problem+json", "", '{"a":1}', id="suffix"),
        pytest.param(b'{"a": 1', "application/json", "", '{"a": 1', id="broken JSON"),
        pytest.param(b'{"a":1,"a":2}', "application/json", "", '{"a":1,"a":2}', id="doubled key"),
        pytest.param("grün".encode("latin-1"), "text/plain", "latin-1", "grün", id="charset"),
        pytest.param(b"caf\xe9", "text/plain", "", "caf�", id="not UTF-8"),
        pytest.param(b"hi", "text/plain", "no-such", "hi", id="unknown charset"),
        pytest.param("hi".encode("utf-16"), "text/plain", "", "hi", id="UTF-16"),
        pytest.param(b"<a/>", "application/atom+xml", "", "<a/>", id="XML"),
        pytest.param(b"hello", "", "", "hello", id="no type"),
        pytest.param(b"\x89PNG\0", "image/png", "", "[image/png, 5 bytes, not shown]", id="image"),
        pytest.param(b"\0\1", "", "", "[unknown data, 2 bytes, not shown]", id="binary"),
    ],
)  # fmt: skip
def test_text_of_body(body: bytes, media_type: str, charset: str, text: str) -> None:
    assert text_of_body(body, media_type=media_type, charset=charset) == text
