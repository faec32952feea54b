"""The simulated arm behind the servos: each servo's goal and torque act on its joint, and it measures the joint. ROS-free."""

from __future__ import annotations

import numpy as np

from strands_robots.errors import ConfigurationError, UnknownNameError
from strands_robots.servo_bus.registers import CURRENT_UNIT, TICKS_PER_RADIAN, Reg
from strands_robots.servo_bus.servo import Servo
from strands_robots.sim.servos import position_servos
from strands_robots.sim.world import World

STALL_CURRENT = 2.7
"""At the stall torque [A]; STS3215 at 12 V."""
BLOCKED = 500.0
"""Friction of a joint that is blocked [Nm]."""


class ServoArm:
    """A robot of a world moved by servos, one for each joint in its order, numbered from 1.

    Args:
        world: The world.
        name: The robot in it.
        mounts: Sensor of each servo at joint position 0 [steps].
        is_calibrated: Whether the servos have homing offset and range in their memories.
        holds: Whether they hold the arm at the start, as a program before may have left them; else it falls.
    """

    def __init__(
        self, world: World, name: str, mounts: tuple[int, ...], is_calibrated: bool = True, holds: bool = True
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
        self.servos = [Servo(i + 1, mounts[i], steps[i], is_calibrated) for i in range(len(mounts))]
        model = world.model
        joints = [model.joint(self.robot.prefix + joint).id for joint in self.robot.joint_names]
        self._actuators = [position_servos(model)[joint].actuator for joint in joints]
        self._dofs = model.jnt_dofadr[joints]
        self._ranges = model.actuator_forcerange[self._actuators].copy()
        self._friction = model.dof_frictionloss[self._dofs].copy()
        self._target = self.robot.home.copy()
        self.measure()
        for servo in self.servos:
            servo.power_up()
            servo.set(Reg.TORQUE_ENABLE, int(holds))

    def step(self, count: int) -> None:
        """Let the motors act and advance the world by `count` timesteps."""
        ranges = self.world.model.actuator_forcerange
        for i, servo in enumerate(self.servos):
            torque = min(servo.get(Reg.TORQUE_LIMIT), servo.get(Reg.MAX_TORQUE)) / 1000.0 if servo.torque else 0.0
            # A range of zero width would mean no limit.
            ranges[self._actuators[i]] = self._ranges[i] * max(torque, 1e-6)
            self._target[i] = servo.goal / TICKS_PER_RADIAN
        self.robot.set_target(self._target)
        self.world.step(count)
        self.measure()

    def measure(self) -> None:
        """Tell the servos where their shafts are."""
        self.robot.read()
        effort = np.clip(self.robot.effort / self.robot.limits.effort, -1.0, 1.0)
        for i, servo in enumerate(self.servos):
            servo.position = round(float(self.robot.position[i]) * TICKS_PER_RADIAN)
            servo.velocity = round(float(self.robot.velocity[i]) * TICKS_PER_RADIAN)
            servo.load = round(float(effort[i]) * 1000.0)
            servo.current = round(abs(float(effort[i])) * STALL_CURRENT / CURRENT_UNIT)
            servo.measure()

    def block(self, joint: str, is_blocked: bool) -> None:
        """Block a joint, or let it go.

        Raises:
            UnknownNameError: If the robot has no such joint.
        """
        i = self.index(joint)
        self.world.model.dof_frictionloss[self._dofs[i]] = BLOCKED if is_blocked else self._friction[i]

    def index(self, joint: str) -> int:
        """Return a joint's place.

        Raises:
            UnknownNameError: If the robot has no such joint.
        """
        if joint not in self.robot.joint_names:
            raise UnknownNameError("joint", joint, self.robot.joint_names)
        return self.robot.joint_names.index(joint)
