import json

import pytest

from agents_app.engine.errors import CheckpointUnreadable
from agents_app.engine.limits import Usage
from agents_app.engine.messages import Message, ToolResult, UserMessage
from agents_app.engine.state import SCHEMA, RunState, restore
from tests.agents_app.engine.scenes import answer, call

USAGE = Usage(input_tokens=5, cached_tokens=4, output_tokens=3, reasoning_tokens=2, model_calls=1)


def result(id: str) -> ToolResult:
    return ToolResult(call_id=id, name="weather", content="ok")


def test_a_checkpoint_holds_the_position_and_no_messages() -> None:
    state = RunState(
        phase="tools",
        step=2,
        messages=[answer("Hm", call())],
        called={"c2", "c1"},
        usage=USAGE,
        streamed=["half"],
    )
    assert state.checkpoint() == {
        "schema": SCHEMA,
        "phase": "tools",
        "step": 2,
        "called": ["c1", "c2"],
        "usage": {
            "input_tokens": 5,
            "cached_tokens": 4,
            "output_tokens": 3,
            "reasoning_tokens": 2,
            "model_calls": 1,
        },
    }


def test_a_state_comes_back_from_its_checkpoint_and_messages() -> None:
    messages: list[Message] = [answer("Hm", call())]
    state = RunState(phase="tools", step=2, messages=messages, called={"c1"}, usage=USAGE)
    assert restore(json.loads(json.dumps(state.checkpoint())), messages) == state


@pytest.mark.parametrize("checkpoint", [None, {}], ids=["none", "empty"])
def test_without_a_checkpoint_a_run_is_new(checkpoint: dict[str, object] | None) -> None:
    assert restore(checkpoint, [answer("left over")]) == RunState()


@pytest.mark.parametrize("schema", [SCHEMA + 1, None, "1"], ids=str)
def test_a_checkpoint_of_another_schema_is_refused(schema: object) -> None:
    with pytest.raises(CheckpointUnreadable, match=f"schema {schema!r}.*reads {SCHEMA}"):
        restore({**RunState().checkpoint(), "schema": schema}, [])


@pytest.mark.parametrize(
    ("messages", "pending"),
    [
        ([], []),
        ([UserMessage(text="Hi")], []),
        ([answer("Hi")], []),
        ([answer("", call("a"), call("b"), call("c")), result("b")], ["a", "c"]),
        ([answer("", call("a")), result("a"), answer("", call("a"))], ["a"]),
        ([answer("", call("a")), answer("done")], []),
    ],
    ids=["nothing", "user", "text", "some open", "same id again", "newest counts"],
)
def test_pending_calls_are_those_of_the_newest_answer_without_result(
    messages: list[Message], pending: list[str]
) -> None:
    assert [item.id for item in RunState(messages=messages).pending_calls()] == pending


def test_usage_adds_up_field_by_field() -> None:
    assert USAGE.plus(USAGE) == Usage(
        input_tokens=10, cached_tokens=8, output_tokens=6, reasoning_tokens=4, model_calls=2
    )
