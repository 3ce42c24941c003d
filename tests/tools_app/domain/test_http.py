"""Requests from templates: everything stays where the template's author put it."""

from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools_app.domain.http import ConfigInvalid, HttpTemplate, parse_config
from tools_app.errors import ToolRetry

TEXT = {"type": "string"}
PARAMETERS: dict[str, Any] = {
    "type": "object",
    "properties": {
        "city": TEXT,
        "q": TEXT,
        "tags": {"type": "array", "items": TEXT},
        "n": {"type": "integer"},
        "deep": {"type": "object"},
    },
    "required": ["city", "q"],
}
CONFIG: dict[str, Any] = {
    "method": "POST",
    "url": "https://api.example.com/v1/{city}/x-{q}?fixed=1&q={q}",
    "headers": {"X-Search": "for {q}", "X-N": "{n}"},
    "query": {"q2": "{q}", "tag": "{tags}", "n": "{n}", "page": 1, "mix": "a{n}b"},
    "body": {
        "city": "{city}",
        "n": "{n}",
        "all": [{"deep": "{deep}"}, "{n}"],
        "note": "in {city}!",
    },
}


def template(**changes: Any) -> HttpTemplate:
    return parse_config({**CONFIG, **changes}, PARAMETERS)


def test_arguments_are_filled_in_with_their_types() -> None:
    request = template().render(
        {"city": "São Paulo/2", "q": "a&b=c", "tags": ["x", "y z"], "n": 3, "deep": {"a": [1]}}
    )

    assert request.method == "POST"
    assert request.url == (
        "https://api.example.com/v1/S%C3%A3o%20Paulo%2F2/x-a%26b%3Dc?fixed=1&q=a%26b%3Dc"
        "&q2=a%26b%3Dc&tag=x&tag=y%20z&n=3&page=1&mix=a3b"
    )
    assert request.headers == {
        "X-Search": "for a&b=c",
        "X-N": "3",
        "Content-Type": "application/json",
    }
    assert request.body == orjson.dumps(
        {"city": "São Paulo/2", "n": 3, "all": [{"deep": {"a": [1]}}, 3], "note": "in São Paulo/2!"}
    )


def test_missing_optional_arguments_leave_their_place_out() -> None:
    request = template(headers={"X-N": "{n}"}).render({"city": "Rome", "q": "z"})

    assert request.url.endswith("?fixed=1&q=z&q2=z&page=1&mix=ab")
    assert request.headers == {"Content-Type": "application/json"}
    assert request.body == b'{"city":"Rome","all":[{}],"note":"in Rome!"}'


def test_all_arguments_can_be_the_body() -> None:
    arguments = {"city": "Rome", "q": "z", "n": 1}

    assert orjson.loads(template(body="{*}").render(arguments).body or b"") == arguments


@given(
    city=st.text(st.characters(exclude_categories=["Cs"])),
    q=st.text(st.characters(exclude_categories=["Cs"])),
)
def test_no_argument_changes_the_structure_of_a_request(city: str, q: str) -> None:
    try:
        request = template(headers={}).render({"city": city, "q": q})
    except ToolRetry:
        return
    parts = urlsplit(request.url)

    assert (parts.scheme, parts.netloc, parts.fragment) == ("https", "api.example.com", "")
    assert [unquote(part) for part in parts.path.split("/")] == ["", "v1", city, f"x-{q}"]
    assert parse_qsl(parts.query, keep_blank_values=True) == [
        ("fixed", "1"), ("q", q), ("q2", q), ("page", "1"), ("mix", "ab"),
    ]  # fmt: skip
    assert request.url.isascii()
    assert request.url.isprintable()
    assert orjson.loads(request.body or b"")["city"] == city


@pytest.mark.parametrize("value", ["", ".", ".."])
def test_an_argument_cannot_climb_to_another_path(value: str) -> None:
    with pytest.raises(ToolRetry, match="city: a part of the address"):
        template().render({"city": value, "q": "z"})


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "a\nb", "ü", "a\0"])
def test_an_argument_cannot_break_out_of_a_header(value: str) -> None:
    with pytest.raises(ToolRetry, match="'X-Search'"):
        template().render({"city": "Rome", "q": value})


def test_arguments_that_make_the_url_too_long_are_refused() -> None:
    with pytest.raises(ToolRetry, match="longer than 2048"):
        template(headers={}).render({"city": "x" * 2048, "q": "z"})


def test_arguments_are_never_read_as_placeholders() -> None:
    request = template(headers={}).render({"city": "{q}", "q": "{{ 7*7 }}"})

    assert unquote(request.url).startswith("https://api.example.com/v1/{q}/x-{{ 7*7 }}?")
    assert orjson.loads(request.body or b"")["city"] == "{q}"


@pytest.mark.parametrize(
    ("changes", "pointer", "message"),
    [
        ({"url": ""}, "/url", "address"),
        ({"url": None}, "/url", "address"),
        ({"url": "{city}"}, "/url", "fixed host"),
        ({"url": "https://{city}.example.com/"}, "/url", "fixed host"),
        ({"url": "https://api.example.com:{n}/"}, "/url", "fixed host"),
        ({"url": "{{ args.url }}"}, "/url", "fixed host"),
        ({"url": "file:///etc/passwd"}, "/url", "fixed host"),
        ({"url": "https://api.example.com/{{city}}"}, "/url", "one name in braces"),
        ({"url": "https://api.example.com/{ci ty}"}, "/url", "one name in braces"),
        ({"url": "https://api.example.com/a b"}, "/url", "holds a space"),
        ({"url": "https://api.example.com/{unknown}"}, "/url", "'unknown'"),
        ({"url": "https://api.example.com/{n}"}, "/url", "'n' must be required"),
        ({"url": "https://api.example.com/{*}"}, "/url", "body only"),
        ({"url": "https://api.example.com/#{city}"}, "/url", "fixed host"),
        ({"method": "CONNECT"}, "/method", "one of"),
        ({"method": "TRACE"}, "/method", "one of"),
        ({"method": "GET"}, "/body", "no body"),
        ({"headers": {"Host": "internal"}}, "/headers/Host", "may not be set"),
        ({"headers": {"Transfer-Encoding": "chunked"}}, "/headers/", "may not be set"),
        ({"headers": {"authorization": "Bearer x"}}, "/headers/", "attach a secret"),
        ({"headers": {"Cookie": "a=b"}}, "/headers/", "attach a secret"),
        ({"headers": {"Metadata-Flavor": "Google"}}, "/headers/", "metadata"),
        ({"headers": {"X-A\r\nX": "b"}}, "/headers/", "not a header name"),
        ({"headers": {"X-A": "b\r\nX: y"}}, "/headers/", "without line breaks"),
        ({"headers": {"X-A": "1", "x-a": "2"}}, "/headers", "twice"),
        ({"headers": ["X-A"]}, "/headers", "object"),
        ({"query": {"a": {"b": 1}}}, "/query/a", "text or a number"),
        ({"body": {"a": "{unknown}"}}, "/body", "'unknown'"),
        ({"callable": "os.system"}, "/callable", "unknown here"),
        ({"body": "x" * 40_000}, "", "larger than"),
    ],
)  # fmt: skip
def test_a_configuration_that_is_not_safe_is_refused(
    changes: dict[str, Any], pointer: str, message: str
) -> None:
    with pytest.raises(ConfigInvalid, match=message) as caught:
        template(**changes)

    assert caught.value.pointer.startswith(pointer)


def test_the_sample_url_stands_for_checks_before_a_call() -> None:
    assert template().sample_url == "https://api.example.com/v1/x/x-x"
