"""The one way to call a tool: check the arguments, carry the call out in time, bound the result."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from time import monotonic
from typing import Any, assert_never
from uuid import UUID

from config.common.strict_json import StrictJSONError
from tools_app.domain.output import ToolOutput, output_of
from tools_app.errors import ToolFailed, ToolRetry
from tools_app.runtime.definitions import ToolDefinition
from tools_app.runtime.functions import call_function, registered_function
from tools_app.runtime.requests import call_http


@dataclass(frozen=True, slots=True, kw_only=True)
class CallContext:
    """For whom a call is made, and until when."""

    idempotency_key: str
    """The same on every attempt of the same call."""
    user_id: int | None
    run_id: UUID | None
    """None outside a run, as in the console's trial."""
    deadline: float
    """On the clock of `time.monotonic`, in seconds."""


async def invoke(
    definition: ToolDefinition, arguments: Mapping[str, Any], *, call: CallContext
) -> ToolOutput:
    """Call a tool and return its result as clean text of at most `max_output_bytes`.

    The call ends at the tool's own timeout or at the call's deadline, whichever is first.

    Raises:
        ToolRetry: the arguments break the schema, or the tool asks for others.
        ToolFailed: the tool cannot do it; `is_outcome_unknown` says whether it may have acted.
        ApprovalRequired: the function wants a person to agree first.
    """
    errors = definition.validator.errors(arguments)
    if errors:
        listed = "; ".join(map(str, errors))
        raise ToolRetry(f"The arguments do not fit the tool's schema: {listed}.")
    timeout_s = min(definition.timeout_s, call.deadline - monotonic())
    if timeout_s <= 0:
        raise ToolFailed("There is no time left for this call.")
    try:
        async with asyncio.timeout(timeout_s):
            value = await _carry_out(definition, dict(arguments), call, timeout_s)
    except TimeoutError:
        raise ToolFailed(
            f"The tool {definition.name!r} timed out after {timeout_s:.3g} s.",
            is_outcome_unknown=definition.effect != "read",
        ) from None
    try:
        return output_of(value, max_bytes=definition.max_output_bytes)
    except (TypeError, StrictJSONError) as error:
        raise ToolFailed(f"The tool returned something that is no text or JSON: {error}") from error


async def _carry_out(
    definition: ToolDefinition, arguments: dict[str, Any], call: CallContext, timeout_s: float
) -> object:
    match definition.kind:
        case "function":
            name = definition.config.get("function")
            entry = registered_function(name)
            if entry is None:
                raise ToolFailed(f"The function {name!r} is no longer installed.")
            return await call_function(entry, arguments)
        case "http":
            return await call_http(
                definition,
                arguments,
                idempotency_key=call.idempotency_key,
                timeout_s=timeout_s,
            )
        case _:
            assert_never(definition.kind)
