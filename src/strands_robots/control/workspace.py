"""Where the tool may be: how far points are inside what is forbidden, for the check of chunks and the watch of the moving tool."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from strands_robots.control.alarm import Alarm, AlarmKind
from strands_robots.control.tool_chain import ToolChain
from strands_robots.core.arrays import FloatArray

if TYPE_CHECKING:  # Nodes that only read messages of a gate start without pydantic.
    from strands_robots.description.supervision_config import BoxConfig, WorkspaceConfig


class Workspace:
    """The allowed box and the forbidden ones, as numbers; box 0 is the allowed one where there is one.

    The violation of a box is how far the tool must move along one axis to be where it may be: its distance outside the
    allowed box, its depth inside a forbidden one [m]; 0 where nothing is violated.

    Attributes:
        config: The boxes.
        chain: Kinematics of the tool.
        size: Number of boxes.
    """

    def __init__(self, config: WorkspaceConfig, chain: ToolChain) -> None:
        self.config = config
        self.chain = chain
        boxes: list[tuple[str, BoxConfig, float]] = []
        if config.allowed is not None:
            boxes.append(("allowed box", config.allowed, 1.0))
        boxes += [(f"forbidden box '{name}'", box, -1.0) for name, box in config.forbidden.items()]
        self._names = [name for name, _, _ in boxes]
        self.size = len(boxes)
        self._low: FloatArray = np.array([box.min for _, box, _ in boxes])
        self._high: FloatArray = np.array([box.max for _, box, _ in boxes])
        self._sign: FloatArray = np.array([sign for _, _, sign in boxes])
        self._below, self._above = np.zeros((self.size, 3)), np.zeros((self.size, 3))
        self._one: FloatArray = np.zeros(self.size)

    def violations(self, points: FloatArray) -> FloatArray:
        """Return the violations (N, C) [m] of every box by tool positions (N, 3) [m]."""
        outside = np.maximum(self._low - points[:, None, :], points[:, None, :] - self._high).max(axis=2)
        found: FloatArray = np.maximum(self._sign * outside, 0.0)
        return found

    def violation(self, point: FloatArray) -> FloatArray:
        """Return the violations (C,) [m] by one tool position (3,); overwritten by the next call."""
        below, above, one = self._below, self._above, self._one
        np.subtract(self._low, point, out=below)
        np.subtract(point, self._high, out=above)
        np.maximum(below, above, out=below)
        below.max(axis=1, out=one)
        np.multiply(one, self._sign, out=one)
        np.maximum(one, 0.0, out=one)
        return one

    def describe(self, box: int, point: FloatArray) -> str:
        """Return in words where the tool is and where it may be."""
        x, y, z = point
        low, high = self._low[box], self._high[box]
        where = ", ".join(f"{axis} {a:.3f} to {b:.3f}" for axis, a, b in zip("xyz", low, high))
        at = f"({x:.3f}, {y:.3f}, {z:.3f}) m"
        if self._sign[box] > 0.0:
            return f"tool at {at} outside the {self._names[box]}; valid: {where}"
        return f"tool at {at} inside {self._names[box]}; valid: outside of {where}"


class WorkspaceWatch:
    """Stops a robot whose tool gets where it may not be by more than the margin.

    Every other tick looks at the measured tool, the ticks between at the set-point's. A tool that is not where it may be
    when the robot is armed may come back, but get no deeper.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._least: FloatArray = np.full(workspace.size, np.inf)
        self._over: FloatArray = np.zeros(workspace.size)
        self._is_measured_next = True

    def restart(self) -> None:
        """Begin anew: where the tool is at the next check is where it may come back from."""
        self._least[:] = np.inf
        self._is_measured_next = True

    def check(self, position: FloatArray, ahead: FloatArray) -> Alarm | None:
        """Judge the measured joints, or where the set-point would come to rest, (D,) [rad] or [m] each."""
        is_measured, self._is_measured_next = self._is_measured_next, not self._is_measured_next
        workspace = self._workspace
        point = workspace.chain.position(position if is_measured else ahead)
        found = workspace.violation(point)
        if is_measured:
            np.minimum(self._least, found, out=self._least)
        np.subtract(found, self._least, out=self._over)
        box = int(self._over.argmax())
        if self._over[box] <= workspace.config.margin:
            return None
        whose = "measured" if is_measured else "commanded"
        return Alarm(AlarmKind.WORKSPACE, f"{whose} {workspace.describe(box, point)}")
