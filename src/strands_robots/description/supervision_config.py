"""The section `supervision` of a robot's YAML: what a robot watches while it moves, and what then stops it (docs/reference/limits.md)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import Field, model_validator

from strands_robots.core.strict_model import StrictModel

Positive = Annotated[float, Field(gt=0.0, allow_inf_nan=False)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_ .-]{0,63}$")]
BodyName = Annotated[str, Field(min_length=1, max_length=128)]
PerJoint = Positive | dict[str, Positive | None]
"""One number for every joint, or one for each; null leaves a joint out."""

MAX_BOXES = 32


class TrackingConfig(StrictModel):
    """How far measured joints may be from the set-point [rad] or [m], and for how long [s]."""

    error: PerJoint
    time: Positive


class ContactConfig(StrictModel):
    """Contact forces in simulation: sums of normal forces against what is not this robot [N], lasting for a time [s]."""

    force: Positive
    time: Positive
    fingers: tuple[BodyName, ...] = ()
    finger_force: Positive | None = None
    may_touch: tuple[BodyName, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> ContactConfig:
        if bool(self.fingers) != (self.finger_force is not None):
            raise ValueError("fingers and finger_force belong together: give both, or none")
        return self


class JointLimitConfig(StrictModel):
    """How far a measured joint may be beyond its position limits [rad] or [m]."""

    margin: PerJoint


class DriveHealthConfig(StrictModel):
    """A threshold of what drivers measure of each joint, how long it may be exceeded, and how old a reading may be [s]."""

    limit: PerJoint
    time: Positive
    max_age: Positive = 2.0


class ClockConfig(StrictModel):
    """How far ROS time may jump between two control ticks, beyond the real time that passed [s]."""

    jump: Positive = 1.0


class BoxConfig(StrictModel):
    """A box along the axes of the robot's base frame [m]."""

    min: tuple[Finite, Finite, Finite]
    max: tuple[Finite, Finite, Finite]

    @model_validator(mode="after")
    def _consistent(self) -> BoxConfig:
        for axis, low, high in zip("xyz", self.min, self.max):
            if not low < high:
                raise ValueError(f"{axis} goes from {low} to {high}; valid: min below max")
        return self


class WorkspaceConfig(StrictModel):
    """Where the tool frame may be.

    Attributes:
        allowed: The box that it stays in; None for everywhere.
        forbidden: Boxes that it stays out of, by name.
        margin: How deep the moving tool may get into what is not allowed until the robot stops [m].
        resolution: Longest way of the tool between two points of a path that are checked [m]; no box is thinner.
    """

    allowed: BoxConfig | None = None
    forbidden: Annotated[dict[Name, BoxConfig], Field(max_length=MAX_BOXES)] = Field(default_factory=dict)
    margin: Positive = 0.02
    resolution: Annotated[float, Field(ge=0.001, le=0.1)] = 0.01

    @model_validator(mode="after")
    def _consistent(self) -> WorkspaceConfig:
        if self.allowed is None and not self.forbidden:
            raise ValueError("a workspace has neither an allowed box nor a forbidden one; valid: at least one of them")
        for name, box in self.forbidden.items():
            thinnest = min(high - low for low, high in zip(box.min, box.max))
            if thinnest < self.resolution:
                raise ValueError(
                    f"forbidden box '{name}' is {thinnest:.4g} m thin; valid: at least the resolution, {self.resolution} m"
                )
        return self


class SpeedZonesConfig(StrictModel):
    """Speed and separation: the part of the velocity limits that is allowed in each zone; 0 stops.

    Attributes:
        zones: Zone name -> part of the velocity limits.
        timeout: A signal is valid for this long [s, steady time].
        missing: Without a valid signal the slowest zone applies, or the robot stops.
    """

    zones: Annotated[dict[Name, Annotated[float, Field(ge=0.0, le=1.0)]], Field(min_length=1, max_length=32)]
    timeout: Positive = 0.5
    missing: Literal["slowest", "stop"]


class LimitsConfig(StrictModel):
    """What is supervised; None is not. Values of joints are checked against the robot's joints by `check_joints`."""

    tracking: TrackingConfig | None = None
    contact: ContactConfig | None = None
    joint_limit: JointLimitConfig | None = None
    temperature: DriveHealthConfig | None = None
    current: DriveHealthConfig | None = None
    clock: ClockConfig = ClockConfig()
    workspace: WorkspaceConfig | None = None
    speed_zones: SpeedZonesConfig | None = None

    @property
    def absent(self) -> list[str]:
        """Names of the parts that are not supervised."""
        return [name for name in type(self).model_fields if getattr(self, name) is None]

    def check_joints(self, names: Iterable[str]) -> None:
        """Raise ValueError unless every table of joints names exactly these joints."""
        valid = list(names)
        tables = {
            "tracking.error": self.tracking and self.tracking.error,
            "joint_limit.margin": self.joint_limit and self.joint_limit.margin,
            "temperature.limit": self.temperature and self.temperature.limit,
            "current.limit": self.current and self.current.limit,
        }
        for table, values in tables.items():
            if isinstance(values, dict) and set(values) != set(valid):
                given = ", ".join(values)
                raise ValueError(f"supervision.{table} names {given}; valid: each of {', '.join(valid)}, null for none")
