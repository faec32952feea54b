"""Forces on bodies for some time: a hand that pushes, a gust of wind."""

from __future__ import annotations

from dataclasses import dataclass

import mujoco
import numpy as np

from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import WorldError
from strands_robots.sim.world.model_names import BODY, number_of

MAX_DURATION = 60.0
MAX_PUSHES = 256


@dataclass(frozen=True)
class Push:
    """A force on a body.

    Attributes:
        body: Name of the body.
        force, torque: (3,) [N], [Nm].
        point: Where the force acts, in the body's frame (3,) [m].
        in_body_frame: Whether force and torque turn with the body.
        duration: How long [s, simulated time].
    """

    body: str
    force: tuple[float, float, float]
    torque: tuple[float, float, float] = (0.0, 0.0, 0.0)
    point: tuple[float, float, float] = (0.0, 0.0, 0.0)
    in_body_frame: bool = False
    duration: float = 0.1


@dataclass(frozen=True)
class _RunningWrench:
    push: Push
    body: int
    end: float


class Pushes:
    """The forces that act at present. Belongs to a world and is guarded by its lock.

    Attributes:
        running: The forces; looked at before each step.
    """

    def __init__(self) -> None:
        self.running: list[_RunningWrench] = []

    def __bool__(self) -> bool:
        return bool(self.running)

    def begin(self, model: mujoco.MjModel, push: Push, now: float) -> float:
        """Begin a push and return when it ends [s, simulated time].

        Raises:
            UnknownNameError: If the body does not exist.
            WorldError: If the body cannot move or a value is not possible.
        """
        body = number_of(model, BODY, push.body)
        if int(model.body_weldid[body]) == 0:
            raise WorldError(f"body '{push.body}' is fixed to the world; valid: a body that can move")
        if not np.isfinite([*push.force, *push.torque, *push.point]).all():
            raise WorldError(
                f"force {push.force}, torque {push.torque}, point {push.point} given; valid: finite numbers"
            )
        if not 0.0 < push.duration <= MAX_DURATION:
            raise WorldError(f"duration is {push.duration} s; valid: more than 0, at most {MAX_DURATION}")
        if len(self.running) >= MAX_PUSHES:
            raise WorldError(f"{MAX_PUSHES} pushes are active; valid: wait until one has ended")
        self.running.append(_RunningWrench(push, body, now + push.duration))
        return now + push.duration

    def apply(self, model: mujoco.MjModel, data: mujoco.MjData) -> None:
        """Set the external forces of the next physics step."""
        for running in self.running:
            data.xfrc_applied[running.body] = 0.0
        half = 0.5 * float(model.opt.timestep)
        self.running = [running for running in self.running if data.time + half < running.end]
        for running in self.running:
            data.xfrc_applied[running.body] += _wrench(data, running)

    def clear(self, data: mujoco.MjData) -> None:
        """End every push."""
        self.running.clear()
        data.xfrc_applied[:] = 0.0

    def rebind(self, model: mujoco.MjModel, data: mujoco.MjData) -> None:
        """Go on in a newly compiled world; pushes on bodies that are gone end."""
        data.xfrc_applied[:] = 0.0
        found = [(r, int(mujoco.mj_name2id(model, BODY, r.push.body))) for r in self.running]
        self.running = [_RunningWrench(running.push, body, running.end) for running, body in found if body > 0]


def _wrench(data: mujoco.MjData, running: _RunningWrench) -> FloatArray:
    """Return force and torque about the centre of mass in world axes (6,), as MuJoCo takes them."""
    push, body = running.push, running.body
    axes = data.xmat[body].reshape(3, 3)
    force, torque = np.array(push.force), np.array(push.torque)
    if push.in_body_frame:
        force, torque = axes @ force, axes @ torque
    arm = data.xpos[body] + axes @ np.array(push.point) - data.xipos[body]
    return np.concatenate([force, torque + np.cross(arm, force)])
