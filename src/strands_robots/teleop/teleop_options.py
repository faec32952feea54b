"""Options of teleoperation. No I/O."""

from __future__ import annotations

from dataclasses import dataclass

from strands_robots.core.errors import ConfigurationError, UnknownNameError
from strands_robots.core.text import printable

ENGAGING = ("offset", "blend")
FRAMES = ("base", "tool")


@dataclass(frozen=True)
class TeleopOptions:
    """Options of teleoperation.

    Attributes:
        source: Who commands, of class teleop.
        period: Time between two chunks [s].
        speed: Part of the velocity limits, and of the two speeds below, that is used; 0.05 to 1.
        linear_speed: Of the tool at speed 1 [m/s].
        angular_speed: Of the tool at speed 1 [rad/s].
        engaging: How a leader arm that stands elsewhere is joined: "offset" keeps the difference, "blend" closes it at
            `handover_speed`. Grippers are always blended.
        handover_speed: Part of the velocity limits at which a difference is closed.
        frame: Frame of the tool's motion: the robot's base, or the tool itself.
        max_age: Without a usable frame for this long the robot is let go [s].
        lifetime: How long the gate may still accept a chunk [s].
    """

    source: str = "teleop/operator"
    period: float = 0.02
    speed: float = 0.5
    linear_speed: float = 0.2
    angular_speed: float = 1.5
    engaging: str = "offset"
    handover_speed: float = 0.25
    frame: str = "base"
    max_age: float = 0.25
    lifetime: float = 0.3

    def __post_init__(self) -> None:
        if not self.source.startswith("teleop/"):
            raise ConfigurationError(f"source is '{printable(self.source)}'; valid: teleop/<name>")
        for name, valid in (("engaging", ENGAGING), ("frame", FRAMES)):
            if getattr(self, name) not in valid:
                raise UnknownNameError(name, getattr(self, name), valid)
        for name in ("period", "linear_speed", "angular_speed", "max_age", "lifetime"):
            if not 0.0 < getattr(self, name) < 100.0:
                raise ConfigurationError(f"{name} is {getattr(self, name)}; valid: above 0 and below 100")
        for name in ("speed", "handover_speed"):
            if not 0.05 <= getattr(self, name) <= 1.0:
                raise ConfigurationError(f"{name} is {getattr(self, name)}; valid: 0.05 to 1")
