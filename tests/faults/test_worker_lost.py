"""A worker is killed in the middle of a run on real processes; another one finishes it."""

import json
import signal
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.live import LiveProduct, running_product

pytestmark = [pytest.mark.processes, pytest.mark.timeout(180)]

TOOL_THEN_TEXT = "fake-run:60:30"
RECOVERY_S = 10.0


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveProduct]:
    with running_product(tmp_path_factory.mktemp("live")) as live:
        yield live


def make_agent(product: LiveProduct) -> str:
    api = product.api
    template = api("POST", "templates/", {"name": "plain", "body": "Be kind."})
    version = api("POST", f"templates/{template['id']}/publish/", {})
    provider = api("GET", "model-providers/")["results"][0]
    tool = api(
        "POST",
        "tools/",
        {"name": "calculator", "kind": "function", "config": {"function": "calculator"}},
    )
    agent = api(
        "POST",
        "agents/",
        {
            "name": "patient",
            "instructions": version["id"],
            "provider": provider["id"],
            "model": TOOL_THEN_TEXT,
            "tools": [tool["id"]],
        },
    )
    api("POST", f"agents/{agent['id']}/publish/", {})
    return str(agent["id"])


def wait_for(product: LiveProduct, run_id: str, *types: str, within_s: float) -> list[Any]:
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        events: list[Any] = product.api("GET", f"runs/{run_id}/events/")
        if {event["type"] for event in events} & set(types):
            return events
        time.sleep(0.1)
    pytest.fail(f"{types} did not happen within {within_s} s.\n{product.last_words()}")


def test_a_killed_worker_loses_and_doubles_nothing(product: LiveProduct) -> None:
    agent = make_agent(product)
    run = product.api("POST", f"agents/{agent}/runs/", {"input": "Add one and one."})
    wait_for(product, run["id"], "tool.completed", within_s=20)
    time.sleep(0.3)  # into the stream of the second answer

    product.processes["worker"].send_signal(signal.SIGKILL)
    product.processes["worker"].wait()
    product.start_worker("second worker")
    events = wait_for(product, run["id"], "step.restarted", within_s=RECOVERY_S)
    events = wait_for(product, run["id"], "run.completed", "run.failed", within_s=20)

    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert [event["type"] for event in events] == [
        "run.queued",
        "run.started",
        "step.started",
        "message.completed",
        "tool.called",
        "tool.completed",
        "step.completed",
        "step.started",
        "step.restarted",
        "message.completed",
        "step.completed",
        "run.completed",
    ]
    messages = product.api("GET", f"sessions/{run['session']}/messages/")["results"]
    assert [message["kind"] for message in messages] == [
        "user",
        "assistant",
        "tool_result",
        "assistant",
    ]
    shown = product.api("GET", f"runs/{run['id']}/")
    assert (shown["status"], shown["attempt"]) == ("completed", 2)
    assert shown["output"] == messages[-1]["content"]["text"]
    asked = json.dumps(product.fake.requests(model=TOOL_THEN_TEXT)[-1]["body"])
    assert asked.count('"function_call_output"') == 1
