"""A GPIO line as a stop button, over a stand-in for the requested line."""

from __future__ import annotations

import errno

import pytest

from strands_robots.core.errors import ConfigurationError
from strands_robots.stop_button.button import ButtonError, SwitchContact
from strands_robots.stop_button.gpio import GpioButton, GpioConfig, parse_line

from .stand_ins import FakeLine

NC, NO = SwitchContact.NORMALLY_CLOSED, SwitchContact.NORMALLY_OPEN


def opened(line: FakeLine, contact: SwitchContact = NC, resistor: str = "pull_up") -> GpioButton:
    button = GpioButton(GpioConfig("/dev/gpiochip0", 17, contact, resistor), lambda config: line)
    button.open()
    return button


@pytest.mark.parametrize(("contact", "resistor", "rest"), [
    (NC, "pull_up", False), (NC, "pull_down", True), (NO, "pull_up", True), (NO, "pull_down", False),
    (NC, "external_pull_up", False), (NO, "external_pull_down", False),
])  # fmt: skip
def test_level_is_read_as_the_switch_and_its_resistor_say(contact: SwitchContact, resistor: str, rest: bool) -> None:
    assert opened(FakeLine(rest), contact, resistor).wait(0.0) == ""
    assert opened(FakeLine(not rest), contact, resistor).wait(0.0)


def test_cut_wire_of_a_normally_closed_switch_is_a_press() -> None:
    line = FakeLine(False)
    button = opened(line)
    line.value, line.edges = True, 1
    assert button.wait(0.0) == "the switch is open, or a wire is cut"


def test_press_that_is_over_already_counts() -> None:
    line = FakeLine(False)
    button = opened(line)
    line.edges = 2
    assert button.wait(0.0) == "pressed and let go"
    assert button.wait(0.0) == ""


def test_chip_that_is_gone_is_an_error() -> None:
    line = FakeLine(False)
    button = opened(line)
    line.is_gone = True
    with pytest.raises(ButtonError, match="line 17 of /dev/gpiochip0: No such device"):
        button.wait(0.0)
    button.close()
    assert line.is_released


def test_line_that_is_taken_is_an_error_with_what_is_valid() -> None:
    def refuse(config: GpioConfig) -> FakeLine:
        raise OSError(errno.EBUSY, "Device or resource busy")

    with pytest.raises(ButtonError, match="busy; valid: a free line"):
        GpioButton(GpioConfig("/dev/gpiochip0", 17), refuse).open()


def test_line_is_written_as_gpioinfo_does() -> None:
    assert parse_line("gpiochip0:17") == parse_line("/dev/gpiochip0:17") == ("/dev/gpiochip0", 17)
    for given in ("17", "gpiochip0", "gpiochip0:x", "/tmp/x:1"):
        with pytest.raises(ConfigurationError, match="valid: gpiochip<number>:<line>"):
            parse_line(given)
