"""What every toolset promises, checked over the in-memory twin and the real one."""

import asyncio
import time
from collections.abc import Mapping

import pytest

from agents_app.engine.memory import MemoryToolset
from agents_app.engine.messages import ToolCall
from agents_app.engine.ports import PreparedCall, Toolset
from agents_app.engine.spec import ToolSpec
from agents_app.runtime.toolset import RunToolset
from config.common.uuid7 import uuid7
from tests.agents_app.factories import make_calculator
from tests.factories import make_user
from tools_app.models import ToolVersion
from tools_app.runtime.definitions import load_definitions

pytestmark = pytest.mark.django_db(transaction=True)


async def calculate(arguments: Mapping[str, object]) -> str:
    """Do what the registered calculator does, for one sum and one that it refuses."""
    await asyncio.sleep(0)
    if arguments["expression"] == "1 + 1":
        return "2"
    raise ValueError("'!' is not arithmetic.")


def twin() -> Toolset:
    return MemoryToolset([(ToolSpec(name="calculator", description="", parameters={}), calculate)])


def stored() -> Toolset:
    make_calculator(make_user())
    definitions = load_definitions([ToolVersion.objects.get().pk])
    return RunToolset(definitions, knowledge=None, run_id=uuid7(), user_id=1)


@pytest.fixture(params=[twin, stored], ids=["twin", "stored"])
def toolset(request: pytest.FixtureRequest) -> Toolset:
    made: Toolset = request.param()
    return made


def prepared(toolset: Toolset, expression: str) -> PreparedCall:
    (spec,) = toolset.specs()
    return PreparedCall(
        call=ToolCall(id="call-1", name=spec.name, arguments="{}"),
        spec=spec,
        arguments={"expression": expression},
        idempotency_key="run:1:call-1",
    )


def test_a_call_gives_a_result_that_names_it(toolset: Toolset) -> None:
    result = asyncio.run(toolset.call(prepared(toolset, "1 + 1"), timeout_s=5))
    assert (result.call_id, result.name, result.content, result.is_error) == (
        "call-1",
        "calculator",
        "2",
        False,
    )


def test_what_the_tool_refuses_is_a_result_that_the_model_reads(toolset: Toolset) -> None:
    result = asyncio.run(toolset.call(prepared(toolset, "!"), timeout_s=5))
    assert result.is_error
    assert "!" in result.content


def test_a_time_limit_is_a_result_too(toolset: Toolset) -> None:
    started = time.monotonic()
    result = asyncio.run(toolset.call(prepared(toolset, "1 + 1"), timeout_s=0))
    assert result.is_error
    assert "time" in result.content
    assert time.monotonic() - started < 5
