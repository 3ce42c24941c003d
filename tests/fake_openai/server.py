"""The HTTP server: routes, pacing, faults on the wire, and the record of requests."""

import asyncio
import itertools
import json
from collections import deque
from collections.abc import Sequence
from typing import Any

from aiohttp import web

from tests.fake_openai import wire
from tests.fake_openai.behaviours import Ask, Counters, Refusal, Turn, decide

MAX_RECORDED = 2_000
MODELS = ("fake-echo", "fake-tool", "fake-200-tokens", "fake-slow", "fake-reasoning")
_STREAM_HEADERS = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-cache",
}


class FakeServer:
    """State of one server: what it was asked, and how often."""

    def __init__(self, *, is_recording: bool = True) -> None:
        self.requests: deque[dict[str, Any]] = deque(maxlen=MAX_RECORDED)
        self.counters = Counters()
        self.open_streams = 0
        self._is_recording = is_recording
        self._numbers = itertools.count(1)

    def application(self) -> web.Application:
        """Return the web application."""
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_post("/v1/chat/completions", self.chat)
        app.router.add_post("/v1/responses", self.responses)
        app.router.add_get("/v1/models", self.models)
        app.router.add_get("/requests", self.recorded)
        app.router.add_delete("/requests", self.forget)
        app.router.add_get("/health", self.health)
        return app

    async def health(self, request: web.Request) -> web.Response:
        """Say that the server runs, and how many streams it holds open."""
        return web.json_response({"status": "ok", "open_streams": self.open_streams})

    async def models(self, request: web.Request) -> web.Response:
        """List some models."""
        data = [
            {"id": name, "object": "model", "created": wire.CREATED, "owned_by": "fake"}
            for name in MODELS
        ]
        return web.json_response({"object": "list", "data": data})

    async def recorded(self, request: web.Request) -> web.Response:
        """Return the requests, oldest first; `?model=` filters."""
        model = request.query.get("model")
        rows = [row for row in self.requests if model in (None, row["body"].get("model"))]
        return web.json_response(rows)

    async def forget(self, request: web.Request) -> web.Response:
        """Forget requests and counters."""
        self.requests.clear()
        self.counters.asked.clear()
        return web.Response(status=204)

    async def chat(self, request: web.Request) -> web.StreamResponse:
        """Answer a Chat Completions request."""
        body = await self._body(request)
        if isinstance(body, web.Response):
            return body
        ask = wire.read_chat(body)
        turn = decide(ask, self.counters)
        if isinstance(turn, Refusal):
            return _refuse(turn)
        tokens = ask.input_chars // 4 + 1
        if not body.get("stream"):
            return web.json_response(wire.chat_answer(turn, ask.model, tokens))
        with_usage = bool((body.get("stream_options") or {}).get("include_usage"))
        frames = wire.chat_frames(turn, ask.model, tokens, with_usage)
        return await self._stream(request, turn, frames, "chat")

    async def responses(self, request: web.Request) -> web.StreamResponse:
        """Answer a Responses request."""
        body = await self._body(request)
        if isinstance(body, web.Response):
            return body
        ask: Ask = wire.read_responses(body)
        turn = decide(ask, self.counters)
        if isinstance(turn, Refusal):
            return _refuse(turn)
        tokens = ask.input_chars // 4 + 1
        if not body.get("stream"):
            return web.json_response(wire.responses_answer(turn, ask.model, tokens))
        frames = wire.responses_frames(turn, ask.model, tokens)
        return await self._stream(request, turn, frames, "responses")

    async def _body(self, request: web.Request) -> dict[str, Any] | web.Response:
        try:
            body = json.loads(await request.read())
        except ValueError:
            body = None
        if not isinstance(body, dict) or not isinstance(body.get("model"), str):
            return _refuse(
                Refusal(
                    status=400,
                    kind="invalid_request_error",
                    code="invalid_json",
                    message="The body must be a JSON object with a model.",
                )
            )
        if self._is_recording:
            self.requests.append(
                {
                    "number": next(self._numbers),
                    "path": request.path,
                    "headers": {name.lower(): value for name, value in request.headers.items()},
                    "body": body,
                }
            )
        return body

    async def _stream(
        self, request: web.Request, turn: Turn, frames: Sequence[wire.Frame], api: wire.Api
    ) -> web.StreamResponse:
        if turn.fault == "silent":
            await asyncio.Event().wait()
        response = web.StreamResponse(headers={**_STREAM_HEADERS, "x-request-id": "req_fake"})
        await response.prepare(request)
        self.open_streams += 1
        try:
            if turn.fault and turn.fault != "absurd-usage":
                await _break(request, response, turn, frames, api)
            elif turn.delay_ms:
                await _pace(response, turn.delay_ms / 1000, frames)
            else:
                await response.write(b"".join(frame.data for frame in frames))
            await response.write_eof()
        finally:
            self.open_streams -= 1
        return response


def _refuse(refusal: Refusal) -> web.Response:
    headers = {"Retry-After": refusal.retry_after} if refusal.retry_after is not None else {}
    headers["x-request-id"] = "req_fake"
    return web.json_response(wire.error_body(refusal), status=refusal.status, headers=headers)


async def _pace(response: web.StreamResponse, delay_s: float, frames: Sequence[wire.Frame]) -> None:
    """Write tokens at their times; time lost in one is made up in the next."""
    clock = asyncio.get_running_loop().time
    due, held = clock(), bytearray()
    for frame in frames:
        if frame.is_token:
            if held:
                await response.write(bytes(held))
                held.clear()
            due += delay_s
            if (wait := due - clock()) > 0:
                await asyncio.sleep(wait)
            await response.write(frame.data)
        else:
            held += frame.data
    if held:
        await response.write(bytes(held))


async def _break(
    request: web.Request,
    response: web.StreamResponse,
    turn: Turn,
    frames: Sequence[wire.Frame],
    api: wire.Api,
) -> None:
    """Write the first half of the tokens, then do what the fault says."""
    tokens = [index for index, frame in enumerate(frames) if frame.is_token]
    middle = tokens[len(tokens) // 2]
    await response.write(b"".join(frame.data for frame in frames[:middle]))
    match turn.fault:
        case "cut":
            assert request.transport is not None
            request.transport.abort()
        case "hang":
            await asyncio.Event().wait()
        case "garbage":
            rest = b"".join(frame.data for frame in frames[middle:])
            await response.write(b'data: {"broken": \n\n' + rest)
        case "error-event":
            await response.write(wire.error_event(api, middle))


async def serve(*, host: str, port: int, is_recording: bool = True) -> tuple[web.AppRunner, int]:
    """Start a server on the running loop; return it with the port it took."""
    runner = web.AppRunner(
        FakeServer(is_recording=is_recording).application(),
        access_log=None,
        handler_cancellation=True,
        shutdown_timeout=0.5,
    )
    await runner.setup()
    site = web.TCPSite(runner, host, port, backlog=1024)
    await site.start()
    return runner, int(runner.addresses[0][1])
