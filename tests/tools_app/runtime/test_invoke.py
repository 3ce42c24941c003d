"""Calling tools for real: functions in threads, HTTP on a real server, limits on both."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from aiohttp import web
from asgiref.sync import sync_to_async
from pytest_django.fixtures import Settings

from tests.config.common.egress_server import Handler, serve
from tests.factories import make_user, make_workspace
from tests.tools_app.factories import (
    a_call,
    definition_of_tool,
    http_draft,
    make_function_tool,
    make_http_tool,
)
from tools_app.domain.definition import Draft
from tools_app.domain.registry import REGISTRY
from tools_app.errors import ApprovalRequired, ToolFailed, ToolRetry
from tools_app.runtime.definitions import ToolDefinition, load_definitions
from tools_app.runtime.invoke import invoke
from tools_app.services import latest_version
from workspaces_app.services.secrets import store_secret

pytestmark = pytest.mark.django_db
# The secret of an HTTP tool is read on a thread and connection of its own.
committed = pytest.mark.django_db(transaction=True)


@contextmanager
def installed(function: Callable[..., Any], **options: Any) -> Iterator[None]:
    """Register a function for the length of a test."""
    REGISTRY.tool(name="under_test", **options)(function)
    try:
        yield
    finally:
        del REGISTRY._tools["under_test"]


def function_definition(**parts: Any) -> ToolDefinition:
    draft = Draft(config={"function": "under_test"}, **parts)
    return definition_of_tool(make_function_tool(make_user(), draft=draft))


async def call_function(
    function: Callable[..., Any], arguments: dict[str, Any], **parts: Any
) -> Any:
    """Install a function, make a tool of it and call it."""
    with installed(function, effect="write"):
        definition = await sync_to_async(function_definition)(**parts)
        return await invoke(definition, arguments, call=a_call())


async def test_a_sync_function_runs_in_a_thread() -> None:
    def where(n: int) -> dict[str, Any]:
        """Say where this runs."""
        return {"n": n, "thread": threading.current_thread().name.split("_")[0]}

    output = await call_function(where, {"n": 3.0})

    assert output.content == '{"n":3,"thread":"tool"}'
    assert output.size_bytes == len(output.content)
    assert not output.is_truncated


async def test_an_async_function_runs_in_the_loop() -> None:
    loop = asyncio.get_running_loop()

    async def same_loop() -> bool:
        """Say whether this is the caller's loop."""
        return asyncio.get_running_loop() is loop

    assert (await call_function(same_loop, {})).content == "true"


async def test_arguments_that_break_the_schema_never_reach_the_function() -> None:
    called: list[int] = []

    def remember(n: int) -> None:
        """Remember a number."""
        called.append(n)

    with pytest.raises(ToolRetry, match=r'/n: "x" is not of type "integer"; .*\'admin\''):
        await call_function(remember, {"n": "x", "admin": True})

    assert called == []


@pytest.mark.parametrize("error", [ToolRetry("other"), ToolFailed("no"), ApprovalRequired("ask")])
async def test_what_a_function_raises_steers_the_run(error: Exception) -> None:
    def act() -> None:
        """Raise."""
        raise error

    with pytest.raises(type(error), match=str(error)):
        await call_function(act, {})


async def test_an_unexpected_error_of_a_function_shows_no_details(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def act() -> None:
        """Raise."""
        raise RuntimeError("password=hunter2")

    with pytest.raises(ToolFailed) as caught:
        await call_function(act, {})

    assert caught.value.detail == "The tool failed with an internal error (RuntimeError)."
    assert caught.value.is_outcome_unknown
    assert "tool.function_failed" in caplog.text


async def test_a_slow_function_times_out() -> None:
    release = threading.Event()

    def wait() -> None:
        """Wait."""
        release.wait(10)

    try:
        with pytest.raises(ToolFailed, match=r"'calculator' timed out after 0\.1 s") as caught:
            await call_function(wait, {}, timeout_s=0.1)
    finally:
        release.set()

    assert caught.value.is_outcome_unknown


async def test_a_call_without_time_left_is_not_made() -> None:
    def act() -> str:
        """Do something."""
        return "done"

    with installed(act, effect="write"):
        definition = await sync_to_async(function_definition)()
        with pytest.raises(ToolFailed, match="no time left"):
            await invoke(definition, {}, call=a_call(seconds=0))


async def test_a_long_result_is_cut() -> None:
    def talk() -> str:
        """Talk."""
        return "x" * 1000

    output = await call_function(talk, {}, max_output_bytes=256)

    assert output.content.startswith("x" * 256 + "\n[cut off")
    assert output.is_truncated
    assert output.size_bytes == 1000


async def test_a_result_without_a_json_form_is_a_failure() -> None:
    def strange() -> object:
        """Return something strange."""
        return object()

    with pytest.raises(ToolFailed, match="'object' has no JSON form"):
        await call_function(strange, {})


async def test_a_function_that_is_gone_is_a_failure() -> None:
    def act() -> str:
        """Do something."""
        return "done"

    with installed(act, effect="write"):
        definition = await sync_to_async(function_definition)()
    with pytest.raises(ToolFailed, match="'under_test' is no longer installed"):
        await invoke(definition, {}, call=a_call())


def http_definition(
    settings: Settings, port: int, secret: str = "", path: str = "/cities/{city}", **parts: Any
) -> ToolDefinition:
    settings.EGRESS_ALLOW = [f"127.0.0.1:{port}"]
    origin = f"http://127.0.0.1:{port}"
    stored = None
    if secret:
        stored = store_secret(
            make_user("root", role="admin"),
            workspace=make_workspace(),
            name="key",
            value=secret,
            origin=origin,
        )
    draft = http_draft(url=f"{origin}{path}", **parts)
    return definition_of_tool(make_http_tool(make_user(), draft=draft, secret=stored))


async def call_http(
    handler: Handler, settings: Settings, arguments: dict[str, Any] | None = None, **parts: Any
) -> Any:
    """Serve with `handler`, make a tool that calls it, and call the tool."""
    async with serve(handler) as port:
        definition = await sync_to_async(http_definition)(settings, port, **parts)
        return await invoke(
            definition, {"city": "Rome"} if arguments is None else arguments, call=a_call()
        )


async def echo(request: web.Request) -> web.Response:
    return web.json_response(
        {
            "method": request.method,
            "target": request.raw_path,
            "key": request.headers.get("Idempotency-Key"),
            "auth": request.headers.get("Authorization"),
            "body": (await request.read()).decode(),
        }
    )


@committed
async def test_a_read_sends_no_idempotency_key(settings: Settings) -> None:
    output = await call_http(echo, settings, {"city": "São/../Paulo"})

    assert output.content == (
        '{"method":"GET","target":"/cities/S%C3%A3o%2F..%2FPaulo","key":null,"auth":null,"body":""}'
    )


@pytest.mark.parametrize("effect", ["idempotent", "write", "irreversible"])
@committed
async def test_everything_else_sends_the_key_of_the_call(settings: Settings, effect: str) -> None:
    output = await call_http(echo, settings, effect=effect, method="POST", body={"name": "{city}"})

    assert '"key":"run:1:call"' in output.content
    assert r'"body":"{\"name\":\"Rome\"}"' in output.content


@committed
async def test_the_secret_is_sent_and_cut_out_of_the_answer(settings: Settings) -> None:
    seen: list[str | None] = []

    async def handler(request: web.Request) -> web.Response:
        seen.append(request.headers.get("Authorization"))
        return await echo(request)

    output = await call_http(handler, settings, secret="sk-CANARY-0123456789")

    assert seen == ["Bearer sk-CANARY-0123456789"]
    assert '"auth":"Bearer [secret]"' in output.content


@committed
async def test_the_secret_is_cut_out_of_errors(settings: Settings) -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(status=400, text=f"bad key {request.headers['Authorization']}")

    with pytest.raises(ToolRetry) as caught:
        await call_http(handler, settings, secret="sk-CANARY-0123456789")

    assert "CANARY" not in caught.value.detail


@committed
async def test_the_secret_never_follows_a_redirect_to_another_origin(settings: Settings) -> None:
    seen: list[str | None] = []

    async def other(request: web.Request) -> web.Response:
        seen.append(request.headers.get("Authorization"))
        return web.Response(text="other")

    async with serve(other) as other_port:
        target = f"http://127.0.0.1:{other_port}/"

        async def redirect(request: web.Request) -> web.Response:
            settings.EGRESS_ALLOW = [*settings.EGRESS_ALLOW, f"127.0.0.1:{other_port}"]
            return web.Response(status=302, headers={"Location": target})

        output = await call_http(redirect, settings, secret="sk-CANARY-0123456789")

    assert output.content == "other"
    assert seen == [None]


@pytest.mark.parametrize(
    ("status", "error", "message", "is_outcome_unknown"),
    [
        (400, ToolRetry, "400 Bad Request: no such city", False),
        (404, ToolRetry, "404 Not Found", False),
        (422, ToolRetry, "422", False),
        (401, ToolFailed, "refused our credentials: 401", False),
        (403, ToolFailed, "refused our credentials: 403", False),
        (405, ToolFailed, "405 Method Not Allowed", False),
        (429, ToolFailed, "try again later: 429 .* Try again after 7.", False),
        (302, ToolFailed, "redirects", False),
        (500, ToolFailed, "500 Internal Server Error", True),
        (503, ToolFailed, "503", True),
        (599, ToolFailed, "answered 599: ", True),
    ],
)  # fmt: skip
@committed
async def test_a_status_has_a_meaning_for_the_model(
    settings: Settings,
    status: int,
    error: type[Exception],
    message: str,
    is_outcome_unknown: bool,
) -> None:
    async def handler(request: web.Request) -> web.Response:
        headers = {"Retry-After": "7", "Location": "/elsewhere"}
        return web.Response(status=status, text="no such city", headers=headers)

    with pytest.raises(error, match=message) as caught:
        await call_http(handler, settings, effect="write", method="POST")

    assert getattr(caught.value, "is_outcome_unknown", False) is is_outcome_unknown


@committed
async def test_a_broken_connection_after_a_write_leaves_the_outcome_open(
    settings: Settings,
) -> None:
    async def handler(request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.close()
        return web.Response()

    with pytest.raises(ToolFailed, match="unknown whether the call took effect") as caught:
        await call_http(handler, settings, effect="write", method="POST")

    assert caught.value.is_outcome_unknown


@committed
async def test_a_closed_port_leaves_nothing_open(settings: Settings) -> None:
    async with serve(echo) as port:
        pass
    definition = await sync_to_async(http_definition)(settings, port, effect="write")

    with pytest.raises(ToolFailed, match="No connection") as caught:
        await invoke(definition, {"city": "Rome"}, call=a_call())

    assert not caught.value.is_outcome_unknown


@committed
async def test_a_slow_server_times_out(settings: Settings) -> None:
    async def handler(request: web.Request) -> web.Response:
        await asyncio.sleep(30)
        return web.Response()

    with pytest.raises(ToolFailed, match=r"0\.2 s"):
        await call_http(handler, settings, timeout_s=0.2)


@committed
async def test_an_address_that_was_closed_since_is_refused_at_the_call(settings: Settings) -> None:
    definition = await sync_to_async(http_definition)(settings, 8080)
    settings.EGRESS_ALLOW = []

    with pytest.raises(ToolFailed, match="this machine"):
        await invoke(definition, {"city": "Rome"}, call=a_call())


@committed
async def test_a_huge_answer_is_a_failure(settings: Settings) -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(body=bytes(6_000_000), content_type="text/plain")

    with pytest.raises(ToolFailed, match="larger than"):
        await call_http(handler, settings)


def test_definitions_come_in_the_order_that_was_asked_for(
    django_assert_num_queries: Any,
) -> None:
    ada = make_user()
    ids = [latest_version(make_http_tool(ada, f"city-{n}")).pk for n in range(3)][::-1]

    with django_assert_num_queries(1):
        definitions = load_definitions(ids)

    assert [definition.id for definition in definitions] == ids
    assert [definition.name for definition in definitions] == ["city-2", "city-1", "city-0"]
    assert definitions[0].kind == "http"


async def test_the_current_time_knows_time_zones() -> None:
    def make() -> ToolDefinition:
        return definition_of_tool(make_function_tool(make_user(), "clock", function="current_time"))

    definition = await sync_to_async(make)()

    output = await invoke(definition, {"timezone": "Asia/Tokyo"}, call=a_call())
    assert '+09:00","weekday":"' in output.content
    assert '"timezone":"UTC"' in (await invoke(definition, {}, call=a_call())).content
    with pytest.raises(ToolRetry, match="'Mars/Base' is unknown"):
        await invoke(definition, {"timezone": "Mars/Base"}, call=a_call())
    with pytest.raises(ToolRetry, match="unknown"):
        await invoke(definition, {"timezone": "../../etc/passwd"}, call=a_call())
