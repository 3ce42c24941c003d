"""Carrying out the request of an HTTP tool through the egress client."""

from http import HTTPStatus
from uuid import UUID

from channels.db import database_sync_to_async

from config.common.egress.client import MAX_REDIRECTS, Request, Response, fetch
from config.common.egress.errors import EgressFailed, EgressRefused
from config.common.errors import DomainError
from tools_app.domain.http import HttpRequest, parse_config
from tools_app.domain.output import clean, text_of_body
from tools_app.errors import ToolFailed, ToolRetry
from tools_app.runtime.definitions import ToolDefinition
from workspaces_app.models import Secret
from workspaces_app.services.secrets import reveal_secret

MAX_ERROR_CHARS = 2000
MIN_REDACTED_CHARS = 4

_ARGUMENTS_AT_FAULT = frozenset({400, 404, 409, 410, 412, 413, 414, 422})
_CREDENTIALS_AT_FAULT = frozenset({401, 403, 407})
_NOTHING_SENT = frozenset({"egress.dns_failed", "egress.connect_failed"})
_PHRASES = {int(known): known.phrase for known in HTTPStatus}
_TRY_LATER = frozenset({408, 425, 429})


async def call_http(
    definition: ToolDefinition,
    arguments: dict[str, object],
    *,
    idempotency_key: str,
    timeout_s: float,
) -> str:
    """Send the request and return the answer's body as text.

    Every call that is not `read` carries the idempotency key. The secret goes as a bearer token
    to its own origin only and is cut out of whatever comes back.

    Raises:
        ToolRetry: the server says that the arguments are at fault.
        ToolFailed: everything else that is not a success.
    """
    template = parse_config(definition.config, definition.parameters)
    prepared = template.render(arguments)
    secret_value = await _reveal(definition, prepared)
    is_read = definition.effect == "read"
    headers = {"Accept": "application/json, text/*;q=0.9, */*;q=0.5", **prepared.headers}
    if not is_read:
        headers["Idempotency-Key"] = idempotency_key
    if secret_value:
        headers["Authorization"] = f"Bearer {secret_value}"
    request = Request(
        method=prepared.method,
        url=prepared.url,
        headers=headers,
        body=prepared.body,
        timeout_s=timeout_s,
        max_redirects=MAX_REDIRECTS if is_read else 0,
    )
    try:
        response = await fetch(request)
    except EgressRefused as error:
        raise ToolFailed(error.detail) from error
    except EgressFailed as error:
        is_unknown = not is_read and error.code not in {
            "egress.dns_failed",
            "egress.connect_failed",
        }
        note = " It is unknown whether the call took effect." if is_unknown else ""
        raise ToolFailed(f"{error.detail}{note}", is_outcome_unknown=is_unknown) from error
    text = text_of_body(response.body, media_type=response.media_type, charset=response.charset)
    if len(secret_value) >= MIN_REDACTED_CHARS:
        text = text.replace(secret_value, "[secret]")
    if 200 <= response.status < 300:
        return text
    raise _failure(response, text, is_read=is_read)


async def _reveal(definition: ToolDefinition, request: HttpRequest) -> str:
    try:
        read = database_sync_to_async(_read_secret, thread_sensitive=False)
        value: str = await read(definition.tool_id, request.url)
    except DomainError as error:
        raise ToolFailed(error.detail) from error
    return value


def _read_secret(tool_id: UUID, url: str) -> str:
    """Return the value of the tool's secret for a request to `url`; empty if it has none."""
    secret: Secret | None = Secret.objects.filter(tools=tool_id).first()
    if secret is None:
        return ""
    return reveal_secret(secret, url=url)


def _failure(response: Response, text: str, *, is_read: bool) -> ToolRetry | ToolFailed:
    """Say what a status means for the model."""
    status = response.status
    phrase = f" {_PHRASES[status]}" if status in _PHRASES else ""
    said = f": {clean(text)[:MAX_ERROR_CHARS]}" if text else "."
    if status in _ARGUMENTS_AT_FAULT:
        return ToolRetry(f"The server answered {status}{phrase}{said}")
    if status in _CREDENTIALS_AT_FAULT:
        return ToolFailed(f"The server refused our credentials: {status}{phrase}{said}")
    if status in _TRY_LATER:
        wait = clean(response.headers.get("retry-after", ""))[:40]
        later = f" Try again after {wait}." if wait else ""
        return ToolFailed(f"The server asks to try again later: {status}{phrase}{said}{later}")
    if 300 <= status < 400:
        return ToolFailed(f"The server redirects ({status}), which is not followed for this tool.")
    return ToolFailed(
        f"The server answered {status}{phrase}{said}",
        is_outcome_unknown=not is_read and status >= 500,
    )
