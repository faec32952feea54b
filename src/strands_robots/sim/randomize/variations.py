"""What may vary from reset to reset, and how its values are drawn: each from a random stream of its own."""

from __future__ import annotations

import enum
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from strands_robots.core.errors import ConfigurationError, UnknownNameError
from strands_robots.core.text import printable
from strands_robots.sim.world.model_names import is_named


class Subject(enum.Enum):
    """What a quantity is one of."""

    BODY = "body"
    OBJECT = "free object"
    JOINT = "joint of a robot"
    LIGHT = "light"
    CAMERA = "camera"
    ROBOT = "robot"


@dataclass(frozen=True)
class Quantity:
    """A quantity that can vary.

    Attributes:
        subject: What it is one of.
        count: How many values are drawn for each.
        lowest, highest: What `low` and `high` may be.
        unit: Of the values.
        is_start: True when it is part of where things start, so that it must be drawn again when they collide.
    """

    subject: Subject
    count: int
    lowest: float
    highest: float
    unit: str
    is_start: bool = False


QUANTITIES: Mapping[str, Quantity] = MappingProxyType(
    {
        "color": Quantity(Subject.BODY, 3, -1.0, 1.0, "0 to 1"),
        "friction": Quantity(Subject.BODY, 1, 0.0, 100.0, "factor"),
        "mass": Quantity(Subject.BODY, 1, 1e-3, 1e3, "factor"),
        "x": Quantity(Subject.OBJECT, 1, -100.0, 100.0, "m", True),
        "y": Quantity(Subject.OBJECT, 1, -100.0, 100.0, "m", True),
        "z": Quantity(Subject.OBJECT, 1, -100.0, 100.0, "m", True),
        "yaw": Quantity(Subject.OBJECT, 1, -2.0 * math.pi, 2.0 * math.pi, "rad", True),
        "joint": Quantity(Subject.JOINT, 1, -2.0 * math.pi, 2.0 * math.pi, "rad or m", True),
        "light": Quantity(Subject.LIGHT, 1, 0.0, 10.0, "factor"),
        "light_angle": Quantity(Subject.LIGHT, 2, 0.0, math.pi, "rad"),
        "camera_position": Quantity(Subject.CAMERA, 3, -100.0, 100.0, "m"),
        "camera_angle": Quantity(Subject.CAMERA, 3, -math.pi, math.pi, "rad"),
        "camera_fovy": Quantity(Subject.CAMERA, 1, 0.1, 10.0, "factor"),
        "position_noise": Quantity(Subject.ROBOT, 1, 0.0, 10.0, "rad or m"),
        "velocity_noise": Quantity(Subject.ROBOT, 1, 0.0, 100.0, "rad/s or m/s"),
        "picture_noise": Quantity(Subject.CAMERA, 1, 0.0, 255.0, "0 to 255"),
    }
)
"""What can vary; docs/reference/simulation.md says what each does."""


@dataclass(frozen=True)
class Variation:
    """One quantity that varies: every reset draws it anew between `low` and `high`, each value equally likely.

    Attributes:
        quantity: One of `QUANTITIES`.
        low, high: Lowest and highest value.
        names: What it holds for; a name that ends in "/" stands for all below it. Empty for all there are; of bodies,
            all of objects.

    Raises:
        UnknownNameError: If the quantity is not known.
        ConfigurationError: If the range is not possible.
    """

    quantity: str
    low: float
    high: float
    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        known = QUANTITIES.get(self.quantity)
        if known is None:
            raise UnknownNameError("quantity", self.quantity, QUANTITIES)
        if not known.lowest <= self.low <= self.high <= known.highest:
            raise ConfigurationError(
                f"{self.quantity} from {self.low:g} to {self.high:g} given; valid: low up to high, within "
                f"{known.lowest:g} to {known.highest:g} ({known.unit})"
            )


@dataclass(frozen=True)
class Drawn:
    """A value that was drawn.

    Attributes:
        quantity: What.
        name: Of what.
        values: The values; light_angle has the turn [rad] and the direction of its axis around the light's [rad].
    """

    quantity: str
    name: str
    values: tuple[float, ...]

    def __str__(self) -> str:
        return f"{self.quantity} {printable(self.name)} {' '.join(f'{value:.6g}' for value in self.values)}"


class Lottery:
    """Draws values of one seed. What one thing gets does not depend on what else is drawn.

    Args:
        seed: Seed of the world.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._streams: dict[tuple[str, str], np.random.Generator] = {}

    def draw(self, variations: Sequence[Variation], names: Mapping[Subject, Sequence[str]]) -> list[Drawn]:
        """Return one value for each thing that a variation holds for; drawn again, it returns the next ones.

        Args:
            variations: What varies; of two for the same, the later one counts.
            names: What there is. Names of variations that are not there any more are passed over.
        """
        chosen: dict[tuple[str, str], Variation] = {}
        for variation in variations:
            for name in chosen_names(variation, names):
                chosen[variation.quantity, name] = variation
        return [self._draw(variation, name) for (_, name), variation in chosen.items()]

    def _draw(self, variation: Variation, name: str) -> Drawn:
        key = variation.quantity, name
        if key not in self._streams:
            self._streams[key] = stream(self._seed, f"{variation.quantity} {name}")
        random = self._streams[key]
        values = random.uniform(variation.low, variation.high, QUANTITIES[variation.quantity].count)
        if variation.quantity == "light_angle":
            values[1] = random.uniform(0.0, 2.0 * math.pi)
        return Drawn(variation.quantity, name, tuple(values.tolist()))


def stream(seed: int, purpose: str) -> np.random.Generator:
    """Return the random stream of one purpose, independent of all others of the seed."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=tuple(purpose.encode())))


def chosen_names(variation: Variation, names: Mapping[Subject, Sequence[str]]) -> list[str]:
    """Return what a variation holds for, of what there is; the first of `names[BODY]`, the world, only by its name."""
    subject = QUANTITIES[variation.quantity].subject
    there = names[subject]
    if subject is Subject.BODY and not variation.names:
        return [name for name in there if name not in names[Subject.ROBOT] and name != "world" and "/" not in name]
    return [name for name in there if is_named(name, variation.names)]


def require_names(variations: Sequence[Variation], names: Mapping[Subject, Sequence[str]]) -> None:
    """Refuse names that nothing has.

    Raises:
        UnknownNameError: If there is one; the message lists the valid ones.
    """
    for variation in variations:
        subject = QUANTITIES[variation.quantity].subject
        for name in variation.names:
            if not any(is_named(there, [name]) for there in names[subject]):
                raise UnknownNameError(subject.value, name, names[subject])
