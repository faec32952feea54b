"""The first half of `strands-robots estop`: the sockets of this machine, asked before ROS or anything else is loaded."""

from __future__ import annotations

import getpass
import os
import sys
import threading
import time

from strands_robots.cli.estop_words import EstopWords
from strands_robots.safety.local_stop import PERIOD, LocalStop, local_stop
from strands_robots.safety.stop_words import stop_words

SILENCE = 0.5
"""Without an answer for this long a person is told so [s]."""


class FirstStop:
    """Asks every process that is meant, from a thread of its own, until each is latched and at rest. `end` ends it.

    Args:
        words: What was asked for.

    Attributes:
        words: As given.
        source: Who asks.
        local: The stop at the sockets.
        started: When it began [s, steady time].
    """

    def __init__(self, words: EstopWords) -> None:
        self.started = time.monotonic()
        self.words = words
        self.source = f"operator/{_login_name()}"
        self._request = stop_words(self.source, words.reason)
        self.local: LocalStop = local_stop(
            os.environ, words.namespace, everything=words.everything, widens=True
        )
        self.local.ask(self._request)
        self._is_over = threading.Event()
        self._is_answered = threading.Event()
        self._thread = threading.Thread(target=self._run, name="first stop", daemon=True)
        self._thread.start()

    def answered(self) -> None:
        """Note that somebody answered over ROS, so that silence is not complained about."""
        self._is_answered.set()

    def finish(self, wait: float) -> None:
        """Give the sockets time to settle, at most so long [s]."""
        self._thread.join(max(wait, 0.0))

    def end(self) -> LocalStop:
        """Ask no more, and return what was said."""
        self._is_over.set()
        self._thread.join(1.0)
        return self.local

    def _run(self) -> None:
        is_told = False
        while not self._is_over.is_set():
            self.local.ask(self._request)
            if self.local.targets and self.local.is_settled:
                return
            self.local.collect(PERIOD / 5.0)
            is_silent = not self.local.is_heard and not self._is_answered.is_set()
            if is_silent and not is_told and time.monotonic() - self.started > SILENCE:
                is_told = True
                print(f"NO ANSWER AFTER {SILENCE:g} s; still asking", file=sys.stderr, flush=True)


def _login_name() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # a user without a name, as in some containers
        return f"uid{os.getuid()}"
