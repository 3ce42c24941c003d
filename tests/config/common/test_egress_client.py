"""One request to the outside: limits on the answer, redirects, and names that change their mind.

All of it over real HTTP to a server on this machine, which the operator's list allows.
"""

import asyncio
import gzip
import socket
import zlib
from collections.abc import Callable

import pytest
from aiohttp import web
from aiohttp.abc import ResolveResult
from pytest_django.fixtures import Settings
from typing_extensions import override

from config.common.egress.client import Request, Response, fetch
from config.common.egress.connections import open_session, session
from config.common.egress.errors import EgressFailed, EgressRefused
from tests.config.common.egress_server import Handler, ScriptedResolver, serve

PUBLIC = "93.184.215.14"
METADATA = "169.254.169.254"


async def echo(request: web.Request) -> web.Response:
    return web.json_response(
        {
            "method": request.method,
            "target": request.raw_path,
            "headers": {name.lower(): value for name, value in request.headers.items()},
            "body": (await request.read()).decode(),
        }
    )


async def fetch_from(
    handler: Handler, settings: Settings, path: str = "/", **options: object
) -> Response:
    """Serve with `handler`, allow the server's address, and fetch one path of it."""
    async with serve(handler) as port:
        settings.EGRESS_ALLOW = [f"127.0.0.1:{port}"]
        request = Request(method="GET", url=f"http://127.0.0.1:{port}{path}", timeout_s=5)
        return await fetch(Request(**{**vars_of(request), **options}))  # type: ignore[arg-type]


def vars_of(request: Request) -> dict[str, object]:
    return {name: getattr(request, name) for name in Request.__dataclass_fields__}


async def test_fetch_sends_what_was_asked_and_returns_the_answer(settings: Settings) -> None:
    answer = await fetch_from(
        echo,
        settings,
        "/a%2Fb?x=%20y&z=ü",
        method="POST",
        headers={"X-Key": "1", "Content-Type": "text/plain"},
        body=b"hello",
    )

    assert answer.status == 200
    assert answer.media_type == "application/json"
    assert answer.charset == "utf-8"
    assert b'"target": "/a%2Fb?x=%20y&z=%C3%BC"' in answer.body
    assert b'"method": "POST"' in answer.body
    assert b'"x-key": "1"' in answer.body
    assert b'"body": "hello"' in answer.body


async def test_the_session_of_a_loop_is_kept_and_closed_with_it(settings: Settings) -> None:
    first = session()

    assert session() is first
    assert not first.closed

    def in_another_loop() -> tuple[bool, bool]:
        async def take() -> object:
            return session()

        other = asyncio.run(take())
        return other is first, other.closed  # type: ignore[attr-defined]

    assert await asyncio.to_thread(in_another_loop) == (False, True)


async def test_no_cookie_is_kept_and_no_proxy_is_read(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9/")
    seen: list[str | None] = []

    async def handler(request: web.Request) -> web.Response:
        seen.append(request.headers.get("Cookie"))
        answer = web.Response()
        answer.set_cookie("session", "1")
        return answer

    async with serve(handler) as port:
        settings.EGRESS_ALLOW = [f"127.0.0.1:{port}"]
        for _ in range(2):
            await fetch(Request(method="GET", url=f"http://127.0.0.1:{port}/"))

    assert seen == [None, None]


COMPRESSORS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "identity": bytes,
}


@pytest.mark.parametrize("encoding", COMPRESSORS)
async def test_body_is_decoded(settings: Settings, encoding: str) -> None:
    async def handler(request: web.Request) -> web.Response:
        body = COMPRESSORS[encoding](b"hello" * 50_000)
        return web.Response(body=body, headers={"Content-Encoding": encoding})

    answer = await fetch_from(handler, settings)

    assert answer.body == b"hello" * 50_000


async def test_gzip_of_two_members_is_decoded(settings: Settings) -> None:
    async def handler(request: web.Request) -> web.Response:
        body = gzip.compress(b"a" * 100_000) + gzip.compress(b"b")
        return web.Response(body=body, headers={"Content-Encoding": "gzip"})

    answer = await fetch_from(handler, settings)

    assert answer.body == b"a" * 100_000 + b"b"


async def test_size_limit_counts_decoded_bytes(settings: Settings) -> None:
    bomb = gzip.compress(bytes(50_000_000))

    async def handler(request: web.Request) -> web.Response:
        return web.Response(body=bomb, headers={"Content-Encoding": "gzip"})

    with pytest.raises(EgressFailed, match="larger than 100000 bytes") as caught:
        await fetch_from(handler, settings, max_response_bytes=100_000)

    assert caught.value.code == "egress.too_large"
    assert len(bomb) < 100_000


async def test_an_answer_of_exactly_the_limit_is_accepted(settings: Settings) -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(body=gzip.compress(b"x" * 1000), headers={"Content-Encoding": "gzip"})

    answer = await fetch_from(handler, settings, max_response_bytes=1000)

    assert len(answer.body) == 1000


async def test_an_endless_answer_is_cut_at_the_limit(settings: Settings) -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        for _ in range(1000):
            await answer.write(b"x" * 65_536)
        return answer

    with pytest.raises(EgressFailed) as caught:
        await fetch_from(handler, settings, max_response_bytes=1_000_000)

    assert caught.value.code == "egress.too_large"


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        pytest.param({"Content-Encoding": "gzip, gzip"}, b"", id="stacked"),
        pytest.param({"Content-Encoding": "br"}, b"x", id="unknown"),
        pytest.param({"Content-Encoding": "gzip"}, b"not gzip", id="not gzip"),
        pytest.param(
            {"Content-Encoding": "gzip"}, gzip.compress(b"a" * 999)[:-9], id="cut gzip"
        ),
        pytest.param({"X-Long": "a" * 20_000}, b"", id="long header"),
        pytest.param({f"X-{n}": "a" for n in range(200)}, b"", id="many headers"),
    ],
)  # fmt: skip
async def test_a_broken_answer_is_a_typed_failure(
    settings: Settings, headers: dict[str, str], body: bytes
) -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(body=body, headers=headers)

    with pytest.raises(EgressFailed) as caught:
        await fetch_from(handler, settings)

    assert caught.value.code == "egress.protocol_error"


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort", id="cut body"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", id="bad length"),
        pytest.param(b"hello\r\n\r\n", id="no HTTP"),
        pytest.param(b"", id="nothing"),
    ],
)
async def test_a_server_that_breaks_the_protocol_is_a_typed_failure(
    settings: Settings, raw: bytes
) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(raw)
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        settings.EGRESS_ALLOW = [f"127.0.0.1:{port}"]
        with pytest.raises(EgressFailed) as caught:
            await fetch(Request(method="GET", url=f"http://127.0.0.1:{port}/"))

    assert caught.value.code == "egress.protocol_error"


async def test_the_deadline_covers_a_dripping_body(settings: Settings) -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        while True:
            await answer.write(b".")
            await asyncio.sleep(0.02)

    with pytest.raises(EgressFailed, match=r"within 0\.3 s") as caught:
        await fetch_from(handler, settings, timeout_s=0.3)

    assert caught.value.code == "egress.timeout"


async def test_the_deadline_covers_the_name_resolution() -> None:
    class SlowResolver(ScriptedResolver):
        @override
        async def resolve(
            self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
        ) -> list[ResolveResult]:
            await asyncio.sleep(30)
            return []

    async with open_session(resolver=SlowResolver({})) as opened:
        with pytest.raises(EgressFailed) as caught:
            await fetch(
                Request(method="GET", url="http://slow.example/", timeout_s=0.05), session=opened
            )

    assert caught.value.code == "egress.timeout"


async def test_a_closed_port_is_a_failed_connection(settings: Settings) -> None:
    async with serve(echo) as port:
        pass
    settings.EGRESS_ALLOW = [f"127.0.0.1:{port}"]

    with pytest.raises(EgressFailed, match="No connection to http://127") as caught:
        await fetch(Request(method="GET", url=f"http://127.0.0.1:{port}/"))

    assert caught.value.code == "egress.connect_failed"


async def test_an_unknown_name_is_a_dns_failure() -> None:
    async with open_session(resolver=ScriptedResolver({})) as opened:
        with pytest.raises(EgressFailed, match=r"'no-such\.example' cannot be found") as caught:
            await fetch(Request(method="GET", url="http://no-such.example/"), session=opened)

    assert caught.value.code == "egress.dns_failed"


@pytest.mark.parametrize(
    "answers",
    [
        pytest.param([METADATA], id="metadata"),
        pytest.param([PUBLIC, "fd00:ec2::254"], id="one of two"),
        pytest.param(["127.0.0.1"], id="loopback"),
        pytest.param(["::ffff:127.0.0.1"], id="mapped"),
        pytest.param(["fe80::1%1"], id="zone"),
    ],
)
async def test_a_name_that_resolves_to_a_refused_address_is_refused(answers: list[str]) -> None:
    async with open_session(resolver=ScriptedResolver({"evil.example": [answers]})) as opened:
        with pytest.raises(EgressRefused) as caught:
            await fetch(Request(method="GET", url="http://evil.example/"), session=opened)

    assert caught.value.code == "egress.address_refused"


async def test_every_connection_checks_the_answer_it_uses(settings: Settings) -> None:
    """DNS rebinding: the name is public when it is first looked up and inside later."""
    async with serve(echo) as port:
        resolver = ScriptedResolver({"evil.example": [["127.0.0.1"], [METADATA]]})
        # The first answer stands for a public server: this one name and port is let through once.
        allowed = [frozenset({("evil.example", port)})]
        async with open_session(resolver=resolver, allowed=lambda: allowed[0]) as opened:
            request = Request(
                method="GET", url=f"http://evil.example:{port}/", headers={"Connection": "close"}
            )
            assert (await fetch(request, session=opened)).status == 200
            allowed[0] = frozenset({("evil.example.", port)})

            with pytest.raises(EgressRefused):
                await fetch(request, session=opened)
            plain = Request(method="GET", url="http://evil.example/")
            with pytest.raises(EgressRefused, match=METADATA):
                await fetch(plain, session=opened)

    assert resolver.asked == ["evil.example", "evil.example"]


async def test_the_name_stays_in_the_host_header() -> None:
    async with serve(echo) as port:
        resolver = ScriptedResolver({"api.example.com": [["127.0.0.1"]]})
        allowed = frozenset({("api.example.com", port)})
        async with open_session(resolver=resolver, allowed=lambda: allowed) as opened:
            answer = await fetch(
                Request(method="GET", url=f"http://api.example.com:{port}/"), session=opened
            )

    assert f'"host": "api.example.com:{port}"'.encode() in answer.body


async def test_a_session_used_directly_is_guarded_too() -> None:
    async with open_session(resolver=ScriptedResolver({})) as opened:
        with pytest.raises(EgressRefused):
            await opened.get("http://127.0.0.1/")


def redirect_to(location: str, status: int = 302) -> Handler:
    async def handler(request: web.Request) -> web.Response:
        if request.path == "/end":
            return await echo(request)
        return web.Response(status=status, headers={"Location": location})

    return handler


async def test_redirects_are_off_unless_asked_for(settings: Settings) -> None:
    answer = await fetch_from(redirect_to("/end"), settings)

    assert answer.status == 302
    assert answer.headers["location"] == "/end"


@pytest.mark.parametrize(
    ("status", "method", "method_after", "body_after"),
    [
        (301, "POST", "GET", ""),
        (302, "POST", "GET", ""),
        (303, "PUT", "GET", ""),
        (307, "POST", "POST", "b"),
        (308, "PUT", "PUT", "b"),
    ],
)
async def test_a_redirect_at_home_keeps_headers(
    settings: Settings, status: int, method: str, method_after: str, body_after: str
) -> None:
    answer = await fetch_from(
        redirect_to("/end", status),
        settings,
        method=method,
        body=b"b",
        headers={"Authorization": "Bearer x"},
        max_redirects=3,
    )

    assert f'"method": "{method_after}"'.encode() in answer.body
    assert f'"body": "{body_after}"'.encode() in answer.body
    assert b"Bearer x" in answer.body
    assert answer.url.endswith("/end")


@pytest.mark.parametrize(
    ("location", "error", "code"),
    [
        ("http://169.254.169.254/latest/", EgressRefused, "egress.address_refused"),
        ("http://10.0.0.5/", EgressRefused, "egress.address_refused"),
        ("//127.0.0.1/", EgressRefused, "egress.address_refused"),
        ("http://2130706433/", EgressRefused, "egress.url_invalid"),
        ("file:///etc/passwd", EgressRefused, "egress.url_invalid"),
        ("/again", EgressFailed, "egress.redirect_refused"),
    ],
)
async def test_each_hop_is_checked(
    settings: Settings, location: str, error: type[Exception], code: str
) -> None:
    with pytest.raises(error) as caught:
        await fetch_from(redirect_to(location), settings, max_redirects=3)

    assert caught.value.code == code  # type: ignore[attr-defined]


async def test_another_origin_gets_no_credentials_and_no_body(settings: Settings) -> None:
    async with serve(echo) as other:
        location = f"http://127.0.0.1:{other}/end"
        async with serve(redirect_to(location, 307)) as port:
            settings.EGRESS_ALLOW = [f"127.0.0.1:{port}", f"127.0.0.1:{other}"]
            url = f"http://127.0.0.1:{port}/"
            headers = {"Authorization": "Bearer x", "X-Api-Key": "k", "Accept": "text/plain"}
            answer = await fetch(Request(method="GET", url=url, headers=headers, max_redirects=1))
            with pytest.raises(EgressFailed, match="asks to send the body") as caught:
                await fetch(Request(method="POST", url=url, body=b"b", max_redirects=1))

    assert b'"accept": "text/plain"' in answer.body
    assert b"Bearer" not in answer.body
    assert b"x-api-key" not in answer.body
    assert caught.value.code == "egress.redirect_refused"


@pytest.mark.parametrize(
    "headers", [{"X-A": "b\r\nX: c"}, {"X-A\r\nX": "b"}, {"": "b"}, {"X-A": "b\0"}]
)
async def test_a_header_that_would_break_out_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(EgressRefused) as caught:
        await fetch(Request(method="GET", url="https://api.example.com/", headers=headers))

    assert caught.value.code == "egress.header_refused"
