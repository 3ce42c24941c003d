"""A fake model server for the tests of the runtime."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.fake_openai.process import FakeOpenAI


@pytest.fixture(scope="session")
def fake_server() -> Iterator[FakeOpenAI]:
    """Run one server for all tests."""
    with FakeOpenAI() as fake:
        yield fake


@pytest.fixture
def fake(fake_server: FakeOpenAI, settings: Any) -> FakeOpenAI:
    """Let the product reach the server."""
    settings.EGRESS_ALLOW = [fake_server.host_and_port]
    return fake_server
