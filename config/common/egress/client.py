"""One HTTP request to the outside, with a deadline and limits on everything that comes back."""

import asyncio
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import urljoin

import aiohttp
from yarl import URL

from config.common.egress.connections import session as kept_session
from config.common.egress.errors import EgressFailed, EgressRefused
from config.common.egress.policy import Target, parse_url

MAX_RESPONSE_BYTES = 5 * 1_048_576
MAX_REDIRECTS = 3
CHUNK_BYTES = 65_536
HARMLESS_HEADERS = frozenset({"accept", "accept-language", "content-type", "user-agent"})
"""The only headers of the caller that go to another origin: any other may be a key."""

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_ZLIB_OR_GZIP = zlib.MAX_WBITS | 32
"""Window bits that let zlib recognise its own format and gzip."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What to send, and how much may come back."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    timeout_s: float = 30.0
    """From the first look-up to the last byte, redirects included."""
    max_response_bytes: int = MAX_RESPONSE_BYTES
    """Of the decoded body."""
    max_redirects: int = 0
    """0 returns a redirect as it is; at most MAX_REDIRECTS are followed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """What came back; the body is complete and decoded."""

    status: int
    url: str
    headers: Mapping[str, str]
    """Names in lower case; of a repeated header the last."""
    body: bytes

    @property
    def media_type(self) -> str:
        """The content type in lower case without parameters; empty if the server sent none."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def charset(self) -> str:
        """The charset that the server names, in lower case; empty if it names none."""
        for parameter in self.headers.get("content-type", "").split(";")[1:]:
            name, _, value = parameter.partition("=")
            if name.strip().lower() == "charset":
                return value.strip().strip("\"'").lower()
        return ""


async def fetch(request: Request, *, session: aiohttp.ClientSession | None = None) -> Response:
    """Carry out one request under the address policy.

    Every hop of a redirect is checked like the first. Going to another origin drops all headers
    but harmless ones; a body is not sent there, and https never becomes http.

    Args:
        request: What to send.
        session: One from `open_session`; by default the kept one of the event loop.

    Raises:
        EgressRefused: the policy forbids the address, or a header is malformed; nothing was sent.
        EgressFailed: no usable answer, with code `egress.timeout`, `egress.dns_failed`,
            `egress.connect_failed`, `egress.protocol_error`, `egress.too_large` or
            `egress.redirect_refused`.
    """
    _check_headers(request.headers)
    target = parse_url(request.url)
    try:
        async with asyncio.timeout(request.timeout_s):
            return await _follow(request, target, session or kept_session())
    except TimeoutError:
        raise EgressFailed(
            f"{target.origin} did not answer completely within {request.timeout_s:g} s.",
            code="egress.timeout",
        ) from None
    except aiohttp.ClientConnectorDNSError as error:
        raise EgressFailed(
            f"The host {error.host!r} cannot be found; check its name.", code="egress.dns_failed"
        ) from error
    except (aiohttp.ClientConnectorError, aiohttp.ClientSSLError) as error:
        raise EgressFailed(
            f"No connection to {target.origin}: {_reason(error)}.", code="egress.connect_failed"
        ) from error
    except (aiohttp.ClientError, OSError, zlib.error) as error:
        raise EgressFailed(
            f"{target.origin} broke off or answered in a broken way: {_reason(error)}.",
            code="egress.protocol_error",
        ) from error


async def _follow(request: Request, target: Target, session: aiohttp.ClientSession) -> Response:
    for _ in range(min(request.max_redirects, MAX_REDIRECTS) + 1):
        async with session.request(
            request.method,
            URL(target.url, encoded=True),
            headers=request.headers,
            data=request.body,
            allow_redirects=False,
        ) as answer:
            location = answer.headers.get("Location", "")
            if not request.max_redirects or answer.status not in _REDIRECTS or not location:
                return Response(
                    status=answer.status,
                    url=target.url,
                    headers={name.lower(): value for name, value in answer.headers.items()},
                    body=await _read_body(answer, request.max_response_bytes),
                )
        request, target = _next_hop(request, target, answer.status, location)
    raise EgressFailed(
        f"{target.origin} redirects too often; at most {MAX_REDIRECTS} redirects are followed.",
        code="egress.redirect_refused",
    )


def _next_hop(
    request: Request, target: Target, status: int, location: str
) -> tuple[Request, Target]:
    following = parse_url(urljoin(target.url, location))
    if target.scheme == "https" and following.scheme == "http":
        raise EgressFailed(
            f"{target.origin} redirects from https to http, which is not followed.",
            code="egress.redirect_refused",
        )
    if status == 303 or (status in {301, 302} and request.method == "POST"):
        method = "HEAD" if request.method == "HEAD" else "GET"
        request = replace(request, method=method, body=None)
    if following.origin != target.origin:
        if request.body is not None:
            raise EgressFailed(
                f"{target.origin} asks to send the body to {following.origin}, which is not done.",
                code="egress.redirect_refused",
            )
        headers = {n: v for n, v in request.headers.items() if n.lower() in HARMLESS_HEADERS}
        request = replace(request, headers=headers)
    return request, following


async def _read_body(answer: aiohttp.ClientResponse, max_bytes: int) -> bytes:
    encoding = ", ".join(answer.headers.getall("Content-Encoding", [])).strip().lower()
    if encoding not in {"", "identity", "gzip", "x-gzip", "deflate"}:
        raise EgressFailed(
            f"The answer is encoded as {encoding[:80]!r}; gzip and deflate are understood.",
            code="egress.protocol_error",
        )
    decoder = None if encoding in {"", "identity"} else _Inflater()
    body = bytearray()
    async for chunk in answer.content.iter_chunked(CHUNK_BYTES):
        body += decoder.feed(chunk, max_bytes - len(body) + 1) if decoder else chunk
        if len(body) > max_bytes:
            raise EgressFailed(
                f"The answer is larger than {max_bytes} bytes.", code="egress.too_large"
            )
    if decoder and not decoder.is_complete:
        raise EgressFailed("The compressed answer is cut off.", code="egress.protocol_error")
    return bytes(body)


class _Inflater:
    """Decompresses gzip or zlib data, never more than the caller has room for."""

    def __init__(self) -> None:
        self._stream = zlib.decompressobj(_ZLIB_OR_GZIP)
        self._is_started = False

    @property
    def is_complete(self) -> bool:
        """Whether the data ended where a stream ends (or there was none)."""
        return self._stream.eof or not self._is_started

    def feed(self, chunk: bytes, room: int) -> bytes:
        """Return what `chunk` decodes to, cut off at `room` bytes."""
        self._is_started = True
        out = self._stream.decompress(chunk, room)
        # gzip allows several members one after another; each is a stream of its own.
        while self._stream.eof and self._stream.unused_data and len(out) < room:
            rest = self._stream.unused_data
            self._stream = zlib.decompressobj(_ZLIB_OR_GZIP)
            out += self._stream.decompress(rest, room - len(out))
        return out


def _check_headers(headers: Mapping[str, str]) -> None:
    for name, value in headers.items():
        if not _HEADER_NAME.fullmatch(name) or not _HEADER_VALUE.fullmatch(value):
            raise EgressRefused(
                f"The header {name[:80]!r} holds a line break or another character that headers"
                " cannot carry.",
                code="egress.header_refused",
            )


def _reason(error: Exception) -> str:
    """Return the cause in a few words, without the request."""
    if isinstance(error, aiohttp.ClientConnectorError) and error.os_error.strerror:
        return error.os_error.strerror
    return (str(error) or type(error).__name__)[:200].rstrip(".")
