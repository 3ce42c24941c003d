"""What every model client promises, asked of the scripted twin and of each adapter."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest

from agents_app.engine.errors import (
    AnswerIncomplete,
    EngineError,
    ProviderRateLimited,
    ProviderRefused,
    ProviderUnavailable,
    StreamBroken,
)
from agents_app.engine.llm.chat_completions import ChatCompletionsModel
from agents_app.engine.llm.responses import ResponsesModel
from agents_app.engine.llm.scripted import Say, ScriptedModel
from agents_app.engine.messages import Message, ToolCall, ToolResult, UserMessage
from agents_app.engine.ports import ModelAnswer, ModelChunk, ModelClient, TextChunk
from agents_app.engine.spec import ModelRequest, ToolSpec
from tests.fake_openai.behaviours import script_model
from tests.fake_openai.client import open_client
from tests.fake_openai.process import FakeOpenAI

CITY = ToolSpec(
    name="weather",
    description="The weather of a city.",
    parameters={
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
        "additionalProperties": False,
    },
)
CLOCK = ToolSpec(
    name="clock", description="The time.", parameters={"type": "object", "properties": {}}
)
Turn = dict[str, Any]
ERRORS: dict[str, EngineError] = {
    "fake-error-503": ProviderUnavailable("down"),
    "fake-error-401": ProviderRefused("key"),
    "fake-error-429:7": ProviderRateLimited("slow", retry_after_s=7.0),
    "fake-unfinished": StreamBroken("cut"),
    "fake-length": AnswerIncomplete("length"),
}
ADAPTERS: dict[str, Callable[[Any], ModelClient]] = {
    "responses": ResponsesModel,
    "chat": ChatCompletionsModel,
    "chat-json": lambda client: ChatCompletionsModel(client, tool_mode="json"),
}


class Speaker:
    """A model client of some kind, made to say something."""

    def __init__(self, kind: str, fake: FakeOpenAI) -> None:
        self.kind = kind
        self._fake = fake

    def says(self, turns: Sequence[Turn]) -> AbstractAsyncContextManager[tuple[ModelClient, str]]:
        """Return a client that plays the turns, and the model name to ask for."""
        said = [
            Say(
                pieces=[turn["text"]] if turn.get("text") else [],
                calls=[
                    ToolCall(
                        id=f"call_{number}_{index}",
                        name=call["name"],
                        arguments=json.dumps(call["arguments"]),
                    )
                    for index, call in enumerate(turn.get("calls", []))
                ],
            )
            for number, turn in enumerate(turns)
        ]
        return self._open(said, script_model(turns))

    def fails(self, behaviour: str) -> AbstractAsyncContextManager[tuple[ModelClient, str]]:
        """Return a client that fails as the fake server's behaviour does."""
        return self._open([Say(pieces=["The quick"], error=ERRORS[behaviour])], behaviour)

    @asynccontextmanager
    async def _open(self, said: list[Say], model: str) -> AsyncIterator[tuple[ModelClient, str]]:
        if self.kind == "scripted":
            yield ScriptedModel(said), model
            return
        client = open_client(self._fake.base_url)
        try:
            yield ADAPTERS[self.kind](client), model
        finally:
            await client.close()


@pytest.fixture(params=["scripted", *ADAPTERS])
def speaker(request: pytest.FixtureRequest, fake_openai: FakeOpenAI) -> Speaker:
    return Speaker(request.param, fake_openai)


def ask(
    model: str, *messages: Message, tools: Sequence[ToolSpec] = (), choice: str = "auto"
) -> ModelRequest:
    return ModelRequest(
        model=model,
        instructions="Be brief.",
        messages=messages or (UserMessage(text="Hello"),),
        tools=tools,
        tool_choice=choice,
    )


async def collect(
    client: ModelClient, request: ModelRequest
) -> tuple[list[str], list[ModelAnswer]]:
    texts: list[str] = []
    answers: list[ModelAnswer] = []
    async for chunk in client.stream(request):
        assert not answers, "nothing may follow the answer"
        if isinstance(chunk, TextChunk):
            texts.append(chunk.text)
        else:
            answers.append(chunk)
    return texts, answers


async def drain(stream: AsyncIterator[ModelChunk], chunks: list[ModelChunk]) -> None:
    async for chunk in stream:
        chunks.append(chunk)


@pytest.mark.parametrize(
    "text",
    ["Hello, world.", 'Zwölf Boxkämpfer 🥊 – 日本語\n\n"quoted" \\ back\tslash', " leading blank"],
    ids=["plain", "unicode", "blank"],
)
async def test_texts_joined_are_the_answer_which_comes_last(speaker: Speaker, text: str) -> None:
    async with speaker.says([{"text": text}]) as (client, model):
        texts, answers = await collect(client, ask(model))
    assert "".join(texts) == text
    assert all(texts)
    [answer] = answers
    assert answer.message.text == text
    assert answer.message.finish == "stop"
    assert answer.message.calls == ()


async def test_an_answer_to_offered_tools_may_be_text(speaker: Speaker) -> None:
    async with speaker.says([{"text": "No tool\nis 'needed' 🙂."}]) as (client, model):
        texts, [answer] = await collect(client, ask(model, tools=[CITY]))
    assert "".join(texts) == answer.message.text == "No tool\nis 'needed' 🙂."


async def test_a_call_arrives_whole(speaker: Speaker) -> None:
    turn = {"calls": [{"name": "weather", "arguments": {"city": "Zürich"}}]}
    async with speaker.says([turn]) as (client, model):
        texts, [answer] = await collect(client, ask(model, tools=[CITY, CLOCK]))
    assert texts == []
    [call] = answer.message.calls
    assert call.name == "weather"
    assert json.loads(call.arguments) == {"city": "Zürich"}
    assert call.id
    assert answer.message.finish == "tool_calls"


async def test_parallel_calls_keep_their_order_and_have_ids_of_their_own(speaker: Speaker) -> None:
    if speaker.kind == "chat-json":
        pytest.skip("one call per answer is all that the JSON shape holds")
    calls = [
        {"name": "weather", "arguments": {"city": "Rome"}},
        {"name": "clock", "arguments": {}},
        {"name": "weather", "arguments": {"city": "Oslo"}},
    ]
    async with speaker.says([{"text": "Looking.", "calls": calls}]) as (client, model):
        texts, [answer] = await collect(client, ask(model, tools=[CITY, CLOCK]))
    assert "".join(texts) == "Looking."
    assert [call.name for call in answer.message.calls] == ["weather", "clock", "weather"]
    assert len({call.id for call in answer.message.calls}) == 3


async def test_a_forced_tool_is_called(speaker: Speaker) -> None:
    turn = {"calls": [{"name": "clock", "arguments": {}}]}
    async with speaker.says([turn]) as (client, model):
        _, [answer] = await collect(client, ask(model, tools=[CITY, CLOCK], choice="clock"))
    assert [(call.name, call.arguments) for call in answer.message.calls] == [("clock", "{}")]


async def test_a_conversation_goes_on_after_a_result(speaker: Speaker) -> None:
    turns: list[Turn] = [
        {"calls": [{"name": "weather", "arguments": {"city": "Rome"}}]},
        {"text": "It rains."},
    ]
    question = UserMessage(text="How is Rome?")
    async with speaker.says(turns) as (client, model):
        _, [first] = await collect(client, ask(model, question, tools=[CITY]))
        result = ToolResult(call_id=first.message.calls[0].id, name="weather", content="Rain, 14°")
        texts, [second] = await collect(
            client, ask(model, question, first.message, result, tools=[CITY])
        )
    assert "".join(texts) == second.message.text == "It rains."


async def test_usage_counts_one_call_of_the_model(speaker: Speaker) -> None:
    async with speaker.says([{"text": "One two three."}]) as (client, model):
        _, [answer] = await collect(client, ask(model))
    assert answer.usage.model_calls == 1
    assert answer.usage.input_tokens > 0
    assert answer.usage.output_tokens > 0
    assert answer.usage.cached_tokens <= answer.usage.input_tokens


@pytest.mark.parametrize("behaviour", ERRORS)
async def test_a_failure_has_its_error_and_no_answer(speaker: Speaker, behaviour: str) -> None:
    chunks: list[ModelChunk] = []
    async with speaker.fails(behaviour) as (client, model):
        with pytest.raises(type(ERRORS[behaviour])) as caught:
            await drain(client.stream(ask(model)), chunks)
    assert not any(isinstance(chunk, ModelAnswer) for chunk in chunks)
    expected = ERRORS[behaviour]
    assert caught.value.code == expected.code
    if isinstance(caught.value, ProviderRateLimited):
        assert caught.value.retry_after_s == 7.0


async def test_two_streams_at_once_do_not_mix(speaker: Speaker) -> None:
    async with (
        speaker.says([{"text": "aa " * 50, "delay_ms": 1}]) as (first, first_model),
        speaker.says([{"text": "bb " * 50, "delay_ms": 1}]) as (second, second_model),
    ):
        (_, [one]), (_, [other]) = await asyncio.gather(
            collect(first, ask(first_model)), collect(second, ask(second_model))
        )
    assert one.message.text == "aa " * 50
    assert other.message.text == "bb " * 50


async def test_closing_the_generator_ends_the_request(
    speaker: Speaker, fake_openai: FakeOpenAI
) -> None:
    async with speaker.says([{"text": "word " * 400, "delay_ms": 50}]) as (client, model):
        stream = client.stream(ask(model))
        assert isinstance(await anext(stream), TextChunk)
        await stream.aclose()
        assert [chunk async for chunk in stream] == []
        await asyncio.to_thread(fake_openai.wait_until_idle)
