"""The launcher's command line: `python -m config.launcher COMMAND`.

run     set everything up, then web server, worker and model until Ctrl-C
setup   keys, migrations and demo data; nothing stays running
exec    run a command with the servers up: exec [--test] -- COMMAND...
stop    end a running `run` of this clone
keep    (internal) own one embedded server while anybody uses it
"""

import argparse
import logging
import os
import sys

from config.launcher.errors import LauncherError
from config.launcher.foreground import run_command
from config.launcher.keeper import Keeper
from config.launcher.locations import find_locations
from config.launcher.progress import say
from config.launcher.services import embedded_server
from config.launcher.supervisor import run, set_up, stop_running


def main() -> int:
    """Run one command and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m config.launcher", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("run")
    commands.add_parser("setup")
    commands.add_parser("stop")
    execute = commands.add_parser("exec")
    execute.add_argument("--test", action="store_true", help="apart from data that is in use")
    execute.add_argument("words", nargs="+", metavar="COMMAND")
    keep = commands.add_parser("keep")
    keep.add_argument("server", choices=["postgres", "valkey"])
    options = parser.parse_args()
    try:
        locations = find_locations(os.environ)
        match options.command:
            case "run":
                return run(locations)
            case "setup":
                return set_up(locations)
            case "stop":
                return stop_running(locations)
            case "exec":
                return run_command(locations, options.words, for_tests=options.test)
            case _:
                logging.basicConfig(format="%(asctime)s keeper %(levelname)s %(message)s")
                server = embedded_server(options.server, locations)
                return Keeper(server, locations.locks).keep()
    except LauncherError as error:
        say(f"\nerror: {error.message}\n{error.remedy}")
        return 1


if __name__ == "__main__":
    sys.exit(main())
