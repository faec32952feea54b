"""An input device as a stop button, over the kernel's event bytes in a FIFO."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from strands_robots.core.errors import ConfigurationError
from strands_robots.stop_button.button import ButtonError, SwitchContact
from strands_robots.stop_button.evdev import EV_SYN, EVENT, SYN_DROPPED, EvdevButton, find_device
from strands_robots.stop_button.key_names import parse_keys

from .stand_ins import ENTER, SPACE, FifoDevice, kernel_of

Make = Callable[..., EvdevButton]


@pytest.fixture
def device(tmp_path: Path) -> FifoDevice:
    return FifoDevice(tmp_path)


@pytest.fixture
def make(device: FifoDevice) -> Iterator[Make]:
    made: list[EvdevButton] = []

    def open_button(*keys: int, **options: object) -> EvdevButton:
        button = EvdevButton(str(device.path), frozenset(keys), kernel=kernel_of(device.path), **options)  # type: ignore[arg-type]
        button.open()
        made.append(button)
        return button

    yield open_button
    for button in made:
        button.close()


def test_quiet_button_is_not_pressed(make: Make) -> None:
    assert make().wait(0.0) == ""


def test_press_that_is_over_already_counts(device: FifoDevice, make: Make) -> None:
    button = make()
    device.press()
    assert button.wait(1.0) == "KEY_SPACE down"
    assert button.wait(0.0) == ""


def test_any_key_counts_when_none_is_named(device: FifoDevice, make: Make) -> None:
    button = make()
    device.press(700)
    assert button.wait(1.0) == "key 700 down"


def test_other_key_than_those_named_does_not_count(device: FifoDevice, make: Make) -> None:
    button = make(SPACE)
    device.press(ENTER)
    assert button.wait(1.0) == ""
    device.press(SPACE)
    assert button.wait(1.0)


def test_key_that_is_down_at_the_start_counts_until_it_is_released(device: FifoDevice, make: Make) -> None:
    device.set_held(SPACE)
    button = make(SPACE)
    assert button.wait(0.0) == "KEY_SPACE is down"
    device.key(SPACE, 0)
    button.wait(1.0)
    assert button.wait(0.0) == ""


def test_normally_closed_button_stops_when_it_opens_and_when_it_was_open_at_the_start(
    device: FifoDevice, make: Make
) -> None:
    device.set_held(SPACE)
    button = make(SPACE, contact=SwitchContact.NORMALLY_CLOSED)
    assert button.wait(0.0) == ""
    device.key(SPACE, 0)
    assert button.wait(1.0) == "KEY_SPACE released"
    assert button.wait(0.0) == "KEY_SPACE is released"
    device.set_held()
    assert make(SPACE, contact=SwitchContact.NORMALLY_CLOSED).wait(0.0) == "KEY_SPACE is released"


def test_normally_closed_button_without_keys_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="valid: names or numbers"):
        EvdevButton("/dev/input/event0", contact=SwitchContact.NORMALLY_CLOSED)


def test_lost_events_count_as_a_press(device: FifoDevice, make: Make) -> None:
    button = make()
    device.event(EV_SYN, SYN_DROPPED, 0)
    assert button.wait(1.0) == "events were lost"


def test_event_in_two_parts_is_put_together(device: FifoDevice, make: Make) -> None:
    button = make()
    whole = EVENT.pack(0, 0, 1, SPACE, 1)
    with device.path.open("wb", buffering=0) as writer:
        writer.write(whole[:7])
        assert button.wait(1.0) == ""
        writer.write(whole[7:])
        assert button.wait(1.0) == "KEY_SPACE down"


def test_unplugged_device_is_an_error(device: FifoDevice, make: Make) -> None:
    button = make()
    device.unplug()
    with pytest.raises(ButtonError, match="has ended"):
        button.wait(1.0)


def test_device_without_the_key_says_which_it_has(make: Make) -> None:
    with pytest.raises(ButtonError, match="has no BTN_SOUTH; valid: KEY_ENTER, KEY_SPACE"):
        make(0x130)


@pytest.mark.parametrize(("prepare", "words"), [
    (lambda path: None, "No such file"), (lambda path: path.touch(), "it is no input device"),
])  # fmt: skip
def test_what_is_no_input_device_is_refused(tmp_path: Path, prepare: Callable[[Path], None], words: str) -> None:
    path = tmp_path / "event9"
    prepare(path)
    with pytest.raises(ButtonError, match=words):
        EvdevButton(str(path)).open()


def test_failed_open_keeps_no_file_open(tmp_path: Path) -> None:
    path = tmp_path / "event9"
    path.touch()
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(ButtonError):
        EvdevButton(str(path)).open()
    assert len(os.listdir("/proc/self/fd")) == before


def test_device_is_found_by_the_kernels_name(tmp_path: Path) -> None:
    for event, name in (("event0", "Power Button"), ("event1", "Big Red"), ("event2", "Twin"), ("event3", "Twin")):
        folder = tmp_path / event / "device"
        folder.mkdir(parents=True)
        (folder / "name").write_text(name + "\n")
    assert find_device("Big Red", Path("/dev/input"), tmp_path) == Path("/dev/input/event1")
    with pytest.raises(ButtonError, match=r"0 input devices are named 'Big'; valid: .*event1 \('Big Red'\)"):
        find_device("Big", Path("/dev/input"), tmp_path)
    with pytest.raises(ButtonError, match="2 input devices are named 'Twin'"):
        find_device("Twin", Path("/dev/input"), tmp_path)


def test_keys_are_names_or_numbers() -> None:
    assert parse_keys(["key_space", "0x130", "28"]) == {57, 0x130, 28}
    for given in ("KEY_SPAC", "0", "768", "-1"):
        with pytest.raises(ConfigurationError, match="valid: a number from 1 to 767, or KEY_ESC"):
            parse_keys([given])
