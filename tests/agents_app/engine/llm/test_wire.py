import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import UTC, datetime
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
from agents_app.engine.llm.wire import retry_after_s
from tests.agents_app.engine.llm.asking import SECRET, adapter, answer_to, request
from tests.fake_openai.client import API_KEY
from tests.fake_openai.process import FakeOpenAI

KINDS = pytest.mark.parametrize("kind", ["responses", "chat", "chat-json"])
Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]]
CHUNK = (
    b'data: {"id":"1","model":"m","choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":"stop"}]}'
    b"\n\ndata: [DONE]\n\n"
)


@asynccontextmanager
async def listening(handler: Handler) -> AsyncIterator[str]:
    """Serve raw bytes and yield the base URL."""
    server = await asyncio.start_server(handler, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"


async def read_request(reader: asyncio.StreamReader) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
    await reader.readexactly(length)


def answer_bytes(body: bytes) -> bytes:
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: "
    return head + str(len(body)).encode() + b"\r\n\r\n" + body


@KINDS
@pytest.mark.parametrize(
    ("model", "error", "words"),
    [
        ("fake-error-400", ProviderRefused, "HTTP 400, invalid_value"),
        ("fake-error-401", ProviderRefused, "Set a valid key"),
        ("fake-error-403", ProviderRefused, "may not use the model"),
        ("fake-error-404", ProviderRefused, "does not know the model 'fake-error-404'"),
        ("fake-error-307", ProviderRefused, "points elsewhere"),
        ("fake-error-422", ProviderRefused, "HTTP 422"),
        ("fake-unknown-model", ProviderRefused, "does not know the model"),
        ("fake-quota", ProviderRefused, "used up its quota"),
        ("fake-error-429", ProviderRateLimited, "slow down"),
        ("fake-error-408", ProviderUnavailable, "answered 408"),
        ("fake-error-500", ProviderUnavailable, "answered 500"),
        ("fake-error-503", ProviderUnavailable, "answered 503"),
        ("fake-cut", StreamBroken, "broke in the middle"),
        ("fake-unfinished", StreamBroken, "may be cut"),
        ("fake-garbage", StreamBroken, "not JSON"),
        ("fake-error-event", StreamBroken, "server_error"),
        ("fake-absurd-usage", StreamBroken, "token count"),
        ("fake-huge:5", StreamBroken, "larger than 4,194,304 bytes"),
        ("fake-length", AnswerIncomplete, "limit of output tokens"),
        ("fake-filter", AnswerIncomplete, "content filter"),
        ("fake-refusal", AnswerIncomplete, "refused"),
    ],
)
async def test_failures_are_named_without_key_or_prompt(
    fake_openai: FakeOpenAI, kind: str, model: str, error: type[EngineError], words: str
) -> None:
    async with adapter(kind, fake_openai.base_url) as client:
        with pytest.raises(error) as caught:
            await answer_to(client, request(model))
    assert type(caught.value) is error
    assert words in caught.value.detail
    assert SECRET not in caught.value.detail
    assert API_KEY not in caught.value.detail


@KINDS
async def test_a_rate_limit_says_how_long_to_wait(fake_openai: FakeOpenAI, kind: str) -> None:
    async with adapter(kind, fake_openai.base_url) as client:
        with pytest.raises(ProviderRateLimited) as caught:
            await answer_to(client, request("fake-error-429:12.5"))
    assert caught.value.retry_after_s == 12.5


@KINDS
async def test_a_silent_server_is_given_up(fake_openai: FakeOpenAI, kind: str) -> None:
    async with adapter(kind, fake_openai.base_url, first_byte_s=0.2) as client:
        with pytest.raises(ProviderUnavailable, match=r"within 0\.2 s"):
            await answer_to(client, request("fake-silent"))


@KINDS
async def test_a_server_that_falls_silent_is_given_up(fake_openai: FakeOpenAI, kind: str) -> None:
    async with adapter(kind, fake_openai.base_url, idle_s=0.2) as client:
        with pytest.raises(StreamBroken, match=r"silent for 0\.2 s"):
            await answer_to(client, request("fake-hang"))


async def test_a_slow_stream_outlives_the_time_for_its_first_byte(fake_openai: FakeOpenAI) -> None:
    async with adapter("chat", fake_openai.base_url, first_byte_s=0.3, idle_s=0.3) as client:
        answer = await answer_to(client, request("fake-8-tokens:100"))
    assert answer.message.text.count("tok") == 8


async def test_nothing_is_retried_by_the_client(fake_openai: FakeOpenAI) -> None:
    model = "fake-error-500#retries"
    async with adapter("chat", fake_openai.base_url) as client:
        with pytest.raises(ProviderUnavailable):
            await answer_to(client, request(model))
    assert len(fake_openai.requests(model=model)) == 1


async def test_a_server_that_does_not_run_is_named(unused_tcp_port: int) -> None:
    async with adapter("chat", f"http://127.0.0.1:{unused_tcp_port}/v1") as client:
        with pytest.raises(ProviderUnavailable, match="it refuses connections"):
            await answer_to(client, request())


async def test_a_forbidden_address_is_refused(fake_openai: FakeOpenAI) -> None:
    async with adapter("chat", fake_openai.base_url, is_allowed=False) as client:
        with pytest.raises(ProviderRefused, match="may not be called"):
            await answer_to(client, request())


async def test_a_connection_that_was_closing_is_replaced_once() -> None:
    connections = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await read_request(reader)
        writer.write(answer_bytes(CHUNK))
        if connections == 1:
            await reader.read(1)
        writer.close()

    async with listening(serve) as url, adapter("chat", url) as client:
        first = await answer_to(client, request())
        second = await answer_to(client, request())
    assert first.message.text == second.message.text == "Hi"
    assert connections == 2


async def test_a_server_that_always_hangs_up_is_unavailable() -> None:
    connections = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await read_request(reader)
        writer.close()

    async with listening(serve) as url, adapter("chat", url) as client:
        with pytest.raises(ProviderUnavailable, match="cannot be reached"):
            await answer_to(client, request())
    assert connections == 2


async def test_the_connection_is_kept_for_the_next_request() -> None:
    connections = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        while not reader.at_eof():
            try:
                await read_request(reader)
            except asyncio.IncompleteReadError:
                break
            writer.write(answer_bytes(CHUNK))
        writer.close()

    async with listening(serve) as url, adapter("chat", url) as client:
        for _ in range(3):
            await answer_to(client, request())
    assert connections == 1


@pytest.mark.parametrize(
    "body",
    [
        b'{"choices":[{"message":{"content":"not a stream"}}]}',
        b"<html>hello</html>",
        b"",
        b"data: {}\n\n",
        b"data: []\n\n",
        b'data: "text"\n\n',
        b'data: {"choices":[{"delta":{"content":{"a":1}},"finish_reason":"stop"}]}\n\n',
        b'data: {"choices":"many"}\n\n',
        b'data: {"choices":[{"delta":{"tool_calls":[7]},"finish_reason":"stop"}]}\n\n',
        b'data: {"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a"}]},"finish_reason":"tool_calls"}]}\n\n',
        b'data: {"choices":[{"delta":{"content":"a"},"finish_reason":"explosion"}]}\n\n',
        b'data: {"choices":[{"delta":{},"finish_reason":"tool_calls"}]}\n\n',
    ],
)
@pytest.mark.parametrize("kind", ["responses", "chat"])
async def test_nonsense_is_a_broken_stream(kind: str, body: bytes) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(answer_bytes(body))
        writer.close()

    async with listening(serve) as url, adapter(kind, url) as client:
        with pytest.raises(StreamBroken):
            await answer_to(client, request())


async def test_a_body_that_is_shorter_than_announced_is_a_broken_stream() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(answer_bytes(CHUNK)[: -len(b"data: [DONE]\n\n")])
        writer.close()

    async with listening(serve) as url, adapter("chat", url) as client:
        with pytest.raises(StreamBroken):
            await answer_to(client, request())


@pytest.mark.parametrize(
    ("value", "milliseconds", "expected"),
    [
        ("7", None, 7.0),
        ("0.5", None, 0.5),
        ("7", "1500", 1.5),
        ("7", "soon", 7.0),
        (None, None, None),
        ("", None, None),
        ("soon", None, None),
        ("-3", None, None),
        ("nan", None, None),
        ("inf", None, None),
        ("Wed, 21 Oct 2026 07:28:00 GMT", None, 60.0),
        ("Wed, 21 Oct 2026 07:26:00 GMT", None, 0.0),
    ],
)
def test_retry_after(value: str | None, milliseconds: str | None, expected: float | None) -> None:
    now = datetime(2026, 10, 21, 7, 27, tzinfo=UTC)
    assert retry_after_s(value, milliseconds, now=now) == expected
