"""The listening socket of the web server, and the question whether it answers."""

import errno
import http.client
import socket

from config.launcher.errors import LauncherError

HOST = "127.0.0.1"
FIRST_PORT = 8000
PORTS_TRIED = 100
BACKLOG = 512
# Unauthenticated, and needs templates, sessions and static files: more than an open port.
PROBE_PATH = "/admin/login/"


def listen(wanted: int | None) -> socket.socket:
    """Bind and listen on `wanted`, or on the first free port from 8000.

    The socket itself is handed to the web server, so nobody can take the port in between, and
    connections wait instead of failing while a web server restarts.
    Raises `LauncherError` when the port, or every port, is taken.
    """
    ports = [wanted] if wanted is not None else range(FIRST_PORT, FIRST_PORT + PORTS_TRIED)
    for port in ports:
        server = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            server.bind((HOST, port))
            server.listen(BACKLOG)
        except OSError as error:
            server.close()
            if error.errno not in {errno.EADDRINUSE, errno.EACCES}:
                raise
            continue
        return server
    raise LauncherError(
        f"No free port on {HOST}: tried {', '.join(str(port) for port in list(ports)[:3])}"
        f"{' and more' if len(ports) > 3 else ''}.",
        remedy="End what listens there, or choose another port: PORT=9000 make run.",
    )


def answers(port: int) -> bool:
    """Tell whether the sign-in page is served without a server error."""
    connection = http.client.HTTPConnection(HOST, port, timeout=3)
    try:
        connection.request("GET", PROBE_PATH)
        return connection.getresponse().status < 500
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
