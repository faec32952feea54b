"""Where `strands-robots` begins: a stop is on its way before the command line itself is loaded."""

from __future__ import annotations

import sys

from strands_robots.cli.resident.words import COMMANDS
from strands_robots.core.session_end import leave_process

HELP = ("-h", "--help")
INTERRUPTED = 130
"""Exit code of a program that Ctrl-C ended, as shells have it."""


def main() -> int:
    """Run the command line and return the exit code; see cli/main.py."""
    try:
        return _run()
    except KeyboardInterrupt:  # While something was imported; a command that runs takes it itself.
        return INTERRUPTED


def _run() -> int:
    words = sys.argv[1:]
    if words[:1] != ["estop"] or any(word in HELP for word in words):
        if words and words[0] in COMMANDS:
            from strands_robots.cli.resident.ask import ask_resident

            code = ask_resident(words)
            if code is not None:
                return code
        from strands_robots.cli.main import main as run

        return leave_process(run())
    from strands_robots.core.priority import hurry

    hurry()  # A stop does not wait behind whatever else keeps the processors busy.
    from strands_robots.cli.estop_words import read_estop
    from strands_robots.cli.first_stop import FirstStop

    given = read_estop(words[1:])
    stop = FirstStop(given)
    sys.argv[2:] = given.arguments()
    from strands_robots.cli.main import main as run

    return leave_process(run(stop))


if __name__ == "__main__":
    sys.exit(main())
