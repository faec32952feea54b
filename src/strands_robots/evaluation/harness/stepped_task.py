"""A task of ours that another harness steps, one action at a time, through the robot's own gate. Needs MuJoCo; no ROS."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from strands_robots.core.arrays import FloatArray
from strands_robots.core.body_state import BodyQuantity, place_of
from strands_robots.core.chunk import Chunk
from strands_robots.core.errors import ConfigurationError, PolicyError, UnknownNameError, WorldError
from strands_robots.core.types import Instant, JointLimits
from strands_robots.description.lerobot_units import JointCodec, Units
from strands_robots.description.robot_config import load_robot
from strands_robots.evaluation.episode import VIDEO_SIZE
from strands_robots.evaluation.local_world import LocalWorld
from strands_robots.evaluation.task import TaskConfig, load_task
from strands_robots.evaluation.true_progress import TrueProgress
from strands_robots.policies.run.goal_fields import PolicyGoal
from strands_robots.policies.run.policy_goal import PolicySession
from strands_robots.policies.run.policy_run import RunReason
from strands_robots.recording.recording_options import robot_numbers

_LIFETIME = 1.0  # [s]

LOWEST = -4.0
"""Progress of who has gone far from what shall be done: five times as far as at the start."""


@dataclass(frozen=True)
class Seen:
    """What a harness is given after a reset or a step.

    Attributes:
        state: Joint positions (D,) in the chosen units.
        environment: x, y, z [m] and yaw [rad] of the chosen bodies in the robot's base frame (4 B,).
        pictures: For each chosen camera a picture (H, W, 3).
        is_success, is_over: Whether the task is done, and whether the episode has ended.
        progress: How far the task is done by its conditions, at most 1; below 0 where it is farther from that than at the start.
        reason: Why it ended; empty while it goes on.
    """

    state: FloatArray
    environment: FloatArray
    pictures: dict[str, NDArray[np.uint8]]
    is_success: bool = False
    is_over: bool = False
    reason: str = ""
    progress: float = 0.0


class SteppedTask:
    """One task of ours; each step sends one row of joint positions and lets a whole number of control periods pass.

    A row is a command of one row, as `lerobot_robot_strands` sends it to a robot of the graph: the gate moves the set-point there
    within the limits.

    Args:
        task: Name, path or YAML.
        rate: Steps a second [Hz].
        cameras: Cameras of the robot; with a slash before them those of the world.
        bodies: Bodies whose places are seen.
        units: Of joint positions: LeRobot's degrees and 0 to 100, or SI.

    Attributes:
        task: The task.
        names: LeRobot's keys of the joints, "<joint>.pos", the order of state and action.
        cameras: The chosen cameras, with height and width [px].
        environment: Names of the numbers in `Seen.environment`.
        horizon: Steps until the task's duration is over.

    Raises:
        ConfigurationError: If a step is no whole number of control periods.
        UnknownNameError: If there is no such camera or body.
    """

    def __init__(
        self, task: str, rate: float, cameras: Sequence[str] = (), bodies: Sequence[str] = (),
        units: Units = Units.LEROBOT,
    ) -> None:  # fmt: skip
        self.task: TaskConfig = load_task(task)
        self._rate = rate
        self._periods = _periods(rate, self.task.control_period)
        self._codec = robot_numbers(load_robot(self.task.robot), units)
        self.names = self._codec.keys
        self._world = LocalWorld(self.task)
        known = self._world.cameras
        for camera in cameras:
            if camera not in known:
                raise UnknownNameError(f"camera of '{self._world.robot}' or of the world", camera, known)
        self.cameras = {camera: known[camera] for camera in cameras}
        self._places: tuple[BodyQuantity, ...] = tuple(entry for body in bodies for entry in place_of(body))
        self.environment = tuple(entry.name for entry in self._places)
        for body in bodies:
            self._world.body_pose(body)
        self.horizon = math.ceil(self.task.duration * rate - 1e-9)
        self._session: PolicySession | None = None
        self._progress: TrueProgress | None = None
        self._sequence = time.time_ns()
        self._steps = 0

    @property
    def joint_limits(self) -> JointLimits:
        """Limits of the joints, SI, in the order of `names`."""
        return self._world.limits

    @property
    def home(self) -> FloatArray:
        """Where the joints start (D,) [rad] or [m], without the task's noise."""
        (robot,) = self._world.world.robots.values()
        return robot.home.copy()

    @property
    def codec(self) -> JointCodec:
        """How the joints' positions are written."""
        return self._codec

    @property
    def instruction(self) -> str:
        """What the robot shall do, in words."""
        return self.task.instruction or self.task.name

    def reset(self, seed: int) -> Seen:
        """Begin an episode with everything where the seed says, as `strands-robots evaluate` does.

        Raises:
            WorldError: If the task's premise does not hold; the episode cannot be judged.
        """
        goal = PolicyGoal(
            f"{seed:x}", self._world.robot, "harness", task=self.instruction, duration=self.task.duration, seed=seed,
            lockstep=True,
        )  # fmt: skip
        self._session = PolicySession(goal, Instant(0.0, 0.0))
        self._world.begin(self._session, seed)
        self._steps = 0
        self._progress = TrueProgress(self.task.stages, self.task.success, self._world, LOWEST)
        if self._world.premise:
            raise WorldError(f"at the start these conditions do not hold: {', '.join(self._world.premise)}")
        return self._see()

    def step(self, action: Any) -> Seen:
        """Send one action (D,) and let a step pass. A finished episode is not advanced.

        Raises:
            PolicyError: If the action has another shape, or the gate refuses it; nothing moves.
        """
        session = self._session
        if session is None:
            raise PolicyError("no episode has begun; valid: reset first")
        row = np.asarray(action, dtype=np.float64)
        if row.shape != (len(self.names),):
            raise PolicyError(f"the action has shape {row.shape}; valid: ({len(self.names)},), {', '.join(self.names)}")
        if session.run.has_ended() or self._steps >= self.horizon:
            return self._see()
        self._sequence += 1
        chunk = Chunk(
            "policy/harness", self._sequence, self._world.world.time, _LIFETIME, self._codec.names,
            self._codec.to_si(row)[None, :],
        )  # fmt: skip
        answer = self._world.step("harness", self._periods, chunk)
        if answer.refusals or not answer.success:
            raise PolicyError(f"the action was refused: {'; '.join(answer.refusals) or answer.message}")
        self._steps += 1
        return self._see()

    def start_digest(self) -> str:
        """Return the SHA-256 of the present state, as results.jsonl has it of the start."""
        return self._world.state_digest()

    def draw(self) -> NDArray[np.uint8]:
        """Return a picture (H, W, 3) of the whole scene, for videos."""
        return self._world.draw("watch", *VIDEO_SIZE)

    def close(self) -> None:
        """Free the graphics."""
        self._world.close()

    def _see(self) -> Seen:
        world, session, progress = self._world, self._session, self._progress
        assert session is not None and progress is not None
        observation = world.observe()
        order = [observation.joint_names.index(name) for name in self._codec.names]
        places = [entry.read(world.body_pose(entry.body)) for entry in self._places]
        ending = session.run.ending
        is_late = self._steps >= self.horizon
        return Seen(
            self._codec.to_lerobot(observation.position[order]), np.array(places),
            {camera: world.picture(camera) for camera in self.cameras},
            ending is not None and ending.reason is RunReason.CONDITION_MET, ending is not None or is_late,
            ending.message if ending is not None else f"not done after {self.task.duration:g} s" if is_late else "",
            progress.look(world),
        )  # fmt: skip


def _periods(rate: float, control_period: float) -> int:
    """Return how many control periods a step has."""
    periods = 1.0 / (rate * control_period) if rate > 0.0 else 0.0
    if round(periods) < 1 or abs(periods - round(periods)) > 1e-6:
        raise ConfigurationError(
            f"the rate is {rate:g} Hz with a control period of {control_period:g} s; valid: steps of whole control periods"
        )
    return round(periods)
