"""The pseudo-terminal on which the bus is found: the only file of this package, but `process.py`, that does I/O."""

from __future__ import annotations

import contextlib
import os
import termios
import tty
from pathlib import Path

from strands_robots.core.errors import ConfigurationError

_RATES = (4_000_000, 3_000_000, 2_000_000, 1_000_000, 500_000, 115_200, 57_600, 38_400, 19_200, 9_600, 4_800)
_SPEEDS = {getattr(termios, f"B{rate}"): rate for rate in _RATES}


class PtyLine:
    """A pseudo-terminal that can be unplugged.

    Args:
        link: A path that shall always lead to the present terminal; None for none.
    """

    def __init__(self, link: Path | None) -> None:
        self.link = link
        if link is not None and link.exists() and not link.is_symlink():
            raise ConfigurationError(f"link '{link}' is a file already; valid: a path that does not exist")
        self._master = self._slave = -1
        self.plug()

    @property
    def is_plugged(self) -> bool:
        """Whether the terminal is there."""
        return self._master >= 0

    @property
    def port(self) -> str:
        """Path of the terminal; empty while it is unplugged."""
        return os.ttyname(self._slave) if self.is_plugged else ""

    def fileno(self) -> int:
        """File descriptor of our side."""
        return self._master

    def baud_rate(self) -> int:
        """Return the speed that the host has set; 0 for one that is not known."""
        return _SPEEDS.get(termios.tcgetattr(self._slave)[5], 0)

    def read(self) -> bytes:
        """Return what the host has sent, without waiting."""
        try:
            return os.read(self._master, 4096)
        except BlockingIOError:
            return b""

    def write(self, data: bytes) -> None:
        """Send; what a host that does not read leaves no room for is lost, as on a wire."""
        with contextlib.suppress(BlockingIOError):
            os.write(self._master, data)

    def plug(self) -> None:
        """Make a terminal, if there is none."""
        if self.is_plugged:
            return
        # We keep the slave open too, so that our side outlives a host that closes it.
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        if self.link is not None:
            self.link.unlink(missing_ok=True)
            self.link.symlink_to(self.port)

    def unplug(self) -> None:
        """Take the terminal away; a host that has it open sees its end."""
        if not self.is_plugged:
            return
        if self.link is not None:
            self.link.unlink(missing_ok=True)
        os.close(self._master)
        os.close(self._slave)
        self._master = self._slave = -1
