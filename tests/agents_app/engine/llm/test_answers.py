from typing import Any

import pytest

from agents_app.engine.errors import ProviderRateLimited, ProviderRefused, StreamBroken
from agents_app.engine.limits import Usage
from agents_app.engine.llm.answers import (
    CallDraft,
    chat_usage,
    error_in_stream,
    finish_calls,
    responses_usage,
)


def draft(ident: str, arguments: Any = "{}", name: str = "search") -> CallDraft:
    made = CallDraft(id=ident, name=name)
    made.add(arguments)
    return made


def test_ids_that_are_missing_repeated_or_known_become_our_own() -> None:
    calls = finish_calls([draft("new"), draft(""), draft("new"), draft("old")], ["old", "call_3"])
    assert [call.id for call in calls] == ["new", "call_4", "call_5", "call_6"]


def test_the_same_answer_gets_the_same_ids_again() -> None:
    drafts = [draft(""), draft("")]
    assert finish_calls(drafts, ["a"]) == finish_calls(drafts, ["a"])


def test_empty_arguments_are_an_empty_object_and_bad_ones_are_kept() -> None:
    calls = finish_calls(
        [draft("a", ""), draft("b", None), draft("c", '{"x'), draft("d", {"x": 1})], []
    )
    assert [call.arguments for call in calls] == ["{}", "{}", '{"x', '{"x":1}']


def test_a_call_without_a_name_breaks_the_stream() -> None:
    with pytest.raises(StreamBroken, match="without a name"):
        finish_calls([draft("a", name="")], [])


def test_nul_is_replaced() -> None:
    assert finish_calls([draft("a\x00", '{"x": "\x00"}')], [])[0].arguments == '{"x": "\ufffd"}'


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, Usage(model_calls=1)),
        ({"prompt_tokens": 10, "completion_tokens": 3}, (10, 0, 3, 0)),
        (
            {
                "prompt_tokens": 10,
                "completion_tokens": 30,
                "total_tokens": 40,
                "prompt_tokens_details": {"cached_tokens": 8},
                "completion_tokens_details": {"reasoning_tokens": 25},
            },
            (10, 8, 30, 25),
        ),
        (
            {
                "prompt_tokens": 12,
                "completion_tokens": 1,
                "total_tokens": 303,
                "completion_tokens_details": {"reasoning_tokens": 290},
            },
            (12, 0, 291, 290),
        ),
        (
            {"prompt_tokens": 5, "completion_tokens": None, "prompt_tokens_details": None},
            (5, 0, 0, 0),
        ),
    ],
    ids=["none", "plain", "details", "reasoning beside output", "nulls"],
)
def test_chat_usage(value: Any, expected: Usage | tuple[int, int, int, int]) -> None:
    if isinstance(expected, tuple):
        used, cached, made, reasoning = expected
        expected = Usage(
            input_tokens=used,
            cached_tokens=cached,
            output_tokens=made,
            reasoning_tokens=reasoning,
            model_calls=1,
        )
    assert chat_usage(value) == expected


def test_responses_usage() -> None:
    value = {
        "input_tokens": 36,
        "input_tokens_details": {"cached_tokens": 6},
        "output_tokens": 87,
        "output_tokens_details": {"reasoning_tokens": 7},
        "total_tokens": 123,
    }
    assert responses_usage(value) == Usage(
        input_tokens=36, cached_tokens=6, output_tokens=87, reasoning_tokens=7, model_calls=1
    )


@pytest.mark.parametrize(
    "value",
    [
        {"prompt_tokens": -1},
        {"prompt_tokens": 1.5},
        {"prompt_tokens": True},
        {"prompt_tokens": "many"},
        {"prompt_tokens": 10**12},
        {"prompt_tokens": 5, "prompt_tokens_details": {"cached_tokens": 6}},
        [1],
    ],
)
def test_absurd_usage_breaks_the_stream(value: Any) -> None:
    with pytest.raises(StreamBroken, match="token count"):
        chat_usage(value)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"code": "rate_limit_exceeded", "message": "x"}, ProviderRateLimited),
        ({"type": "insufficient_quota", "code": None}, ProviderRefused),
        ({"code": "server_error"}, StreamBroken),
        ("overloaded", StreamBroken),
        (None, StreamBroken),
    ],
)
def test_errors_in_a_stream(error: Any, kind: type[Exception]) -> None:
    assert type(error_in_stream(error)) is kind


def test_words_of_the_server_are_not_repeated() -> None:
    found = error_in_stream({"code": "bad: see the prompt 'secret'", "message": "secret"})
    assert "secret" not in found.detail
