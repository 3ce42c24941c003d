import json
import re
from pathlib import Path

import pytest

from agents_app.engine import events
from agents_app.engine.limits import Usage
from agents_app.engine.messages import ContextMessage, ToolResult
from tests.agents_app.engine.scenes import answer, call, passage

EXAMPLES: list[events.Event] = [
    events.RunQueued(agent_id="a1", agent="default/support", version=3, input="Hi"),
    events.RunStarted(model="m"),
    events.StepStarted(step=1),
    events.StepRestarted(step=1, reason="worker_lost"),
    events.ContextRetrieved(message=ContextMessage(passages=(passage(),))),
    events.MessageCompleted(step=1, message=answer("Hi", call()), usage=Usage(model_calls=1)),
    events.ToolCalled(step=1, call=call(), effect="read", idempotency_key="r:1:c1"),
    events.ToolCompleted(
        step=1,
        result=ToolResult(call_id="c1", name="weather", content="ok", passages=(passage(),)),
        duration_ms=3,
    ),
    events.StepCompleted(step=1, next="again"),
    events.RunWaiting(reason="tool.outcome_unknown", detail="Say.", call_ids=("c1",)),
    events.RunCompleted(output="Hi", steps=1, usage=Usage()),
    events.RunFailed(code="run.step_limit", detail="Too many.", fault="model", usage=Usage()),
    events.RunCancelled(step=1, message=answer("Ha"), usage=Usage()),
    events.RunCancelled(step=1, message=None, usage=Usage()),
]


TYPES = [event.type for event in events.ALL_EVENTS]


def test_there_is_an_example_of_every_event() -> None:
    assert {type(example) for example in EXAMPLES} == set(events.ALL_EVENTS)


def test_types_are_unique_and_read_as_noun_and_past_verb() -> None:
    assert len(set(TYPES)) == len(TYPES)
    assert [name for name in TYPES if not re.fullmatch(r"[a-z]+\.[a-z]+", name)] == []


def test_every_event_class_is_listed() -> None:
    classes = {
        value
        for value in vars(events).values()
        if isinstance(value, type) and issubclass(value, events.Event)
    }
    assert classes - {events.Event} == set(events.ALL_EVENTS)


@pytest.mark.parametrize("event", EXAMPLES, ids=lambda event: event.type)
def test_a_payload_is_a_json_object_that_says_what_the_event_says(event: events.Event) -> None:
    payload = event.payload()
    assert json.loads(json.dumps(payload)) == payload


def test_the_terminal_types_end_a_run() -> None:
    assert {
        events.RunCompleted.type,
        events.RunFailed.type,
        events.RunCancelled.type,
    } == events.TERMINAL_TYPES


def test_payloads_name_what_readers_rely_on() -> None:
    fields = {event.type: sorted(event.payload()) for event in EXAMPLES}
    assert fields == {
        "run.queued": ["agent", "agent_id", "input", "version"],
        "run.started": ["model"],
        "step.started": ["step"],
        "step.restarted": ["reason", "step"],
        "context.retrieved": ["passages"],
        "message.completed": ["message", "step", "usage"],
        "tool.called": ["arguments", "call_id", "effect", "idempotency_key", "name", "step"],
        "tool.completed": ["duration_ms", "result", "step"],
        "step.completed": ["next", "step"],
        "run.waiting": ["call_ids", "detail", "reason"],
        "run.completed": ["output", "steps", "usage"],
        "run.failed": ["code", "detail", "fault", "usage"],
        "run.cancelled": ["message", "step", "usage"],
    }


def catalogue() -> dict[str, list[str]]:
    """Return the fields that docs/events.md describes for each type of event."""
    text = (Path(__file__).parents[3] / "docs" / "events.md").read_text(encoding="utf-8")
    sections = re.split(r"^### ", text, flags=re.MULTILINE)[1:]
    return {
        section.partition("\n")[0].strip("`"): re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)
        for section in sections
    }


def test_the_catalogue_for_readers_has_every_event_and_no_other() -> None:
    assert {name for name in catalogue() if re.fullmatch(r"[a-z]+\.[a-z]+", name)} == set(TYPES)


@pytest.mark.parametrize("event", EXAMPLES, ids=lambda event: event.type)
def test_the_catalogue_describes_every_field_of_a_payload(event: events.Event) -> None:
    assert set(event.payload()) - set(catalogue()[event.type]) == set()
