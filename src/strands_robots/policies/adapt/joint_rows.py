"""A model's rows in joint spaces -> one command of the robot's joints: units, thresholds, and a mode for each number. No I/O.

A robot plays a chunk in one mode. Where a model answers velocities of an arm and a position of its hand, velocities and deltas are
added up from where the joints were at the observation, and everything is a position.
"""

from __future__ import annotations

import numpy as np

from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import PolicyError
from strands_robots.core.types import Action, ControlMode, JointLimits, Observation, PolicyGives
from strands_robots.policies.adapt.adapter import Adapter
from strands_robots.policies.adapt.adapter_units import mode_of
from strands_robots.policies.adapt.units import RANGES
from strands_robots.policies.check.plausibility import check_reach


class JointRows:
    """Turns a model's rows into actions.

    Args:
        adapter: Checked against what the model gives.
        gives: What the model answers.
        period: Time between two rows [s].
        limits: Limits of the robot's joints: what is added up stays within; None when not known.
    """

    def __init__(self, adapter: Adapter, gives: PolicyGives, period: float, limits: JointLimits | None) -> None:
        self._elements = adapter.action
        self._period = period
        names = [element.name for element in gives.action]
        self._columns = [names.index(element.name) for element in adapter.action]
        self._joints = tuple(element.joint for element in adapter.action)
        pairs = np.array([element.scale_and_offset() for element in adapter.action]).reshape(-1, 2)
        self._scale, self._offset = pairs[:, 0].copy(), pairs[:, 1].copy()
        modes = [mode_of(element, gives.space) for element in adapter.action]
        self._is_velocity = np.array([mode == "velocity" for mode in modes])
        self._is_summed = np.array([mode in ("velocity", "delta") for mode in modes])
        self._is_anchored = np.array([mode != "position" for mode in modes])
        self._limits = limits

    def action(self, rows: FloatArray, observation: Observation) -> Action:
        """Return the robot's action for a model's rows (H, A), asked at `observation`.

        Raises:
            PolicyError: If a joint that rows are relative to was not measured, or the model answers positions that no joint is near.
        """
        values = self._numbers(rows) * self._scale + self._offset
        if self._is_velocity.all():
            return Action(self._joints, values, self._period, ControlMode.VELOCITY)
        if self._is_anchored.any():
            values = self._anchored(values, self._measured(observation))
        if self._limits is not None:
            check_reach(values, self._joints, self._limits)
        return Action(self._joints, values, self._period, ControlMode.POSITION)

    def _numbers(self, rows: FloatArray) -> FloatArray:
        """Return the executed columns, clipped, and open or closed where that is asked for."""
        numbers = rows[:, self._columns].astype(np.float64)
        for column, element in enumerate(self._elements):
            if element.clip is not None:
                numbers[:, column] = np.clip(numbers[:, column], *element.clip)
            if element.threshold is not None:
                low, high = RANGES[element.unit]
                numbers[:, column] = np.where(numbers[:, column] > element.threshold, high, low)
        return numbers

    def _anchored(self, values: FloatArray, start: FloatArray) -> FloatArray:
        """Return positions: deltas and velocities added up from `start` (D,), relative numbers counted from it.

        Row 0 already holds one step: what a velocity does within a period is where the joint is at its end.
        """
        steps = np.where(self._is_velocity, values * self._period, values)
        moved = start + np.where(self._is_summed, np.cumsum(steps, axis=0), steps)
        if self._limits is not None and all(joint in self._limits.index for joint in self._joints):
            columns = [self._limits.index[joint] for joint in self._joints]
            lower, upper = self._limits.lower[columns], self._limits.upper[columns]
            # Against a limit it stays there, and comes back with the first step away from it.
            at = start.copy()
            for row in range(len(moved)):
                at = np.clip(np.where(self._is_summed, at + steps[row], moved[row]), lower, upper)
                moved[row] = at
        return np.where(self._is_anchored, moved, values)

    def _measured(self, observation: Observation) -> FloatArray:
        start = np.zeros(len(self._joints))
        for column, joint in enumerate(self._joints):
            if not self._is_anchored[column]:
                continue
            if joint not in observation.joint_names:
                raise PolicyError(
                    f"joint '{joint}' was not measured; the robot reports {', '.join(observation.joint_names)}"
                )
            start[column] = observation.position[observation.joint_names.index(joint)]
        if not np.isfinite(start).all():
            bad = self._joints[int(np.argmin(np.isfinite(start)))]
            raise PolicyError(f"'{bad}' was measured as {start[self._joints.index(bad)]}; valid: finite")
        return start
