"""The quickstart, run as its readers run it: against web server and worker, with URL and token."""

import os
import subprocess
import sys

import pytest

from tests.fake_openai.behaviours import script_model
from tests.fake_openai.process import ROOT
from tests.live import LiveProduct

pytestmark = [pytest.mark.processes, pytest.mark.timeout(400)]

SCRIPT = script_model(
    [
        {"calls": [{"name": "search_knowledge", "arguments": {"query": "price of a ticket"}}]},
        {"calls": [{"name": "calculator-scripted", "arguments": {"expression": "3 * 12"}}]},
        {"text": "Three tickets cost 36 euros [1].", "pieces": 8},
    ]
)


def quickstart(product: LiveProduct, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "examples/quickstart.py", "--url", product.url, *options]
    names = ("AGENT_BUILDER_URL", "AGENT_BUILDER_TOKEN")
    environ = {name: value for name, value in os.environ.items() if name not in names}
    return subprocess.run(
        command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False
    )


def test_it_builds_an_agent_and_runs_it(live_product: LiveProduct) -> None:
    question = f"What do three tickets cost? [[{SCRIPT}]]"

    done = quickstart(
        live_product,
        *("--token", live_product.token, "--ending", "scripted", "--question", question),
    )

    assert done.returncode == 0, done.stdout + done.stderr + live_product.last_words()
    assert "default/careful-guide-scripted@1 extends default/guide-scripted@1" in done.stdout
    assert "pins calculator-scripted v1" in done.stdout
    assert "Refused     422 variables.constraint: 'tone'" in done.stdout
    assert '-> search_knowledge {"query": "price of a ticket"}' in done.stdout
    assert "A ticket costs 12 euros." in done.stdout
    assert "<- 36\n" in done.stdout
    assert "Three tickets cost 36 euros [1].\n" in done.stdout
    assert "run.completed" in done.stdout
    (run,) = live_product.api("GET", "runs/?search=three+tickets")["results"]
    assert (run["status"], run["output"]) == ("completed", "Three tickets cost 36 euros [1].")


def test_a_failed_run_gives_a_failing_exit_code(live_product: LiveProduct) -> None:
    done = quickstart(
        live_product, "--token", live_product.token, "--question", "Hi [[fake-error-401]]"
    )

    assert done.returncode == 1
    assert "model.refused_request" in done.stdout


def test_a_wrong_token_is_reported_by_its_code(live_product: LiveProduct) -> None:
    done = quickstart(live_product, "--token", "ab_wrong")

    assert done.returncode == 1
    assert done.stderr == (
        "error: 401 auth.required: This API token is unknown, expired or revoked.\n"
    )


def test_without_a_token_it_says_what_is_needed(live_product: LiveProduct) -> None:
    done = quickstart(live_product)

    assert done.returncode == 2
    assert "--url and --token are needed" in done.stderr
