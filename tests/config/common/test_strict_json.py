"""The strict parser accepts exactly what its rules say, and says which rule a text breaks."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from math import inf, nan
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.common import strict_json
from config.common.strict_json import StrictJSONError

INT64 = st.integers(strict_json.INT64_MIN, strict_json.INT64_MAX)
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | INT64 | FLOATS | TEXT,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(TEXT, inner, max_size=5),
    max_leaves=40,
)
STYLES: list[Callable[[Any], str]] = [
    lambda value: json.dumps(value),
    lambda value: json.dumps(value, ensure_ascii=False, separators=(",", ":")),
    lambda value: json.dumps(value, indent=3),
]


@given(VALUES, st.sampled_from(STYLES))
def test_loads_returns_every_acceptable_value(value: Any, style: Callable[[Any], str]) -> None:
    text = style(value)

    assert strict_json.loads(text) == value
    assert strict_json.loads(text.encode()) == value


@given(VALUES)
def test_dumps_is_read_back(value: Any) -> None:
    assert strict_json.loads(strict_json.dumps(value)) == value


class Refused(Exception):
    """What the slow reference below raises."""


def reference_pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({key for key, _ in pairs}) != len(pairs):
        raise Refused
    return dict(pairs)


def reference_int(digits: str) -> int:
    value = int(digits)
    if not strict_json.INT64_MIN <= value <= strict_json.INT64_MAX:
        raise Refused
    return value


def reference_float(digits: str) -> float:
    value = float(digits)
    if value in (inf, -inf):
        raise Refused
    return value


def reference_constant(name: str) -> Any:
    raise Refused(name)


def depth_of(value: Any) -> int:
    match value:
        case dict():
            return 1 + max(map(depth_of, value.values()), default=0)
        case list():
            return 1 + max(map(depth_of, value), default=0)
        case _:
            return 0


def reference_loads(text: str, max_depth: int) -> Any:
    """The rules written with the standard library, slowly."""
    value = json.loads(
        text,
        object_pairs_hook=reference_pairs,
        parse_int=reference_int,
        parse_float=reference_float,
        parse_constant=reference_constant,
    )
    written = json.dumps(value, ensure_ascii=False)
    if r"\u0000" in written.replace(r"\\", "") or any("\ud800" <= c <= "\udfff" for c in written):
        raise Refused
    if depth_of(value) > max_depth:
        raise Refused
    return value


PIECES = st.sampled_from(
    [
        *'{}[]:,"\\',
        ' "',
        '"a"',
        '"b":',
        '"a":',
        r'"\u0061":',
        r'"\u003a"',
        '":"',
        '"}{"',
        r'"\u0000"',
        r'"\\u0000"',
        r'"\ud83d\ude00"',
        r'"\ud83d"',
        r'"\udc00\ud800"',
        "9223372036854775807",
        "9223372036854775808",
        "-9223372036854775808",
        "-9223372036854775809",
        "0.1234567890123456789012",
        "1e-1234567890123456789012",
        '"12345678901234567890123"',
        "1e308",
        "1e309",
        "-0",
        "01",
        "1",
        "true",
        "null",
        "NaN",
        "-Infinity",
        '{"a":1}',
        '{"a":[{}],"b":2}',
        '{"a":1,"a":1}',
        "[[]]",
        "\n",
        "ü",
    ]
)


@st.composite
def texts(draw: st.DrawFn) -> str:
    """Texts that are near to JSON: pieces in any order, or valid frames around them."""
    pieces = draw(st.lists(PIECES, min_size=1, max_size=6))
    frame = draw(st.sampled_from(["{0}", "[{0}]", '{{"a":{0}}}', '{{"a":1,"b":{0}}}', "[1,{0}]"]))
    joiner = draw(st.sampled_from(["", ",", ' , "a":']))
    return frame.format(joiner.join(pieces))


@given(texts(), st.sampled_from([1, 2, 64]))
def test_loads_agrees_with_the_slow_reference(text: str, max_depth: int) -> None:
    try:
        expected = reference_loads(text, max_depth)
    except (Refused, ValueError):
        with pytest.raises(StrictJSONError):
            strict_json.loads(text, max_depth=max_depth)
    else:
        assert strict_json.loads(text, max_depth=max_depth) == expected


@pytest.mark.parametrize(
    ("text", "code", "position"),
    [
        pytest.param(b"", "json.invalid", 0, id="empty"),
        pytest.param(b'{"a":1}x', "json.invalid", 7, id="rest"),
        pytest.param(b"[1,]", "json.invalid", 2, id="trailing comma"),
        pytest.param(b'"a\nb"', "json.invalid", 2, id="raw newline in a string"),
        pytest.param(b"\xef\xbb\xbf{}", "json.encoding", 0, id="byte order mark"),
        pytest.param('"ü'.encode("latin-1") + b'"', "json.encoding", 1, id="latin-1"),
        pytest.param('{"a":1}'.encode("utf-16"), "json.encoding", 0, id="utf-16"),
        pytest.param(b'"\xed\xa0\x80"', "json.encoding", 1, id="surrogate in utf-8"),
        pytest.param(b'["\xc3\xbc","\xff"]', "json.encoding", 6, id="position in characters"),
        pytest.param(b'{"a":1,"a":2}', "json.duplicate_key", 7, id="duplicate key"),
        pytest.param(rb'{"a":1,"\u0061":2}', "json.duplicate_key", 7, id="escaped duplicate"),
        pytest.param(rb'["\u003a",{"a":1,"a":2}]', "json.duplicate_key", 17, id="escaped colon"),
        pytest.param(b'{"a":{"b":1,"b":1}}', "json.duplicate_key", 12, id="nested duplicate"),
        pytest.param(b"[9223372036854775808]", "json.number_range", 1, id="2^63"),
        pytest.param(b"[-9223372036854775809]", "json.number_range", 1, id="-2^63 - 1"),
        pytest.param(b"1" * 5000, "json.number_range", 0, id="5000 digits"),
        pytest.param(b"[" + b"1" * 300 + b"]", "json.number_range", 1, id="300 digits"),
        pytest.param(b"[1e999]", "json.number_range", 1, id="1e999"),
        pytest.param(b"[NaN]", "json.number_range", 1, id="NaN"),
        pytest.param(b"[-Infinity]", "json.number_range", 2, id="-Infinity"),
        pytest.param(rb'"a\u0000b"', "json.bad_character", 2, id="NUL escape"),
        pytest.param(rb'{"a\u0000":1}', "json.bad_character", 3, id="NUL in a key"),
        pytest.param(b'"\0"', "json.bad_character", 1, id="raw NUL"),
        pytest.param(rb'"\ud800"', "json.bad_character", 1, id="lone high surrogate"),
        pytest.param(rb'"\udc00"', "json.bad_character", 1, id="lone low surrogate"),
        pytest.param('"\ud800"', "json.bad_character", 1, id="surrogate in a str"),
        pytest.param(b"[" * 65 + b"]" * 65, "json.too_deep", 64, id="65 lists"),
        pytest.param(b'["["' + b",{}" * 64 + b"," + b"[" * 64 + b"]" * 65, "json.too_deep", 260, id="bracket in a string"),
        pytest.param(b'{"a":' * 2000 + b"1" + b"}" * 2000, "json.too_deep", 320, id="2000 objects"),
        pytest.param(b" " * strict_json.MAX_BYTES + b"1", "json.too_large", None, id="too large"),
        pytest.param("1" * (strict_json.MAX_BYTES + 1), "json.too_large", None, id="long str"),
    ],
)  # fmt: skip
def test_loads_names_the_rule_and_the_place(
    text: bytes | str, code: str, position: int | None
) -> None:
    with pytest.raises(StrictJSONError) as caught:
        strict_json.loads(text)

    assert caught.value.code == code
    assert caught.value.position == position
    assert caught.value.detail


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("[" * 64 + "]" * 64, id="64 lists"),
        pytest.param("[" + ",".join(["{}"] * 200) + "]", id="many shallow objects"),
        pytest.param(rb'"\\u0000"'.decode(), id="an escaped backslash before u0000"),
        pytest.param('{"a":{"a":1},"b":{"a":"a:a"}}', id="same key in different objects"),
        pytest.param('"' + "1" * 30 + '"', id="digits in a string"),
        pytest.param("0.12345678901234567890", id="long fraction"),
    ],
)
def test_loads_accepts_what_only_looks_suspicious(text: str) -> None:
    assert strict_json.loads(text) == json.loads(text)


def test_loads_obeys_smaller_limits() -> None:
    assert strict_json.loads("[[]]", max_depth=2, max_bytes=4) == [[]]
    with pytest.raises(StrictJSONError, match="more than 1 deep"):
        strict_json.loads("[[]]", max_depth=1)
    with pytest.raises(StrictJSONError, match="at most 3"):
        strict_json.loads("[[]]", max_bytes=3)


class Colour(StrEnum):
    RED = "red"


@dataclass
class Point:
    x: int
    label: str


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param("a\0b", "a�b", id="NUL"),
        pytest.param("\ud83d!", "�!", id="lone surrogate"),
        pytest.param({"k\0": ["\udc00"]}, {"k�": ["�"]}, id="keys and nested"),
        pytest.param([nan, inf, 1.5], [None, None, 1.5], id="not finite"),
        pytest.param(2**63, "9223372036854775808", id="beyond 64 bits"),
        pytest.param(10**5000, "[number too large]", id="thousands of digits"),
        pytest.param((1, True, None), [1, True, None], id="tuple"),
        pytest.param({3: Decimal("1.50")}, {"3": "1.50"}, id="key that is a number"),
        pytest.param(Point(1, "a\0"), {"x": 1, "label": "a�"}, id="dataclass"),
        pytest.param(Colour.RED, "red", id="enum"),
        pytest.param(UUID(int=1), "00000000-0000-0000-0000-000000000001", id="uuid"),
        pytest.param(datetime(2026, 1, 2, tzinfo=UTC), "2026-01-02T00:00:00+00:00", id="time"),
    ],
)  # fmt: skip
def test_sanitise_keeps_the_meaning(value: object, expected: object) -> None:
    assert strict_json.sanitise(value) == expected


@given(
    st.recursive(
        st.none() | st.integers() | st.floats() | st.text(st.characters()),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters()), inner),
        max_leaves=30,
    )
)
def test_what_sanitise_returns_passes_the_strict_parser(value: object) -> None:
    clean = strict_json.sanitise(value, max_depth=3)

    assert strict_json.loads(strict_json.dumps(clean), max_depth=4) == clean


def test_sanitise_bounds_depth_and_number_of_values() -> None:
    endless: list[object] = []
    endless.append(endless)
    wide: list[object] = [endless] * 2
    for _ in range(30):
        wide = [wide, wide]

    assert strict_json.sanitise(endless, max_depth=1) == ["[nested too deep]"]
    with pytest.raises(StrictJSONError, match="more than 1000000 values"):
        strict_json.sanitise(wide)


def test_sanitise_refuses_what_has_no_json_form() -> None:
    with pytest.raises(TypeError, match="'object' has no JSON form"):
        strict_json.sanitise([object()])
