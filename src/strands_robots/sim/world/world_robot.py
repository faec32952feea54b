"""One robot of a world: its joints' measurements, its targets, its torque."""

from __future__ import annotations

import threading

import mujoco
import numpy as np

from strands_robots.control.model_tool_chain import read_tool_chain
from strands_robots.control.readings import Readings
from strands_robots.control.supervision import Supervision
from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import ShapeError
from strands_robots.description.equality_joints import Followers
from strands_robots.description.robot_spec import RobotSpec
from strands_robots.description.servos import PositionServo, ctrl_address, position_servos
from strands_robots.sim.world.contact_forces import ContactForces
from strands_robots.sim.world.slots import Slots


class WorldRobot:
    """Joints of a robot in its configuration's order, read and commanded without allocating.

    Attributes:
        spec: Kind and place.
        name: Name in the world.
        config: Its description.
        limits: Its joint limits.
        joint_names: Joint names without prefix, length D.
        prefix: What MuJoCo's names of this robot begin with.
        position: Positions (D,) [rad] or [m] at the last `read`.
        velocity: Velocities (D,) [rad/s] or [m/s] at the last `read`.
        effort: Actuator efforts (D,) [Nm] or [N] at the last `read`.
        home: Where the joints start (D,) [rad] or [m].
    """

    def __init__(self, spec: RobotSpec, group: int, lock: threading.RLock) -> None:
        self.spec = spec
        self.name = spec.name
        self.config = spec.config
        self.limits = spec.config.limits()
        self.joint_names = self.limits.names
        self.prefix = f"{spec.name}/"
        size = len(self.joint_names)
        self.position: FloatArray = np.zeros(size)
        self.velocity: FloatArray = np.zeros(size)
        self.effort: FloatArray = np.zeros(size)
        self._group_bit = 1 << group
        self._lock = lock
        self._torque_enabled = True

    def bind(self, model: mujoco.MjModel, data: mujoco.MjData) -> None:
        """Point to a newly compiled world; the torque stays as it is."""
        joints = [model.joint(self.prefix + name).id for name in self.joint_names]
        servos = position_servos(model)
        mine = [servos[joint] for joint in joints]
        self._model, self._data = model, data
        self._qpos = Slots(data.qpos, model.jnt_qposadr[joints])
        self._followers = Followers(model, joints)
        self._qvel = Slots(data.qvel, model.jnt_dofadr[joints])
        self._effort = Slots(data.qfrc_actuator, model.jnt_dofadr[joints])
        self._controls = [ctrl_address(model, servo.actuator) for servo in mine]
        self._ctrl = Slots(data.ctrl, self._controls)
        self._scale, self._offset = _affine(mine)
        self._activations = _activations(model, mine)
        contact = self.config.supervision.contact
        self._contacts = None if contact is None else ContactForces(model, data, self.prefix, contact)
        self.home = self._home(model.qpos0[model.jnt_qposadr[joints]])
        self._set_torque_bit(self._torque_enabled)

    def read(self) -> None:
        """Refresh position, velocity and effort from the world."""
        with self._lock:
            self._qpos.read(self.position)
            self._qvel.read(self.velocity)
            self._effort.read(self.effort)

    def read_others(self, readings: Readings) -> None:
        """Refresh what supervision needs besides: the contact forces of the last physics step, where they are limited."""
        if self._contacts is not None:
            with self._lock:
                self._contacts.read(readings)

    def supervision(self, control_period: float) -> Supervision:
        """Return the watches that the robot's configuration asks for; a simulation measures contact, not temperature or current.

        Raises:
            ModelError: If a workspace is configured and the model's tool cannot be computed from the commanded joints.
        """
        config = self.config.supervision
        chain = None
        if config.workspace is not None:
            with self._lock:
                chain = read_tool_chain(self._model, self.prefix, self.config)
        return Supervision(config, self.limits, control_period, chain, measures=("contact",))

    def set_target(self, target: FloatArray) -> None:
        """Set what the position servos aim at from the next step on.

        Limits are not applied here: that is the gate's work.

        Args:
            target: Positions (D,) [rad] or [m]. Values that are not finite stop the world with an error at the next step.

        Raises:
            ShapeError: If the length is not D.
        """
        if len(target) != len(self.joint_names):
            raise ShapeError(f"target of '{self.name}' has {len(target)} values; valid: {len(self.joint_names)}")
        if self._scale is not None:
            target = self._scale * target + self._offset
        with self._lock:
            self._ctrl.write(target)

    def controls(self, targets: FloatArray) -> tuple[list[int], FloatArray]:
        """Return the indices in ctrl of this robot's servos, and what position targets (..., D) are there."""
        return self._controls, targets if self._scale is None else self._scale * targets + self._offset

    def set_torque(self, enabled: bool) -> None:
        """Switch this robot's actuators on or off. Switched on, they hold the measured position until the next target."""
        if enabled == self._torque_enabled:
            return
        with self._lock:
            self._torque_enabled = enabled
            if enabled:
                self.hold()
            self._set_torque_bit(enabled)

    @property
    def torque_enabled(self) -> bool:
        """True while the actuators give force."""
        return self._torque_enabled

    def place_home(self) -> None:
        """Put the joints of a world at rest to `home`, torque on, and aim there; the world's lock is held by the caller."""
        self._qpos.write(self.home)
        self._followers.place(self._data.qpos)
        self._torque_enabled = True
        self._set_torque_bit(True)
        self._settle(self.home)

    def hold(self) -> None:
        """Aim at the measured position; the world's lock is held by the caller."""
        self.read()
        self._settle(self.position)

    def _settle(self, target: FloatArray) -> None:
        self.set_target(target)
        # A filtered servo reaches its target later than its ctrl; settled, both are the same.
        for activation, control in self._activations:
            self._data.act[activation] = self._data.ctrl[control]

    def _set_torque_bit(self, enabled: bool) -> None:
        option = self._model.opt
        option.disableactuator = (
            option.disableactuator & ~self._group_bit if enabled else option.disableactuator | self._group_bit
        )

    def _home(self, start: FloatArray) -> FloatArray:
        start = np.clip(start, self.limits.lower, self.limits.upper)
        return np.array([self.config.home.get(name, start[i]) for i, name in enumerate(self.joint_names)])


def _affine(servos: list[PositionServo]) -> tuple[FloatArray | None, FloatArray]:
    scale = np.array([servo.scale for servo in servos])
    offset = np.array([servo.offset for servo in servos])
    return (None if (scale == 1.0).all() and not offset.any() else scale), offset


def _activations(model: mujoco.MjModel, servos: list[PositionServo]) -> list[tuple[int, int]]:
    """Return (index in act, index in ctrl) of the servos that have an activation state."""
    numbers = [servo.actuator for servo in servos if model.actuator_actadr[servo.actuator] >= 0]
    return [(int(model.actuator_actadr[number]), ctrl_address(model, number)) for number in numbers]
