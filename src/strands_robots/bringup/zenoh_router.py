"""Keeps a Zenoh router answering on this machine. One process of every graph; the graph goes on when it ends.

The router of the graph that started first ends with that graph, may be killed, or hang. Every graph watches, and the
first one that finds none starts it. When two start one at the same time the loser's router cannot listen and ends.
"""

from __future__ import annotations

import os
import random
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from strands_robots.bringup.environment import end_with_parent_prefix
from strands_robots.bringup.graph import NodeSpec, OnExit
from strands_robots.doctor.zenoh_router import ROUTER_ADDRESS, router_answers

NAME = "zenoh_router"

PERIOD = 0.5
"""Time between two looks [s]."""

HUNG_AFTER = 3
"""A router of ours that does not answer so many looks in a row, each of up to a second, is killed."""

START_PATIENCE = 10.0
"""Time that a router of ours has from its start to its first answer [s]; a busy machine starts slowly."""

LONGEST_PAUSE = 5.0
"""Longest wait before the next start of a router that ends at once [s]."""

SETTLED = 10.0
"""A router that ran for so long begins again with short waits [s]."""

END_PATIENCE = 1.0

_RESTART_DELAYS = (0.5, 1.0, 2.0, *(5.0,) * 60)
_LISTEN = f'listen/endpoints=["tcp/{ROUTER_ADDRESS[0]}:{ROUTER_ADDRESS[1]}"]'


def router_watch(router: Path) -> NodeSpec:
    """Return the process that watches; the last one of a graph to be ended.

    Args:
        router: The program rmw_zenohd.
    """
    return NodeSpec(
        sys.executable, NAME, package="", arguments=("-m", "strands_robots.bringup.zenoh_router", str(router)),
        is_ros_node=False, on_exit=OnExit.OPTIONAL, restart_delays=_RESTART_DELAYS, end_stage=4,
    )  # fmt: skip


def router_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a router that listens on this machine only.

    By default it listens on every address, without TLS and without asking who connects. A router configuration of the
    user's stays as it is; a part that ZENOH_CONFIG_OVERRIDE names already comes later, and wins.

    Source: rmw_zenoh_cpp, README, "Customizing Zenoh configuration".
    """
    if environ.get("ZENOH_ROUTER_CONFIG_URI"):
        return dict(environ)
    given = environ.get("ZENOH_CONFIG_OVERRIDE", "")
    return {**environ, "ZENOH_CONFIG_OVERRIDE": ";".join(filter(None, (_LISTEN, given)))}


class RouterWatch:
    """Looks whether a router answers, and starts, kills and starts again one of its own.

    Args:
        command: The router's program and arguments.
        environment: Its environment.
        answers: Tells whether a router answers.
        say: Takes what happens, in words.
    """

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        answers: Callable[[], bool] = router_answers,
        say: Callable[[str], None] = lambda text: print(text, flush=True),
    ) -> None:
        self._command, self._environment = list(command), dict(environment)
        self._answers, self._say = answers, say
        self._child: subprocess.Popen[bytes] | None = None
        self._started = self._pause = 0.0
        self._silences = 0
        self._has_answered = False
        self._ending, self._end = os.pipe()

    def end(self) -> None:
        """Make `run` return; may be called by a signal's handler."""
        os.write(self._end, b"x")

    def run(self) -> None:
        """Look and act until `end` is called; the router of this watch ends with it."""
        while not self._is_over(PERIOD):
            self.look()
        if self._child is not None and self._child.poll() is None:
            self._child.send_signal(signal.SIGINT)
            try:
                self._child.wait(END_PATIENCE)
            except subprocess.TimeoutExpired:
                self._child.kill()
                self._child.wait()

    def look(self) -> None:
        """Take one look, and do what it calls for."""
        self._reap()
        if self._answers():
            if self._silences > HUNG_AFTER:
                self._say("a Zenoh router answers again")
            self._silences = 0
            self._has_answered = True
            return
        self._silences += 1
        is_starting = not self._has_answered and time.monotonic() - self._started < START_PATIENCE
        if self._child is None:
            self._start()
        elif self._silences >= HUNG_AFTER and not is_starting:
            self._say(f"the Zenoh router, process {self._child.pid}, does not answer; it is killed and started again")
            self._child.kill()
            self._child.wait()
            self._child = None
            self._start()

    def _reap(self) -> None:
        """Notice that the router has ended, and wait longer before the next start when it ended soon."""
        if self._child is None or self._child.poll() is None:
            return
        lived = time.monotonic() - self._started
        self._say(f"the Zenoh router ended with {self._child.returncode} after {lived:.1f} s")
        self._child = None
        self._pause = 0.0 if lived > SETTLED else min(2.0 * self._pause + 0.1, LONGEST_PAUSE)

    def _start(self) -> None:
        # Graphs that see the same router end do not all start the next one.
        if self._is_over(self._pause + random.uniform(0.0, 0.3)) or self._answers():
            return
        try:
            self._child = subprocess.Popen(self._command, env=self._environment, stdin=subprocess.DEVNULL)
        except OSError as error:
            self._say(f"error: the Zenoh router cannot be started: {error}")
            return
        self._started = time.monotonic()
        self._silences, self._has_answered = 0, False
        self._say(f"no Zenoh router answered on port {ROUTER_ADDRESS[1]}; started one, process {self._child.pid}")

    def _is_over(self, wait: float) -> bool:
        """Return whether `end` was called; wait for it for at most so long [s]."""
        return bool(select.select([self._ending], [], [], wait)[0])


def main() -> int:
    """Watch until SIGINT or SIGTERM, with the program of the router as the only argument."""
    command = (*end_with_parent_prefix(), *sys.argv[1:])
    watch = RouterWatch(command, router_environment(os.environ))
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: watch.end())
    watch.run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
