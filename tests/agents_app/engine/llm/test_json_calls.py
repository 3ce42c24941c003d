import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents_app.engine.errors import StreamBroken
from agents_app.engine.llm.chat_completions import ChatAssembler
from agents_app.engine.llm.json_calls import MAX_ARGUMENT_CHARS, JsonCalls, json_turns
from agents_app.engine.messages import (
    AssistantMessage,
    ToolCall,
    ToolResult,
    UserMessage,
)
from agents_app.engine.ports import ModelAnswer
from agents_app.engine.spec import ModelSettings, ToolSpec
from tests.agents_app.engine.llm.asking import SEARCH, adapter, answer_to, request
from tests.fake_openai.process import FakeOpenAI

CLOCK = ToolSpec(name="clock", description="The time.", parameters={"type": "object"})


def read(*pieces: str, finish: str = "stop") -> tuple[list[str], ModelAnswer]:
    """Return the text that went out at each piece and at the end, and the answer."""
    asked = request(tools=(SEARCH,))
    assembler = JsonCalls(ChatAssembler(asked), asked)
    said = []
    for piece in pieces:
        chunk = {"id": "1", "choices": [{"delta": {"content": piece}}]}
        said.append(assembler.take(json.dumps(chunk).encode()))
    end = {"choices": [{"delta": {}, "finish_reason": finish}]}
    assembler.take(json.dumps(end).encode())
    said.append(assembler.flush())
    return said, assembler.answer("".join(said))


def test_an_answer_goes_out_as_it_comes_and_unescaped() -> None:
    said, answer = read('{"ans', 'wer": "Say \\', '"hi\\"', "\\u00e9 \\ud83d", '\\ude42"', "}")
    assert said == ["", "Say ", '"hi"', "é ", "🙂", "", ""]
    assert answer.message.text == 'Say "hi"é 🙂'
    assert answer.message.finish == "stop"


def test_a_call_is_held_back() -> None:
    said, answer = read('{"tool": "search", ', '"arguments": {"query": "x"}}')
    assert said == ["", "", ""]
    assert answer.message.calls == (
        ToolCall(id="call_0", name="search", arguments='{"query":"x"}'),
    )
    assert answer.message.finish == "tool_calls"
    assert answer.message.text == ""


@given(st.text(st.characters(exclude_categories=["Cs"])), st.booleans(), st.integers(1, 7))
def test_any_answer_cut_anywhere_comes_out_whole(text: str, is_ascii: bool, size: int) -> None:
    written = json.dumps({"answer": text}, ensure_ascii=is_ascii)
    said, answer = read(*[written[at : at + size] for at in range(0, len(written), size)])
    assert answer.message.text == "".join(said) == text


@pytest.mark.parametrize("text", ["Plain words.", '["a list"]', '{"other": 1}', '{"answer": '])
def test_what_is_not_in_the_shape_is_an_answer_in_plain_text(text: str) -> None:
    said, answer = read(text)
    assert answer.message.text == "".join(said) == text
    assert answer.message.calls == ()


def test_an_answer_that_is_no_text_is_written_out() -> None:
    _, answer = read('{"answer": 42}')
    assert answer.message.text == "42"


def test_json_that_is_cut_is_broken() -> None:
    with pytest.raises(StreamBroken):
        read('{"answer": "half an ans', finish="")


def turns(*messages: Any, **options: Any) -> dict[str, Any]:
    return json_turns(request("m", *messages, **options))


def test_a_forced_tool_leaves_the_model_no_other_shape() -> None:
    body = turns(UserMessage(text="Where?"), tools=(SEARCH, CLOCK), choice="search")
    schema = body["response_format"]["json_schema"]["schema"]
    assert schema["properties"]["tool"] == {"const": "search"}
    query = schema["properties"]["arguments"]["properties"]["query"]
    assert query == {"type": "string", "maxLength": MAX_ARGUMENT_CHARS}
    assert body["temperature"] == 0.0
    assert body["messages"][0] == {"role": "system", "content": "Be brief."}
    assert body["messages"][1]["content"].startswith("Where?\n\nAnswer with a call of search")


def test_offered_tools_are_described_and_an_answer_is_allowed() -> None:
    body = turns(
        UserMessage(text="Hi"), tools=(SEARCH, CLOCK), settings=ModelSettings(temperature=0.7)
    )
    shapes = body["response_format"]["json_schema"]["schema"]["anyOf"]
    assert [list(shape["properties"]) for shape in shapes] == [
        ["tool", "arguments"],
        ["tool", "arguments"],
        ["answer"],
    ]
    assert '- search: Searches. Arguments: {"query": string}' in body["messages"][0]["content"]
    assert "temperature" not in body


@pytest.mark.parametrize("options", [{}, {"tools": (SEARCH,), "choice": "none"}])
def test_without_tools_to_call_it_is_a_plain_request(options: dict[str, Any]) -> None:
    assert turns(UserMessage(text="Hi"), **options) == {
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Hi"},
        ]
    }


def test_results_of_this_round_stand_with_the_question_and_older_ones_are_left_out() -> None:
    call = ToolCall(id="a", name="search", arguments="{}")
    body = turns(
        UserMessage(text="First?"),
        AssistantMessage(text="", calls=(call,)),
        ToolResult(call_id="a", name="search", content="OLD"),
        AssistantMessage(text="One."),
        UserMessage(text="Second?"),
        AssistantMessage(text="", calls=(call,)),
        ToolResult(call_id="a", name="search", content="NEW"),
    )
    assert body["messages"][1:] == [
        {"role": "user", "content": "First?"},
        {"role": "assistant", "content": "One."},
        {
            "role": "user",
            "content": "Second?\n\nResult of search:\nNEW\n\nAnswer the question in one or two"
            " sentences, using what is written above.",
        },
    ]


def test_limits_of_a_schema_are_kept_and_enums_need_none() -> None:
    parameters: dict[str, Any] = {
        "type": "object",
        "properties": {
            "long": {"type": "string", "maxLength": 9000},
            "kind": {"type": "string", "enum": ["a"]},
            "many": {"type": "array", "items": {"type": "string"}},
        },
    }
    tool = ToolSpec(name="t", description="T.", parameters=parameters)
    body = turns(UserMessage(text="Hi"), tools=(tool,), choice="t")
    shape = body["response_format"]["json_schema"]["schema"]["properties"]["arguments"]
    assert shape["properties"] == {
        "long": {"type": "string", "maxLength": 9000},
        "kind": {"type": "string", "enum": ["a"]},
        "many": {
            "type": "array",
            "maxItems": 20,
            "items": {"type": "string", "maxLength": MAX_ARGUMENT_CHARS},
        },
    }
    assert parameters["properties"]["many"] == {"type": "array", "items": {"type": "string"}}


async def test_a_whole_round_over_http(fake_openai: FakeOpenAI) -> None:
    question = UserMessage(text="Where?")
    async with adapter("chat-json", fake_openai.base_url) as client:
        first = await answer_to(client, request("fake-tool", question, tools=(SEARCH,)))
        [call] = first.message.calls
        result = ToolResult(call_id=call.id, name="search", content="In the guide.")
        second = await answer_to(client, request("fake-tool", question, first.message, result))
    assert (call.name, call.arguments) == ("search", '{"query":"text"}')
    assert "In the guide." in second.message.text
