"""What a policy provider is: a function that makes a Policy from settings and what is known of the robot.

ROS-free; no I/O.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from strands_robots.core.body_box import BodyBox
from strands_robots.core.errors import ConfigurationError
from strands_robots.core.pose import Pose
from strands_robots.core.types import JointLimits, Policy
from strands_robots.core.validation import problems_of
from strands_robots.planning.pick.pick_scene import PickScene
from strands_robots.planning.surroundings import Surroundings

ModelT = TypeVar("ModelT", bound=BaseModel)
OptionsT = TypeVar("OptionsT", bound="PolicyOptions")


@dataclass(frozen=True)
class PolicyContext:
    """What a provider may know of the robot and the goal.

    Attributes:
        robot: Name of the robot.
        joint_names: Its joints; empty when not known yet.
        limits: Limits of its joints; None when not known. Acceleration is infinite where the description has none.
        task: What the robot shall do, in words; None when a goal will say it later.
        rate: Wanted control rows a second [Hz]; 0 for the provider's own.
        cameras: Its cameras with height and width [px], (0, 0) where not known; None when nothing is known of them.
        bodies: Returns where a body of the world is in the robot's base frame; None where there is no simulated world, and in
            a policy's own process: a policy that needs bodies declares them, see `PolicyNeeds.bodies`.
        boxes: Returns how large a body of the world is; None as `bodies`.
        pick_scene: Returns what a pick is planned in; None as `bodies`, and where the world is not asked for it.
        surroundings: Returns the world's shapes around the robot, given its base frame and the height of the ground that its own model
            has in there [m]; None as `bodies`.
        adapter: The adapter of the goal: a name, a path or YAML; empty for policies that speak the robot's own words.
    """

    robot: str = ""
    joint_names: tuple[str, ...] = ()
    limits: JointLimits | None = None
    task: str | None = ""
    rate: float = 0.0
    cameras: Mapping[str, tuple[int, int]] | None = None
    adapter: str = ""
    bodies: Callable[[str], Pose] | None = None
    boxes: Callable[[str], BodyBox] | None = None
    pick_scene: Callable[[], PickScene] | None = None
    surroundings: Callable[[str, float | None], Surroundings] | None = None


Provider = Callable[[Mapping[str, Any], PolicyContext], Policy]
"""Makes a policy. Raises ConfigurationError or PolicyError, saying what was given and what is valid."""


class PolicyOptions(BaseModel):
    """Settings that every built-in provider takes."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    rate: Annotated[float, Field(gt=0.0, le=1000.0, description="rows a second [Hz]")] = 50.0
    horizon: Annotated[int, Field(ge=2, le=1000, description="rows in one chunk")] = 20


def settings_from_text(text: str) -> Mapping[str, Any]:
    """Return settings given as YAML or JSON; nothing gives none.

    Raises:
        ConfigurationError: If the text is no mapping.
    """
    try:
        settings = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigurationError(f"policy config is not YAML or JSON: {' '.join(str(error).split())}") from error
    if settings is None:
        return {}
    if not isinstance(settings, dict) or not all(isinstance(key, str) for key in settings):
        raise ConfigurationError(
            f"policy config is {text[:64]!a}; valid: a mapping from names to values, as YAML or JSON"
        )
    return settings


def read_options(kind: type[OptionsT], provider: str, settings: Mapping[str, Any], context: PolicyContext) -> OptionsT:
    """Return a provider's options, checked.

    Args:
        kind: Model of the options.
        provider: Name of the provider, for the message.
        settings: What was given.
        context: Its `rate`, where there is one, wins over the settings'.

    Raises:
        ConfigurationError: If a setting is unknown or wrong; the message names every one.
    """
    return read_settings(kind, provider, {**settings, "rate": context.rate} if context.rate > 0.0 else settings)


def read_settings(kind: type[ModelT], provider: str, settings: Mapping[str, Any]) -> ModelT:
    """Return a provider's options, checked.

    Args:
        kind: Model of the options.
        provider: Name of the provider, for the message.
        settings: What was given.

    Raises:
        ConfigurationError: If a setting is unknown or wrong; the message names every one.
    """
    given = dict(settings)
    try:
        return kind.model_validate(given)
    except ValidationError as error:
        problems = problems_of(error, "config", kind)
        raise ConfigurationError(
            f"config of policy '{provider}': {problems}; valid: {', '.join(kind.model_fields)}"
        ) from None
