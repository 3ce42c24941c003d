import json
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from config.environment import BASE_DIR
from config.launcher.model_server import MODEL_NAME
from tests.config.launcher.conftest import wait_until


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The real model on a free port."""
    file = tmp_path_factory.mktemp("model") / "address"
    command = [sys.executable, "-m", "config.launcher.model_server", "--address-file", str(file)]
    process = subprocess.Popen(
        command, cwd=BASE_DIR, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    wait_until(lambda: file.exists() or process.poll() is not None, "the model is loaded")
    yield file.read_text()
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0


def ask(address: str, **fields: Any) -> bytes:
    body = {"model": MODEL_NAME, "max_tokens": 60, "temperature": 0, "seed": 1, **fields}
    request = urllib.request.Request(f"{address}/v1/chat/completions", json.dumps(body).encode())
    with urllib.request.urlopen(request, timeout=60) as response:
        return bytes(response.read())


def test_it_answers_a_question(address: str) -> None:
    answer = json.loads(ask(address, messages=[{"role": "user", "content": "Say hello."}]))
    assert answer["model"] == MODEL_NAME
    assert answer["choices"][0]["message"]["content"].strip()
    assert answer["usage"]["completion_tokens"] > 0


def test_it_streams_with_a_finish_reason_and_usage(address: str) -> None:
    body = ask(
        address,
        messages=[{"role": "user", "content": "Count to five."}],
        stream=True,
        stream_options={"include_usage": True},
    ).decode()
    lines = [line.removeprefix("data: ") for line in body.splitlines() if line]
    chunks = [json.loads(line) for line in lines[:-1]]
    reasons = [choice["finish_reason"] for chunk in chunks for choice in chunk["choices"]]
    assert lines[-1] == "[DONE]"
    assert reasons[-1] in {"stop", "length"}
    assert chunks[-1]["usage"]["total_tokens"] > 0
    assert len(chunks) > 5


def test_it_keeps_to_a_json_schema(address: str) -> None:
    arguments = {
        "type": "object",
        "properties": {"query": {"type": "string", "maxLength": 40}},
        "required": ["query"],
        "additionalProperties": False,
    }
    schema = {
        "type": "object",
        "properties": {"tool": {"const": "knowledge_search"}, "arguments": arguments},
        "required": ["tool", "arguments"],
        "additionalProperties": False,
    }
    answer = json.loads(
        ask(
            address,
            messages=[{"role": "user", "content": "Find the page about installation."}],
            max_tokens=200,
            response_format={
                "type": "json_schema",
                "json_schema": {"name": "step", "strict": True, "schema": schema},
            },
        )
    )
    step = json.loads(answer["choices"][0]["message"]["content"])
    assert step["tool"] == "knowledge_search"
    assert 0 < len(step["arguments"]["query"]) <= 40


def test_other_machines_and_other_pages_cannot_reach_it(address: str) -> None:
    assert address.startswith("http://127.0.0.1:")
    request = urllib.request.Request(f"{address}/health", headers={"Origin": "http://evil.test"})
    with urllib.request.urlopen(request, timeout=20) as response:
        assert response.headers["Access-Control-Allow-Origin"] != "http://evil.test"
        assert response.headers["Access-Control-Allow-Origin"] != "*"
