from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from agents_app.engine.history import NOT_COMPLETED, close_open_calls, in_call_order
from agents_app.engine.messages import (
    AssistantMessage,
    ContextMessage,
    Message,
    ToolResult,
    UserMessage,
)
from tests.agents_app.engine.scenes import answer, call, passage


def result(id: str, content: str = "ok") -> ToolResult:
    return ToolResult(call_id=id, name="weather", content=content)


def not_completed(id: str) -> ToolResult:
    return ToolResult(call_id=id, name="weather", content=NOT_COMPLETED, is_error=True)


IDS = st.sampled_from(["a", "b", "c"])
MESSAGES: st.SearchStrategy[list[Message]] = st.lists(
    st.one_of(
        st.just(UserMessage(text="Hi")),
        st.just(ContextMessage(passages=(passage(),))),
        st.lists(IDS, unique=True, max_size=3).map(
            lambda ids: answer("Hm", *[call(id) for id in ids])
        ),
        IDS.map(result),
    ),
    max_size=12,
)


def faults(messages: Sequence[Message]) -> list[str]:
    """Return where a provider would refuse the conversation."""
    found: list[str] = []
    expected: list[str] = []
    for message in messages:
        if isinstance(message, ToolResult):
            if not expected or expected.pop(0) != message.call_id:
                found.append(f"result {message.call_id} without its call, or out of order")
            continue
        found += [f"call {id} without a result" for id in expected]
        expected = (
            [item.id for item in message.calls] if isinstance(message, AssistantMessage) else []
        )
    return found + [f"call {id} without a result" for id in expected]


@given(MESSAGES)
def test_a_closed_conversation_has_one_result_per_call_and_no_orphan(
    messages: list[Message],
) -> None:
    assert faults(close_open_calls(messages)) == []


@given(MESSAGES)
def test_closing_keeps_everything_that_is_no_result(messages: list[Message]) -> None:
    def others(items: Sequence[Message]) -> list[Message]:
        return [item for item in items if not isinstance(item, ToolResult)]

    assert others(close_open_calls(messages)) == others(messages)


@given(MESSAGES)
def test_closing_twice_is_closing_once(messages: list[Message]) -> None:
    closed = close_open_calls(messages)
    assert close_open_calls(closed) == closed


@given(MESSAGES)
def test_call_order_loses_and_adds_nothing(messages: list[Message]) -> None:
    ordered = in_call_order(messages)
    assert sorted(map(repr, ordered)) == sorted(map(repr, messages))


def test_results_stand_in_the_order_of_the_calls() -> None:
    said = answer("", call("a"), call("b"), call("c"))
    messages: list[Message] = [
        said,
        result("c"),
        result("a"),
        result("b"),
        UserMessage(text="Next"),
    ]
    assert in_call_order(messages) == [
        said,
        result("a"),
        result("b"),
        result("c"),
        UserMessage(text="Next"),
    ]


def test_each_answer_orders_its_own_results() -> None:
    first, second = answer("", call("a"), call("b")), answer("", call("b"), call("a"))
    messages: list[Message] = [first, result("b"), result("a"), second, result("a"), result("b")]
    assert in_call_order(messages) == [
        first,
        result("a"),
        result("b"),
        second,
        result("b"),
        result("a"),
    ]


def test_a_call_that_was_cut_gets_a_result_that_says_so() -> None:
    said = answer("", call("a"), call("b"))
    assert close_open_calls([said, result("b"), UserMessage(text="Next")]) == [
        said,
        not_completed("a"),
        result("b"),
        UserMessage(text="Next"),
    ]


def test_a_result_that_comes_too_late_or_twice_is_left_out() -> None:
    said = answer("", call("a"))
    assert close_open_calls(
        [
            result("a"),
            said,
            result("a", "first"),
            result("a", "second"),
            UserMessage(text="N"),
            result("a"),
        ]
    ) == [said, result("a", "first"), UserMessage(text="N")]
