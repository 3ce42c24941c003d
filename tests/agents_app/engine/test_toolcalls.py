from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents_app.engine.limits import Limits
from agents_app.engine.messages import ToolCall, ToolResult
from agents_app.engine.ports import PreparedCall
from agents_app.engine.spec import ToolSpec
from agents_app.engine.toolcalls import (
    MAX_ARGUMENT_BYTES,
    cap,
    execute,
    prepare,
    prepare_all,
)
from tests.agents_app.engine.scenes import call, passage, spec, weather_tool

TOOLS = {"weather": weather_tool()}


def test_a_good_call_is_prepared_with_its_arguments_and_key() -> None:
    assert prepare(call(), TOOLS, key="k") == PreparedCall(
        call=call(), spec=TOOLS["weather"], arguments={"city": "Oslo"}, idempotency_key="k"
    )


def test_empty_arguments_are_an_empty_object() -> None:
    anything = ToolSpec(name="now", description="", parameters={"type": "object"})
    prepared = prepare(call(name="now", arguments=""), {"now": anything}, key="k")
    assert isinstance(prepared, PreparedCall)
    assert prepared.arguments == {}


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (call(name="rain"), "There is no tool 'rain'. Available tools: weather."),
        (call(arguments="{"), "The arguments are not valid JSON"),
        (call(arguments='{"city": "a", "city": "b"}'), "The arguments are not valid JSON"),
        (call(arguments='{"city": NaN}'), "The arguments are not valid JSON"),
        (call(arguments='{"city": "\\ud800"}'), "The arguments are not valid JSON"),
        (call(arguments='"' + "x" * MAX_ARGUMENT_BYTES + '"'), "The arguments are not valid JSON"),
        (call(arguments="[1]"), "The arguments must be one JSON object."),
        (call(arguments="{}"), "do not fit the tool's schema: 'city' must be a text."),
    ],
    ids=["tool", "broken", "twice", "NaN", "surrogate", "too long", "list", "schema"],
)
def test_a_wrong_call_is_answered_with_what_is_wrong(wrong: ToolCall, reason: str) -> None:
    refusal = prepare(wrong, TOOLS, key="k")
    assert isinstance(refusal, ToolResult)
    assert refusal.is_error
    assert (refusal.call_id, refusal.name) == (wrong.id, wrong.name)
    assert reason in refusal.content


def test_without_tools_the_refusal_says_so() -> None:
    refusal = prepare(call(), {}, key="k")
    assert isinstance(refusal, ToolResult)
    assert refusal.content == "There is no tool 'weather'. Available tools: none."


def test_at_most_ten_faults_are_listed() -> None:
    picky = ToolSpec(
        name="picky",
        description="",
        parameters={},
        validate=lambda arguments: [f"fault {number}" for number in range(50)],
    )
    refusal = prepare(call(name="picky"), {"picky": picky}, key="k")
    assert isinstance(refusal, ToolResult)
    assert "fault 9." in refusal.content
    assert "fault 10" not in refusal.content


def test_keys_name_run_step_and_call() -> None:
    prepared, refused = prepare_all([call("a"), call("b")], spec(run_id="r9"), TOOLS, step=3)
    assert [item.idempotency_key for item in prepared] == ["r9:3:a", "r9:3:b"]
    assert not refused


def test_calls_above_the_limit_are_refused_whatever_they_are() -> None:
    limited = spec(limits=Limits(max_calls_per_step=1))
    prepared, refused = prepare_all([call("a"), call("b"), call("c")], limited, TOOLS, step=1)
    assert [item.call.id for item in prepared] == ["a"]
    assert [item.call_id for item in refused] == ["b", "c"]


def result(content: str) -> ToolResult:
    return ToolResult(call_id="c1", name="weather", content=content, passages=(passage(),))


@given(st.text(max_size=200), st.integers(min_value=1, max_value=300))
def test_a_capped_result_keeps_a_prefix_of_whole_characters(content: str, limit: int) -> None:
    kept = cap(result(content), limit)
    body, mark, _ = kept.content.rpartition("\n[cut: ")
    fits = len(content.encode()) <= limit
    assert bool(mark) is not fits
    assert kept.content == content if fits else content.startswith(body)
    assert fits or limit - 4 < len(body.encode()) <= limit


def test_a_capped_result_keeps_everything_else() -> None:
    cut = cap(
        ToolResult(call_id="c1", name="n", content="x" * 9, is_error=True, passages=(passage(),)), 4
    )
    assert (cut.call_id, cut.name, cut.is_error, cut.passages) == ("c1", "n", True, (passage(),))
    assert cut.content == "xxxx\n[cut: 9 bytes, 4 kept]"


class _Recording:
    """A toolset that only notes how long it may take."""

    def __init__(self) -> None:
        self.timeouts: list[float] = []

    def specs(self) -> Sequence[ToolSpec]:
        return []

    async def call(self, call: PreparedCall, *, timeout_s: float) -> ToolResult:
        self.timeouts.append(timeout_s)
        return result("ok")


@pytest.mark.parametrize(
    ("deadline", "timeout_s"),
    [(float("inf"), 5.0), (103.0, 3.0), (90.0, 0.001)],
    ids=["the tool's own", "what the run has left", "hardly anything"],
)
async def test_a_call_may_take_what_the_tool_and_the_run_allow(
    deadline: float, timeout_s: float
) -> None:
    prepared = prepare(call(), TOOLS, key="k")
    assert isinstance(prepared, PreparedCall)
    tools = _Recording()
    outcome, duration_ms = await execute(prepared, tools, spec=spec(deadline=deadline), now=100.0)
    assert outcome == result("ok")
    assert duration_ms >= 0
    assert tools.timeouts == [timeout_s]
