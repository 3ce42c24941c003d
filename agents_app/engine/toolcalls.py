"""The one gate that every tool call passes: known tool, valid arguments, time limit, size cap.

What goes wrong becomes a result that the model reads and can mend; it never ends the run.
"""

import time
from collections.abc import Mapping, Sequence

from agents_app.engine.messages import ToolCall, ToolResult
from agents_app.engine.ports import PreparedCall, Toolset
from agents_app.engine.spec import RunSpec, ToolSpec
from config.common.strict_json import StrictJSONError, loads

MAX_ARGUMENT_BYTES = 262_144
MAX_FAULTS_SHOWN = 10


def prepare(
    call: ToolCall, tools: Mapping[str, ToolSpec], *, key: str
) -> PreparedCall | ToolResult:
    """Check a call before anything happens; a call that fails is answered at once.

    Depends on nothing but its arguments, so that a restarted worker decides in the same way.
    """
    spec = tools.get(call.name)
    if spec is None:
        known = ", ".join(sorted(tools)) or "none"
        return _refusal(call, f"There is no tool {call.name!r}. Available tools: {known}.")
    try:
        arguments = loads(call.arguments or "{}", max_bytes=MAX_ARGUMENT_BYTES)
    except StrictJSONError as error:
        return _refusal(call, f"The arguments are not valid JSON: {error.detail} Send them again.")
    if not isinstance(arguments, dict):
        return _refusal(call, "The arguments must be one JSON object. Send them again.")
    faults = spec.validate(arguments)
    if faults:
        listed = "; ".join(faults[:MAX_FAULTS_SHOWN])
        return _refusal(call, f"The arguments do not fit the tool's schema: {listed}.")
    return PreparedCall(call=call, spec=spec, arguments=arguments, idempotency_key=key)


def prepare_all(
    calls: Sequence[ToolCall], spec: RunSpec, tools: Mapping[str, ToolSpec], *, step: int
) -> tuple[list[PreparedCall], list[ToolResult]]:
    """Split the calls of a step into those to make and those already answered, in order."""
    prepared: list[PreparedCall] = []
    refused: list[ToolResult] = []
    for index, call in enumerate(calls):
        if index >= spec.limits.max_calls_per_step:
            outcome: PreparedCall | ToolResult = _refusal(
                call, f"At most {spec.limits.max_calls_per_step} calls are made in one step."
            )
        else:
            outcome = prepare(call, tools, key=f"{spec.run_id}:{step}:{call.id}")
        if isinstance(outcome, PreparedCall):
            prepared.append(outcome)
        else:
            refused.append(outcome)
    return prepared, refused


async def execute(
    call: PreparedCall, toolset: Toolset, *, spec: RunSpec, now: float
) -> tuple[ToolResult, int]:
    """Make one call and return its result, cut to size, and its duration in milliseconds."""
    started = time.perf_counter()
    timeout_s = min(call.spec.timeout_s, max(spec.deadline - now, 0.001))
    result = await toolset.call(call, timeout_s=timeout_s)
    duration_ms = round((time.perf_counter() - started) * 1000)
    return cap(result, spec.limits.max_result_bytes), duration_ms


def cap(result: ToolResult, max_bytes: int) -> ToolResult:
    """Return the result with its content cut, and marked, at `max_bytes` of UTF-8."""
    if len(result.content) * 4 <= max_bytes:
        return result
    encoded = result.content.encode("utf-8", errors="replace")
    if len(encoded) <= max_bytes:
        return result
    cut = encoded[:max_bytes].decode("utf-8", errors="ignore")
    return ToolResult(
        call_id=result.call_id,
        name=result.name,
        content=f"{cut}\n[cut: {len(encoded):,} bytes, {max_bytes:,} kept]",
        is_error=result.is_error,
        passages=result.passages,
    )


def _refusal(call: ToolCall, text: str) -> ToolResult:
    return ToolResult(call_id=call.id, name=call.name, content=text, is_error=True)
