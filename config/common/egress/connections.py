"""Connections under the address policy: a guarded aiohttp connector and the kept session.

A host name is resolved once per connection, every answer is checked, and the connection goes to
a checked address; the name stays in SNI and `Host`. Nothing is cached between the check and the
connection, so an answer that changes later (DNS rebinding) is checked again.
"""

import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver
from typing_extensions import override

from config.common.egress.loops import PerLoop
from config.common.egress.policy import Pair, allowed_pairs, check_address, check_url

if TYPE_CHECKING:
    from aiohttp.connector import Connection
    from aiohttp.tracing import Trace

MAX_CONNECTIONS = 200
MAX_HEADER_BYTES = 16_384
MAX_HEADERS = 128

AllowedPairs = Callable[[], frozenset[Pair]]


class GuardedResolver(AbstractResolver):
    """Resolves a name and refuses it if any of its addresses is refused."""

    def __init__(self, inner: AbstractResolver, allowed: AllowedPairs) -> None:
        self._inner = inner
        self._allowed = allowed

    @override
    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return the addresses of `host`; raises EgressRefused, or OSError without an answer."""
        answers = await self._inner.resolve(host, port, family)
        if not answers:
            raise OSError(None, f"{host} has no address")
        if (host, port) not in self._allowed():
            for answer in answers:
                check_address(answer["host"])
        return answers

    @override
    async def close(self) -> None:
        await self._inner.close()


class GuardedConnector(aiohttp.TCPConnector):
    """A connector that checks each URL, each redirect target included, before it connects."""

    def __init__(
        self,
        *,
        allowed: AllowedPairs = allowed_pairs,
        resolver: AbstractResolver | None = None,
        limit: int = MAX_CONNECTIONS,
    ) -> None:
        self._allowed = allowed
        super().__init__(
            resolver=GuardedResolver(resolver or ThreadedResolver(), allowed),
            use_dns_cache=False,
            limit=limit,
        )

    @override
    async def connect(
        self,
        req: aiohttp.ClientRequest,
        traces: "list[Trace]",
        timeout: aiohttp.ClientTimeout,
    ) -> "Connection":
        """Return a connection for the request; raises EgressRefused before anything is sent."""
        check_url(str(req.url), allow=self._allowed())
        return await super().connect(req, traces, timeout)


def open_session(
    *,
    allowed: AllowedPairs = allowed_pairs,
    resolver: AbstractResolver | None = None,
    limit: int = MAX_CONNECTIONS,
) -> aiohttp.ClientSession:
    """Open a session under the policy; the caller closes it.

    It keeps no cookies, reads no proxy from the environment and leaves bodies as they were sent
    (`fetch` decodes them under a limit). `limit` 0 means any number of connections.
    """
    return aiohttp.ClientSession(
        connector=GuardedConnector(allowed=allowed, resolver=resolver, limit=limit),
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
        auto_decompress=False,
        max_line_size=MAX_HEADER_BYTES,
        max_field_size=MAX_HEADER_BYTES,
        max_headers=MAX_HEADERS,
        timeout=aiohttp.ClientTimeout(total=None),
        headers={"User-Agent": "agent-builder", "Accept-Encoding": "gzip, deflate"},
    )


async def close_session(opened: aiohttp.ClientSession) -> None:
    """Close a session and its connections."""
    await opened.close()


_sessions: PerLoop[aiohttp.ClientSession] = PerLoop(open_session, close_session)


def session() -> aiohttp.ClientSession:
    """Return the kept session of the running event loop; nobody closes it by hand."""
    return _sessions.get()
