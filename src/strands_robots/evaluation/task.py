"""A task as data: what lies where, what shall be done, and how to tell that it was done. Read from YAML.

name: lift_cube
instruction: lift the cube
robot: so101
objects:
  cube: {shape: box, size: [0.0125, 0.0125, 0.0125], mass: 0.02, x: [0.18, 0.25], y: [-0.08, 0.08], z: 0.0125, yaw: [-0.4, 0.4]}
success: {holds: {body: cube, above_z: 0.04}, for: 0.3}
duration: 12.0
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import yaml
from pydantic import Field, field_validator, model_validator

from strands_robots.core.condition import AnyCondition, names_of, parse_condition
from strands_robots.core.errors import StrandsRobotsError
from strands_robots.core.named_config import load_named
from strands_robots.core.names import GRAPH_NAME
from strands_robots.core.share import config_names
from strands_robots.core.strict_model import StrictModel
from strands_robots.evaluation.episode_result import PolicyChoice

Number = Annotated[float, Field(allow_inf_nan=False)]
Span = tuple[Number, Number]


def _check_sizes(shape: str, size: tuple[float, ...]) -> None:
    sizes = {"box": 3, "sphere": 1, "cylinder": 2, "capsule": 2}[shape]
    if len(size) != sizes:
        raise ValueError(f"a {shape} has {sizes} sizes; given {len(size)}")


class PartConfig(StrictModel):
    """A further shape of an object.

    Attributes:
        shape, size, mass, color: As of an object.
        at: Its centre in the object's frame [m].
    """

    shape: Literal["box", "sphere", "cylinder", "capsule"] = "box"
    size: Annotated[tuple[Annotated[float, Field(gt=0.0, le=2.0)], ...], Field(min_length=1, max_length=3)]
    mass: Annotated[float, Field(gt=0.0, le=100.0)] = 0.01
    color: tuple[Number, Number, Number] = (0.75, 0.16, 0.14)
    at: tuple[Number, Number, Number]

    @model_validator(mode="after")
    def _sized(self) -> PartConfig:
        _check_sizes(self.shape, self.size)
        return self


class SlideConfig(StrictModel):
    """How an object that stands fast slides nevertheless, as a drawer does.

    Attributes:
        axis: Direction in the object's frame.
        range: Shortest and longest way along it [m].
        start: Where it is at the start [m], or a range.
        friction: Force that holds it [N].
        damping: Force for each speed [N s/m].
    """

    axis: tuple[Number, Number, Number]
    range: Span
    start: Number | Span = 0.0
    friction: Annotated[float, Field(ge=0.0, le=100.0)] = 0.2
    damping: Annotated[float, Field(ge=0.0, le=1000.0)] = 2.0

    @model_validator(mode="after")
    def _ordered(self) -> SlideConfig:
        first, last = self.start if isinstance(self.start, tuple) else (self.start, self.start)
        if not self.range[0] <= first <= last <= self.range[1] or self.range[0] == self.range[1]:
            raise ValueError(
                f"a slide goes from {self.range} and starts at {self.start}; valid: a start within its range"
            )
        if not any(self.axis):
            raise ValueError("a slide's axis is zero; valid: a direction")
        return self


class ObjectConfig(StrictModel):
    """One object that lies there; where a range is given, each episode draws from it.

    Attributes:
        shape: Kind of shape.
        size: As in MJCF: half sizes of a box, radius of a sphere, radius and half length of a cylinder or capsule [m].
        mass: [kg].
        color: Red, green, blue, 0 to 1.
        x, y, z: Place of its centre in the world [m], or a range.
        yaw: Rotation about the vertical [rad], or a range.
        friction: Of sliding.
        is_free: False for what stands fast.
        parts: Further shapes of the same object.
        slide: How it slides; only for what stands fast.
    """

    shape: Literal["box", "sphere", "cylinder", "capsule"] = "box"
    size: Annotated[tuple[Annotated[float, Field(gt=0.0, le=2.0)], ...], Field(min_length=1, max_length=3)]
    mass: Annotated[float, Field(gt=0.0, le=100.0)] = 0.05
    color: tuple[Number, Number, Number] = (0.75, 0.16, 0.14)
    x: Number | Span
    y: Number | Span
    z: Number | Span
    yaw: Number | Span = 0.0
    friction: Annotated[float, Field(gt=0.0, le=10.0)] = 1.0
    is_free: bool = True
    parts: Annotated[tuple[PartConfig, ...], Field(max_length=16)] = ()
    slide: SlideConfig | None = None

    @model_validator(mode="after")
    def _ordered(self) -> ObjectConfig:
        if self.slide is not None and self.is_free:
            raise ValueError("an object that is free does not slide along an axis; valid: is_free false with a slide")
        for name in ("x", "y", "z", "yaw"):
            span = getattr(self, name)
            if isinstance(span, tuple) and span[0] > span[1]:
                raise ValueError(f"{name} is from {span[0]} to {span[1]}; valid: the lower number first")
            if isinstance(span, tuple) and not self.is_free:
                raise ValueError(f"{name} is a range, but the object stands fast; valid: one number")
        _check_sizes(self.shape, self.size)
        return self


class ExpertConfig(StrictModel):
    """A policy that can do the task.

    Attributes:
        policy: Provider.
        config: Its settings.
        adapter: Adapter; empty for none.
    """

    policy: str
    config: dict[str, Any] = Field(default_factory=dict)
    adapter: str = ""

    @property
    def choice(self) -> PolicyChoice:
        """The policy as it is chosen."""
        return PolicyChoice(self.policy, yaml.safe_dump(self.config, sort_keys=False), self.adapter)


class TaskConfig(StrictModel):
    """One task.

    Attributes:
        name: Its name.
        instruction: What the robot shall do, in words; what the policy is told.
        robot: Kind of robot: a name in config/robots or a YAML file. It stands at the world's origin.
        objects: What lies there.
        success: Condition; the episode succeeds, and ends, when it holds.
        failure: Condition that ends the episode as failed; None for none.
        stages: Conditions on the way to success, in order; how many of them were reached is the episode's progress.
        premise: What must hold at the start; an episode in which it does not counts as an error.
        expert: A policy that can do the task, which `evaluate` knows as "expert"; None for none.
        duration: An episode that has not succeeded after this fails [s].
        settle: Time for the objects to come to rest before the episode begins [s].
        joint_noise: Half width of the uniform noise on the joints' start positions [rad] or [m].
        timestep, control_period: Of the world [s].
    """

    name: Annotated[str, Field(pattern=f"^{GRAPH_NAME}$")]
    instruction: str = ""
    robot: str
    objects: Annotated[dict[Annotated[str, Field(pattern=f"^{GRAPH_NAME}$")], ObjectConfig], Field(max_length=64)] = (
        Field(default_factory=dict)
    )
    success: AnyCondition
    failure: AnyCondition | None = None
    stages: Annotated[tuple[AnyCondition, ...], Field(max_length=16)] = ()
    premise: Annotated[tuple[AnyCondition, ...], Field(max_length=16)] = ()
    expert: ExpertConfig | None = None
    duration: Annotated[float, Field(gt=0.0, le=3600.0)] = 20.0
    settle: Annotated[float, Field(ge=0.0, le=10.0)] = 0.3
    joint_noise: Annotated[float, Field(ge=0.0, le=1.0)] = 0.0
    timestep: Annotated[float, Field(gt=0.0, le=0.05)] = 0.002
    control_period: Annotated[float, Field(gt=0.0, le=0.1)] = 0.01

    @field_validator("success", "failure", mode="before")
    @classmethod
    def _condition(cls, given: Any) -> Any:
        if given is None:
            return None
        try:
            return parse_condition(given, "condition")
        except StrandsRobotsError as error:
            raise ValueError(str(error)) from error

    @field_validator("stages", "premise", mode="before")
    @classmethod
    def _conditions(cls, given: Any) -> Any:
        if not isinstance(given, (list, tuple)):
            raise ValueError("not a list of conditions")
        return tuple(cls._condition(one) for one in given)

    @property
    def bodies_named(self) -> set[str]:
        """Bodies that the conditions name."""
        conditions = [self.success, *self.stages, *self.premise, *([] if self.failure is None else [self.failure])]
        return set().union(*(names_of(condition)[1] for condition in conditions))


def task_names() -> list[str]:
    """Return the names of the tasks that come with the package."""
    return config_names("tasks")


def load_task(name_or_path_or_text: str) -> TaskConfig:
    """Return a task.

    Args:
        name_or_path_or_text: Name in config/tasks, path of a YAML file, or the YAML itself (a mapping).

    Raises:
        UnknownNameError: If it is no mapping, and neither a known name nor a file.
        ConfigurationError: If it is not valid; the message has every field that is wrong.
    """
    return load_named("task", TaskConfig, name_or_path_or_text)
