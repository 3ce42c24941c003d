import socket

import pytest

from config.launcher.errors import LauncherError
from config.launcher.web import listen


def test_the_first_free_port_is_taken() -> None:
    with listen(None) as first, listen(None) as second:
        ports = (first.getsockname()[1], second.getsockname()[1])
    assert 8000 <= ports[0] < ports[1]


def test_a_wanted_port_is_used() -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with listen(port) as server:
        assert server.getsockname() == ("127.0.0.1", port)


def test_a_wanted_port_that_is_taken_is_refused_with_the_way_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(LauncherError, match=rf"{port}[^\n]*\n.*PORT=9000 make run"):
            listen(port)
