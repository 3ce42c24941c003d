import json
from typing import Any

import pytest

from agents_app.engine.errors import AnswerIncomplete, ProviderRefused, StreamBroken
from agents_app.engine.llm.responses import ResponsesAssembler, allows_strict, responses_request
from agents_app.engine.messages import (
    AssistantMessage,
    ToolCall,
    ToolResult,
    UserMessage,
)
from agents_app.engine.ports import ModelAnswer
from agents_app.engine.spec import ModelSettings, ToolSpec
from tests.agents_app.engine.llm.asking import SEARCH, adapter, answer_to, request
from tests.fake_openai.client import API_KEY
from tests.fake_openai.process import FakeOpenAI

DONE = {"type": "response.completed", "response": {"id": "resp_1", "model": "served"}}
Event = dict[str, Any]


def assemble(*events: Event) -> ModelAnswer:
    assembler = ResponsesAssembler(request("asked"))
    text = "".join(assembler.take(json.dumps(event).encode()) for event in events)
    return assembler.answer(text)


def delta(text: str) -> Event:
    return {"type": "response.output_text.delta", "output_index": 0, "delta": text}


def item(kind: str, index: int, **fields: Any) -> Event:
    return {"type": f"response.output_item.{kind}", "output_index": index, "item": fields}


def argument(index: int, text: str, **more: Any) -> Event:
    kind = "response.function_call_arguments.delta"
    return {"type": kind, "output_index": index, "delta": text, **more}


def found(answer: ModelAnswer) -> list[tuple[str, str, str]]:
    return [(call.id, call.name, call.arguments) for call in answer.message.calls]


def test_text_is_joined_and_named() -> None:
    answer = assemble(delta("Hel"), delta("lo"), DONE)
    assert answer.message.text == "Hello"
    assert (answer.message.model, answer.message.response_id) == ("served", "resp_1")
    assert answer.message.finish == "stop"


def test_calls_are_told_apart_by_their_place_whatever_their_ids_are() -> None:
    answer = assemble(
        item("added", 1, type="function_call", id="fc_1", call_id="a", name="f", arguments=""),
        item("added", 2, type="function_call", id="fc_2", call_id="b", name="g", arguments=""),
        argument(1, '{"x"', item_id="other"),
        argument(2, "{}", item_id="another"),
        argument(1, ":1}", item_id="a third"),
        DONE,
    )
    assert found(answer) == [("a", "f", '{"x":1}'), ("b", "g", "{}")]
    assert answer.message.finish == "tool_calls"


def test_the_whole_item_outweighs_its_pieces() -> None:
    answer = assemble(
        item("added", 0, type="function_call", call_id="a", name="f"),
        argument(0, '{"x":'),
        item("done", 0, type="function_call", call_id="a", name="f", arguments='{"x":2}'),
        DONE,
    )
    assert found(answer) == [("a", "f", '{"x":2}')]


def test_a_custom_call_is_a_call_with_its_input() -> None:
    answer = assemble(
        item("added", 0, type="custom_tool_call", call_id="a", name="sql", input=""),
        {"type": "response.custom_tool_call_input.delta", "output_index": 0, "delta": "SELECT 1"},
        DONE,
    )
    assert found(answer) == [("a", "sql", "SELECT 1")]


def test_text_that_came_in_no_pieces_is_taken_whole() -> None:
    whole = {"type": "response.output_text.done", "text": "All at once."}
    assert assemble(whole, DONE).message.text == "All at once."


def test_text_that_came_in_pieces_is_not_taken_twice() -> None:
    whole = {"type": "response.output_text.done", "text": "Hi"}
    assert assemble(delta("Hi"), whole, delta(" you"), DONE).message.text == "Hi you"


def test_an_answer_that_comes_with_the_end_alone_is_taken() -> None:
    message = {"type": "message", "content": [{"type": "output_text", "text": "Late."}]}
    call = {"type": "function_call", "call_id": "a", "name": "f", "arguments": "{}"}
    done = {"type": "response.completed", "response": {"output": [message, call]}}
    answer = assemble(done)
    assert answer.message.text == "Late."
    assert found(answer) == [("a", "f", "{}")]


def test_reasoning_is_kept_in_pieces_or_whole_but_once() -> None:
    piece = {"type": "response.reasoning_summary_text.delta", "delta": "Six "}
    whole = {"type": "response.reasoning_summary_text.done", "text": "Six "}
    other = {"type": "response.reasoning_text.done", "text": "times seven."}
    answer = assemble(piece, whole, other, delta("42"), DONE)
    assert answer.message.reasoning == "Six times seven."


def test_unknown_events_are_passed_over() -> None:
    answer = assemble({"type": "response.news"}, {"type": "keepalive"}, delta("x"), DONE)
    assert answer.message.text == "x"


@pytest.mark.parametrize(
    ("event", "error"),
    [
        ({"type": "error", "code": "server_error", "message": "m"}, StreamBroken),
        ({"type": "error", "error": {"code": "insufficient_quota"}}, ProviderRefused),
        ({"error": {"message": "boom"}}, StreamBroken),
        (
            {"type": "response.failed", "response": {"error": {"code": "server_error"}}},
            StreamBroken,
        ),
        (
            {
                "type": "response.incomplete",
                "response": {"incomplete_details": {"reason": "max_output_tokens"}},
            },
            AnswerIncomplete,
        ),
        (
            {
                "type": "response.incomplete",
                "response": {"incomplete_details": {"reason": "content_filter"}},
            },
            AnswerIncomplete,
        ),
        ({"type": "response.completed", "response": {"status": "in_progress"}}, StreamBroken),
        ({"type": "response.completed", "response": {"status": "incomplete"}}, AnswerIncomplete),
    ],
)
def test_ends_that_are_errors(event: Event, error: type[Exception]) -> None:
    with pytest.raises(error):
        assemble(delta("half an ans"), event, DONE)


def test_a_stream_without_its_end_is_broken() -> None:
    with pytest.raises(StreamBroken, match="may be cut"):
        assemble(delta("half"))


def test_a_refusal_is_no_answer() -> None:
    with pytest.raises(AnswerIncomplete, match="refused"):
        assemble({"type": "response.refusal.delta", "delta": "I can't"}, DONE)


def test_an_answer_of_nothing_but_foreign_items_is_broken() -> None:
    with pytest.raises(StreamBroken, match="local_shell_call"):
        assemble(item("done", 0, type="local_shell_call"), DONE)


def test_foreign_items_beside_a_text_do_no_harm() -> None:
    answer = assemble(item("done", 0, type="web_search_call"), delta("Found."), DONE)
    assert answer.message.text == "Found."


OPEN: dict[str, Any] = {"type": "object", "properties": {"a": {"type": "string"}}}
CLOSED: dict[str, Any] = {**OPEN, "required": ["a"], "additionalProperties": False}


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        (CLOSED, True),
        (OPEN, False),
        ({**CLOSED, "required": []}, False),
        ({"type": "object", "properties": {}, "additionalProperties": False}, True),
        ({**CLOSED, "properties": {"a": CLOSED}}, True),
        ({**CLOSED, "properties": {"a": OPEN}}, False),
        ({**CLOSED, "properties": {"a": {"type": "array", "items": OPEN}}}, False),
        ({**CLOSED, "properties": {"a": {"anyOf": [{"type": "null"}, CLOSED]}}}, True),
        ({**CLOSED, "properties": {"a": {"type": "string", "default": "x"}}}, False),
        ({**CLOSED, "$defs": {"b": OPEN}}, False),
        ({"type": "string"}, False),
    ],
)
def test_strict_mode_where_the_schema_allows_it(schema: dict[str, Any], expected: bool) -> None:
    assert allows_strict(schema) is expected


def test_the_conversation_in_the_shape_of_the_api() -> None:
    call = ToolCall(id="a", name="search", arguments='{"query":"x"}')
    body = responses_request(
        request(
            "m",
            UserMessage(text="Hi"),
            AssistantMessage(text="Looking.", calls=(call,)),
            ToolResult(call_id="a", name="search", content="Found."),
            tools=(SEARCH, ToolSpec(name="open", description="Opens.", parameters=OPEN)),
        )
    )
    assert body["input"] == [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Looking."},
        {
            "type": "function_call",
            "call_id": "a",
            "name": "search",
            "arguments": '{"query":"x"}',
        },
        {"type": "function_call_output", "call_id": "a", "output": "Found."},
    ]
    assert body["tools"][0] == {
        "type": "function",
        "name": "search",
        "description": "Searches.",
        "parameters": SEARCH.parameters,
        "strict": True,
    }
    assert body["tools"][1]["strict"] is False
    assert body["tool_choice"] == "auto"


async def test_what_is_sent(fake_openai: FakeOpenAI) -> None:
    model = "fake-tool#responses-sent"
    settings = ModelSettings(temperature=0.5, max_output_tokens=7, reasoning_effort="low")
    asked = request(
        model, UserMessage(text="Hi"), tools=(SEARCH,), choice="search", settings=settings
    )
    async with adapter("responses", fake_openai.base_url) as client:
        answer = await answer_to(client, asked)
    assert [call.name for call in answer.message.calls] == ["search"]
    [sent] = fake_openai.requests(model=model)
    assert sent["path"] == "/v1/responses"
    assert sent["headers"]["authorization"] == f"Bearer {API_KEY}"
    assert {name: value for name, value in sent["body"].items() if name != "tools"} == {
        "model": model,
        "instructions": "Be brief.",
        "input": [{"role": "user", "content": "Hi"}],
        "stream": True,
        "store": False,
        "temperature": 0.5,
        "max_output_tokens": 7,
        "reasoning": {"effort": "low"},
        "tool_choice": {"type": "function", "name": "search"},
    }


async def test_reasoning_over_http(fake_openai: FakeOpenAI) -> None:
    async with adapter("responses", fake_openai.base_url) as client:
        answer = await answer_to(client, request("fake-reasoning"))
    assert answer.message.text == "Forty-two."
    assert answer.message.reasoning == "Six times seven."
    assert answer.usage.reasoning_tokens == 2
