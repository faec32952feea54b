"""The terminal's keys as a leader: which key moves what, and for how long. No ROS."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from enum import Enum

from strands_robots.teleop.frame import InputFrame, TeleopMode, Vector

HOLD_TIME = 0.15
"""A terminal tells no release: a key counts as held for this long [s] after each time it comes. Terminals repeat a held key 20
to 40 times a second, the first time after 0.2 to 0.6 s."""

TOOL_KEYS = {
    "w": ("linear", 0, 1.0), "s": ("linear", 0, -1.0), "a": ("linear", 1, 1.0), "d": ("linear", 1, -1.0),
    "r": ("linear", 2, 1.0), "f": ("linear", 2, -1.0), "l": ("angular", 0, 1.0), "j": ("angular", 0, -1.0),
    "i": ("angular", 1, 1.0), "k": ("angular", 1, -1.0), "u": ("angular", 2, 1.0), "o": ("angular", 2, -1.0),
}  # fmt: skip
"""In mode tool: along and about x, y, z."""

JOINT_KEYS = (("1", "q"), ("2", "w"), ("3", "e"), ("4", "r"), ("5", "t"), ("6", "y"), ("7", "u"), ("8", "i"))
"""In mode joints: which key turns the first, second, ... joint up and down."""

GRIPPER_KEYS = {"h": 1.0, "g": -1.0}


class Order(Enum):
    """What a key asks for besides motion."""

    STOP = "stop"
    QUIT = "quit"
    FASTER = "faster"
    SLOWER = "slower"
    CLUTCH = "clutch"


ORDERS = {" ": Order.STOP, "x": Order.QUIT, "+": Order.FASTER, "=": Order.FASTER, "-": Order.SLOWER, "c": Order.CLUTCH}


class KeyboardLeader:
    """Keys as frames. A motion key is its own dead-man switch; with the clutch the robot stays engaged between two keys.

    Args:
        joints: The robot's joints without the gripper's, in order.
        mode: Mode at the start.
        order: Takes every order, the clutch's too; called in the thread that reads the keys.
        now: Steady time [s].

    Attributes:
        mode: JOINTS or TOOL.
        is_clutched: The robot is held also while no key is.
    """

    name = "keyboard"
    has_dead_man = True

    def __init__(
        self,
        joints: Sequence[str],
        mode: TeleopMode,
        order: Callable[[Order], None],
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.mode = mode
        self.is_clutched = False
        self._joints = tuple(joints)
        self._order = order
        self._now = now
        self._lock = threading.Lock()
        self._until: dict[str, float] = {}

    def connect(self) -> None:
        """Do nothing: keys come by `press`."""

    def close(self) -> None:
        """Let go of every key."""
        self.release()

    def release(self) -> None:
        """Let go of every key and of the clutch."""
        with self._lock:
            self._until.clear()
            self.is_clutched = False

    def press(self, key: str) -> None:
        """Take a key, from any thread."""
        key = key.lower()
        order = ORDERS.get(key)
        if order is None:
            with self._lock:
                if key == "m":
                    self.mode = TeleopMode.JOINTS if self.mode is TeleopMode.TOOL else TeleopMode.TOOL
                    self._until.clear()
                else:
                    self._until[key] = self._now() + HOLD_TIME
            return
        if order in (Order.STOP, Order.QUIT):
            self.release()
        elif order is Order.CLUTCH:
            with self._lock:
                self.is_clutched = not self.is_clutched
        self._order(order)

    def read(self) -> InputFrame:
        """Return what the held keys ask for."""
        now = self._now()
        with self._lock:
            self._until = {key: until for key, until in self._until.items() if until > now}
            mode, is_clutched, held = self.mode, self.is_clutched, set(self._until)
        rates: dict[str, float] = {}
        linear, angular = [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]
        if mode is TeleopMode.JOINTS:
            for joint, (up, down) in zip(self._joints, JOINT_KEYS):
                rate = float(up in held) - float(down in held)
                if rate:
                    rates[joint] = rate
        for key in held if mode is TeleopMode.TOOL else ():
            if key in TOOL_KEYS:
                kind, axis, rate = TOOL_KEYS[key]
                (linear if kind == "linear" else angular)[axis] += rate
        gripper = sum(GRIPPER_KEYS.get(key, 0.0) for key in held)
        moves = InputFrame(now, mode, False, {}, rates, _vector(linear), _vector(angular), gripper)
        return replace(moves, is_held=is_clutched or not moves.is_still)


def _vector(values: list[float]) -> Vector:
    return values[0], values[1], values[2]


def help_lines(joints: Sequence[str]) -> tuple[str, ...]:
    """Return the keys in words, for the screen."""
    pairs = "  ".join(f"{up}/{down} {joint}" for joint, (up, down) in zip(joints, JOINT_KEYS))
    return (
        "hold a key to move; let go and the robot holds",
        "tool    w/s forward, back   a/d left, right   r/f up, down   l/j about x   i/k about y   u/o about z",
        f"joints  {pairs}",
        "both    h/g open, close the gripper   m tool or joints   +/- speed   c keep hold of the robot   space STOP   x quit",
    )
