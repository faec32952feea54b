"""Serial ports of this machine: which there are, who uses one, and taking one for oneself."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from strands_robots.core.text import printable
from strands_robots.drivers.driver import DriverError


def found_ports() -> list[str]:
    """Return the serial ports that USB adapters have now."""
    from serial.tools.list_ports import comports

    return sorted(port.device for port in comports() if port.vid is not None)


def describe_found() -> str:
    """Return the ports found, in words."""
    return ", ".join(found_ports()) or "none"


class PortLock:
    """A serial port that is ours until `release`; the kernel frees it when the process ends, however it ends.

    Args:
        port: Path of the port.

    Raises:
        DriverError: If the port does not exist, may not be used, or is used by another process.
    """

    def __init__(self, port: str) -> None:
        if not port:
            raise DriverError(f"no port is given; valid: a serial port; found: {describe_found()}")
        try:
            self._descriptor = os.open(port, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        except FileNotFoundError:
            raise DriverError(f"port '{port}' does not exist; found: {describe_found()}") from None
        except OSError as error:
            raise DriverError(
                f"port '{port}' cannot be opened: {error.strerror}; valid: a serial port that this user may write to "
                f"(group dialout); found: {describe_found()}"
            ) from error
        if not os.isatty(self._descriptor):
            os.close(self._descriptor)
            raise DriverError(f"port '{port}' is no serial port; found: {describe_found()}")
        user = other_user(port)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            user = user or "another program"
        if user:
            os.close(self._descriptor)
            raise DriverError(f"port '{port}' is busy: {user} uses it; valid: one driver for each port")

    def release(self) -> None:
        """Give the port back."""
        os.close(self._descriptor)


def other_user(port: str) -> str:
    """Return which other process has the port open, as "<name> (pid <n>)"; empty for none that we may see.

    The simulated bus itself holds its terminal open and does not count.

    Source: proc_pid_fd(5).
    """
    wanted = os.path.realpath(port)
    for process in Path("/proc").iterdir():
        if not process.name.isdigit() or int(process.name) == os.getpid():
            continue
        try:
            words = (process / "cmdline").read_bytes().split(b"\0")
            if b"servo-bus" in words:
                continue
            if any(os.path.realpath(entry) == wanted for entry in (process / "fd").iterdir()):
                name = (process / "comm").read_text(encoding="utf-8", errors="replace").strip()
                return f"{printable(name)} (pid {process.name})"
        except OSError:
            continue
    return ""
