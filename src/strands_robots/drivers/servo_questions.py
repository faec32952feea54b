"""Questions to one servo that are asked again when no answer comes, so that a late answer is never taken for that of a later question.

An answer on a servo bus names the servo but not the register. LeRobot's bus asks again at once, and the servo SDK's `clearPort`
empties what is to be sent and not what was received: where the host or an adapter held the first answer back, two answers come,
and the second is taken for the answer of the next question.
"""

from __future__ import annotations

import select
import time
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")

TRIES = 6
QUIET = 0.1
"""An answer is given up after 0.05 s by LeRobot; the line has nothing more to say after this much silence [s]."""
LONGEST = 1.0
"""Longest wait for the line to become quiet [s]."""


def ask(bus: Any, question: Callable[[], T], errors: tuple[type[BaseException], ...]) -> T:
    """Return what a question to LeRobot's connected motor bus returns, asked up to `TRIES` times with a quiet line before each.

    Args:
        bus: LeRobot's motor bus.
        question: Asks the bus once; raises one of `errors` or returns None where no answer came.
        errors: What is worth another try.

    Returns:
        The answer; None where the last try returned it.

    Raises:
        BaseException: One of `errors`, from the last try.
    """
    for left in range(TRIES - 1, -1, -1):
        try:
            answer = question()
        except errors:
            if left == 0:
                raise
            forget_answers(bus)
            continue
        if answer is None and left:
            forget_answers(bus)
            continue
        if left < TRIES - 1:
            forget_answers(bus)  # those of the tries before may still come
        return answer
    raise AssertionError("unreachable")


def forget_answers(bus: Any) -> None:
    """Read the port until nothing came for `QUIET`, at most for `LONGEST`."""
    port = bus.port_handler.ser
    end = time.monotonic() + LONGEST
    while time.monotonic() < end and select.select([port.fileno()], [], [], QUIET)[0]:
        port.reset_input_buffer()
