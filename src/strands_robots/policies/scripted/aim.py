"""What a run of a policy is for, and whether it was achieved: measured in the world and on the robot when the run has ended. No I/O.

An aim looks at the world before the run and after it. A goal has one from its success_when, and one from a scripted pick.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from strands_robots.core.arrays import FloatArray
from strands_robots.core.condition import AnyCondition, Watch, lasting_parts, names_of, parse_condition
from strands_robots.core.errors import ConfigurationError, UnknownNameError
from strands_robots.core.types import Observation
from strands_robots.policies.provider import read_settings, settings_from_text
from strands_robots.policies.run.snapshot import Snapshot
from strands_robots.policies.scripted.script_options import PickOptions, ScriptedOptions

LIFTED = 0.5
"""An object is lifted when it is higher than before by this part of the lift that was asked for."""

IN_PLACE = 0.025
"""An object is in its place within this distance along the ground [m]; ..."""

HEIGHT = 0.02
"""... and within this height of it [m]."""

AT_REST = 0.03
"""An object moves no faster than this when it is at rest [m/s]."""

NEAR_PLACE = 0.04
"""An object that is picked at a place is the free body nearest to it, at most this far away [m]."""


@dataclass(frozen=True)
class Measured:
    """What was found.

    Attributes:
        is_done: Whether what the run was for holds.
        words: What was measured.
        is_known: False where it could not be measured.
    """

    is_done: bool
    words: str
    is_known: bool = True


class Aim(Protocol):
    """What a run is for."""

    def before(self, world: Snapshot) -> None:
        """Look at the world before the run; raises StrandsRobotsError when it can never be achieved."""

    def after(self, world: Snapshot, seen: Observation, elapsed: float) -> Measured:
        """Return whether it is achieved, `elapsed` [s] after the start."""


def aims_of(policy: str, config: str, success_when: str) -> list[Aim]:
    """Return what a goal is for, as far as it says so.

    Args:
        policy: Provider.
        config: Its settings, YAML or JSON.
        success_when: A condition, YAML or JSON; empty for none.

    Raises:
        ConfigurationError: If the condition is none, or one that cannot be judged at one instant.
    """
    aims: list[Aim] = []
    if success_when.strip():
        aims.append(ConditionAim(parse_condition(success_when, "success_when")))
    if policy == "scripted":
        options = read_settings(ScriptedOptions, policy, settings_from_text(config))
        aims += [PickAim(options.pick)] if options.pick is not None else []
    return aims


class ConditionAim:
    """A condition holds when the run has ended.

    Args:
        condition: The condition.

    Attributes:
        bodies: Bodies that it names.

    Raises:
        ConfigurationError: If it has a part that lasts, which one look cannot tell.
    """

    def __init__(self, condition: AnyCondition) -> None:
        if lasting_parts(condition):
            raise ConfigurationError(
                "success_when has 'holds' with 'for', and is judged once, when the run has ended; valid: conditions without it"
            )
        self._condition = condition
        self._joints, self.bodies = names_of(condition)

    def before(self, world: Snapshot) -> None:
        """Check that the bodies are there."""
        for name in sorted(self.bodies):
            world.name(name)

    def after(self, world: Snapshot, seen: Observation, elapsed: float) -> Measured:
        """Return whether it holds, and where everything is that it names."""
        facts = _Facts(world, seen, elapsed)
        holds = Watch(self._condition).holds(facts)
        words = [_joint_words(facts, name) for name in sorted(self._joints)]
        words += [_body_words(world, name) for name in sorted(self.bodies)]
        return Measured(
            holds, f"success_when {'holds' if holds else 'does not hold'}: {'; '.join(words) or f'{elapsed:.2f} s'}"
        )


class PickAim:
    """An object is lifted and held, or lies where it was to be put, let go of.

    Args:
        options: The pick.
    """

    def __init__(self, options: PickOptions) -> None:
        self._options = options
        self._object = options.object.body
        self._height = 0.0

    def before(self, world: Snapshot) -> None:
        """Note which object it is and how high it lies."""
        options = self._options
        if not self._object:
            assert options.object.at is not None
            self._object = _nearest_free(
                world, world.base().position + world.base().rotation @ np.array(options.object.at)
            )
        if options.onto:
            world.name(options.onto)
        self._height = float(world.place(self._object).position[2])

    def after(self, world: Snapshot, seen: Observation, elapsed: float) -> Measured:
        """Return whether it is lifted, or in its place."""
        place, holders = world.place(self._object).position, world.held_by(self._object)
        held = f"held by {', '.join(holders)}" if holders else "not held"
        where = _body_words(world, self._object)
        if self._options.place is None and not self._options.onto:
            rise = float(place[2]) - self._height
            is_done = rise >= LIFTED * self._options.lift and bool(holders)
            way = f"{1e3 * abs(rise):.0f} mm {'higher' if rise >= 0.0 else 'lower'} than before"
            words = f"{'lifted' if is_done else 'not lifted'}: it is {way}, {held}"
            return Measured(is_done, f"{self._object} {words}; {where}")
        is_there, miss = self._in_place(world, place)
        speed = world.speeds[world.name(self._object)]
        is_done = is_there and not holders and speed <= AT_REST
        motion = "at rest" if speed <= AT_REST else f"moving at {speed:.2f} m/s"
        return Measured(
            is_done, f"{self._object} {'in place' if is_done else 'not in place'}: {miss}, {held}, {motion}; {where}"
        )

    def _in_place(self, world: Snapshot, place: FloatArray) -> tuple[bool, str]:
        on = self._options.onto
        if on:
            touches, miss = world.name(on) in world.touches(self._object), place - world.place(on).position
            is_over = math.hypot(miss[0], miss[1]) <= IN_PLACE
            words = f"it {'touches' if touches else 'does not touch'} {on}, {1e3 * math.hypot(miss[0], miss[1]):.0f} mm from its middle"
            return touches and is_over and miss[2] > 0.0, words
        goal = world.base().position + world.base().rotation @ np.array(self._options.place)
        miss = place - goal
        across, up = math.hypot(miss[0], miss[1]), abs(float(miss[2]))
        return (
            across <= IN_PLACE and up <= HEIGHT,
            f"it is {1e3 * across:.0f} mm from the place and {1e3 * up:.0f} mm off its height",
        )


class _Facts:
    """What a condition may ask, at one instant."""

    def __init__(self, world: Snapshot, seen: Observation, elapsed: float) -> None:
        self._world, self._seen, self.time = world, seen, elapsed

    def joint(self, name: str, quantity: str) -> float:
        if name not in self._seen.joint_names:
            raise UnknownNameError("joint of success_when", name, self._seen.joint_names)
        return float(getattr(self._seen, quantity)[self._seen.joint_names.index(name)])

    def body(self, name: str) -> tuple[float, float, float]:
        x, y, z = self._world.place(name).position.tolist()
        return x, y, z

    def in_contact(self, first: str, second: str) -> bool:
        return frozenset((self._world.name(first), self._world.name(second))) in self._world.touching


def _nearest_free(world: Snapshot, place: FloatArray) -> str:
    distances: Mapping[str, float] = {
        name: float(np.linalg.norm(world.places[name].position - place)) for name in sorted(world.free)
    }
    nearest = min(distances, key=lambda name: distances[name], default="")
    if not nearest or distances[nearest] > NEAR_PLACE:
        said = f"; the nearest, {nearest}, is {distances[nearest]:.3f} m away" if nearest else ""
        raise ConfigurationError(
            f"no object that can be picked up lies within {NEAR_PLACE} m of object.at{said}; valid: object.body, or where one lies"
        )
    return nearest


def _body_words(world: Snapshot, name: str) -> str:
    x, y, z = world.place(name).position.tolist()
    touched = ", ".join(world.touches(name)) or "nothing"
    return f"{name} at ({x:.3f}, {y:.3f}, {z:.3f}) m in the world, touches {touched}"


def _joint_words(facts: _Facts, name: str) -> str:
    return f"{name} at {facts.joint(name, 'position'):.4g}"
