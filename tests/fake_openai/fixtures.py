"""The fixture that starts the server once for the tests of a folder; import it in its conftest."""

from collections.abc import Iterator

import pytest

from tests.fake_openai.process import FakeOpenAI


@pytest.fixture(scope="session")
def fake_openai() -> Iterator[FakeOpenAI]:
    with FakeOpenAI() as fake:
        yield fake
