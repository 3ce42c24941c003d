import json
from typing import Any

import pytest

from agents_app.engine.errors import AnswerIncomplete, StreamBroken
from agents_app.engine.limits import Usage
from agents_app.engine.llm.chat_completions import ChatAssembler, native_turns
from agents_app.engine.messages import (
    AssistantMessage,
    ContextMessage,
    Passage,
    ToolCall,
    ToolResult,
    UserMessage,
)
from agents_app.engine.ports import ModelAnswer
from agents_app.engine.spec import ModelSettings
from tests.agents_app.engine.llm.asking import SEARCH, adapter, answer_to, request
from tests.fake_openai.client import API_KEY
from tests.fake_openai.process import FakeOpenAI

PASSAGE = Passage(
    chunk_id="c",
    document_id="d",
    title="Guide",
    heading="Start",
    text="Run it.",
    start=0,
    end=7,
    score=0.9,
)


def assemble(*deltas: dict[str, Any], finish: str = "stop", **last: Any) -> tuple[str, ModelAnswer]:
    """Feed deltas of one choice and return the texts and the answer."""
    assembler = ChatAssembler(request("asked"))
    text = ""
    for delta in deltas:
        text += assembler.take(json.dumps({"id": "r1", "choices": [{"delta": delta}]}).encode())
    end = {
        "model": "served",
        "choices": [{"index": 0, "delta": {}, "finish_reason": finish}],
        **last,
    }
    text += assembler.take(json.dumps(end).encode())
    text += assembler.take(b"[DONE]")
    assert assembler.is_complete
    return text, assembler.answer(text)


def calls(*fragments: dict[str, Any]) -> list[tuple[str, str, str]]:
    deltas = [{"tool_calls": [fragment]} for fragment in fragments]
    _, answer = assemble(*deltas, finish="tool_calls")
    return [(call.id, call.name, call.arguments) for call in answer.message.calls]


def function(name: str | None = None, arguments: Any = None) -> dict[str, Any]:
    return {"function": {"name": name, "arguments": arguments}}


def test_fragments_of_calls_are_joined_by_index() -> None:
    assert calls(
        {"index": 0, "id": "a", **function("f", "")},
        {"index": 1, "id": "b", **function("g", '{"y"')},
        {"index": 0, **function(None, '{"x":')},
        {"index": 1, **function(None, ":2}")},
        {"index": 0, **function(None, "1}")},
    ) == [("a", "f", '{"x":1}'), ("b", "g", '{"y":2}')]


def test_whole_calls_without_an_index_are_calls_of_their_own() -> None:
    assert calls({"id": "a", **function("f", "{}")}, {"id": "b", **function("f", "{}")}) == [
        ("a", "f", "{}"),
        ("b", "f", "{}"),
    ]


def test_calls_that_all_have_index_0_are_told_apart_by_id_and_name() -> None:
    assert calls(
        {"index": 0, "id": "a", **function("f", "{}")},
        {"index": 0, "id": "b", **function("g", "{}")},
    ) == [("a", "f", "{}"), ("b", "g", "{}")]


def test_an_id_that_changes_from_piece_to_piece_is_one_call() -> None:
    assert calls(
        {"index": 0, "id": "a", **function("f", '{"x"')},
        {"index": 0, "id": "b", **function(None, ":1}")},
    ) == [("a", "f", '{"x":1}')]


def test_a_call_counts_whatever_the_finish_reason_says() -> None:
    _, answer = assemble({"tool_calls": [{"index": 0, "id": "a", **function("f", "")}]})
    assert answer.message.finish == "tool_calls"
    assert answer.message.calls == (ToolCall(id="a", name="f", arguments="{}"),)


def test_reasoning_is_kept_apart_from_the_text() -> None:
    text, answer = assemble(
        {"reasoning_content": "Hm. "}, {"reasoning": "So."}, {"content": "Yes"}, {"content": "."}
    )
    assert text == "Yes."
    assert answer.message.reasoning == "Hm. So."


def test_content_in_parts_is_taken_apart() -> None:
    thinking = {"type": "thinking", "thinking": [{"type": "text", "text": "2+2"}]}
    text, answer = assemble({"content": [thinking]}, {"content": [{"type": "text", "text": "4"}]})
    assert (text, answer.message.reasoning) == ("4", "2+2")


def test_usage_and_names_are_the_servers() -> None:
    _, answer = assemble({"content": "x"}, usage={"prompt_tokens": 2, "completion_tokens": 1})
    assert answer.usage == Usage(input_tokens=2, output_tokens=1, model_calls=1)
    assert (answer.message.model, answer.message.response_id) == ("served", "r1")


def test_usage_may_stand_under_groqs_own_name() -> None:
    _, answer = assemble({"content": "x"}, x_groq={"usage": {"prompt_tokens": 4}})
    assert answer.usage.input_tokens == 4


def test_another_choice_is_not_ours() -> None:
    assembler = ChatAssembler(request())
    other = {"id": "r", "choices": [{"index": 1, "delta": {"content": "other"}}]}
    assert assembler.take(json.dumps(other).encode()) == ""


@pytest.mark.parametrize(
    ("finish", "error"),
    [("length", AnswerIncomplete), ("content_filter", AnswerIncomplete), ("error", StreamBroken)],
)
def test_other_ends_than_a_stop_are_errors(finish: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        assemble({"content": "half an ans"}, finish=finish)


def test_a_stream_without_finish_reason_is_broken() -> None:
    assembler = ChatAssembler(request())
    assembler.take(b'{"id":"1","choices":[{"delta":{"content":"half"}}]}')
    with pytest.raises(StreamBroken, match="may be cut"):
        assembler.answer("half")


def test_the_conversation_in_the_shape_of_the_api() -> None:
    answer = AssistantMessage(
        text="", calls=(ToolCall(id="a", name="search", arguments='{"query":"x"}'),)
    )
    body = native_turns(
        request(
            "m",
            UserMessage(text="Hi"),
            ContextMessage(passages=(PASSAGE,)),
            answer,
            ToolResult(call_id="a", name="search", content="Found."),
            AssistantMessage(text="Done."),
            tools=(SEARCH,),
            choice="search",
        )
    )
    system, user, context, called, result, last = body["messages"]
    assert system == {"role": "system", "content": "Be brief."}
    assert user == {"role": "user", "content": "Hi"}
    assert context["role"] == "user"
    assert "[1] Guide – Start\n> Run it." in context["content"]
    assert called == {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {
                "id": "a",
                "type": "function",
                "function": {"name": "search", "arguments": '{"query":"x"}'},
            }
        ],
    }
    assert result == {"role": "tool", "tool_call_id": "a", "content": "Found."}
    assert last == {"role": "assistant", "content": "Done."}
    assert body["tool_choice"] == {"type": "function", "function": {"name": "search"}}
    assert [tool["function"]["name"] for tool in body["tools"]] == ["search"]


def test_without_tools_there_is_no_tool_choice() -> None:
    assert set(native_turns(request(instructions=""))) == {"messages"}


async def test_what_is_sent(fake_openai: FakeOpenAI) -> None:
    model = "fake-echo#chat-sent"
    settings = ModelSettings(
        temperature=0.5, top_p=0.9, max_output_tokens=7, reasoning_effort="low"
    )
    async with adapter("chat", fake_openai.base_url) as client:
        await answer_to(client, request(model, UserMessage(text="Hi"), settings=settings))
    [sent] = fake_openai.requests(model=model)
    assert sent["path"] == "/v1/chat/completions"
    assert sent["headers"]["authorization"] == f"Bearer {API_KEY}"
    assert sent["headers"]["content-type"] == "application/json"
    assert sent["body"] == {
        "model": model,
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Hi"},
        ],
        "stream": True,
        "stream_options": {"include_usage": True},
        "temperature": 0.5,
        "top_p": 0.9,
        "max_tokens": 7,
        "reasoning_effort": "low",
    }
