"""`strands-robots estop` before anything else is loaded: the sockets of this machine first, and ROS in a process of its own."""

from __future__ import annotations

import getpass
import os
import sys
import threading
import time

from strands_robots.cli.estop_words import EstopWords
from strands_robots.safety.local_stop import PERIOD, LocalStop, domain_of, local_stop
from strands_robots.safety.run_folder import RunRecord
from strands_robots.safety.stop_report import StopReport
from strands_robots.safety.stop_words import stop_words

SILENCE = 0.5
"""Without an answer for this long a person is told so [s]."""


class FirstStop:
    """Asks every process that is meant, from a thread of its own, until each is latched and at rest. `report` ends it.

    Args:
        words: What was asked for.

    Attributes:
        words: As given.
        source: Who asks.
        local: The stop at the sockets.
    """

    def __init__(self, words: EstopWords) -> None:
        self.started = time.monotonic()
        self.words = words
        self.source = f"operator/{_login_name()}"
        self._request = stop_words(self.source, words.reason)
        self.local: LocalStop = local_stop(os.environ, words.namespace, everything=words.everything, widens=True)
        self.local.ask(self._request)
        from strands_robots.cli.ros_stop import RosRequest, RosStop  # Loaded when the sockets have been asked.

        deadline = self.started + words.wait
        self._ros = RosStop(RosRequest(self.source, self._request.reason, words.namespace or "", deadline))
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="first stop", daemon=True)
        self._thread.start()

    def report(self) -> StopReport:
        """Return what became of it, over ROS and at the sockets, once all is known or the person no longer waits."""
        report = self._ros.report()
        if self.local.targets:
            self._thread.join(max(self.started + self.words.wait - time.monotonic(), 0.0))
        self._is_over.set()
        self._thread.join(1.0)
        own = RunRecord("", "", 0, domain_of(os.environ), (self.words.namespace or "").strip("/"))
        return report.with_local(self.local, own.graph)

    def _run(self) -> None:
        is_told = False
        while not self._is_over.is_set():
            self.local.ask(self._request)
            if self.local.targets and self.local.is_settled:
                return
            self.local.collect(PERIOD / 5.0)
            if not self.local.is_heard and not is_told and time.monotonic() - self.started > SILENCE:
                is_told = True
                print(f"NO ANSWER AFTER {SILENCE:g} s; still asking", file=sys.stderr, flush=True)


def _login_name() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # a user without a name, as in some containers
        return f"uid{os.getuid()}"
