"""A task judged by measured joints alone, for an arm that no simulator moves: its links follow from them by the model's kinematics.

Needs MuJoCo; no ROS.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import mujoco

from strands_robots.core.arrays import FloatArray
from strands_robots.core.condition import (
    AnyCondition,
    ContactCondition,
    JointCondition,
    Watch,
    names_of,
    parts_of,
)
from strands_robots.core.errors import ConfigurationError, UnknownNameError
from strands_robots.evaluation.harness.stepped_task import LOWEST
from strands_robots.evaluation.scene import make_world
from strands_robots.evaluation.task import TaskConfig
from strands_robots.evaluation.true_progress import TrueProgress


class MeasuredTask:
    """Says of joints that were measured elsewhere how far a task is done.

    Args:
        task: A task without objects, whose conditions ask for joint positions and the robot's own links.

    Raises:
        ConfigurationError: If the task asks for what joints do not say.
    """

    def __init__(self, task: TaskConfig) -> None:
        if task.objects:
            raise ConfigurationError(
                f"task '{task.name}' has objects ({', '.join(task.objects)}), and joints do not say where they are; "
                "valid: a task of the robot's own links and joints, as reach"
            )
        self._conditions = [task.success, *task.stages, *([] if task.failure is None else [task.failure])]
        for part in (part for condition in self._conditions for part in _all_parts(condition)):
            if isinstance(part, ContactCondition) or (isinstance(part, JointCondition) and part.quantity != "position"):
                raise ConfigurationError(
                    f"task '{task.name}' asks for {part.model_dump_json(exclude_none=True)}; valid for measured joints: "
                    "positions of joints and places of links"
                )
        self._task = task
        world = make_world(task)
        (robot,) = world.robots.values()
        self.names: tuple[str, ...] = tuple(robot.joint_names)
        self.home: FloatArray = robot.home.copy()
        self._prefix = robot.prefix
        self._model, self._data = world.model, world.data
        known = {name for condition in self._conditions for name in names_of(condition)[0]}
        for joint in sorted(known - set(self.names)):
            raise UnknownNameError("joint of a condition", joint, self.names)
        self._now = 0.0
        self._success = Watch(task.success)
        self._failure: Watch | None = None
        self._progress: TrueProgress | None = None

    @property
    def time(self) -> float:
        """Time since the episode began [s]."""
        return self._now

    def begin(self, positions: FloatArray) -> None:
        """Begin an episode with the joints at `positions` (D,) [rad] or [m]."""
        self._place(positions)
        self._now = 0.0
        self._success = Watch(self._task.success)
        self._failure = Watch(self._task.failure) if self._task.failure is not None else None
        self._progress = TrueProgress(self._task.stages, self._task.success, self, LOWEST)

    def look(self, positions: FloatArray, now: float) -> tuple[float, bool, bool]:
        """Return the progress, as `Seen` has it, and whether the task is done, and has failed, `now` seconds after the episode began."""
        if self._progress is None:
            raise ConfigurationError("no episode has begun; valid: begin first")
        self._place(positions)
        self._now = now
        failed = self._failure is not None and self._failure.holds(self)
        return self._progress.look(self), self._success.holds(self), failed

    # What conditions ask -------------------------------------------------------------------------------------

    def joint(self, name: str, quantity: str) -> float:
        """Return a joint's position [rad] or [m]."""
        return float(self._data.joint(self._prefix + name).qpos[0])

    def body(self, name: str) -> tuple[float, float, float]:
        """Return where a link's origin is in the robot's base frame [m]."""
        x, y, z = self._data.body(self._prefix + name).xpos.tolist()
        return x, y, z

    def in_contact(self, first: str, second: str) -> bool:
        """Never: such tasks are refused."""
        return False

    def _place(self, positions: Sequence[float] | FloatArray) -> None:
        for name, value in zip(self.names, positions):
            self._data.joint(self._prefix + name).qpos[0] = value
        mujoco.mj_kinematics(self._model, self._data)


def _all_parts(condition: AnyCondition) -> Iterator[AnyCondition]:
    """Give a condition and all that it is made of."""
    yield condition
    for part in parts_of(condition):
        yield from _all_parts(part)
