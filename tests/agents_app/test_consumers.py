"""The websockets, through the real ASGI application with a session or a token."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import pytest
from channels.testing import WebsocketCommunicator
from django.contrib.auth.models import User
from django.db import close_old_connections
from django.test import Client

from agents_app.consumers import MAX_FRAME_BYTES
from agents_app.models import Run
from agents_app.runtime import database
from agents_app.services.runs import cancel_run
from config.routing import websocket_application
from tests.agents_app.factories import make_agent, make_run
from tests.factories import make_user
from workspaces_app.services.tokens import create_token

pytestmark = pytest.mark.django_db(transaction=True)

NEW = "/ws/sessions/new/"


@pytest.fixture(autouse=True)
def _connections_are_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Undo a patch of the communicator, with which each socket would keep a connection."""
    monkeypatch.setattr("channels.testing.application.no_op", close_old_connections)


def token_headers(user: User, *scopes: str) -> list[tuple[bytes, bytes]]:
    _, plain = create_token(user, name="Tests", scopes=scopes or ("admin",))
    return [(b"authorization", f"Bearer {plain}".encode())]


def session_headers(user: User, origin: str = "http://testserver") -> list[tuple[bytes, bytes]]:
    client = Client()
    client.force_login(user)
    cookie = client.cookies["sessionid"].value
    return [
        (b"cookie", f"sessionid={cookie}".encode()),
        (b"origin", origin.encode()),
        (b"host", b"testserver"),
    ]


def talk(
    path: str,
    headers: list[tuple[bytes, bytes]],
    conversation: Callable[[WebsocketCommunicator], Awaitable[Any]],
) -> Any:
    """Open a socket, talk and close it, in an event loop of its own."""

    async def main() -> Any:
        socket = WebsocketCommunicator(websocket_application(), path, headers=headers)
        is_connected, code = await socket.connect(timeout=5)
        if not is_connected:
            return code
        try:
            return await conversation(socket)
        finally:
            await socket.disconnect()
            await database.close_pool()

    return asyncio.run(main())


async def receive(socket: WebsocketCommunicator) -> dict[str, Any]:
    message: dict[str, Any] = json.loads(await socket.receive_from(timeout=5))
    return message


async def receive_until(socket: WebsocketCommunicator, kind: str) -> list[dict[str, Any]]:
    messages = [await receive(socket)]
    while messages[-1]["type"] != kind:
        messages.append(await receive(socket))
    return messages


async def stay(socket: WebsocketCommunicator) -> str:
    return "accepted"


def test_who_may_open_a_socket() -> None:
    ada = make_user()
    assert talk(NEW, token_headers(ada), stay) == "accepted"
    assert talk(NEW, session_headers(ada), stay) == "accepted"
    assert talk(NEW, [(b"authorization", b"Bearer ab_wrong")], stay) == 4401
    assert talk(NEW, session_headers(ada, "https://evil.example"), stay) == 4403
    assert talk(NEW, [(b"origin", b"http://testserver"), (b"host", b"testserver")], stay) == 4401
    assert talk("/ws/unheard-of/", token_headers(ada), stay) == 4404


def test_a_run_is_started_and_followed() -> None:
    ada = make_user()
    make_agent(ada)

    async def start(socket: WebsocketCommunicator) -> list[dict[str, Any]]:
        await socket.send_to(
            json.dumps({"type": "run.start", "id": "c1", "agent": "helper", "input": "hi"})
        )
        messages = [await receive(socket), await receive(socket)]
        return sorted(messages, key=lambda message: message["type"])

    accepted, queued = talk(NEW, token_headers(ada), start)
    run = Run.objects.get()
    assert accepted == {
        "type": "run.accepted",
        "id": "c1",
        "run": str(run.pk),
        "session": str(run.session_id),
    }
    assert (queued["type"], queued["seq"], queued["data"]["input"]) == ("run.queued", 1, "hi")


def test_an_idempotency_key_starts_one_run() -> None:
    ada = make_user()
    make_agent(ada)
    message = {"type": "run.start", "agent": "helper", "input": "hi", "idempotency_key": "k"}

    async def start_twice(socket: WebsocketCommunicator) -> set[str]:
        runs = set()
        for _ in range(2):
            await socket.send_to(json.dumps(message))
            runs.add((await receive_until(socket, "run.accepted"))[-1]["run"])
        return runs

    assert len(talk(NEW, token_headers(ada), start_twice)) == 1
    assert Run.objects.count() == 1


def test_a_socket_follows_from_its_cursor_to_the_end() -> None:
    ada = make_user()
    run = make_run(ada)
    cancel_run(ada, run=run)

    async def follow(socket: WebsocketCommunicator) -> list[tuple[str, int]]:
        events = await receive_until(socket, "run.cancelled")
        return [(event["type"], event["seq"]) for event in events if "seq" in event]

    path = f"/ws/runs/{run.pk}/"
    whole = [("run.queued", 1), ("run.cancelled", 2)]
    assert talk(path, token_headers(ada), follow) == whole
    assert talk(f"{path}?last_seq=1", token_headers(ada), follow) == whole[1:]


def test_cancel_over_the_socket() -> None:
    ada = make_user()
    run = make_run(ada)

    async def cancel(socket: WebsocketCommunicator) -> list[str]:
        await socket.send_to(json.dumps({"type": "run.cancel", "id": "x", "run": str(run.pk)}))
        return [message["type"] for message in await receive_until(socket, "run.cancelled")]

    assert talk(f"/ws/runs/{run.pk}/", token_headers(ada), cancel)[-1] == "run.cancelled"
    run.refresh_from_db()
    assert run.status == "cancelled"


@pytest.mark.parametrize("kind", ["runs", "sessions"])
def test_what_is_foreign_looks_like_what_does_not_exist(kind: str) -> None:
    run = make_run(make_user())
    bob = make_user("bob")
    headers = token_headers(bob)

    async def first(socket: WebsocketCommunicator) -> Any:
        error = await receive(socket)
        return error["code"], error["detail"], (await socket.receive_output(5))["code"]

    foreign = run.pk if kind == "runs" else run.session_id
    assert talk(f"/ws/{kind}/{foreign}/", headers, first) == talk(
        f"/ws/{kind}/{uuid4()}/", headers, first
    )


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ("{", "json.invalid"),
        ('{"type":"ping","type":"ping"}', "json.duplicate_key"),
        ("[]", "message.not_an_object"),
        ('{"type":"unheard.of"}', "message.type_unknown"),
        ('{"type":"run.start","agent":"a"}', "message.field_missing"),
        ('{"type":"run.start","agent":"a","input":7}', "message.field_invalid"),
        ('{"type":"ping","extra":1}', "message.field_unknown"),
        ('{"type":"run.cancel","run":"not a uuid"}', "message.field_invalid"),
        ('{"type":"run.follow","run":"01a20804-0000-7000-8000-000000000000"}', "run.not_found"),
        (json.dumps({"type": "ping", "id": "x" * MAX_FRAME_BYTES}), "json.too_large"),
    ],
)
def test_a_bad_frame_is_answered_and_the_socket_lives_on(frame: str, code: str) -> None:
    ada = make_user()

    async def send(socket: WebsocketCommunicator) -> list[dict[str, Any]]:
        await socket.send_to(frame)
        error = await receive(socket)
        await socket.send_to('{"type":"ping"}')
        return [error, await receive(socket)]

    error, pong = talk(NEW, token_headers(ada), send)
    assert (error["type"], error["code"]) == ("error", code)
    assert pong == {"type": "pong"}


def test_a_token_without_the_scope_run_reads_only() -> None:
    ada = make_user()
    make_agent(ada)

    async def start(socket: WebsocketCommunicator) -> dict[str, Any]:
        await socket.send_to(json.dumps({"type": "run.start", "agent": "helper", "input": "hi"}))
        return await receive(socket)

    answer = talk(NEW, token_headers(ada, "read"), start)
    assert answer["code"] == "token.scope_missing"
    assert not Run.objects.exists()


def test_too_many_frames_close_the_socket() -> None:
    ada = make_user()

    async def flood(socket: WebsocketCommunicator) -> int:
        for _ in range(60):
            await socket.send_to('{"type":"ping"}')
        while True:
            output = await socket.receive_output(5)
            if output["type"] == "websocket.close":
                return int(output["code"])

    assert talk(NEW, token_headers(ada), flood) == 4429
