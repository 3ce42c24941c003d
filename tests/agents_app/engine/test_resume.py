"""A worker is lost after any append; another goes on, and nothing is lost or doubled."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typing_extensions import override

from agents_app.engine.events import (
    Checkpoint,
    ContextRetrieved,
    Event,
    MessageCompleted,
    RunCompleted,
    RunWaiting,
    StepRestarted,
    ToolCompleted,
)
from agents_app.engine.history import in_call_order
from agents_app.engine.llm.scripted import Say, ScriptedModel
from agents_app.engine.memory import MemoryContext, MemoryJournal, MemoryToolset
from agents_app.engine.messages import Message, ToolCall
from agents_app.engine.spec import RunSpec
from agents_app.engine.state import restore
from tests.agents_app.engine.scenes import Scene, call, passage, spec, sunny, weather_tool


class Killed(BaseException):
    """The worker's process is gone; no code of its own runs any more."""


class MortalJournal(MemoryJournal):
    """Goes on with the events of an earlier worker and kills its own after some appends."""

    def __init__(self, inherited: Sequence[Event], *, lives: int) -> None:
        super().__init__()
        self.events.extend(inherited)
        self._lives = lives

    @override
    async def append(self, events: Sequence[Event], *, checkpoint: Checkpoint | None = None) -> int:
        if self._lives == 0:
            raise Killed
        self._lives -= 1
        return await super().append(events, checkpoint=checkpoint)


@dataclass
class Story:
    """A run over several workers, each of which lives for some appends."""

    script: Sequence[Say]
    tools: MemoryToolset
    run_spec: RunSpec = field(default_factory=spec)
    context: MemoryContext = field(default_factory=MemoryContext)
    events: list[Event] = field(default_factory=list)
    checkpoint: Checkpoint | None = None
    requests: list[object] = field(default_factory=list)

    @property
    def is_over(self) -> bool:
        return bool(self.events) and isinstance(self.events[-1], RunCompleted)

    async def work(self, *, lives: int) -> None:
        """Let one worker carry the run on from the record until it ends or is killed.

        A run that is over is not claimed again.
        """
        if self.is_over:
            return
        answers = sum(isinstance(event, MessageCompleted) for event in self.events)
        model = ScriptedModel(self.script[answers:])
        journal = MortalJournal(self.events, lives=lives)
        worker = Scene(
            model=model,
            tools=self.tools,
            journal=journal,
            context=self.context,
            state=restore(self.checkpoint, conversation(self.events)),
        )
        try:
            await worker.play(self.run_spec)
        except Killed:
            pass
        finally:
            self.events = list(journal.events)
            self.checkpoint = journal.checkpoint or self.checkpoint
            self.requests.extend(model.requests)


def conversation(events: Sequence[Event]) -> list[Message]:
    """Return the messages that events add, as the session keeps them."""
    kept: list[Message] = []
    for event in events:
        if isinstance(event, (MessageCompleted, ContextRetrieved)):
            kept.append(event.message)
        elif isinstance(event, ToolCompleted):
            kept.append(event.result)
    return kept


def without_restarts(events: Sequence[Event]) -> list[str]:
    return [event.type for event in events if not isinstance(event, StepRestarted)]


def calls(*names: str) -> list[ToolCall]:
    return [call(f"{name}-{index}", name) for index, name in enumerate(names)]


SCRIPTS: dict[str, Sequence[Say]] = {
    "text": [Say(pieces=["Sunny."])],
    "one tool": [Say(pieces=["Hm."], calls=calls("weather")), Say(pieces=["Sunny."])],
    "parallel tools, one refused": [
        Say(calls=calls("weather", "nothing", "tide")),
        Say(calls=calls("tide")),
        Say(pieces=["Sunny, ", "high tide."]),
    ],
    "all refused": [Say(calls=calls("nothing")), Say(pieces=["Sorry."])],
}


APPENDS = {"text": 2, "one tool": 4, "parallel tools, one refused": 7, "all refused": 4}
"""How often each script's run is recorded when nothing disturbs it."""


def tools() -> MemoryToolset:
    async def tide(arguments: Mapping[str, object]) -> str:
        for _ in range(5):  # the other result of the step is recorded before this one
            await asyncio.sleep(0)
        return "High"

    return MemoryToolset(
        [(weather_tool(), sunny), (weather_tool(name="tide", effect="idempotent"), tide)]
    )


def story(name: str, *, context_tokens: int = 0) -> Story:
    return Story(
        script=SCRIPTS[name],
        tools=tools(),
        run_spec=spec(context_tokens=context_tokens),
        context=MemoryContext([passage()]),
    )


async def undisturbed(name: str, *, context_tokens: int = 0) -> Story:
    whole = story(name, context_tokens=context_tokens)
    await whole.work(lives=1000)
    assert isinstance(whole.events[-1], RunCompleted)
    return whole


@pytest.mark.parametrize(
    ("name", "lives"), [(name, lives) for name in SCRIPTS for lives in range(APPENDS[name])]
)
async def test_a_run_whose_worker_is_lost_after_any_append_ends_as_if_nothing_had_happened(
    name: str, lives: int
) -> None:
    expected = await undisturbed(name, context_tokens=100)
    disturbed = story(name, context_tokens=100)
    await disturbed.work(lives=lives)
    assert not disturbed.is_over
    await disturbed.work(lives=1000)
    assert in_call_order(conversation(disturbed.events)) == in_call_order(
        conversation(expected.events)
    )
    assert disturbed.events[-1] == expected.events[-1]
    assert without_restarts(disturbed.events) == without_restarts(expected.events)
    assert disturbed.requests[-1] == expected.requests[-1]


@settings(max_examples=60, deadline=None)
@given(
    name=st.sampled_from(sorted(SCRIPTS)),
    lives=st.lists(st.integers(min_value=0, max_value=4), max_size=6),
)
def test_any_number_of_lost_workers_changes_nothing(name: str, lives: list[int]) -> None:
    async def compare() -> tuple[Story, Story]:
        disturbed = story(name)
        for lived in [*lives, 1000]:
            await disturbed.work(lives=lived)
        return disturbed, await undisturbed(name)

    disturbed, expected = asyncio.run(compare())
    assert in_call_order(conversation(disturbed.events)) == in_call_order(
        conversation(expected.events)
    )
    assert without_restarts(disturbed.events) == without_restarts(expected.events)


@pytest.mark.parametrize("name", SCRIPTS)
async def test_an_undisturbed_run_is_recorded_as_often_as_expected(name: str) -> None:
    cut = story(name)
    await cut.work(lives=APPENDS[name] - 1)
    assert not cut.is_over
    whole = story(name)
    await whole.work(lives=APPENDS[name])
    assert whole.is_over


async def test_a_step_that_was_cut_is_announced_as_restarted() -> None:
    cut = story("text")
    await cut.work(lives=1)
    await cut.work(lives=1000)
    assert [event.type for event in cut.events] == [
        "run.started",
        "step.started",
        "step.restarted",
        "message.completed",
        "step.completed",
        "run.completed",
    ]
    assert cut.events[2] == StepRestarted(step=1, reason="worker_lost")


async def test_a_repeatable_call_with_unknown_outcome_is_made_again_with_the_same_key() -> None:
    cut = story("one tool")
    await cut.work(lives=2)  # the result was not recorded
    await cut.work(lives=1000)
    assert [made.idempotency_key for made in cut.tools.calls] == [
        "r1:1:weather-0",
        "r1:1:weather-0",
    ]


async def test_a_recorded_result_is_not_fetched_again() -> None:
    cut = story("one tool")
    await cut.work(lives=3)
    await cut.work(lives=1000)
    assert len(cut.tools.calls) == 1


@pytest.mark.parametrize("effect", ["write", "irreversible"])
async def test_a_call_that_may_not_be_repeated_makes_the_run_wait_for_a_person(effect: str) -> None:
    send = MemoryToolset([(weather_tool(name="send", effect=effect), sunny)])  # type: ignore[arg-type]  # parametrized
    cut = Story(script=[Say(calls=calls("send")), Say(pieces=["Sent."])], tools=send)
    await cut.work(lives=2)
    await cut.work(lives=1000)
    waiting = cut.events[-1]
    assert isinstance(waiting, RunWaiting)
    assert waiting.reason == "tool.outcome_unknown"
    assert list(waiting.call_ids) == ["send-0"]
    assert "send" in waiting.detail
    assert len(send.calls) == 1


async def test_a_call_that_had_not_been_announced_is_made_whatever_its_effect() -> None:
    send = MemoryToolset([(weather_tool(name="send", effect="irreversible"), sunny)])
    cut = Story(script=[Say(calls=calls("send")), Say(pieces=["Sent."])], tools=send)
    await cut.work(lives=1)  # the model's answer was not recorded
    await cut.work(lives=1000)
    assert isinstance(cut.events[-1], RunCompleted)
    assert len(send.calls) == 1


async def test_the_first_tool_is_forced_again_when_the_first_step_is_repeated() -> None:
    cut = story("one tool")
    cut.run_spec = spec(first_tool="weather")
    await cut.work(lives=1)
    await cut.work(lives=1000)
    choices = [request.tool_choice for request in cut.requests]  # type: ignore[attr-defined]  # requests of the model
    assert choices == ["weather", "weather", "auto"]
