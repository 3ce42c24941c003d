"""How a run ends before its answer: limits, errors, a cancel, another worker."""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence

import pytest
from typing_extensions import override

from agents_app.engine import loop
from agents_app.engine.errors import (
    EngineError,
    ProviderRateLimited,
    ProviderRefused,
    Superseded,
)
from agents_app.engine.events import (
    Checkpoint,
    Event,
    RunCancelled,
    RunCompleted,
    RunFailed,
    RunStarted,
    StepStarted,
    TextDelta,
)
from agents_app.engine.limits import Limits, Usage
from agents_app.engine.llm.scripted import Say
from agents_app.engine.memory import MemoryJournal
from agents_app.engine.messages import (
    AssistantMessage,
    ToolResult,
)
from agents_app.engine.ports import ModelChunk, PreparedCall, TextChunk
from agents_app.engine.spec import ModelRequest, ToolSpec
from agents_app.engine.state import RunState
from tests.agents_app.engine.scenes import (
    USAGE,
    Scene,
    call,
    scene,
    spec,
    toolset,
    weather_tool,
)

# --- Limits ----------------------------------------------------------------------------------------


async def test_the_step_limit_ends_the_run_after_the_results_are_recorded() -> None:
    act, model = scene(Say(calls=[call()]), tools=toolset())
    await act.play(spec(limits=Limits(max_steps=1)))
    assert len(model.requests) == 1
    assert [item.type for item in act.events[-3:]] == [
        "tool.completed",
        "step.completed",
        "run.failed",
    ]
    failed = act.events[-1]
    assert isinstance(failed, RunFailed)
    assert (failed.code, failed.fault) == ("run.step_limit", "model")
    assert "took 1 steps" in failed.detail


class _SlowModel:
    """Says one piece after another while its scene's clock runs on."""

    def __init__(self, *, seconds_per_piece: float, pieces: int) -> None:
        self.scene: Scene | None = None
        self.seconds_per_piece = seconds_per_piece
        self.pieces = pieces
        self.is_closed = False

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelChunk, None]:
        assert self.scene is not None
        try:
            for _ in range(self.pieces):
                self.scene.now += self.seconds_per_piece
                yield TextChunk("word ")
        finally:
            self.is_closed = True


async def test_a_deadline_that_passes_while_the_model_answers_ends_the_run() -> None:
    model = _SlowModel(seconds_per_piece=4, pieces=10)
    act = Scene(model=model)
    model.scene = act
    happenings = await act.play(spec(deadline=10.0))
    assert happenings[2:4] == [
        TextDelta(step=1, offset=0, text="word "),
        TextDelta(step=1, offset=5, text="word "),
    ]
    failed = happenings[4]
    assert isinstance(failed, RunFailed)
    assert (failed.code, failed.fault) == ("run.deadline_passed", "caller")
    assert model.is_closed


async def test_a_deadline_that_passed_during_a_tool_call_asks_the_model_no_more() -> None:
    act, model = scene(Say(calls=[call()]), Say(pieces=["Late."]))

    async def slow(arguments: Mapping[str, object]) -> str:
        act.now = 60.0
        return "late"

    act.tools = toolset((weather_tool(), slow))
    await act.play(spec(deadline=10.0))
    failed = act.events[-1]
    assert isinstance(failed, RunFailed)
    assert failed.code == "run.deadline_passed"
    assert len(model.requests) == 1


async def test_a_tool_call_gets_no_more_time_than_the_run_has_left() -> None:
    timeouts: list[float] = []

    class Timed:
        def specs(self) -> Sequence[ToolSpec]:
            return [weather_tool()]

        async def call(self, call: PreparedCall, *, timeout_s: float) -> ToolResult:
            timeouts.append(timeout_s)
            return ToolResult(call_id=call.call.id, name=call.spec.name, content="ok")

    act, _ = scene(Say(calls=[call()]), Say(pieces=["Ok."]), tools=Timed(), now=8.0)
    await act.play(spec(deadline=10.0))
    assert timeouts == [2.0]


# --- Errors of the model ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "code", "fault"),
    [
        (ProviderRefused("No such model."), "model.refused_request", "caller"),
        (ProviderRateLimited("Slow down.", retry_after_s=3), "model.rate_limited", "provider"),
        (ProviderRefused("Bad key.", code="model.key_refused"), "model.key_refused", "caller"),
    ],
    ids=lambda value: str(value),
)
async def test_an_error_of_the_model_ends_the_run_with_its_code_and_fault(
    error: EngineError, code: str, fault: str
) -> None:
    act, _ = scene(Say(pieces=["Half an"], error=error))
    await act.play()
    assert act.events == [
        RunStarted(model="m"),
        StepStarted(step=1),
        RunFailed(code=code, detail=error.detail, fault=fault, usage=Usage()),
    ]
    assert act.journal.events == act.events


async def test_a_stream_without_an_answer_is_broken() -> None:
    act = Scene(model=_SlowModel(seconds_per_piece=0, pieces=1))
    assert isinstance(act.model, _SlowModel)
    act.model.scene = act
    await act.play()
    failed = act.events[-1]
    assert isinstance(failed, RunFailed)
    assert (failed.code, failed.fault) == ("model.stream_broken", "provider")


async def test_an_error_of_ours_is_left_to_the_caller() -> None:
    act, _ = scene()
    with pytest.raises(AssertionError, match="more often than its script says"):
        await act.play()
    assert [event.type for event in act.journal.events] == ["run.started", "step.started"]


async def test_usage_of_earlier_steps_is_reported_by_a_run_that_fails() -> None:
    act, _ = scene(
        Say(calls=[call()]), Say(error=ProviderRateLimited("Slow down.")), tools=toolset()
    )
    await act.play()
    assert isinstance(act.events[-1], RunFailed)
    assert act.events[-1].usage == USAGE


# --- Cancel and take-over --------------------------------------------------------------------------


class _CountingJournal(MemoryJournal):
    """Does something right before its n-th append."""

    def __init__(self, *, at: int, action: str) -> None:
        super().__init__()
        self._left = at
        self._action = action

    @override
    async def append(self, events: Sequence[Event], *, checkpoint: Checkpoint | None = None) -> int:
        self._left -= 1
        if self._left == 0:
            getattr(self, self._action)()
        return await super().append(events, checkpoint=checkpoint)


@pytest.mark.parametrize(
    ("at", "types"),
    [
        (1, ["run.started", "step.started", "run.cancelled"]),
        (2, ["run.started", "step.started", "message.completed", "tool.called", "run.cancelled"]),
        (
            3,
            [
                "run.started",
                "step.started",
                "message.completed",
                "tool.called",
                "tool.completed",
                "step.completed",
                "step.started",
                "run.cancelled",
            ],
        ),
    ],
    ids=["at the start", "before the tool", "before the second step"],
)
async def test_a_cancel_seen_at_an_append_ends_the_run_before_anything_else_begins(
    at: int, types: list[str]
) -> None:
    tools = toolset()
    journal = _CountingJournal(at=at, action="request_cancel")
    act, model = scene(
        Say(calls=[call()]), Say(pieces=["Never said."]), tools=tools, journal=journal
    )
    await act.play()
    assert [event.type for event in act.events] == types
    assert journal.events == act.events
    assert len(tools.calls) == (1 if at == 3 else 0)
    assert len(model.requests) == (0 if at == 1 else 1)


async def test_a_cancel_seen_with_the_final_answer_comes_too_late() -> None:
    act, _ = scene(Say(pieces=["Done."]), journal=_CountingJournal(at=2, action="request_cancel"))
    await act.play()
    assert isinstance(act.events[-1], RunCompleted)


async def test_a_cancel_stops_the_other_calls_of_the_step_before_it_is_recorded() -> None:
    began, stopped = asyncio.Event(), asyncio.Event()

    async def endless(arguments: Mapping[str, object]) -> str:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()
        return "never"

    async def quick(arguments: Mapping[str, object]) -> str:
        await began.wait()
        return "quick"

    journal = _CountingJournal(at=3, action="request_cancel")
    act, _ = scene(
        Say(calls=[call("c1", "endless"), call("c2", "quick")]),
        tools=toolset((weather_tool(name="endless"), endless), (weather_tool(name="quick"), quick)),
        journal=journal,
    )
    was_stopped: list[bool] = []
    async for happening in loop.run(spec(), act.state, act.ports):
        if isinstance(happening, RunCancelled):
            was_stopped.append(stopped.is_set())
    assert was_stopped == [True]


async def test_a_superseded_worker_stops_and_writes_nothing_more() -> None:
    journal = _CountingJournal(at=2, action="take_over")
    tools = toolset()
    act, _ = scene(Say(calls=[call()]), tools=tools, journal=journal)
    with pytest.raises(Superseded):
        await act.play()
    assert [event.type for event in journal.events] == ["run.started", "step.started"]
    assert not tools.calls


async def test_stopping_the_task_closes_the_model_stream_and_keeps_the_text_so_far() -> None:
    closed = asyncio.Event()
    spoke = asyncio.Event()

    class Endless:
        async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelChunk, None]:
            try:
                yield TextChunk("Once upon")
                spoke.set()
                await asyncio.Event().wait()
            finally:
                closed.set()

    act = Scene(model=Endless())
    task = asyncio.ensure_future(act.play())
    await spoke.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert closed.is_set()
    assert loop.cancelled_event(act.state) == RunCancelled(
        step=1, message=AssistantMessage(text="Once upon", is_partial=True), usage=Usage()
    )


def test_a_cancel_before_any_text_keeps_no_message() -> None:
    assert loop.cancelled_event(RunState(step=2, usage=USAGE)) == RunCancelled(
        step=2, message=None, usage=USAGE
    )
