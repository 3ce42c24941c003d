"""Tools for tests, made through the services."""

from time import monotonic
from typing import Any

from django.contrib.auth.models import User

from tests.factories import make_workspace
from tools_app.domain.definition import Draft
from tools_app.models import Tool
from tools_app.runtime.definitions import ToolDefinition
from tools_app.runtime.invoke import CallContext
from tools_app.services import create_tool, latest_version

CITY_PARAMETERS: dict[str, Any] = {
    "type": "object",
    "properties": {"city": {"type": "string", "maxLength": 40}},
    "required": ["city"],
    "additionalProperties": False,
}


def make_function_tool(
    actor: User, name: str = "calculator", *, function: str = "calculator", **options: Any
) -> Tool:
    """Return a tool for an installed function; options of `create_tool` as they are."""
    options.setdefault("draft", Draft(config={"function": function}))
    options.setdefault("workspace", make_workspace())
    return create_tool(actor, name=name, kind="function", **options)


def http_draft(url: str = "https://api.example.com/cities/{city}", **parts: Any) -> Draft:
    """Return a draft of a read-only HTTP tool; `method`, `query` and so on go to its config."""
    fields = {"description", "parameters", "effect", "timeout_s", "max_output_bytes"}
    config = {"url": url, **{name: part for name, part in parts.items() if name not in fields}}
    definition: dict[str, Any] = {
        "description": "Look a city up.",
        "parameters": CITY_PARAMETERS,
        "effect": "read",
        **{name: part for name, part in parts.items() if name in fields},
    }
    return Draft(config=config, **definition)


def make_http_tool(
    actor: User, name: str = "city", *, draft: Draft | None = None, **options: Any
) -> Tool:
    """Return an HTTP tool; options of `create_tool` as they are."""
    options.setdefault("workspace", make_workspace())
    return create_tool(actor, name=name, kind="http", draft=draft or http_draft(), **options)


def definition_of_tool(tool: Tool) -> ToolDefinition:
    """Return the newest version as the runtime carries it."""
    return ToolDefinition.from_version(latest_version(tool))


def a_call(*, seconds: float = 10.0, key: str = "run:1:call") -> CallContext:
    """Return a context with this much time left."""
    return CallContext(
        idempotency_key=key, user_id=None, run_id=None, deadline=monotonic() + seconds
    )
