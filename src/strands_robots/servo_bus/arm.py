"""The simulated arm behind the servos: each servo's goal and torque act on its joint, and it measures the joint. ROS-free."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from strands_robots.core.errors import ConfigurationError, UnknownNameError
from strands_robots.description.servos import position_servos
from strands_robots.servo_bus.bus_servo import BusServo
from strands_robots.servo_bus.feetech_registers import TICKS_PER_RADIAN
from strands_robots.servo_bus.kinds import FEETECH, ServoKind, make_servo
from strands_robots.sim.world.world import World

BLOCKED = 500.0
"""Friction of a joint that is blocked [Nm]."""
STIFF = 1e4
"""Its damping [Nms/rad]."""


class ServoArm:
    """A robot of a world moved by servos, one for each joint in its order.

    Args:
        world: The world.
        name: The robot in it.
        mounts: Sensor of each servo at joint position 0 [steps].
        is_calibrated: Whether the servos have homing offset and range in their memories.
        holds: Whether they hold the arm at the start, as a program before may have left them; else it falls.
        kinds: Number and model of each servo; empty for STS3215 numbered from 1.
    """

    def __init__(
        self,
        world: World,
        name: str,
        mounts: tuple[int, ...],
        is_calibrated: bool = True,
        holds: bool = True,
        kinds: Sequence[ServoKind] = (),
    ) -> None:
        self.world = world
        self.robot = world.robot(name)
        limits = self.robot.limits
        if len(mounts) != len(limits):
            raise ConfigurationError(
                f"{len(mounts)} mounts given; valid: {len(limits)}, one for each joint of '{name}'"
            )
        steps = [
            (round(low * TICKS_PER_RADIAN), round(high * TICKS_PER_RADIAN))
            for low, high in zip(limits.lower, limits.upper)
        ]
        kinds = kinds or [ServoKind(i + 1, FEETECH[0]) for i in range(len(mounts))]
        self.servos: list[BusServo] = [
            make_servo(kind, mount, extent, is_calibrated) for kind, mount, extent in zip(kinds, mounts, steps)
        ]
        model = world.model
        joints = [model.joint(self.robot.prefix + joint).id for joint in self.robot.joint_names]
        self._actuators = [position_servos(model)[joint].actuator for joint in joints]
        self._dofs = model.jnt_dofadr[joints]
        self._positions = model.jnt_qposadr[joints]
        self._ranges = model.actuator_forcerange[self._actuators].copy()
        self._friction = model.dof_frictionloss[self._dofs].copy()
        self._damping = model.dof_damping[self._dofs].copy()
        self._target = self.robot.home.copy()
        self.measure()
        for servo in self.servos:
            servo.power_up()
            if holds:
                servo.hold()

    def step(self, count: int) -> None:
        """Let the motors act and advance the world by `count` timesteps."""
        ranges = self.world.model.actuator_forcerange
        for i, servo in enumerate(self.servos):
            # A range of zero width would mean no limit.
            ranges[self._actuators[i]] = self._ranges[i] * max(servo.strength, 1e-6)
            self._target[i] = servo.goal / TICKS_PER_RADIAN
        self.robot.set_target(self._target)
        self.world.step(count)
        self.measure()

    def measure(self) -> None:
        """Tell the servos where their shafts are."""
        self.robot.read()
        effort = np.clip(self.robot.effort / self.robot.limits.effort, -1.0, 1.0)
        for i, servo in enumerate(self.servos):
            servo.feel(
                round(float(self.robot.position[i]) * TICKS_PER_RADIAN),
                round(float(self.robot.velocity[i]) * TICKS_PER_RADIAN),
                float(effort[i]),
            )

    def block(self, joint: str, is_blocked: bool) -> None:
        """Block a joint, or let it go.

        Raises:
            UnknownNameError: If the robot has no such joint.
        """
        i = self.index(joint)
        # Friction alone lets a loaded joint creep: MuJoCo's is soft.
        self.world.model.dof_frictionloss[self._dofs[i]] = BLOCKED if is_blocked else self._friction[i]
        self.world.model.dof_damping[self._dofs[i]] = STIFF if is_blocked else self._damping[i]

    def slip(self, joint: str, angle: float) -> None:
        """Turn a servo's horn on its shaft: from now on its sensor says `angle` [rad] more than before in the same pose.

        Raises:
            UnknownNameError: If the robot has no such joint.
        """
        self.servos[self.index(joint)].mount += round(angle * TICKS_PER_RADIAN)
        self.measure()

    def place(self, joint: str, position: float) -> None:
        """Turn a joint by hand to a position [rad]; its servo must not hold it.

        Raises:
            UnknownNameError: If the robot has no such joint.
            ConfigurationError: If the servo holds it, or the position is beyond the joint's limits.
        """
        i = self.index(joint)
        limits = self.robot.limits
        if self.servos[i].torque:
            raise ConfigurationError(f"'{joint}' has torque; valid: a joint that is let go")
        if not limits.lower[i] <= position <= limits.upper[i]:
            raise ConfigurationError(f"'{joint}' to {position:g}; valid: {limits.lower[i]:g} to {limits.upper[i]:g}")
        qpos, qvel = self.world.data.qpos.copy(), self.world.data.qvel.copy()
        qpos[self._positions[i]], qvel[self._dofs[i]] = position, 0.0
        self.world.set_positions(qpos, qvel)
        self.measure()

    def index(self, joint: str) -> int:
        """Return a joint's place.

        Raises:
            UnknownNameError: If the robot has no such joint.
        """
        if joint not in self.robot.joint_names:
            raise UnknownNameError("joint", joint, self.robot.joint_names)
        return self.robot.joint_names.index(joint)
