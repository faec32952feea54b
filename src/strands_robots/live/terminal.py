"""The terminal of the live view: whether there is one, and its keys, read by a thread that nothing else can hold up."""

from __future__ import annotations

import os
import select
import sys
import termios
import threading
from collections.abc import Callable, Mapping


def can_show_live(environ: Mapping[str, str] | None = None) -> bool:
    """Return whether a live view makes sense: a terminal on both sides that moves its cursor, and NO_COLOR is not set.

    Source: no-color.org; TERM=dumb as terminfo has it.
    """
    given = os.environ if environ is None else environ
    if given.get("NO_COLOR") or given.get("TERM", "dumb") == "dumb":
        return False
    return sys.stdin.isatty() and sys.stdout.isatty()


class Keys:
    """Hands over each key at once, from a thread of its own, whatever the screen or the network is doing.

    While it is open, keys are not echoed, need no Enter, and Ctrl-S does not freeze the output.

    Args:
        on_key: Takes each character; called in the reading thread.
        descriptor: The terminal.
    """

    def __init__(self, on_key: Callable[[str], None], descriptor: int) -> None:
        self._on_key = on_key
        self._descriptor = descriptor
        self._saved: list[object] = []
        self._end_read, self._end_write = os.pipe()
        self._thread = threading.Thread(target=self._run, name="keys", daemon=True)

    def __enter__(self) -> Keys:
        self._saved = termios.tcgetattr(self._descriptor)
        changed = termios.tcgetattr(self._descriptor)
        changed[0] &= ~termios.IXON
        changed[3] &= ~(termios.ICANON | termios.ECHO)
        termios.tcsetattr(self._descriptor, termios.TCSANOW, changed)
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        os.write(self._end_write, b"x")
        self._thread.join(1.0)
        termios.tcsetattr(self._descriptor, termios.TCSANOW, self._saved)  # type: ignore[arg-type]
        os.close(self._end_read)
        os.close(self._end_write)

    def _run(self) -> None:
        while True:
            ready, _, _ = select.select([self._descriptor, self._end_read], [], [])
            if self._end_read in ready:
                return
            try:
                data = os.read(self._descriptor, 64)
            except OSError:
                return  # The terminal is gone; SIGHUP ends the command.
            if not data:
                return
            for character in data.decode("ascii", "replace"):
                self._on_key(character)
