"""One running product for the tests of the examples."""

from collections.abc import Iterator

import pytest

from tests.live import LiveProduct, running_product


@pytest.fixture(scope="package")
def live_product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveProduct]:
    with running_product(tmp_path_factory.mktemp("live")) as product:
        yield product
