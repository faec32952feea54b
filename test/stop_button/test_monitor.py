"""What a button's monitor tells the graph."""

from __future__ import annotations

from dataclasses import dataclass, field

from strands_robots.stop_button.button import ButtonError, ButtonState
from strands_robots.stop_button.monitor import PERIOD, Monitor


@dataclass
class Button:
    pressed: str = ""
    problem: str = ""
    opened: int = 0
    closed: int = 0

    def open(self) -> None:
        if self.problem:
            raise ButtonError(self.problem)
        self.opened += 1

    def wait(self, timeout: float) -> str:
        if self.problem:
            raise ButtonError(self.problem)
        return self.pressed

    def close(self) -> None:
        self.closed += 1


@dataclass
class Link:
    heard_by: int = 1
    stops: list[str] = field(default_factory=list)
    beats: list[ButtonState] = field(default_factory=list)

    def stop(self, reason: str) -> None:
        self.stops.append(reason)

    def beat(self, state: ButtonState, message: str) -> None:
        self.beats.append(state)

    def listeners(self) -> int:
        return self.heard_by


class Rig:
    def __init__(self, **button: str) -> None:
        self.button, self.link = Button(**button), Link()
        self.now = 0.0
        self.monitor = Monitor(self.button, self.link, lambda duration: None)

    def step(self, after: float = PERIOD) -> None:
        self.now += after
        self.monitor.step(self.now)


def test_quiet_button_beats_and_stops_nothing() -> None:
    rig = Rig()
    for _ in range(3):
        rig.step()
    assert rig.link.beats == [ButtonState.READY] * 3 and not rig.link.stops


def test_press_stops_once_and_is_said_in_every_beat_while_it_lasts() -> None:
    rig = Rig()
    rig.step()
    rig.button.pressed = "down"
    for _ in range(3):
        rig.step()
    assert rig.link.stops == ["down"] and rig.link.beats[1:] == [ButtonState.PRESSED] * 3
    rig.button.pressed = ""
    rig.step()
    rig.button.pressed = "again"
    rig.step()
    assert rig.link.stops == ["down", "again"]


def test_press_is_told_again_when_somebody_joins() -> None:
    rig = Rig(pressed="down")
    rig.link.heard_by = 0
    rig.step()
    rig.link.heard_by = 2
    rig.step()
    rig.step()
    assert rig.link.stops == ["down", "down"]


def test_missing_device_is_a_fault_that_stops_and_is_tried_again_once_a_second() -> None:
    rig = Rig(problem="unplugged")
    for _ in range(15):
        rig.step()
    assert rig.link.stops == ["unplugged"] and set(rig.link.beats) == {ButtonState.FAULT}
    rig.button.problem = ""
    rig.step(1.1)
    assert rig.button.opened == 1 and rig.link.beats[-1] is ButtonState.READY


def test_device_that_is_lost_and_comes_back_stops_and_only_says_ready_again() -> None:
    rig = Rig()
    rig.step()
    rig.button.problem = "unplugged"
    rig.step()
    assert rig.button.closed == 1
    rig.button.problem = ""
    rig.step(1.1)
    assert rig.link.stops == ["unplugged"]
    assert rig.link.beats == [ButtonState.READY, ButtonState.FAULT, ButtonState.READY]


def test_flood_of_events_does_not_raise_the_rate_of_beats() -> None:
    rig = Rig()
    for _ in range(1000):
        rig.step(0.001)
    assert len(rig.link.beats) <= 26


def test_short_press_in_a_flood_is_said_for_a_period() -> None:
    rig = Rig()
    rig.step()
    rig.button.pressed = "down"
    rig.step(0.001)
    rig.button.pressed = ""
    rig.step(0.001)
    assert rig.link.beats == [ButtonState.READY, ButtonState.PRESSED] and rig.link.stops == ["down"]
