"""The HTTP client of the model SDK: httpx2 in shape, aiohttp underneath, same address policy.

aiohttp needs less CPU per streamed token than the httpx family. Import this
module only where a model is called: `httpx2` comes with the SDK and is slow to load.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import aiohttp
import httpx2
from typing_extensions import override
from yarl import URL

from config.common.egress.connections import open_session
from config.common.egress.loops import PerLoop
from config.common.egress.policy import allowed_pairs_for_models

DEFAULT_TIMEOUT = httpx2.Timeout(60.0, connect=10.0)


def open_http_client() -> httpx2.AsyncClient:
    """Open a client under the policy, without a limit on connections; the caller closes it.

    It follows no redirects, reads no proxy from the environment and asks for plain answers, so
    that nothing can be packed into a small compressed stream.
    """
    session = open_session(allowed=allowed_pairs_for_models, limit=0)
    return httpx2.AsyncClient(
        transport=SessionTransport(session),
        follow_redirects=False,
        trust_env=False,
        timeout=DEFAULT_TIMEOUT,
        headers={"Accept-Encoding": "identity"},
    )


async def _close(client: httpx2.AsyncClient) -> None:
    await client.aclose()


_clients: PerLoop[httpx2.AsyncClient] = PerLoop(open_http_client, _close)


def http_client_for_models() -> httpx2.AsyncClient:
    """Return the kept client of the running event loop; nobody closes it by hand.

    Pass it as `AsyncOpenAI(http_client=...)`; set timeouts per request.
    """
    return _clients.get()


class SessionTransport(httpx2.AsyncBaseTransport):
    """Carries httpx2 requests over one aiohttp session, which it closes with itself."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    @override
    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request whose body is in memory and return the answer with an open stream.

        Raises:
            EgressRefused: the policy forbids the address.
            httpx2.TransportError: everything else that goes wrong on the way.
        """
        timeout = request.extensions.get("timeout", {})
        body = await request.aread()
        with _translated_errors(request):
            answer = await self._session.request(
                request.method,
                URL(str(request.url), encoded=True),
                headers=[
                    (name.decode("latin-1"), value.decode("latin-1"))
                    for name, value in request.headers.raw
                    if name.lower() not in {b"content-length", b"transfer-encoding"}
                ],
                data=body or None,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(
                    total=None,
                    connect=timeout.get("pool"),
                    sock_connect=timeout.get("connect"),
                    sock_read=timeout.get("read"),
                ),
            )
        encoding = answer.headers.get("Content-Encoding", "identity").strip().lower()
        if encoding not in {"", "identity"}:
            answer.close()
            raise httpx2.RemoteProtocolError(
                f"The answer is encoded as {encoding[:80]!r} although plain text was asked for.",
                request=request,
            )
        return httpx2.Response(
            status_code=answer.status,
            headers=list(answer.raw_headers),
            stream=_AnswerStream(answer, request),
            request=request,
        )

    @override
    async def aclose(self) -> None:
        await self._session.close()


class _AnswerStream(httpx2.AsyncByteStream):
    """The body of an answer, piece by piece as the network brings it."""

    def __init__(self, answer: aiohttp.ClientResponse, request: httpx2.Request) -> None:
        self._answer = answer
        self._request = request

    @override
    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _translated_errors(self._request):
            async for piece in self._answer.content.iter_any():
                yield piece

    @override
    async def aclose(self) -> None:
        # Returns the connection to the pool after a complete answer and closes it otherwise.
        self._answer.release() if self._answer.content.is_eof() else self._answer.close()


@contextmanager
def _translated_errors(request: httpx2.Request) -> Iterator[None]:
    """Raise what went wrong in aiohttp as the error that the SDK knows."""
    try:
        yield
    except aiohttp.ConnectionTimeoutError as error:
        raise httpx2.ConnectTimeout(str(error), request=request) from error
    except TimeoutError as error:
        raise httpx2.ReadTimeout(str(error), request=request) from error
    except aiohttp.ClientConnectorError as error:
        raise httpx2.ConnectError(str(error), request=request) from error
    except aiohttp.ClientPayloadError as error:
        raise httpx2.RemoteProtocolError(str(error), request=request) from error
    except (aiohttp.ClientError, OSError) as error:
        raise httpx2.ReadError(str(error), request=request) from error
