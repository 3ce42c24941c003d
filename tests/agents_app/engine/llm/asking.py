"""Asking an adapter in a test, and reading what it sent."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from agents_app.engine.llm.chat_completions import ChatCompletionsModel
from agents_app.engine.llm.responses import ResponsesModel
from agents_app.engine.messages import Message, UserMessage
from agents_app.engine.ports import ModelAnswer, ModelClient, TextChunk
from agents_app.engine.spec import ModelRequest, ModelSettings, ToolSpec
from tests.fake_openai.client import open_client

SECRET = "the prompt that nobody may repeat"

SEARCH = ToolSpec(
    name="search",
    description="Searches.",
    parameters={
        "type": "object",
        "properties": {"query": {"type": "string"}},
        "required": ["query"],
        "additionalProperties": False,
    },
)


def request(
    model: str = "fake-echo",
    *messages: Message,
    instructions: str = "Be brief.",
    tools: tuple[ToolSpec, ...] = (),
    choice: str = "auto",
    settings: ModelSettings | None = None,
) -> ModelRequest:
    return ModelRequest(
        model=model,
        instructions=instructions,
        messages=messages or (UserMessage(text=SECRET),),
        tools=tools,
        tool_choice=choice,
        settings=settings or ModelSettings(),
    )


@asynccontextmanager
async def adapter(
    kind: str, base_url: str, *, is_allowed: bool = True, **options: Any
) -> AsyncIterator[ModelClient]:
    """Open an adapter by name: `responses`, `chat`, `chat-json`."""
    client = open_client(base_url, is_allowed=is_allowed)
    try:
        if kind == "responses":
            yield ResponsesModel(client, **options)
        else:
            mode: Any = "json" if kind == "chat-json" else "native"
            yield ChatCompletionsModel(client, tool_mode=mode, **options)
    finally:
        await client.close()


async def answer_to(client: ModelClient, asked: ModelRequest) -> ModelAnswer:
    """Return the answer, having checked that the pieces of text make it up."""
    texts: list[str] = []
    answer: ModelAnswer | None = None
    async for chunk in client.stream(asked):
        if isinstance(chunk, TextChunk):
            texts.append(chunk.text)
        else:
            answer = chunk
    assert answer is not None
    assert "".join(texts) == answer.message.text
    return answer
