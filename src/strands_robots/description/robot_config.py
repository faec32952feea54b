"""Description of one robot, read from a YAML file in config/robots or made from a bare model file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import yaml
from pydantic import ConfigDict, Field, ValidationError, model_validator

from strands_robots.core.errors import ConfigurationError, UnknownNameError
from strands_robots.core.names import GRAPH_NAME
from strands_robots.core.share import robot_names, share_directory
from strands_robots.core.strict_model import StrictModel
from strands_robots.core.types import ControlMode, JointLimits, StopCategory
from strands_robots.core.validation import reading_problem
from strands_robots.description.supervision_config import LimitsConfig

Positive = Annotated[float, Field(gt=0.0, allow_inf_nan=False)]


class JointConfig(StrictModel):
    """Limits of one joint; SI. A joint that turns for ever, such as a wheel, has infinite positions."""

    model_config = ConfigDict(allow_inf_nan=True)

    lower: Annotated[float, Field(description="lowest position [rad] or [m]")]
    upper: Annotated[float, Field(description="highest position [rad] or [m]")]
    velocity: Positive
    acceleration: Positive
    effort: Positive


class CameraConfig(StrictModel):
    """One camera; size in pixels, rate in Hz, noise as standard deviation of each colour value (0 to 255), delay in s."""

    width: Annotated[int, Field(ge=16, le=4096)] = 640
    height: Annotated[int, Field(ge=16, le=4096)] = 480
    rate: Annotated[float, Field(gt=0.0, le=240.0)] = 30.0
    noise: Annotated[float, Field(ge=0.0, le=255.0)] = 0.0
    delay: Annotated[float, Field(ge=0.0, le=5.0)] = 0.0


class GripperConfig(StrictModel):
    """The joints that open and close a gripper, all alike; positions [rad] or [m].

    `opening` is the width of the widest object that fits between the jaws [m] when they are open as far as `opening_at` says, 0 to 1.
    """

    joints: Annotated[tuple[str, ...], Field(min_length=1)]
    open: float
    closed: float
    opening: Annotated[float, Field(gt=0.0, le=2.0, allow_inf_nan=False)] | None = None
    opening_at: Annotated[float, Field(gt=0.0, le=1.0)] = 1.0


class ServoConfig(StrictModel):
    """One servo of a real arm: its number on the bus, and its model as LeRobot names it."""

    id: Annotated[int, Field(ge=0, le=252)]
    model: Annotated[str, Field(pattern=r"^[a-z0-9-]+$")]


class HardwareConfig(StrictModel):
    """The real robot of this kind: what drives it, LeRobot's name of it (`--robot.type`), and its servos by joint."""

    driver: Literal["feetech", "dynamixel", "lerobot"]
    lerobot: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    calibration: Annotated[str, Field(description="folder of LeRobot's calibrations; empty: as `lerobot`")] = ""
    servos: dict[str, ServoConfig] = Field(default_factory=dict)


class RobotConfig(StrictModel):
    """One kind of robot: model files, joints with limits in order, stop behaviour, what is supervised, cameras."""

    name: Annotated[str, Field(pattern=f"^{GRAPH_NAME}$")]
    description: str = ""
    licence: Annotated[str, Field(description="of the model files, as SPDX names it")] = ""
    mjcf: Path | None = None
    urdf: Path | None = None
    base_frame: str = "base_link"
    tool_frame: str = ""
    stop_category: StopCategory = StopCategory.CONTROLLED_AND_HOLD
    modes: tuple[str, ...] = ("position",)
    handover_speed: Annotated[
        float,
        Field(gt=0.0, le=1.0, description="fraction of the velocity limits at which a new source closes a gap"),
    ] = 0.25
    joints: Annotated[dict[str, JointConfig], Field(min_length=1, max_length=64)]
    home: dict[str, float] = Field(default_factory=dict)
    gripper: GripperConfig | None = None
    cameras: dict[str, CameraConfig] = Field(default_factory=dict)
    supervision: LimitsConfig = LimitsConfig()
    hardware: HardwareConfig | None = None

    @model_validator(mode="after")
    def _consistent(self) -> RobotConfig:
        for joint, position in self.home.items():
            limits = self.joints.get(joint)
            if limits is None:
                raise ValueError(f"home names unknown joint '{joint}'; valid: {', '.join(self.joints)}")
            if not limits.lower <= position <= limits.upper:
                raise ValueError(f"home.{joint} is {position}; valid: {limits.lower} to {limits.upper}")
        if self.gripper is not None:
            self._check_gripper(self.gripper)
        self.supervision.check_joints(self.joints)
        if self.hardware is not None and self.hardware.servos and list(self.hardware.servos) != list(self.joints):
            raise ValueError(f"hardware.servos are {', '.join(self.hardware.servos)}; valid: {', '.join(self.joints)}")
        if self.supervision.workspace is not None and not self.tool_frame:
            raise ValueError("supervision.workspace needs a tool_frame; it is empty")
        valid = [mode.name.lower() for mode in ControlMode]
        for mode in self.modes:
            if mode not in valid:
                raise ValueError(f"unknown mode '{mode}'; valid: {', '.join(valid)}")
        if self.mjcf is None and self.urdf is None:
            raise ValueError("neither mjcf nor urdf is given; at least one is needed")
        return self

    def _check_gripper(self, gripper: GripperConfig) -> None:
        for joint in gripper.joints:
            limits = self.joints.get(joint)
            if limits is None:
                raise ValueError(f"gripper names unknown joint '{joint}'; valid: {', '.join(self.joints)}")
            ends = gripper.open, gripper.closed
            if ends[0] == ends[1] or not all(limits.lower <= end <= limits.upper for end in ends):
                raise ValueError(
                    f"gripper is open at {ends[0]} and closed at {ends[1]}; valid: two positions of '{joint}' from "
                    f"{limits.lower} to {limits.upper}"
                )

    @property
    def control_modes(self) -> frozenset[ControlMode]:
        """The modes that the robot's actuators support."""
        return frozenset(ControlMode[mode.upper()] for mode in self.modes)

    def limits(self) -> JointLimits:
        """Return the joint limits as arrays, in the order of `joints`."""
        joints = list(self.joints.values())
        return JointLimits(
            names=tuple(self.joints),
            lower=np.array([j.lower for j in joints]),
            upper=np.array([j.upper for j in joints]),
            velocity=np.array([j.velocity for j in joints]),
            acceleration=np.array([j.acceleration for j in joints]),
            effort=np.array([j.effort for j in joints]),
        )


def load_robot(name_or_path: str) -> RobotConfig:
    """Return the description of a robot, with absolute model paths.

    Args:
        name_or_path: Name in config/robots, or a path to a YAML file of the same form; one that is not there is looked for below
            the package's config folder. (Bare MJCF and URDF files are described by `sim.robot_model.describe_model`.)

    Raises:
        UnknownNameError: If it is neither a known name nor a file.
        ConfigurationError: If the file is not valid; the message has every field that is wrong.
    """
    share = share_directory()
    path = Path(name_or_path).expanduser()
    if path.suffix not in (".yaml", ".yml"):
        path = share / "config" / "robots" / f"{name_or_path}.yaml"
        if "/" in name_or_path or not path.is_file():
            raise UnknownNameError("robot", name_or_path, robot_names())
    elif not path.is_file():
        if path.is_absolute() or not (share / "config" / path).is_file():
            raise ConfigurationError(f"robot file '{path}' does not exist")
        path = share / "config" / path
    try:
        robot = RobotConfig.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (yaml.YAMLError, ValidationError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"robot file '{path}' is not valid: {reading_problem(error, 'robot', RobotConfig)}"
        ) from error
    return robot.model_copy(
        update={
            key: _resolve(getattr(robot, key), path, share)
            for key in ("mjcf", "urdf")
            if getattr(robot, key) is not None
        }
    )


def _resolve(model: Path, config: Path, share: Path) -> Path:
    for candidate in (model.expanduser(), config.parent / model, share / model):
        if candidate.is_absolute() and candidate.is_file():
            return candidate
        if candidate.resolve().is_file() and candidate is not model:
            return candidate.resolve()
    raise ConfigurationError(f"model file '{model}' of '{config}' does not exist; looked beside it and in {share}")
