"""Watches one button: stops at a press and at every fault, opens a lost device again, and says all the time that it lives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from strands_robots.stop_button.button import ButtonError, ButtonInput, ButtonState

PERIOD = 0.05
"""Longest time between two heartbeats [s]."""

RETRY_PERIOD = 1.0
"""Time between two tries to open a device that is not there [s]."""


class ButtonLink(Protocol):
    """The way to the graph."""

    def stop(self, reason: str) -> None:
        """Ask every robot to stop."""
        ...

    def beat(self, state: ButtonState, message: str) -> None:
        """Say what is known of the button."""
        ...

    def listeners(self) -> int:
        """Return how many hear stop requests."""
        ...


class Monitor:
    """One button, looked at by one thread that calls `step` for ever.

    Args:
        button: The button.
        link: The way to the graph.
        pause: Sleeps [s] while there is no device to wait for.
    """

    def __init__(self, button: ButtonInput, link: ButtonLink, pause: Callable[[float], object]) -> None:
        self._button = button
        self._link = link
        self._pause = pause
        self._is_open = False
        self._problem = ""
        self._retry_at = float("-inf")
        self._told = 0
        self._state = ButtonState.READY
        self._beat_at = float("-inf")

    def step(self, now: float) -> None:
        """Look once, for at most PERIOD, and tell the graph.

        A press or fault is told at once, and again when a node joins that did not hear it.

        Args:
            now: Steady time [s].
        """
        state, text = self._look(now)
        listeners = self._link.listeners()
        if state is not ButtonState.READY and (state is not self._state or listeners > self._told):
            self._link.stop(text)
        # A press is said at once and stays said for a period; a device that floods us with events changes no rate.
        if now >= self._beat_at or (state is not ButtonState.READY and state is not self._state):
            self._link.beat(state, text)
            self._beat_at = now + 0.8 * PERIOD
            self._state = state
        self._told = listeners

    def close(self) -> None:
        """Let the device go."""
        if self._is_open:
            self._button.close()
            self._is_open = False

    def _look(self, now: float) -> tuple[ButtonState, str]:
        if not self._is_open and now < self._retry_at:
            self._pause(PERIOD)
            return ButtonState.FAULT, self._problem
        try:
            if not self._is_open:
                self._button.open()
                self._is_open = True
            pressed = self._button.wait(PERIOD)
        except ButtonError as error:
            self.close()
            self._problem, self._retry_at = str(error), now + RETRY_PERIOD
            return ButtonState.FAULT, self._problem
        return (ButtonState.PRESSED, pressed) if pressed else (ButtonState.READY, "")
