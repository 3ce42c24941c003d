"""HTTP requests from a template and arguments, so that an argument stays where it was put.

Placeholders `{name}` stand in the path and query of the URL, in query values, in header values
and in the strings of the JSON body. An argument can change neither scheme, host and port, nor the
number of path segments, nor add a parameter, a header or a JSON member of its own.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import quote

import orjson

from tools_app.errors import ToolRetry

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
METHODS: tuple[Method, ...] = ("GET", "POST", "PUT", "PATCH", "DELETE")
MAX_CONFIG_BYTES = 32_768
MAX_URL_CHARS = 2048
ALL_ARGUMENTS = "*"

_CONFIG_KEYS = frozenset({"method", "url", "headers", "query", "body"})
_PLACEHOLDER = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*|\*)\}")
_URL = re.compile(r"(https?://[^/?#{}]+)(/[^?#]*)?(?:\?([^#]*))?", re.IGNORECASE)
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e]*")
# RFC 3986 path and query characters that the template's author may write; `%` begins an escape.
_AUTHOR_CHARACTERS = "%!$&'()*+,/:;=?@~"

FORBIDDEN_HEADERS: dict[str, str] = {
    "authorization": "attach a secret instead, so that the value is kept encrypted",
    "cookie": "attach a secret instead, so that the value is kept encrypted",
    "idempotency-key": "it is sent by itself with every call that has an effect",
    "host": "it follows from the URL",
    "content-length": "it follows from the body",
    "accept-encoding": "answers are decoded under a limit",
} | dict.fromkeys(
    (
        "connection",
        "expect",
        "keep-alive",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    ),
    "it belongs to the connection",
)
FORBIDDEN_HEADERS |= dict.fromkeys(
    ("metadata", "metadata-flavor", "x-aws-ec2-metadata-token", "x-google-metadata-request"),
    "it opens cloud metadata services",
)


class ConfigInvalid(ValueError):
    """An HTTP configuration that is not accepted; `pointer` is a JSON pointer to the place."""

    def __init__(self, detail: str, pointer: str = "") -> None:
        super().__init__(detail)
        self.detail = detail
        self.pointer = pointer


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequest:
    """A request with everything filled in."""

    method: Method
    url: str
    headers: dict[str, str]
    body: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpTemplate:
    """A checked configuration."""

    method: Method
    origin: str
    path: str
    url_query: str
    headers: Mapping[str, str]
    query: Mapping[str, Any]
    body: Any
    """A JSON value with placeholders in its strings; None sends no body."""

    @property
    def sample_url(self) -> str:
        """The URL with `x` for every placeholder, for checks before any call."""
        return self.origin + _PLACEHOLDER.sub("x", self.path) or "/"

    def render(self, arguments: Mapping[str, Any]) -> HttpRequest:
        """Fill in the arguments, which are valid for the tool's schema.

        A missing optional argument leaves out the query parameter, header or body member that
        consists of its placeholder alone, and is empty inside longer text.

        Raises:
            ToolRetry: a value cannot stand where its placeholder is.
        """
        headers = {
            name: value
            for name, template in self.headers.items()
            if (value := _header_value(name, template, arguments)) is not None
        }
        body = None if self.body is None else orjson.dumps(_body_value(self.body, arguments))
        if body is not None and "content-type" not in {name.lower() for name in headers}:
            headers["Content-Type"] = "application/json"
        url = self.origin + _path(self.path, arguments)
        query = "&".join(
            [part for part in (_inline_query(self.url_query, arguments),) if part]
            + _query_parts(self.query, arguments)
        )
        url = f"{url}?{query}" if query else url
        if len(url) > MAX_URL_CHARS:
            raise ToolRetry(f"The arguments make the URL longer than {MAX_URL_CHARS} characters.")
        return HttpRequest(method=self.method, url=url, headers=headers, body=body)


def parse_config(config: object, parameters: Mapping[str, Any]) -> HttpTemplate:
    """Check `{"method", "url", "headers", "query", "body"}` and return its template.

    Only `url` is required; the method is GET unless written. `{name}` stands for an argument and
    `{*}`, alone in the body, for all of them. The policy for outbound addresses is not asked here.

    Raises:
        ConfigInvalid: the form is wrong, a placeholder names no property of `parameters`, or a
            placeholder of the path names an optional one.
    """
    if not isinstance(config, Mapping):
        raise ConfigInvalid("The configuration must be a JSON object.")
    unknown = sorted(set(config) - _CONFIG_KEYS)
    if unknown:
        raise ConfigInvalid(
            f"{unknown[0]!r} is unknown here; known are {', '.join(sorted(_CONFIG_KEYS))}.",
            f"/{unknown[0]}",
        )
    if len(orjson.dumps(config)) > MAX_CONFIG_BYTES:
        raise ConfigInvalid(f"The configuration is larger than {MAX_CONFIG_BYTES} bytes.")
    method = config.get("method", "GET")
    if method not in METHODS:
        raise ConfigInvalid(f"The method must be one of {', '.join(METHODS)}.", "/method")
    url = _parse_url(config.get("url"))
    template = HttpTemplate(
        method=method,
        origin=url[1],
        path=url[2] or "/",
        url_query=url[3] or "",
        headers=_parse_headers(config.get("headers", {})),
        query=_parse_query(config.get("query", {})),
        body=config.get("body"),
    )
    if template.body is not None and method == "GET":
        raise ConfigInvalid("A GET request has no body; use the query or POST.", "/body")
    _check_placeholders(template, parameters)
    return template


def _parse_url(url: object) -> re.Match[str]:
    if not isinstance(url, str) or not url:
        raise ConfigInvalid("Write the address to call.", "/url")
    match = _URL.fullmatch(url)
    if match is None:
        raise ConfigInvalid(
            "The URL must begin with http:// or https:// and a fixed host; placeholders stand in"
            " the path and the query only.",
            "/url",
        )
    if re.search(r"[{}]", _PLACEHOLDER.sub("", url)):
        raise ConfigInvalid("A placeholder is one name in braces, such as {city}.", "/url")
    if len(url) > MAX_URL_CHARS or re.search(r"[\x00-\x20\x7f\\]", url):
        raise ConfigInvalid(
            f"The URL is longer than {MAX_URL_CHARS} characters or holds a space, a control"
            " character or a backslash.",
            "/url",
        )
    return match


def _parse_headers(headers: object) -> dict[str, str]:
    if not isinstance(headers, Mapping):
        raise ConfigInvalid("Headers are an object of names and values.", "/headers")
    for name, value in headers.items():
        pointer = f"/headers/{name}"
        if not _HEADER_NAME.fullmatch(name):
            raise ConfigInvalid(f"{name!r} is not a header name.", pointer)
        reason = FORBIDDEN_HEADERS.get(name.lower())
        if reason:
            raise ConfigInvalid(f"The header {name!r} may not be set: {reason}.", pointer)
        if not isinstance(value, str) or not _HEADER_VALUE.fullmatch(value):
            raise ConfigInvalid(
                f"The value of {name!r} must be text in ASCII without line breaks.", pointer
            )
    if len({name.lower() for name in headers}) < len(headers):
        raise ConfigInvalid("A header is written twice.", "/headers")
    return dict(headers)


def _parse_query(query: object) -> dict[str, Any]:
    if not isinstance(query, Mapping):
        raise ConfigInvalid("The query is an object of names and values.", "/query")
    for name, value in query.items():
        if not name or not isinstance(value, str | int | float | bool):
            raise ConfigInvalid("A query value is text or a number.", f"/query/{name}")
    return dict(query)


def _check_placeholders(template: HttpTemplate, parameters: Mapping[str, Any]) -> None:
    properties = parameters.get("properties", {})
    required = parameters.get("required", [])
    places = {
        "/url": [template.path, template.url_query],
        "/headers": list(template.headers.values()),
        "/query": list(template.query.values()),
        "/body": list(_strings(template.body)),
    }
    for pointer, texts in places.items():
        for name in (name for text in texts for name in _PLACEHOLDER.findall(str(text))):
            if name == ALL_ARGUMENTS and pointer != "/body":
                raise ConfigInvalid("{*} stands in the body only.", pointer)
            if name != ALL_ARGUMENTS and name not in properties:
                raise ConfigInvalid(
                    f"The placeholder {{{name}}} names no property of the parameters; declare"
                    f" {name!r} or remove it.",
                    pointer,
                )
    for name in _PLACEHOLDER.findall(template.path):
        if name not in required:
            raise ConfigInvalid(
                f"The placeholder {{{name}}} stands in the path, so {name!r} must be required.",
                "/url",
            )


def _strings(value: object) -> Sequence[str]:
    if isinstance(value, str):
        return [value]
    inner: Sequence[object] = []
    if isinstance(value, Mapping):
        inner = list(value.values())
    elif isinstance(value, list):
        inner = value
    return [text for item in inner for text in _strings(item)]


def _text(value: object) -> str:
    """Return a value as it stands inside longer text."""
    if value is None:
        return ""
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _lone_name(template: object) -> str | None:
    """Return the placeholder that a template consists of, or None."""
    match = _PLACEHOLDER.fullmatch(template) if isinstance(template, str) else None
    return match[1] if match else None


def _path(path: str, arguments: Mapping[str, Any]) -> str:
    def fill(match: re.Match[str]) -> str:
        return quote(_text(arguments.get(match[1])), safe="")

    segments = []
    for template in path.split("/"):
        segment = _PLACEHOLDER.sub(fill, template)
        # "." and ".." survive percent-encoding and would climb to another path.
        if _PLACEHOLDER.search(template) and segment in {"", ".", ".."}:
            names = ", ".join(_PLACEHOLDER.findall(template))
            raise ToolRetry(f"{names}: a part of the address may not be empty, '.' or '..'.")
        segments.append(quote(segment, safe=_AUTHOR_CHARACTERS))
    return "/".join(segments)


def _inline_query(query: str, arguments: Mapping[str, Any]) -> str:
    filled = _PLACEHOLDER.sub(lambda match: quote(_text(arguments.get(match[1])), safe=""), query)
    return quote(filled, safe=_AUTHOR_CHARACTERS)


def _query_parts(query: Mapping[str, Any], arguments: Mapping[str, Any]) -> list[str]:
    parts: list[str] = []
    for name, template in query.items():
        lone = _lone_name(template)
        value = arguments.get(lone) if lone else _filled(template, arguments)
        values = value if isinstance(value, list) else [value]
        parts += [
            f"{quote(name, safe='')}={quote(_text(item), safe='')}"
            for item in values
            if item is not None
        ]
    return parts


def _header_value(name: str, template: str, arguments: Mapping[str, Any]) -> str | None:
    lone = _lone_name(template)
    if lone and arguments.get(lone) is None:
        return None
    value = str(_filled(template, arguments))
    if not _HEADER_VALUE.fullmatch(value):
        raise ToolRetry(f"The header {name!r} takes ASCII text without line breaks.")
    return value


def _filled(template: object, arguments: Mapping[str, Any]) -> object:
    if not isinstance(template, str):
        return template
    return _PLACEHOLDER.sub(lambda match: _text(arguments.get(match[1])), template)


def _body_value(template: Any, arguments: Mapping[str, Any]) -> Any:
    lone = _lone_name(template)
    if lone == ALL_ARGUMENTS:
        return dict(arguments)
    if lone:
        return arguments.get(lone)
    if isinstance(template, Mapping):
        return {
            key: _body_value(value, arguments)
            for key, value in template.items()
            if not _is_left_out(value, arguments)
        }
    if isinstance(template, list):
        return [
            _body_value(item, arguments) for item in template if not _is_left_out(item, arguments)
        ]
    return _filled(template, arguments)


def _is_left_out(template: object, arguments: Mapping[str, Any]) -> bool:
    lone = _lone_name(template)
    return lone is not None and lone != ALL_ARGUMENTS and lone not in arguments
