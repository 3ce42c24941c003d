"""The model SDK works over our transport, under the same policy, with many streams at once."""

import asyncio
import gzip
import json

import pytest
from aiohttp import web
from openai import APIConnectionError, APIError, APITimeoutError, AsyncOpenAI, RateLimitError
from openai.types.chat import ChatCompletionUserMessageParam
from pytest_django.fixtures import Settings

from config.common.egress.errors import EgressRefused
from config.common.egress.models import http_client_for_models
from tests.config.common.egress_server import Handler, serve

MESSAGES: list[ChatCompletionUserMessageParam] = [{"role": "user", "content": "Hi"}]


def openai_client(base_url: str) -> AsyncOpenAI:
    return AsyncOpenAI(
        api_key="sk-test", base_url=base_url, http_client=http_client_for_models(), max_retries=0
    )


async def stream_words(request: web.Request) -> web.StreamResponse:
    body = await request.json()
    assert request.headers["Authorization"] == "Bearer sk-test"
    answer = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await answer.prepare(request)
    for word in ["Hello", " ", body["messages"][0]["content"]]:
        chunk = {"choices": [{"index": 0, "delta": {"content": word}}]}
        await answer.write(b"data: " + json.dumps(chunk).encode() + b"\n\n")
        await asyncio.sleep(0)
    await answer.write(b"data: [DONE]\n\n")
    return answer


async def read_stream(client: AsyncOpenAI, content: str) -> str:
    stream = await client.chat.completions.create(
        model="m", messages=[{"role": "user", "content": content}], stream=True
    )
    return "".join([chunk.choices[0].delta.content or "" async for chunk in stream])


async def test_three_hundred_streams_run_beside_each_other(settings: Settings) -> None:
    async with serve(stream_words) as port:
        settings.EGRESS_ALLOW = [f"127.0.0.1:{port}"]
        client = openai_client(f"http://127.0.0.1:{port}/v1")
        texts = await asyncio.gather(*(read_stream(client, str(n)) for n in range(300)))

    assert texts == [f"Hello {n}" for n in range(300)]


async def test_the_client_of_a_loop_is_kept() -> None:
    assert http_client_for_models() is http_client_for_models()


async def test_a_stream_left_early_frees_its_connection(settings: Settings) -> None:
    ended = asyncio.Event()

    async def endless(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await answer.prepare(request)
        try:
            while True:
                await answer.write(b'data: {"choices": [{"delta": {"content": "x"}}]}\n\n')
                await asyncio.sleep(0.01)
        finally:
            ended.set()

    async with serve(endless) as port:
        settings.EGRESS_ALLOW = [f"127.0.0.1:{port}"]
        client = openai_client(f"http://127.0.0.1:{port}/v1")
        stream = await client.chat.completions.create(model="m", messages=MESSAGES, stream=True)
        async for _ in stream:
            break
        await stream.close()
        await asyncio.wait_for(ended.wait(), timeout=5)


async def test_a_refused_address_keeps_its_own_error(settings: Settings) -> None:
    settings.EGRESS_ALLOW = []
    settings.LOCAL_MODEL_URL = ""

    with pytest.raises(EgressRefused):
        await read_stream(openai_client("http://127.0.0.1:8080/v1"), "Hi")


async def fail_with(handler: Handler, settings: Settings, **options: object) -> BaseException:
    async with serve(handler) as port:
        settings.EGRESS_ALLOW = [f"127.0.0.1:{port}"]
        client = openai_client(f"http://127.0.0.1:{port}/v1").with_options(**options)  # type: ignore[arg-type]
        with pytest.raises(APIError) as caught:
            await client.chat.completions.create(model="m", messages=MESSAGES)
    return caught.value


async def test_an_error_answer_keeps_its_meaning(settings: Settings) -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.json_response({"error": {"message": "slow down"}}, status=429)

    assert isinstance(await fail_with(handler, settings), RateLimitError)


async def test_silence_is_a_timeout(settings: Settings) -> None:
    async def handler(request: web.Request) -> web.Response:
        await asyncio.sleep(30)
        return web.Response()

    assert isinstance(await fail_with(handler, settings, timeout=0.1), APITimeoutError)


async def test_a_dropped_connection_is_a_connection_error(settings: Settings) -> None:
    async def handler(request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.close()
        return web.Response()

    error = await fail_with(handler, settings)

    assert isinstance(error, APIConnectionError)
    assert not isinstance(error, APITimeoutError)


async def test_a_redirect_is_not_followed(settings: Settings) -> None:
    seen: list[str] = []

    async def handler(request: web.Request) -> web.Response:
        seen.append(request.path)
        return web.Response(status=307, headers={"Location": "/elsewhere"})

    await fail_with(handler, settings)

    assert seen == ["/v1/chat/completions"]


async def test_a_compressed_answer_is_refused(settings: Settings) -> None:
    async def handler(request: web.Request) -> web.Response:
        assert request.headers["Accept-Encoding"] == "identity"
        return web.Response(body=gzip.compress(b"{}"), headers={"Content-Encoding": "gzip"})

    error = await fail_with(handler, settings)

    assert isinstance(error, APIConnectionError)
    assert "although plain text was asked for" in str(error.__cause__)
