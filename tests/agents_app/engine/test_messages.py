import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents_app.engine.messages import (
    KINDS,
    AssistantMessage,
    ContextMessage,
    Message,
    Passage,
    ToolCall,
    ToolResult,
    UserMessage,
    decode_message,
    encode_message,
)

TEXT = st.text(max_size=20)
PASSAGES = st.lists(
    st.builds(
        Passage,
        chunk_id=TEXT,
        document_id=TEXT,
        title=TEXT,
        heading=TEXT,
        text=TEXT,
        start=st.integers(0, 10**6),
        end=st.integers(0, 10**6),
        score=st.floats(0, 1),
    ),
    max_size=2,
).map(tuple)
CALLS = st.lists(st.builds(ToolCall, id=TEXT, name=TEXT, arguments=TEXT), max_size=3).map(tuple)
MESSAGES: st.SearchStrategy[Message] = st.one_of(
    st.builds(UserMessage, text=TEXT),
    st.builds(
        AssistantMessage,
        text=TEXT,
        calls=CALLS,
        reasoning=TEXT,
        finish=st.sampled_from(["stop", "tool_calls"]),
        model=TEXT,
        response_id=TEXT,
        is_partial=st.booleans(),
    ),
    st.builds(
        ToolResult,
        call_id=TEXT,
        name=TEXT,
        content=TEXT,
        is_error=st.booleans(),
        passages=PASSAGES,
    ),
    st.builds(ContextMessage, passages=PASSAGES),
)


@given(MESSAGES)
def test_every_message_comes_back_from_its_json_form(message: Message) -> None:
    assert decode_message(json.loads(json.dumps(encode_message(message)))) == message


@given(MESSAGES)
def test_the_json_form_names_the_kind(message: Message) -> None:
    assert encode_message(message)["kind"] == KINDS[type(message)]


@pytest.mark.parametrize("content", [{}, {"kind": "note"}, {"kind": None, "text": "x"}], ids=str)
def test_an_unknown_kind_is_refused(content: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="Unknown kind of message"):
        decode_message(content)


def test_an_unknown_field_is_refused() -> None:
    with pytest.raises(TypeError, match="colour"):
        decode_message({"kind": "user", "text": "x", "colour": "red"})
