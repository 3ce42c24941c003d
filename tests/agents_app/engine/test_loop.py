import asyncio
from collections.abc import Mapping, Sequence

import pytest

from agents_app.engine import loop
from agents_app.engine.errors import (
    EngineError,
)
from agents_app.engine.events import (
    ContextRetrieved,
    MessageCompleted,
    RunCompleted,
    RunFailed,
    RunStarted,
    StepCompleted,
    StepStarted,
    TextDelta,
    ToolCalled,
    ToolCompleted,
)
from agents_app.engine.limits import Limits, Usage
from agents_app.engine.llm.scripted import Say
from agents_app.engine.memory import MemoryContext
from agents_app.engine.messages import (
    ContextMessage,
    ToolResult,
    UserMessage,
)
from agents_app.engine.ports import PreparedCall
from agents_app.engine.spec import ModelRequest, ModelSettings, ToolSpec
from tests.agents_app.engine.scenes import (
    USAGE,
    answer,
    call,
    passage,
    scene,
    spec,
    sunny,
    toolset,
    weather_tool,
)

# --- Whole runs, compared event by event -----------------------------------------------------------


async def test_an_answer_in_text_is_the_whole_run() -> None:
    act, _ = scene(Say(pieces=["Sun", "ny."]))
    assert await act.play() == [
        RunStarted(model="m"),
        StepStarted(step=1),
        TextDelta(step=1, offset=0, text="Sun"),
        TextDelta(step=1, offset=3, text="ny."),
        MessageCompleted(step=1, message=answer("Sunny."), usage=USAGE),
        StepCompleted(step=1, next="final"),
        RunCompleted(output="Sunny.", steps=1, usage=USAGE),
    ]
    assert act.journal.events == act.events


async def test_a_tool_call_is_carried_out_and_the_model_asked_again() -> None:
    act, model = scene(
        Say(pieces=["Let me see."], calls=[call()]), Say(pieces=["Sunny."]), tools=toolset()
    )
    result = ToolResult(call_id="c1", name="weather", content="Sunny in Oslo")
    happenings = [
        ToolCompleted(step=item.step, result=item.result, duration_ms=0)
        if isinstance(item, ToolCompleted)
        else item
        for item in await act.play()
    ]
    assert happenings == [
        RunStarted(model="m"),
        StepStarted(step=1),
        TextDelta(step=1, offset=0, text="Let me see."),
        MessageCompleted(step=1, message=answer("Let me see.", call()), usage=USAGE),
        ToolCalled(step=1, call=call(), effect="read", idempotency_key="r1:1:c1"),
        ToolCompleted(step=1, result=result, duration_ms=0),
        StepCompleted(step=1, next="again"),
        StepStarted(step=2),
        TextDelta(step=2, offset=0, text="Sunny."),
        MessageCompleted(step=2, message=answer("Sunny."), usage=USAGE),
        StepCompleted(step=2, next="final"),
        RunCompleted(
            output="Sunny.",
            steps=2,
            usage=Usage(input_tokens=20, output_tokens=10, model_calls=2),
        ),
    ]
    assert model.requests[1].messages == [
        UserMessage(text="Weather?"),
        answer("Let me see.", call()),
        result,
    ]


async def test_a_request_carries_everything_that_the_spec_says() -> None:
    act, model = scene(Say(pieces=["Yes."]), tools=toolset())
    earlier = (UserMessage(text="Hi"), answer("Hello"))
    await act.play(spec(history=earlier, settings=ModelSettings(temperature=0.5)))
    assert model.requests == [
        ModelRequest(
            model="m",
            instructions="Be helpful.",
            messages=[*earlier, UserMessage(text="Weather?")],
            tools=[weather_tool()],
            tool_choice="auto",
            settings=ModelSettings(temperature=0.5),
        )
    ]


async def test_context_is_fetched_before_the_first_step_and_shown_to_the_model() -> None:
    found = ContextMessage(passages=(passage(),))
    act, model = scene(Say(pieces=["Rain."]), context=MemoryContext([passage()]))
    await act.play(spec(context_tokens=100))
    assert act.events[:3] == [
        RunStarted(model="m"),
        ContextRetrieved(message=found),
        StepStarted(step=1),
    ]
    assert model.requests[0].messages == [UserMessage(text="Weather?"), found]


# --- Tools -----------------------------------------------------------------------------------------


async def test_results_are_recorded_as_they_come_and_sent_in_the_order_of_the_calls() -> None:
    quick_is_recorded = asyncio.Event()

    async def slow(arguments: Mapping[str, object]) -> str:
        await quick_is_recorded.wait()
        return "slow"

    async def quick(arguments: Mapping[str, object]) -> str:
        return "quick"

    calls = [call("c1", "slow"), call("c2", "quick")]
    act, model = scene(
        Say(calls=calls),
        Say(pieces=["Done."]),
        tools=toolset((weather_tool(name="slow"), slow), (weather_tool(name="quick"), quick)),
    )
    recorded: list[str] = []
    async for happening in loop.run(spec(), act.state, act.ports):
        if isinstance(happening, ToolCompleted):
            recorded.append(happening.result.content)
            quick_is_recorded.set()
    assert recorded == ["quick", "slow"]
    sent = [item.content for item in model.requests[1].messages if isinstance(item, ToolResult)]
    assert sent == ["slow", "quick"]


async def test_no_more_calls_are_under_way_at_once_than_the_limit_allows() -> None:
    under_way: list[int] = []
    open_now = 0

    async def counted(arguments: Mapping[str, object]) -> str:
        nonlocal open_now
        open_now += 1
        under_way.append(open_now)
        await asyncio.sleep(0)
        open_now -= 1
        return "ok"

    act, _ = scene(
        Say(calls=[call(f"c{number}") for number in range(7)]),
        Say(pieces=["Done."]),
        tools=toolset((weather_tool(), counted)),
    )
    await act.play(spec(limits=Limits(parallel_calls=3)))
    assert len(under_way) == 7
    assert max(under_way) == 3


@pytest.mark.parametrize(
    ("refused", "reason"),
    [
        (call("bad", "forecast"), "There is no tool 'forecast'. Available tools: weather."),
        (call("bad", arguments='{"city": '), "The arguments are not valid JSON"),
        (call("bad", arguments='["Oslo"]'), "The arguments must be one JSON object."),
        (call("bad", arguments='{"city": 5}'), "'city' must be a text"),
    ],
    ids=["unknown tool", "broken JSON", "no object", "schema"],
)
async def test_a_refused_call_is_answered_beside_the_others_and_never_made(
    refused: object, reason: str
) -> None:
    tools = toolset()
    act, model = scene(Say(calls=[refused, call("good")]), Say(pieces=["Done."]), tools=tools)  # type: ignore[list-item]  # parametrized
    await act.play()
    assert [made.call.id for made in tools.calls] == ["good"]
    announced = [item.call.id for item in act.events if isinstance(item, ToolCalled)]
    assert announced == ["good"]
    answers = [item for item in model.requests[1].messages if isinstance(item, ToolResult)]
    assert [(item.call_id, item.is_error) for item in answers] == [("bad", True), ("good", False)]
    assert reason in answers[0].content


async def test_a_step_whose_calls_are_all_refused_goes_on_with_the_next() -> None:
    act, model = scene(Say(calls=[call(name="nothing")]), Say(pieces=["Sorry."]))
    await act.play()
    assert [type(item).__name__ for item in act.events] == [
        "RunStarted",
        "StepStarted",
        "MessageCompleted",
        "ToolCompleted",
        "StepCompleted",
        "StepStarted",
        "MessageCompleted",
        "StepCompleted",
        "RunCompleted",
    ]
    assert len(model.requests) == 2


async def test_calls_above_the_limit_of_a_step_are_refused() -> None:
    tools = toolset()
    act, _ = scene(
        Say(calls=[call("c1"), call("c2"), call("c3")]), Say(pieces=["Done."]), tools=tools
    )
    await act.play(spec(limits=Limits(max_calls_per_step=2)))
    assert [made.call.id for made in tools.calls] == ["c1", "c2"]
    results = {
        item.result.call_id: item.result for item in act.events if isinstance(item, ToolCompleted)
    }
    assert results["c3"].content == "At most 2 calls are made in one step."


async def test_a_failing_tool_is_an_error_that_the_model_reads() -> None:
    async def broken(arguments: Mapping[str, object]) -> str:
        raise ValueError("The station is down.")

    act, model = scene(
        Say(calls=[call()]), Say(pieces=["No."]), tools=toolset((weather_tool(), broken))
    )
    await act.play()
    assert model.requests[1].messages[-1] == ToolResult(
        call_id="c1", name="weather", content="The station is down.", is_error=True
    )
    assert isinstance(act.events[-1], RunCompleted)


async def test_a_tool_that_ends_the_run_ends_it() -> None:
    class Broken:
        def specs(self) -> Sequence[ToolSpec]:
            return [weather_tool()]

        async def call(self, call: PreparedCall, *, timeout_s: float) -> ToolResult:
            raise EngineError("The toolset is gone.", code="run.toolset_gone")

    act, _ = scene(Say(calls=[call()]), tools=Broken())
    await act.play()
    assert act.events[-1] == RunFailed(
        code="run.toolset_gone", detail="The toolset is gone.", fault="ours", usage=USAGE
    )


async def test_a_long_result_is_cut_before_the_model_reads_it() -> None:
    async def chatty(arguments: Mapping[str, object]) -> str:
        return "x" * 500

    act, model = scene(
        Say(calls=[call()]), Say(pieces=["Ok."]), tools=toolset((weather_tool(), chatty))
    )
    await act.play(spec(limits=Limits(max_result_bytes=100)))
    result = model.requests[1].messages[-1]
    assert isinstance(result, ToolResult)
    assert result.content == "x" * 100 + "\n[cut: 500 bytes, 100 kept]"


async def test_the_first_tool_is_forced_in_the_first_step_and_withdrawn_afterwards() -> None:
    act, model = scene(
        Say(calls=[call()]),
        Say(calls=[call("c2", "other")]),
        Say(pieces=["Done."]),
        tools=toolset((weather_tool(), sunny), (weather_tool(name="other"), sunny)),
    )
    await act.play(spec(first_tool="weather"))
    offered = [
        (request.tool_choice, [tool.name for tool in request.tools]) for request in model.requests
    ]
    assert offered == [
        ("weather", ["weather", "other"]),
        ("auto", ["other"]),
        ("auto", ["other"]),
    ]


async def test_a_first_tool_that_is_not_offered_is_not_forced() -> None:
    act, model = scene(Say(pieces=["Hi."]), tools=toolset())
    await act.play(spec(first_tool="absent"))
    assert model.requests[0].tool_choice == "auto"
