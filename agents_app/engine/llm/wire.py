"""One streamed request: sent by the `openai` client, timed, split, and its failures named.

The client does authentication and connections; the stream's bytes are read here, because one
typed object per token costs thirty times as much as the few fields that are used.
"""

import asyncio
import math
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Protocol

import orjson
from openai import APIConnectionError, APIStatusError, AsyncOpenAI, AsyncStream

from agents_app.engine.errors import (
    EngineError,
    ProviderRateLimited,
    ProviderRefused,
    ProviderUnavailable,
    StreamBroken,
)
from agents_app.engine.limits import Limits
from agents_app.engine.llm.answers import clean, is_harmless, quota_used_up, utf8_size
from agents_app.engine.llm.sse import EventSplitter
from agents_app.engine.ports import ModelAnswer, ModelChunk, TextChunk

FIRST_BYTE_S = 60.0
IDLE_S = 60.0
DRAIN_S = 0.25
STALE_S = 1.0
"""A connection that breaks later than this was not closing already."""
MAX_OUTPUT_BYTES = Limits().max_output_bytes


class Assembler(Protocol):
    """Puts the events of one stream together."""

    @property
    def is_complete(self) -> bool:
        """Whether the server's end mark was seen, after which nothing is read."""
        ...

    @property
    def hidden_bytes(self) -> int:
        """Size of what was taken and not returned as text: arguments, reasoning."""
        ...

    def take(self, event: bytes) -> str:
        """Take the data of one event and return the text that it adds, or nothing.

        Raises:
            EngineError: the server says that it failed, or says nonsense.
            LookupError, TypeError, AttributeError, ValueError: nonsense of another kind.
        """
        ...

    def flush(self) -> str:
        """Return text that was held back until the end; called once, before `answer`."""
        ...

    def answer(self, text: str) -> ModelAnswer:
        """Return the whole answer, whose text was returned piece by piece.

        Raises:
            StreamBroken: the answer has no end. AnswerIncomplete: the model stopped early.
        """
        ...


async def converse(
    client: AsyncOpenAI,
    path: str,
    body: dict[str, Any],
    assembler: Assembler,
    *,
    first_byte_s: float = FIRST_BYTE_S,
    idle_s: float = IDLE_S,
    max_output_bytes: int = MAX_OUTPUT_BYTES,
) -> AsyncGenerator[ModelChunk, None]:
    """Send `body` and yield the answer; text of one network read is one chunk.

    Raises:
        ProviderUnavailable, ProviderRefused, ProviderRateLimited, StreamBroken, AnswerIncomplete
    """
    clock = asyncio.get_running_loop().time
    begun = clock()
    stream = await _open(client, path, body, first_byte_s)
    try:
        splitter = EventSplitter()
        chunks = stream.response.aiter_bytes()
        texts: list[str] = []
        size = 0
        is_first, timeout_s = True, max(first_byte_s - (clock() - begun), 0.001)
        while not assembler.is_complete:
            chunk = await _read(chunks, timeout_s, is_first=is_first)
            is_first, timeout_s = False, idle_s
            text = _take_all(assembler, splitter.feed(chunk) if chunk else splitter.finish())
            if assembler.is_complete or not chunk:
                text += assembler.flush()
            if text:
                text = clean(text)
                size += utf8_size(text)
                texts.append(text)
                yield TextChunk(text)
            if size + assembler.hidden_bytes > max_output_bytes:
                raise StreamBroken(
                    f"The model's answer is larger than {max_output_bytes:,} bytes; it was"
                    " stopped. Limit the output tokens of the model."
                )
            if not chunk:
                break
        answer = assembler.answer("".join(texts))
        await _drain(chunks)
        yield answer
    finally:
        await stream.response.aclose()


def _take_all(assembler: Assembler, events: list[bytes]) -> str:
    texts: list[str] = []
    try:
        for event in events:
            texts.append(assembler.take(event))
            if assembler.is_complete:
                break
        return "".join(texts)
    except orjson.JSONDecodeError as error:
        raise StreamBroken(
            "The model server sent an event that is not JSON. Try again; if it happens again,"
            " check that the base URL is that of an OpenAI-compatible server."
        ) from error
    except (LookupError, TypeError, AttributeError, ValueError) as error:
        raise StreamBroken(
            "The model server sent an event of an unknown shape. Check that the provider's API"
            " setting (Responses or Chat Completions) is the one that it speaks."
        ) from error


async def _open(
    client: AsyncOpenAI, path: str, body: dict[str, Any], timeout_s: float
) -> AsyncStream[object]:
    """Send the request and return its stream, of which only the raw response is used.

    llama.cpp closes a kept connection after a stream without saying so; a request that met a
    closing connection is sent once more on a new one.
    """
    model = str(body["model"])[:100]
    content = orjson.dumps(body)
    clock = asyncio.get_running_loop().time
    begun = clock()
    try:
        async with asyncio.timeout(timeout_s):
            try:
                return await _send(client, path, content)
            except APIConnectionError as error:
                if clock() - begun > STALE_S or not _was_closing(error):
                    raise
            return await _send(client, path, content)
    except APIStatusError as error:
        raise _status_failure(error, model) from error
    except APIConnectionError as error:
        raise _connection_failure(error) from error
    except TimeoutError as error:
        raise _too_slow(timeout_s) from error
    except Exception as error:
        # The guarded connection refuses forbidden addresses with an error that is not ours to
        # import; everything else is a fault of the program and stays what it is.
        if refused := _egress_refusal(error):
            raise refused from error
        raise


async def _send(client: AsyncOpenAI, path: str, content: bytes) -> AsyncStream[object]:
    return await client.post(
        path,
        cast_to=object,
        content=content,
        options={
            "max_retries": 0,
            "timeout": None,
            "follow_redirects": False,
            "security": {"bearer_auth": True},
        },
        stream=True,
        stream_cls=AsyncStream[object],
    )


async def _read(chunks: AsyncIterator[bytes], timeout_s: float, *, is_first: bool) -> bytes:
    """Return the next bytes, or none at the end of the stream."""
    try:
        async with asyncio.timeout(timeout_s):
            async for chunk in chunks:
                if chunk:
                    return chunk
            return b""
    except TimeoutError as error:
        if is_first:
            raise _too_slow(timeout_s) from error
        raise StreamBroken(
            f"The model server fell silent for {timeout_s:g} s in the middle of its answer."
            " Try again."
        ) from error
    except Exception as error:
        # Which error a transport raises when its peer goes away is the transport's own affair.
        raise StreamBroken(
            "The connection to the model server broke in the middle of its answer. Try again."
        ) from error


async def _drain(chunks: AsyncIterator[bytes]) -> None:
    """Read what follows the end mark, so that the connection can be used again."""
    try:
        async with asyncio.timeout(DRAIN_S):
            async for _ in chunks:
                pass
    except Exception:  # noqa: BLE001 - the answer is whole; the connection is merely not kept
        return


def _too_slow(timeout_s: float) -> ProviderUnavailable:
    return ProviderUnavailable(
        f"The model server did not begin to answer within {timeout_s:g} s. Try again, or raise"
        " the provider's timeout."
    )


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield the error and those below it; transports hide the reason under errors of their own."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__


def _was_closing(error: BaseException) -> bool:
    """Whether the connection went away before the server said anything."""
    return any(
        isinstance(cause, ConnectionResetError | BrokenPipeError)
        or type(cause).__name__ == "ServerDisconnectedError"
        for cause in _causes(error)
    )


def _egress_refusal(error: BaseException) -> ProviderRefused | None:
    if not str(getattr(error, "code", "")).startswith("egress."):
        return None
    detail = getattr(error, "detail", error)
    return ProviderRefused(f"The model server may not be called: {detail}")


def _connection_failure(error: BaseException) -> EngineError:
    """Name what broke the connection."""
    reason = "the connection failed or broke"
    for cause in _causes(error):
        if refused := _egress_refusal(cause):
            return refused
        if isinstance(cause, ConnectionRefusedError):
            reason = "it refuses connections"
        elif type(cause).__name__ in ("gaierror", "ClientConnectorDNSError"):
            reason = "its name is unknown"
    return ProviderUnavailable(
        f"The model server cannot be reached: {reason}. Check that it runs and that the"
        " provider's base URL is right."
    )


def _status_failure(error: APIStatusError, model: str) -> EngineError:
    """Return what an HTTP error means. The server's own words may quote the prompt: not shown."""
    status = error.status_code
    code, parameter = str(error.code or ""), str(error.param or "")
    if "insufficient_quota" in (code, error.type):
        return quota_used_up()
    if status == 429:
        headers = error.response.headers
        return ProviderRateLimited(
            "The model server asks to slow down; try again later.",
            retry_after_s=retry_after_s(headers.get("retry-after"), headers.get("retry-after-ms")),
        )
    if status >= 500 or status in (408, 409, 425):
        return ProviderUnavailable(f"The model server answered {status}. Try again later.")
    if status == 401:
        return ProviderRefused(
            "The model server does not accept the API key. Set a valid key on the provider."
        )
    if status == 404 or code == "model_not_found":
        return ProviderRefused(
            f"The model server does not know the model {model!r}, or its base URL is wrong."
            " Check both on the provider."
        )
    if status == 403:
        return ProviderRefused(
            f"The API key may not use the model {model!r}. Give it the right, or choose another"
            " model."
        )
    if 300 <= status < 400:
        return ProviderRefused(
            f"The model server answered {status} and points elsewhere, which is not followed."
            " Set the provider's base URL to the final address."
        )
    if code == "context_length_exceeded" or status == 413:
        return ProviderRefused(
            f"The conversation is too long for the model {model!r}. Shorten it, or choose a model"
            " with a larger context."
        )
    what = [f"HTTP {status}"]
    what += [code] if is_harmless(code) else []
    plain = parameter.translate({ord(sign): "_" for sign in "[].-"})
    what += [f"parameter {parameter!r}"] if is_harmless(plain) else []
    return ProviderRefused(
        f"The model server refused the request ({', '.join(what)}). Change the model's settings"
        " or tools, or choose another model."
    )


def retry_after_s(
    value: str | None, milliseconds: str | None = None, *, now: datetime | None = None
) -> float | None:
    """Return the wait that a server asks for, in seconds, or None if it names none.

    Args:
        value: `Retry-After`, seconds or a date (RFC 9110, 10.2.3).
        milliseconds: `retry-after-ms`, which OpenAI sends beside it and which is more exact.
        now: the time from which a date counts; the present by default.
    """
    for text, scale in ((milliseconds, 1000.0), (value, 1.0)):
        try:
            seconds = float(text or "") / scale
        except ValueError:
            continue
        if math.isfinite(seconds) and seconds >= 0:
            return seconds
    try:
        date = parsedate_to_datetime(value or "")
    except ValueError:
        return None
    if date.tzinfo is None:
        date = date.replace(tzinfo=UTC)
    return max((date - (now or datetime.now(UTC))).total_seconds(), 0.0)
