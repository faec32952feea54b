"""Conditions as data: success of a task, and when a run shall stop. ROS-free; no I/O.

{joint: gripper, below: 0.3}                        a joint's position, velocity or effort
{body: cube, above_z: 0.05}                         a body's height in the world
{body: cube, at: [0.2, 0.1, 0.02], within: 0.03}    near a place, or near another body: {body: cube, near: bowl, within: 0.05}
{contact: [cube, gripper]}                          two bodies touch
{time_above: 2.0}                                   seconds since the start
{all: [...]}, {any: [...]}, {not: ...}              combinations
{holds: {...}, for: 0.5}                            without interruption
"""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal, Protocol, Union

import yaml
from pydantic import ConfigDict, Field, ValidationError, model_validator

from strands_robots.core.errors import ConfigurationError
from strands_robots.core.strict_model import StrictModel


class Facts(Protocol):
    """What a condition may ask. Unknown names raise UnknownNameError."""

    @property
    def time(self) -> float:
        """Time since the start [s]."""

    def joint(self, name: str, quantity: str) -> float:
        """Return a joint's position, velocity or effort."""

    def body(self, name: str) -> tuple[float, float, float]:
        """Return a body's position in the world frame [m]."""

    def in_contact(self, first: str, second: str) -> bool:
        """Return whether two bodies touch."""


class JointCondition(StrictModel):
    """A joint is above or below a value, or both."""

    joint: str
    quantity: Literal["position", "velocity", "effort"] = "position"
    above: float | None = None
    below: float | None = None

    @model_validator(mode="after")
    def _bounded(self) -> JointCondition:
        if self.above is None and self.below is None:
            raise ValueError("a joint condition needs 'above' or 'below'")
        return self


class BodyCondition(StrictModel):
    """A body is high, or near a place or another body."""

    body: str
    above_z: float | None = None
    at: tuple[float, float, float] | None = None
    near: str | None = None
    within: Annotated[float, Field(gt=0.0)] | None = None

    @model_validator(mode="after")
    def _complete(self) -> BodyCondition:
        if self.above_z is None and self.at is None and self.near is None:
            raise ValueError("a body condition needs 'above_z', 'at' or 'near'")
        if (self.at is not None or self.near is not None) != (self.within is not None):
            raise ValueError("'within' [m] belongs to 'at' or 'near'")
        return self


class ContactCondition(StrictModel):
    """Two bodies touch."""

    contact: tuple[str, str]


class TimeCondition(StrictModel):
    """So much time has passed since the start."""

    time_above: Annotated[float, Field(ge=0.0)]


class AllCondition(StrictModel):
    """Every part holds."""

    all: Annotated[tuple[AnyCondition, ...], Field(min_length=1, max_length=32)]


class AnyOfCondition(StrictModel):
    """At least one part holds."""

    any: Annotated[tuple[AnyCondition, ...], Field(min_length=1, max_length=32)]


class NotCondition(StrictModel):
    """The part does not hold."""

    model_config = ConfigDict(populate_by_name=True)

    part: AnyCondition = Field(alias="not")


class LastingCondition(StrictModel):
    """The part holds without interruption for some time [s]."""

    holds: AnyCondition
    duration: Annotated[float, Field(gt=0.0, alias="for")]


AnyCondition = Union[  # noqa: UP007, Python 3.10 and forward references
    JointCondition,
    BodyCondition,
    ContactCondition,
    TimeCondition,
    AllCondition,
    AnyOfCondition,
    NotCondition,
    LastingCondition,
]


class _Root(StrictModel):
    condition: AnyCondition


for _kind in (AllCondition, AnyOfCondition, NotCondition, LastingCondition, _Root):
    _kind.model_rebuild()


def parse_condition(given: Any, what: str) -> AnyCondition:
    """Return a condition.

    Args:
        given: YAML or JSON text, or what was read from it.
        what: What it is for; begins the error message.

    Raises:
        ConfigurationError: If it is none; the message has the forms that there are.
    """
    try:
        value = yaml.safe_load(given) if isinstance(given, str) else given
        return _Root(condition=value).condition
    except (yaml.YAMLError, ValidationError) as error:
        raise ConfigurationError(
            f"{what} is {ascii(given)[:200]}, no condition ({_brief(error)}); valid: {{joint, above, below}}, "
            "{body, above_z, at, near, within}, {contact: [a, b]}, {time_above}, {all: []}, {any: []}, {not: {}}, "
            "{holds: {}, for: seconds}"
        ) from None


def _brief(error: yaml.YAMLError | ValidationError) -> str:
    if isinstance(error, ValidationError):
        causes = [entry["msg"] for entry in error.errors() if entry["type"] == "value_error"]
        return causes[0] if causes else "unknown or missing fields"
    return " ".join(str(error).split())[:200]


def names_of(condition: AnyCondition) -> tuple[set[str], set[str]]:
    """Return the joints and the bodies that a condition names."""
    if isinstance(condition, JointCondition):
        return {condition.joint}, set()
    if isinstance(condition, BodyCondition):
        return set(), {condition.body, *((condition.near,) if condition.near else ())}
    if isinstance(condition, ContactCondition):
        return set(), set(condition.contact)
    joints: set[str] = set()
    bodies: set[str] = set()
    for part in parts_of(condition):
        of_joints, of_bodies = names_of(part)
        joints |= of_joints
        bodies |= of_bodies
    return joints, bodies


def lasting_parts(condition: AnyCondition) -> list[LastingCondition]:
    """Return the parts of a condition that must hold for some time."""
    own = [condition] if isinstance(condition, LastingCondition) else []
    return own + [found for part in parts_of(condition) for found in lasting_parts(part)]


def parts_of(condition: AnyCondition) -> tuple[AnyCondition, ...]:
    """Return what a condition combines; nothing for one that stands alone."""
    if isinstance(condition, AllCondition):
        return condition.all
    if isinstance(condition, AnyOfCondition):
        return condition.any
    if isinstance(condition, NotCondition):
        return (condition.part,)
    return (condition.holds,) if isinstance(condition, LastingCondition) else ()


class Watch:
    """Follows one condition through one episode.

    Args:
        condition: The condition.
    """

    def __init__(self, condition: AnyCondition) -> None:
        self._condition = condition
        self._since: dict[int, float] = {}

    def holds(self, facts: Facts) -> bool:
        """Return whether the condition holds now; call once for each instant, in order of time."""
        return self._holds(self._condition, facts)

    def _holds(self, condition: AnyCondition, facts: Facts) -> bool:
        if isinstance(condition, JointCondition):
            value = facts.joint(condition.joint, condition.quantity)
            return (condition.above is None or value > condition.above) and (
                condition.below is None or value < condition.below
            )
        if isinstance(condition, BodyCondition):
            return _body_holds(condition, facts)
        if isinstance(condition, ContactCondition):
            return facts.in_contact(*condition.contact)
        if isinstance(condition, TimeCondition):
            return facts.time > condition.time_above
        if isinstance(condition, LastingCondition):
            if not self._holds(condition.holds, facts):
                self._since.pop(id(condition), None)
                return False
            return facts.time - self._since.setdefault(id(condition), facts.time) >= condition.duration - 1e-9
        # Every part is looked at, so that each lasting one sees every instant.
        parts = [self._holds(part, facts) for part in parts_of(condition)]
        if isinstance(condition, AllCondition):
            return all(parts)
        return any(parts) if isinstance(condition, AnyOfCondition) else not parts[0]


def _body_holds(condition: BodyCondition, facts: Facts) -> bool:
    place = facts.body(condition.body)
    if condition.above_z is not None and place[2] <= condition.above_z:
        return False
    goals = [goal for goal in (condition.at, facts.body(condition.near) if condition.near else None) if goal]
    within = condition.within if condition.within is not None else math.inf
    return all(math.dist(place, goal) <= within for goal in goals)
