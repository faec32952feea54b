"""Draws a world's start: its model with drawn values in it, and where things begin, so that nothing begins inside of something else."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import mujoco

from strands_robots.core.errors import WorldError
from strands_robots.sim.randomize.variations import QUANTITIES, Drawn, Lottery, Subject, Variation, require_names
from strands_robots.sim.randomize.varied_model import (
    changes_the_model,
    deepest_contact,
    move_to_start,
    subjects,
    varied,
)
from strands_robots.sim.render.cameras import Camera
from strands_robots.sim.world.world_robot import WorldRobot

ATTEMPTS = 100
"""How often a start is drawn again when things would be in each other."""

ALLOWED = 1e-3
"""How much deeper than without variations things may be in each other at the start [m]."""


@dataclass(frozen=True)
class Start:
    """How a world begins.

    Attributes:
        model: Its model.
        drawn: What was drawn.
    """

    model: mujoco.MjModel
    drawn: tuple[Drawn, ...] = ()


@dataclass(frozen=True)
class Nominal:
    """A world without variations.

    Attributes:
        model: Its model.
        robots: Its robots.
        cameras: Names of its cameras.
        keyframe: Number of the keyframe to begin at; -1 for none.
    """

    model: mujoco.MjModel
    robots: Mapping[str, WorldRobot]
    cameras: Iterable[str] = field(default_factory=tuple)
    keyframe: int = -1

    def subjects(self) -> dict[Subject, list[str]]:
        """Return the names of what can vary."""
        return subjects(self.model, {name: robot.joint_names for name, robot in self.robots.items()}, self.cameras)

    def limits(self) -> dict[str, tuple[float, float]]:
        """Return the limits of every robot's joints, by name with prefix."""
        return {
            robot.prefix + name: (float(low), float(high))
            for robot in self.robots.values()
            for name, low, high in zip(robot.joint_names, robot.limits.lower, robot.limits.upper)
        }

    def check(self, variations: Sequence[Variation]) -> None:
        """Refuse variations of what is not there.

        Raises:
            UnknownNameError: If there is one; the message lists the valid names.
        """
        require_names(variations, self.subjects())

    def draw(self, variations: Sequence[Variation], seed: int) -> Start:
        """Return a start.

        Raises:
            WorldError: If every start that was drawn has things inside of each other; the message names two of them.
        """
        if not variations:
            return Start(self.model)
        names, lottery = self.subjects(), Lottery(seed)
        drawn = lottery.draw([each for each in variations if not QUANTITIES[each.quantity].is_start], names)
        starts = [each for each in variations if QUANTITIES[each.quantity].is_start]
        model = varied(self.model, drawn) if changes_the_model(drawn) else self.model
        if starts:
            drawn += self._draw_start(model, starts, names, lottery)
        return Start(model, tuple(drawn))

    def draw_again(self, variations: Sequence[Variation], seed: int, before: Iterable[Drawn]) -> Start:
        """Return what a changed world has of the start that was drawn before: what is new gets its values, nothing moves."""
        if not variations:
            return Start(self.model)
        names = self.subjects()
        others = [each for each in variations if not QUANTITIES[each.quantity].is_start]
        drawn = Lottery(seed).draw(others, names)
        model = varied(self.model, drawn) if changes_the_model(drawn) else self.model
        moved = [each for each in before if _is_start(each) and each.name in names[QUANTITIES[each.quantity].subject]]
        return Start(model, tuple(drawn + moved))

    def _draw_start(
        self, model: mujoco.MjModel, starts: Sequence[Variation], names: Mapping[Subject, list[str]], lottery: Lottery
    ) -> list[Drawn]:
        data, limits = mujoco.MjData(model), self.limits()
        if self.keyframe >= 0:
            mujoco.mj_resetDataKeyframe(model, data, self.keyframe)
        for robot in self.robots.values():
            for name, position in zip(robot.joint_names, robot.home):
                data.joint(robot.prefix + name).qpos[:] = position
        home = data.qpos.copy()
        allowed = deepest_contact(model, data)[0] + ALLOWED
        words = ""
        for _ in range(ATTEMPTS):
            drawn = lottery.draw(starts, names)
            data.qpos[:] = home
            move_to_start(model, data.qpos, drawn, limits)
            depth, words = deepest_contact(model, data)
            if depth <= allowed:
                return drawn
        raise WorldError(
            f"{ATTEMPTS} starts were drawn and each has one thing inside another, the last one {words}; "
            "valid: narrower ranges of x, y, z, yaw and joint"
        )


def noisy_cameras(cameras: Mapping[str, Camera], drawn: Iterable[Drawn]) -> dict[str, Camera]:
    """Return cameras with the noise that was drawn for them."""
    noise = {each.name: each.values[0] for each in drawn if each.quantity == "picture_noise"}
    return {
        name: dataclasses.replace(camera, noise=noise[name]) if name in noise else camera
        for name, camera in cameras.items()
    }


def _is_start(drawn: Drawn) -> bool:
    return QUANTITIES[drawn.quantity].is_start
