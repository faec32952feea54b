"""What a stop button is to the rest of the package. No I/O."""

from __future__ import annotations

import enum
from typing import Protocol

from strands_robots.core.errors import StrandsRobotsError


class ButtonError(StrandsRobotsError):
    """A button cannot be opened, or can no longer be read."""


class ButtonState(enum.IntEnum):
    """What is known of a button; numbers as in msg/StopButtonState."""

    READY = 1
    PRESSED = 2
    FAULT = 3


class SwitchContact(enum.Enum):
    """What the button's switch does while it is not pressed."""

    NORMALLY_OPEN = "normally_open"
    NORMALLY_CLOSED = "normally_closed"


class ButtonInput(Protocol):
    """One button of hardware. Used by one thread."""

    def open(self) -> None:
        """Open the device.

        Raises:
            ButtonError: If it is not there, may not be read, or is not what was configured; the message says what is.
        """
        ...

    def wait(self, timeout: float) -> str:
        """Wait for the button and return what was pressed in words; empty when it is not and was not pressed.

        Returns early when something happened.

        Args:
            timeout: Longest wait [s].

        Raises:
            ButtonError: If the device is lost.
        """
        ...

    def close(self) -> None:
        """Let the device go; it may be opened again."""
        ...
