"""A GPIO line as a stop button, by the kernel's GPIO character device and gpiod 2.

The line needs a resistor that gives it a level while the switch is open: inside the chip or outside. With a normally closed
switch a cut wire reads like a press.

Source: docs.kernel.org/userspace-api/gpio/chardev.html; libgpiod 2 Python bindings, `gpiod.request_lines`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

from strands_robots.core.errors import ConfigurationError
from strands_robots.core.text import printable
from strands_robots.stop_button.button import ButtonError, SwitchContact

RESISTORS = ("pull_up", "pull_down", "external_pull_up", "external_pull_down")

_LINE = re.compile(r"(?P<chip>/dev/gpiochip\d+|gpiochip\d+):(?P<line>\d{1,4})")


@dataclass(frozen=True)
class GpioConfig:
    """One line.

    Attributes:
        chip: Path of the chip.
        line: Offset of the line on it.
        contact: What the switch does while it is not pressed.
        resistor: Which level an open switch gives the line, and whether the chip makes it; one of RESISTORS.
        debounce: Time that the kernel waits for a level to be steady before it reports an edge [s].
    """

    chip: str
    line: int
    contact: SwitchContact = SwitchContact.NORMALLY_CLOSED
    resistor: str = "pull_up"
    debounce: float = 0.0

    @property
    def open_level(self) -> bool:
        """Level of the line while the switch is open."""
        return self.resistor.endswith("pull_up")


class GpioLine(Protocol):
    """A requested line."""

    def wait(self, timeout: float) -> int:
        """Return how many edges came within the time [s]; OSError when the chip is gone."""
        ...

    def level(self) -> bool:
        """Return the level of the line now; OSError when the chip is gone."""
        ...

    def release(self) -> None:
        """Let the line go."""
        ...


def parse_line(text: str) -> tuple[str, int]:
    """Return the path of the chip and the line's offset of "gpiochip0:17".

    Raises:
        ConfigurationError: If it has another form.
    """
    match = _LINE.fullmatch(text.strip())
    if match is None:
        raise ConfigurationError(
            f"GPIO line '{printable(text)}' cannot be read; valid: gpiochip<number>:<line>, as gpioinfo lists them"
        )
    chip = match["chip"]
    return chip if chip.startswith("/") else f"/dev/{chip}", int(match["line"])


class GpioButton:
    """One line; an edge, or the level of an open (normally closed) or closed (normally open) switch, is a press.

    Args:
        config: The line.
        request: Requests it; OSError when it is not there or taken.
    """

    def __init__(self, config: GpioConfig, request: Callable[[GpioConfig], GpioLine] | None = None) -> None:
        self._config = config
        self._request = request or request_line
        self._line: GpioLine | None = None

    def open(self) -> None:
        """Request the line."""
        try:
            self._line = self._request(self._config)
        except OSError as error:
            raise ButtonError(self._words(error)) from error

    def wait(self, timeout: float) -> str:
        """Wait for an edge and return what was pressed; a press that is over already counts."""
        if self._line is None:
            raise ButtonError(f"{self._config.chip} is not open")
        try:
            edges = self._line.wait(timeout)
        except OSError as error:
            raise ButtonError(self._words(error)) from error
        return self._pressed_now(self._line) or ("pressed and let go" if edges else "")

    def close(self) -> None:
        """Let the line go."""
        line, self._line = self._line, None
        if line is not None:
            line.release()

    def _pressed_now(self, line: GpioLine) -> str:
        try:
            is_open = line.level() is self._config.open_level
        except OSError as error:
            raise ButtonError(self._words(error)) from error
        if is_open is not (self._config.contact is SwitchContact.NORMALLY_CLOSED):
            return ""
        return "the switch is open, or a wire is cut" if is_open else "the switch is closed"

    def _words(self, error: OSError) -> str:
        return (
            f"line {self._config.line} of {self._config.chip}: {error.strerror or error}; "
            "valid: a free line of a chip that this user may open, as gpioinfo lists them"
        )


class GpiodLine:
    """A line requested with gpiod 2."""

    def __init__(self, request: Any, line: int, active: Any) -> None:
        self._request = request
        self._line = line
        self._active = active

    def wait(self, timeout: float) -> int:
        """Return how many edges came within the time [s]."""
        if not self._request.wait_edge_events(timedelta(seconds=timeout)):
            return 0
        return len(self._request.read_edge_events())

    def level(self) -> bool:
        """Return the level of the line now."""
        return bool(self._request.get_value(self._line) == self._active)

    def release(self) -> None:
        """Let the line go."""
        self._request.release()


def check_gpiod() -> None:
    """Check that gpiod 2 is there.

    Raises:
        ConfigurationError: If it is not; the message says how to install it.
    """
    try:
        from gpiod import request_lines  # noqa: F401
    except ImportError as error:
        raise ConfigurationError(
            f"a GPIO line needs the Python package gpiod 2 ({error}); pip install 'gpiod>=2'"
        ) from error


def request_line(config: GpioConfig) -> GpioLine:
    """Request a line from the kernel, with edges in both directions."""
    import gpiod
    from gpiod.line import Bias, Direction, Edge, Value

    bias = {"pull_up": Bias.PULL_UP, "pull_down": Bias.PULL_DOWN}.get(config.resistor, Bias.DISABLED)
    settings = gpiod.LineSettings(
        direction=Direction.INPUT,
        edge_detection=Edge.BOTH,
        bias=bias,
        debounce_period=timedelta(seconds=config.debounce),
    )
    request = gpiod.request_lines(config.chip, consumer="strands_robots_stop", config={config.line: settings})
    return GpiodLine(request, config.line, Value.ACTIVE)
