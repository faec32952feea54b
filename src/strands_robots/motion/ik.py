"""Joint positions that bring the tool to a pose: differential inverse kinematics, repeated until it converges. No I/O.

Source: Zakka 2025, "Mink: Python inverse kinematics based on MuJoCo"; its quadratic programs are solved by DAQP
(Arnstrom et al. 2022).
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import mujoco
import numpy as np

from strands_robots.core.arrays import FloatArray
from strands_robots.core.pose import AXIS, Pose, angle_between, rotation_between
from strands_robots.motion.arm import Arm

if TYPE_CHECKING:
    import mink

ORIENTATION_COST = 0.05
"""An orientation error of 1 rad weighs as much as a position error of so many metres, where a pose cannot be had."""

RANDOM_SEEDS = 14
"""Random joint positions from which the search starts again, after the present ones and home."""

_LARGEST_STEP = {
    int(mujoco.mjtJoint.mjJNT_HINGE): 0.4,
    int(mujoco.mjtJoint.mjJNT_SLIDE): 0.1,
}  # [rad], [m] an iteration
_ITERATIONS = 80
_CONVERGED = 1e-7  # [rad] or [m]; the search ends when a step is smaller than this
_DAMPING = 1e-9
_SAME = 0.05  # [rad] or [m]; solutions nearer than this are one


def load_solver() -> None:
    """Load what IkSolver solves with, which takes as long as the rest of a node; else the first solver does."""
    import mink  # noqa: F401


class Orientation(enum.IntEnum):
    """What of a pose's orientation counts; numbers as in action/MoveTo."""

    FREE = 0
    AXIS = 1
    FULL = 2


@dataclass(frozen=True)
class PoseTarget:
    """A pose of the tool that is asked for.

    Attributes:
        pose: Pose in the robot's base frame.
        orientation: FREE: position only. AXIS: the tool's z axis points along the pose's. FULL: all of it.
        position_tolerance: Largest distance [m].
        orientation_tolerance: Largest angle [rad]; of the axes for AXIS, not used for FREE.
    """

    pose: Pose
    orientation: Orientation = Orientation.FULL
    position_tolerance: float = 0.002
    orientation_tolerance: float = 0.02

    def errors(self, tool: Pose) -> tuple[float, float]:
        """Return how far the tool is away: distance [m] and angle [rad], 0 for FREE."""
        distance = float(np.linalg.norm(tool.position - self.pose.position))
        if self.orientation is Orientation.FREE:
            return distance, 0.0
        if self.orientation is Orientation.AXIS:
            return distance, angle_between(tool.axis, self.pose.axis)
        return distance, rotation_between(tool.rotation, self.pose.rotation)


@dataclass(frozen=True)
class IkSolution:
    """What the search ended with.

    Attributes:
        position: Joint positions (D,) within the limits [rad] or [m].
        position_error: Distance of the tool from the target [m].
        orientation_error: Angle from the target [rad]; 0 for FREE.
        is_reached: True when both are within the target's tolerances.
    """

    position: FloatArray
    position_error: float
    orientation_error: float
    is_reached: bool

    @property
    def miss(self) -> float:
        """One number to compare misses by [m]."""
        return self.position_error + ORIENTATION_COST * self.orientation_error


class IkSolver:
    """Solves for one robot. Belongs to one thread at a time.

    Args:
        arm: Kinematics of the robot; must have a tool frame.
    """

    def __init__(self, arm: Arm) -> None:
        import mink

        if arm.tool is None:
            arm.tool_pose(arm.limits.lower)  # says what is missing
        self._arm = arm
        self._configuration = mink.Configuration(arm.model)
        self._limits = [
            mink.ConfigurationLimit(arm.model, gain=1.0),
            mink.VelocityLimit(arm.model, _largest_steps(arm)),
        ]
        moving = set(arm.dof_address[arm.tool_columns].tolist())
        fixed = [dof for dof in range(arm.model.nv) if dof not in moving]
        self._frozen = [mink.DofFreezingTask(arm.model, fixed)] if fixed else None

    def solutions(self, target: PoseTarget, start: FloatArray) -> Iterator[IkSolution]:
        """Yield what is found from `start`, from home, and from random joint positions.

        Every reached solution comes once, and so does every miss. The same target and start give the same solutions.

        Args:
            target: Pose that is asked for.
            start: Joint positions (D,) of the robot now [rad] or [m].
        """
        found: list[FloatArray] = []
        for seed in self._seeds(start):
            solution = self.solve(target, seed)
            if solution.is_reached:
                if any(np.abs(solution.position - other).max() < _SAME for other in found):
                    continue
                found.append(solution.position)
            yield solution

    def solve(
        self,
        target: PoseTarget,
        seed: FloatArray,
        orientation_cost: float = ORIENTATION_COST,
        posture_cost: float = 0.0,
    ) -> IkSolution:
        """Return the solution, or the nearest miss, that is downhill from `seed`.

        Args:
            target: Pose that is asked for.
            seed: Joint positions (D,) to start from [rad] or [m]; those that do not move the tool stay.
            orientation_cost: Position error [m] that weighs as much as an orientation error of 1 rad.
            posture_cost: Position error [m] that weighs as much as a joint 1 rad away from `seed`; keeps joints still
                that help little.
        """
        import mink

        arm, configuration = self._arm, self._configuration
        configuration.update(arm.qpos(np.clip(seed, arm.limits.lower, arm.limits.upper)))
        tasks = self._tasks(target, orientation_cost)
        if posture_cost:
            posture = mink.PostureTask(arm.model, cost=posture_cost)
            posture.set_target_from_configuration(configuration)
            tasks.append(posture)
        for _ in range(_ITERATIONS):
            try:
                step = mink.solve_ik(
                    configuration, tasks, 1.0, "daqp", damping=_DAMPING, limits=self._limits, constraints=self._frozen
                )
            except mink.NoSolutionFound:
                break  # What was reached so far is judged as any other miss.
            configuration.integrate_inplace(step, 1.0)
            if np.abs(step).max() < _CONVERGED:
                break
        position = np.clip(configuration.q[arm.qpos_address], arm.limits.lower, arm.limits.upper)
        distance, angle = target.errors(arm.tool_pose(position))
        is_reached = distance <= target.position_tolerance and angle <= target.orientation_tolerance
        return IkSolution(position, distance, angle, is_reached)

    def _seeds(self, start: FloatArray) -> Iterator[FloatArray]:
        arm = self._arm
        yield start
        home = start.copy()
        for name, value in arm.config.home.items():
            home[arm.limits.index[name]] = value
        columns = arm.tool_columns
        rng = np.random.default_rng(0)
        for base in (home, *[None] * RANDOM_SEEDS):
            seed = start.copy()
            if base is None:
                low = np.maximum(arm.limits.lower[columns], -np.pi)
                high = np.minimum(arm.limits.upper[columns], np.pi)
                seed[columns] = rng.uniform(low, high)
            else:
                seed[columns] = base[columns]
            yield seed

    def _tasks(self, target: PoseTarget, orientation_cost: float) -> list[mink.Task]:
        import mink

        arm = self._arm
        assert arm.tool is not None
        kind, site, body = arm.tool
        frame = site if site >= 0 else body
        pose = arm.base_pose.at(target.pose)
        transform = mink.SE3.from_rotation_and_translation(mink.SO3.from_matrix(pose.rotation), pose.position)
        cost = orientation_cost if target.orientation is Orientation.FULL else 0.0
        placing = mink.FrameTask(frame, kind, position_cost=1.0, orientation_cost=cost, lm_damping=1e-3)
        placing.set_target(transform)
        if target.orientation is not Orientation.AXIS:
            return [placing]
        pointing = mink.AxisAlignTask(frame, kind, AXIS, cost=orientation_cost, lm_damping=1e-3)
        pointing.set_target(pose.axis)
        return [placing, pointing]


def _largest_steps(arm: Arm) -> dict[str, float]:
    model = arm.model
    return {
        model.joint(joint).name: _LARGEST_STEP[int(model.jnt_type[joint])]
        for joint in range(model.njnt)
        if int(model.jnt_type[joint]) in _LARGEST_STEP and model.joint(joint).name
    }
