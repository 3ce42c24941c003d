"""The launcher's command line: `python -m config.launcher COMMAND`.

run     set everything up, then web server, worker and model until Ctrl-C
setup   keys, migrations and demo data; nothing stays running
exec    run a command with the servers up: exec [--test] -- COMMAND...
stop    end a running `run` of this clone
keep    (internal) own one embedded server while anybody uses it
"""

import argparse
import os
import sys

from config.launcher.errors import LauncherError
from config.launcher.foreground import run_command
from config.launcher.locations import find_locations, operator_environ
from config.launcher.progress import say
from config.launcher.supervisor import INTERRUPTED, reset, run, set_up, stop_running


def main() -> int:
    """Run one command and return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m config.launcher",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("run")
    commands.add_parser("setup")
    commands.add_parser("stop")
    delete = commands.add_parser("reset")
    delete.add_argument("--yes", action="store_true", help="do not ask")
    execute = commands.add_parser("exec")
    execute.add_argument("--test", action="store_true", help="apart from data that is in use")
    execute.add_argument("words", nargs="+", metavar="COMMAND")
    options = parser.parse_args()
    try:
        operator = operator_environ(os.environ)
        locations = find_locations(operator)
        match options.command:
            case "run":
                return run(locations, operator)
            case "setup":
                return set_up(locations, operator)
            case "stop":
                return stop_running(locations)
            case "reset":
                return reset(locations, is_confirmed=options.yes)
            case _:
                return run_command(locations, operator, options.words, for_tests=options.test)
    except LauncherError as error:
        say(f"\nerror: {error.message}\n{error.remedy}")
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
