"""The adapter between one robot and one model, as data: names, order, units, cameras. Read from YAML.

state:
  - {name: shoulder_pan.pos, joint: shoulder_pan, unit: deg}
  - {name: gripper.pos, joint: gripper, unit: range_0_100, ends: [-0.174533, 1.74533]}
environment:                                  # LeRobot's observation.environment_state, of a simulated world
  - {name: cube.x, body: cube, quantity: x, unit: m}
cameras:
  observation.images.front: {camera: wrist, resize: stretch}
  observation.images.top: {camera: /top}      # a camera of the world, of no robot
absent_cameras: [observation.images.left]     # only what the model calls optional
action:
  - {name: shoulder_pan.pos, joint: shoulder_pan, unit: deg}
  - {name: gripper.pos, joint: gripper, unit: range_0_100, ends: [-0.174533, 1.74533]}

Of a model that is told where the tool is, and that answers more than is executed:

tool: {model: panda, frame: panda_link8}      # where the model thinks the tool is, see adapter_tool.ToolAdapter
state:
  - {names: [x, y, z], tool: position, unit: m}
  - {names: [qx, qy, qz, qw], tool: quaternion}
action:
  - {name: joint_0, joint: panda_joint1, unit: 0.2 rad per 1/15 s, clip: [-1, 1]}
  - {name: gripper, joint: panda_finger_joint1, unit: range_0_1, ends: [0.04, 0.0], threshold: 0.5, mode: position}
ignored: [eef.0, eef.1]                       # answered, and not executed
"""

from __future__ import annotations

from typing import Annotated, Literal

import yaml
from pydantic import Discriminator, Field, Tag, ValidationError, model_validator

from strands_robots.core.body_state import BodyQuantity
from strands_robots.core.errors import ConfigurationError, StrandsRobotsError
from strands_robots.core.share import config_names, config_text
from strands_robots.core.strict_model import StrictModel
from strands_robots.core.text import printable
from strands_robots.core.types import Element
from strands_robots.core.validation import problems_of
from strands_robots.policies.adapt.adapter_tool import (
    SIZES,
    ConstantAdapter,
    RotationForm,
    ToolAdapter,
    ToolStateAdapter,
)
from strands_robots.policies.adapt.units import RANGES, scale_and_offset

Name = Annotated[str, Field(min_length=1, max_length=128)]
JointMode = Literal["position", "velocity", "delta", "relative"]

WORLD = "/"
"""Beginning of a camera that is the world's, of no robot: "/top" publishes top/image_raw in the graph's namespace."""


class ElementAdapter(StrictModel):
    """One number of the model's state or action, and the joint that it means.

    Attributes:
        name: Name in the model's vocabulary.
        joint: The robot's joint.
        unit: Unit of the model's number, see policies.units.
        ends: SI values at the lowest and highest number, for units that span the joint's way.
        quantity: What is measured of the joint; an action's is decided by its mode.
        mode: What an action's number is: a position; a velocity; a "delta", which adds up from row to row; or "relative" to where
            the joint was at the observation. None takes what the model's space says. Elements of one action may differ.
        threshold: A number of the model; numbers above it are its highest, others its lowest: grippers that open or close.
        clip: Lowest and highest number of the model that is executed; numbers beyond are taken for these.
    """

    name: Name
    joint: Name
    unit: str
    ends: tuple[float, float] | None = None
    quantity: Literal["position", "velocity", "effort"] = "position"
    mode: JointMode | None = None
    threshold: float | None = None
    clip: tuple[float, float] | None = None

    @model_validator(mode="after")
    def _convertible(self) -> ElementAdapter:
        try:
            self.scale_and_offset()
        except StrandsRobotsError as error:
            raise ValueError(str(error)) from error
        if self.threshold is not None:
            if self.unit not in RANGES:
                raise ValueError(f"threshold needs a unit with ends; given '{self.unit}', valid: {', '.join(RANGES)}")
            low, high = RANGES[self.unit]
            if not low < self.threshold < high:
                raise ValueError(f"threshold is {self.threshold:g}; valid: between {low:g} and {high:g}")
        if self.clip is not None and not self.clip[0] < self.clip[1]:
            raise ValueError(f"clip is {self.clip}; valid: a lower and a higher number")
        return self

    def scale_and_offset(self) -> tuple[float, float]:
        """Return (scale, offset) so that SI = scale * number + offset."""
        return scale_and_offset(self.unit, self.ends)


class BodyAdapter(StrictModel):
    """One number of the model's environment state, and the body that it is about.

    Attributes:
        name: Name in the model's vocabulary.
        body: Body of a simulated world; with `model`, a link of the robot itself.
        model: Kind of robot whose link it is, a name in config/robots or a YAML file: its place follows from the measured joints,
            so that a real robot can say it. Empty for what only a simulated world knows.
        quantity: Of its frame in the robot's base frame; angles turn about the fixed axes x, y, z, in this order.
        unit: m or mm; rad or deg.
    """

    name: Name
    body: Name
    quantity: Literal["x", "y", "z", "roll", "pitch", "yaw"]
    unit: str
    model: str = ""

    @model_validator(mode="after")
    def _readable(self) -> BodyAdapter:
        try:
            self.reading()
        except StrandsRobotsError as error:
            raise ValueError(str(error)) from error
        return self

    def reading(self) -> BodyQuantity:
        """Return how the number is read."""
        return BodyQuantity(self.name, self.body, self.quantity, self.unit)


class CameraAdapter(StrictModel):
    """One picture of the model and the camera that takes it.

    Attributes:
        camera: The robot's camera, or one of the world with a slash before it: "/top".
        resize: "exact": the camera has the model's size. "stretch": scaled. "pad": scaled, black bars keep its shape.
        order: Order of the colours that the model takes.
    """

    camera: Name
    resize: Literal["exact", "stretch", "pad"] = "exact"
    order: Literal["rgb", "bgr"] = "rgb"


class GripperAdapter(StrictModel):
    """The model's gripper number and the joint that it means; in between is interpolated unless `threshold` is given.

    Attributes:
        name: Name in the model's action.
        joint: The robot's gripper joint.
        open, closed: The model's numbers.
        open_position, closed_position: The joint's positions [rad] or [m].
        threshold: Numbers nearer to `open` than this one open, the others close; None interpolates.
    """

    name: Name
    joint: Name
    open: float
    closed: float
    open_position: float
    closed_position: float
    threshold: float | None = None

    @model_validator(mode="after")
    def _distinct(self) -> GripperAdapter:
        if self.open == self.closed:
            raise ValueError(f"gripper is open and closed at {self.open}; valid: two numbers")
        low, high = sorted((self.open, self.closed))
        if self.threshold is not None and not low <= self.threshold <= high:
            raise ValueError(f"gripper threshold is {self.threshold}; valid: {low} to {high}")
        return self


class EndEffectorAdapter(StrictModel):
    """How numbers of an end-effector action are meant.

    Attributes:
        model: Kind of robot, for its kinematics: a name in config/robots, or a YAML, MJCF or URDF file; empty takes `tool`'s.
        tool_frame: Frame that the numbers are of; empty takes the robot's tool frame, else the last body of its longest chain.
            With `tool` in the adapter the numbers are of that frame, and neither is said here.
        translation: Names of x, y and z; an empty one stays as it is.
        rotation: Names of the rotation's numbers, in order.
        form: Form of the rotation, see `adapter_tool.RotationForm`.
        frame: Frame of deltas and relative poses: the robot's base, or the tool itself. Poses are always in the base frame.
        translation_scale: Metres in one unit.
        rotation_scale: Radians in one unit; of quaternions and matrices, the share of their angle that is meant.
        anchor: What deltas add up from: the pose "measured" at the observation, or the one "commanded" last.
        smoothing: Share of the previous joint target in the next one, 0 (none) to below 1.
        gripper: The gripper's number; None for a model without one.
        position_tolerance: A pose missed by more is reported as unreachable [m].
    """

    model: str = ""
    tool_frame: str = ""
    translation: tuple[str, str, str]
    rotation: Annotated[tuple[Name, ...], Field(max_length=6)] = ()
    form: RotationForm = "rotation_vector"
    frame: Literal["base", "tool"] = "base"
    translation_scale: Annotated[float, Field(gt=0.0)] = 1.0
    rotation_scale: Annotated[float, Field(gt=0.0)] = 1.0
    anchor: Literal["measured", "commanded"] = "measured"
    smoothing: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0
    gripper: GripperAdapter | None = None
    position_tolerance: Annotated[float, Field(gt=0.0)] = 0.02

    @model_validator(mode="after")
    def _complete(self) -> EndEffectorAdapter:
        size = SIZES[self.form]
        if not any(self.translation) and not self.rotation:
            raise ValueError("end_effector names no number of a translation or a rotation")
        if self.rotation and len(self.rotation) != size:
            raise ValueError(f"a rotation as {self.form} has {size} numbers; given {', '.join(self.rotation)}")
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """Every name of the action."""
        moved = tuple(name for name in self.translation if name)
        return (*moved, *self.rotation, *((self.gripper.name,) if self.gripper else ()))


def _kind(entry: object) -> str:
    given = entry if isinstance(entry, dict) else vars(entry)
    return "tool" if "tool" in given else "constant" if "constant" in given else "joint"


StateAdapter = Annotated[
    Annotated[ElementAdapter, Tag("joint")]
    | Annotated[ToolStateAdapter, Tag("tool")]
    | Annotated[ConstantAdapter, Tag("constant")],
    Discriminator(_kind),
]


class Adapter(StrictModel):
    """Everything that lies between a robot and a model.

    Attributes:
        state: The model's state vector, in its order: joints one by one, parts of the tool's pose, and constants.
        tool: The frame whose pose `state` and `end_effector` are about; None for models that speak of joints only.
        environment: The model's environment state, in its order; only a simulated world can say it, but of the robot's own links.
        cameras: The model's pictures.
        absent_cameras: Optional pictures that this robot does not have.
        action: The model's action vector, in its order; for joint spaces.
        end_effector: The same for end-effector spaces.
        ignored: Elements of the model's action that are answered and not executed.
        start: Of a model that is shown several frames, what it is shown at the start of an episode: "repeat" the first one, or a
            "short" context with those that there are. None takes what the model prefers.
        rate: Rows a second, for models that do not say [Hz]; 0 leaves it to the model or the goal.
    """

    state: Annotated[tuple[StateAdapter, ...], Field(max_length=256)] = ()
    tool: ToolAdapter | None = None
    environment: Annotated[tuple[BodyAdapter, ...], Field(max_length=256)] = ()
    cameras: Annotated[dict[Name, CameraAdapter], Field(max_length=32)] = Field(default_factory=dict)
    absent_cameras: tuple[Name, ...] = ()
    action: Annotated[tuple[ElementAdapter, ...], Field(max_length=256)] = ()
    end_effector: EndEffectorAdapter | None = None
    ignored: Annotated[tuple[Name, ...], Field(max_length=256)] = ()
    start: Literal["repeat", "short"] | None = None
    rate: Annotated[float, Field(ge=0.0, le=1000.0)] = 0.0

    @model_validator(mode="after")
    def _unique(self) -> Adapter:
        for kind, names in (
            ("state", tuple(element.name for element in self.state_elements)),
            ("environment", tuple(element.name for element in self.environment)),
            ("action", (*(element.name for element in self.action), *self.ignored)),
        ):
            if len(set(names)) != len(names):
                raise ValueError(f"{kind} names an element twice: {', '.join(names)}")
        joints = [element.joint for element in self.action]
        if len(set(joints)) != len(joints):
            raise ValueError(f"action commands a joint twice: {', '.join(joints)}")
        both = sorted(set(self.absent_cameras) & set(self.cameras))
        if both:
            raise ValueError(f"cameras and absent_cameras both name {', '.join(both)}")
        if self.tool is None and any(isinstance(entry, ToolStateAdapter) for entry in self.state):
            raise ValueError(
                "state has numbers of the tool, the adapter no tool; valid: 'tool' with a model and a frame"
            )
        effector = self.end_effector
        if effector is not None and (self.tool is None) != bool(effector.model):
            raise ValueError(
                "end_effector needs a model for its kinematics" if self.tool is None
                else "end_effector.model and tool both name the kinematics; valid: one of them"
            )  # fmt: skip
        return self

    @property
    def state_elements(self) -> tuple[Element, ...]:
        """The model's state vector, number by number."""
        return tuple(
            Element(name, getattr(entry, "unit", ""))
            for entry in self.state
            for name in (entry.names if isinstance(entry, ToolStateAdapter) else (entry.name,))
        )


def adapter_names() -> list[str]:
    """Return the names of the adapters that come with the package."""
    return config_names("adapters")


def load_adapter(name_or_path_or_text: str) -> Adapter:
    """Return an adapter.

    Args:
        name_or_path_or_text: Name in config/adapters, path of a YAML file, or the YAML itself (a mapping).

    Raises:
        UnknownNameError: If it is no mapping, and neither a known name nor a file.
        ConfigurationError: If it is not valid; the message has every field that is wrong.
    """
    given = config_text("adapter", "adapters", name_or_path_or_text)
    is_text = ":" in name_or_path_or_text
    origin = "adapter" if is_text else f"adapter '{printable(name_or_path_or_text)}'"
    try:
        return Adapter.model_validate(yaml.safe_load(given))
    except yaml.YAMLError as error:
        raise ConfigurationError(f"{origin} is not YAML: {' '.join(str(error).split())}") from error
    except ValidationError as error:
        problems = problems_of(error, "adapter", Adapter)
        raise ConfigurationError(f"{origin}: {problems}; valid: {', '.join(Adapter.model_fields)}") from None
