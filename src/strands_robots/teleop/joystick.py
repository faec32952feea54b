"""A joystick on the topic joy (sensor_msgs/Joy) as a leader: which axis and button means what. No ROS."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from strands_robots.core.errors import ConfigurationError
from strands_robots.teleop.frame import BadFrameError, BadInput, InputFrame, TeleopMode, Vector

AXES = (1, 0, 4, -1, -1, 3)
"""Of a pad like Xbox's, as ROS's joy node numbers them: left stick forward and left, right stick up, right stick left."""


@dataclass(frozen=True)
class JoystickConfig:
    """Which axis and button means what; numbers as in sensor_msgs/Joy, -1 for none.

    Attributes:
        axes: In mode tool along x, y, z and about x, y, z; in mode joints the first six joints.
        signs: 1 or -1 for each of them.
        dead_zone: An axis nearer to 0 than this is at 0.
        dead_man: Button that must be held.
        open, close: Buttons of the gripper.
        stop: Button that stops the graph.
    """

    axes: tuple[int, ...] = AXES
    signs: tuple[float, ...] = (1.0,) * 6
    dead_zone: float = 0.1
    dead_man: int = 4
    open: int = 1
    close: int = 0
    stop: int = 6

    def __post_init__(self) -> None:
        if len(self.axes) != 6 or len(self.signs) != 6 or not set(self.signs) <= {1.0, -1.0}:
            raise ConfigurationError(
                f"joystick axes are {self.axes} with signs {self.signs}; valid: six numbers, and six signs 1 or -1"
            )
        if not 0.0 <= self.dead_zone < 0.9:
            raise ConfigurationError(f"dead_zone is {self.dead_zone}; valid: 0 to 0.9")
        if self.dead_man < 0:
            raise ConfigurationError("dead_man is no button; valid: the number of a button that must be held to move")


class JoystickLeader:
    """Messages of a joystick as frames.

    Args:
        joints: The robot's joints without the gripper's, in order.
        mode: JOINTS or TOOL.
        config: Which axis and button means what.
        on_stop: Called once each time the stop button goes down; in the thread of `take`.
    """

    name = "joy"
    has_dead_man = True

    def __init__(
        self, joints: Sequence[str], mode: TeleopMode, config: JoystickConfig, on_stop: Callable[[], None]
    ) -> None:
        self._joints = tuple(joints)
        self._mode = mode
        self._config = config
        self._on_stop = on_stop
        self._lock = threading.Condition()
        self._newest: tuple[float, tuple[float, ...], tuple[int, ...]] | None = None
        self._was_stop = False

    def connect(self) -> None:
        """Do nothing: messages come by `take`."""

    def close(self) -> None:
        """Forget the last message."""
        with self._lock:
            self._newest = None

    def take(self, axes: Sequence[float], buttons: Sequence[int]) -> None:
        """Take a message, from any thread; a pressed stop button acts here, before anything else."""
        stop = self._config.stop
        is_stop = 0 <= stop < len(buttons) and bool(buttons[stop])
        if is_stop and not self._was_stop:
            self._on_stop()
        self._was_stop = is_stop
        with self._lock:
            self._newest = (time.monotonic(), tuple(map(float, axes)), tuple(map(int, buttons)))
            self._lock.notify_all()

    def read(self) -> InputFrame | None:
        """Return the newest message as a frame, None when none came for a while.

        Raises:
            BadFrameError: If the message lacks an axis or button that means something.
        """
        with self._lock:
            if self._newest is None:
                self._lock.wait(0.05)
            newest, self._newest = self._newest, None
        if newest is None:
            return None
        stamp, axes, buttons = newest
        config = self._config
        most_axis, most_button = max(config.axes), max(config.dead_man, config.open, config.close)
        if most_axis >= len(axes) or most_button >= len(buttons):
            raise BadFrameError(
                BadInput.OUT_OF_RANGE,
                f"the joystick has {len(axes)} axes and {len(buttons)} buttons; valid: more than axis {most_axis} and "
                f"button {most_button}, or other numbers in the parameters",
            )
        rates = [
            sign * _beyond(axes[axis], config.dead_zone) if axis >= 0 else 0.0
            for axis, sign in zip(config.axes, config.signs)
        ]
        gripper = _pressed(buttons, config.open) - _pressed(buttons, config.close)
        is_held = bool(_pressed(buttons, config.dead_man))
        if self._mode is TeleopMode.JOINTS:
            turning = {joint: rate for joint, rate in zip(self._joints, rates) if rate}
            return InputFrame(stamp, TeleopMode.JOINTS, is_held, rates=turning, gripper=gripper)
        linear: Vector = (rates[0], rates[1], rates[2])
        angular: Vector = (rates[3], rates[4], rates[5])
        return InputFrame(stamp, TeleopMode.TOOL, is_held, linear=linear, angular=angular, gripper=gripper)


def _pressed(buttons: Sequence[int], number: int) -> float:
    return float(bool(buttons[number])) if number >= 0 else 0.0


def _beyond(value: float, zone: float) -> float:
    """Return how far an axis is beyond its dead zone, so that motion begins slowly; what is not finite stays so."""
    if abs(value) <= zone:
        return 0.0
    return (value - zone if value > 0.0 else value + zone) / (1.0 - zone)
