"""The contract between the parts: joints, observations, chunks' vocabulary and the protocols of exchangeable parts.

No I/O, no ROS. One word, one meaning: observation (sensed) -> action (policy vector, policy units) -> command (named joints,
SI) -> ctrl (actuator).
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import ConfigurationError, ShapeError

if TYPE_CHECKING:
    from strands_robots.core.pose import Pose


class Instant(NamedTuple):
    """One moment on the two clocks that matter.

    Attributes:
        ros: ROS time [s]; simulated time in simulation. May stand still or jump.
        steady: Monotonic time [s]; never jumps, does not stop with the simulation.
    """

    ros: float
    steady: float


class ControlMode(enum.IntEnum):
    """What the values of a command are; numbers as in msg/JointCommand."""

    POSITION = 0
    VELOCITY = 1
    EFFORT = 2


class StopCategory(enum.IntEnum):
    """Stop categories of IEC 60204-1."""

    TORQUE_OFF = 0
    CONTROLLED_THEN_OFF = 1
    CONTROLLED_AND_HOLD = 2


class SourceClass(enum.IntEnum):
    """Class of a command's source; a higher number takes the lease over. policy and external are equals."""

    AGENT = 1
    POLICY = 2
    EXTERNAL = 3
    TELEOP = 4
    OPERATOR = 5

    @property
    def priority(self) -> int:
        """Rank in the contest for the lease; equal ranks wait for each other."""
        return _PRIORITIES[self]


_PRIORITIES = {
    SourceClass.AGENT: 1,
    SourceClass.POLICY: 2,
    SourceClass.EXTERNAL: 2,
    SourceClass.TELEOP: 3,
    SourceClass.OPERATOR: 4,
}


@dataclass(frozen=True)
class JointLimits:
    """Limits of a robot's joints, in the robot's joint order.

    Attributes:
        names: Joint names, length D.
        lower, upper: Position limits (D,) [rad] or [m]; infinite where a joint is continuous.
        velocity: Largest speed (D,) [rad/s] or [m/s], > 0.
        acceleration: Largest acceleration (D,) [rad/s^2] or [m/s^2], > 0.
        effort: Largest effort (D,) [Nm] or [N], > 0.
        index: Name -> place in the order.
        columns: Every place in order, 0 to D - 1; never changed.
    """

    names: tuple[str, ...]
    lower: FloatArray
    upper: FloatArray
    velocity: FloatArray
    acceleration: FloatArray
    effort: FloatArray
    index: Mapping[str, int] = field(init=False, repr=False, compare=False)
    columns: list[int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if len(set(self.names)) != len(self.names):
            raise ConfigurationError(f"joint names must be unique; given {', '.join(self.names)}")
        for name in ("lower", "upper", "velocity", "acceleration", "effort"):
            array = np.asarray(getattr(self, name), dtype=np.float64)
            if array.shape != (len(self.names),):
                raise ShapeError(f"limits.{name} has shape {array.shape}; valid: ({len(self.names)},)")
            if np.isnan(array).any():
                raise ConfigurationError(f"limits.{name} holds NaN: {array.tolist()}")
            object.__setattr__(self, name, array)
        for name in ("velocity", "acceleration", "effort"):
            if not (getattr(self, name) > 0.0).all():
                raise ConfigurationError(f"limits.{name} must be positive; given {getattr(self, name).tolist()}")
        if not (self.lower < self.upper).all():
            raise ConfigurationError(
                f"limits.lower must be below limits.upper; given {self.lower.tolist()} and {self.upper.tolist()}"
            )
        object.__setattr__(self, "index", {name: i for i, name in enumerate(self.names)})
        object.__setattr__(self, "columns", list(range(len(self.names))))

    def __len__(self) -> int:
        return len(self.names)


@dataclass(frozen=True)
class Observation:
    """What a robot's sensors said at one instant.

    Attributes:
        stamp: ROS time of the measurement [s].
        joint_names: Joint names, length D.
        position: Measured positions (D,) [rad] or [m].
        velocity: Measured velocities (D,) [rad/s] or [m/s].
        effort: Measured efforts (D,) [Nm] or [N].
        images: Camera name -> picture, uint8 (H, W, 3) RGB.
        earlier: Observations before this one, oldest first, at the policy's own period; only for policies that need a history.
        task: What the robot shall do, in words.
        bodies: Body of a simulated world -> where it is in the robot's base frame; only those that the policy needs.
    """

    stamp: float
    joint_names: tuple[str, ...]
    position: FloatArray
    velocity: FloatArray
    effort: FloatArray
    images: Mapping[str, NDArray[np.uint8]] = field(default_factory=dict)
    earlier: tuple[Observation, ...] = ()
    task: str = ""
    bodies: Mapping[str, Pose] = field(default_factory=dict)


@dataclass(frozen=True)
class Action:
    """What a policy wants the joints to do from an observation on.

    Attributes:
        joint_names: Columns of `values`, length D.
        values: Rows for successive instants (H, D), row 0 at the observation's stamp; unit by `mode`.
        control_period: Time between two rows [s].
        mode: What the values are.
        is_last: The policy has done what it was to do; a run ends with these rows.
    """

    joint_names: tuple[str, ...]
    values: FloatArray
    control_period: float
    mode: ControlMode = ControlMode.POSITION
    is_last: bool = False


class ActionSpace(str, enum.Enum):
    """What the numbers of a policy's action are.

    Deltas add up from row to row; relative numbers of every row count from where joint or tool was at the observation.
    """

    JOINT_POSITION = "joint_position"
    JOINT_VELOCITY = "joint_velocity"
    JOINT_DELTA = "joint_delta"
    JOINT_RELATIVE = "joint_relative"
    EE_DELTA = "ee_delta"
    EE_RELATIVE = "ee_relative"
    EE_POSE = "ee_pose"

    @property
    def is_of_tool(self) -> bool:
        """True when the numbers are the tool's, and not the joints'."""
        return self in (ActionSpace.EE_DELTA, ActionSpace.EE_RELATIVE, ActionSpace.EE_POSE)


@dataclass(frozen=True)
class Element:
    """One number of a policy's state or action.

    Attributes:
        name: Its name in the policy's vocabulary.
        unit: Its unit, one of policies.units; empty when the policy does not say.
    """

    name: str
    unit: str = ""


@dataclass(frozen=True)
class PictureNeed:
    """One picture that a policy is shown.

    Attributes:
        height, width: Size [px]; 0 takes any.
        is_optional: True when the policy can do without it.
        frames: Which pictures of it at once: steps of the policy before the present one, oldest first, such as (-15, 0); empty for
            every one of the policy's history.
    """

    height: int = 0
    width: int = 0
    is_optional: bool = False
    frames: tuple[int, ...] = ()


@dataclass(frozen=True)
class PolicyNeeds:
    """What a policy must be given.

    Attributes:
        state: Its state vector, in order; empty for a policy that takes the robot's joints as they are.
        cameras: Its pictures by key.
        language: True when it needs the task in words.
        history: Number of observations at once, the present one included.
        environment: A model's environment state, in order: where bodies of a simulated world are, in the adapter's words.
        bodies: The bodies whose poses an observation must hold; of a policy for the robot, as its adapter says.
        state_frames: Which states at once, as the frames of a picture; empty for every one of the history.
        takes_short: True when it wants fewer frames at the start of an episode rather than copies of the first one.
    """

    state: tuple[Element, ...] = ()
    cameras: Mapping[str, PictureNeed] = field(default_factory=dict)
    language: bool = False
    history: int = 1
    environment: tuple[Element, ...] = ()
    bodies: tuple[str, ...] = ()
    state_frames: tuple[int, ...] = ()
    takes_short: bool = False


@dataclass(frozen=True)
class PolicyGives:
    """What a policy answers.

    Attributes:
        action: Its action vector, in order; empty for a policy that answers with the robot's joints.
        space: What the numbers are.
        gripper: How the gripper's number is meant, in words; empty when it is a joint like the others.
        horizon: Rows of one chunk; 0 when the policy decides anew each time.
        rate: Rows a second [Hz]; 0 when the policy does not say.
        rtc: True when it continues the previous chunk by itself (real-time chunking), so that `infer` takes a Playback.
        device: What it computes on.
        notes: What must be known to run it, for example settings of a checkpoint that are not used.
    """

    action: tuple[Element, ...] = ()
    space: ActionSpace = ActionSpace.JOINT_POSITION
    gripper: str = ""
    horizon: int = 0
    rate: float = 0.0
    rtc: bool = False
    device: str = "cpu"
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Playback:
    """What is being played while a policy is asked.

    Attributes:
        elapsed: Rows of the previous chunk that belong to times before this observation; negative before the first chunk.
        delay: Rows that will be played until the answer is expected.
    """

    elapsed: int = -1
    delay: int = 0


class Policy(Protocol):
    """Turns observations into actions.

    Attributes:
        needs: What `infer` must be given: cameras are the robot's.
        gives: What it answers.
    """

    @property
    def needs(self) -> PolicyNeeds:
        """What `infer` must be given; cameras have the robot's names."""

    @property
    def gives(self) -> PolicyGives:
        """What `infer` answers."""

    def reset(self, seed: int) -> None:
        """Start an episode; the same seed and observations give the same actions."""

    def infer(self, observation: Observation, playback: Playback | None = None) -> Action:
        """Return the rows that follow `observation`.

        Args:
            observation: What the robot's sensors say.
            playback: What is being played; given to policies with `gives.rtc` only.

        Raises:
            PolicyError: If the policy cannot answer; the robot then holds.
        """

    def close(self) -> None:
        """Free what the policy holds."""


class Clock(Protocol):
    """Where the present comes from, so that tests and lockstep can say it."""

    def now(self) -> Instant:
        """Return the present instant."""
