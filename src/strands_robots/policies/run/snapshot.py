"""What a simulated world looks like at one instant, for those who judge what became of a task. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from strands_robots.core.errors import UnknownNameError
from strands_robots.core.pose import Pose


@dataclass(frozen=True)
class Snapshot:
    """Where everything is.

    Attributes:
        robot: The robot that is judged; its links are named "<robot>/<link>".
        places: Pose of each body in the world frame.
        speeds: Speed of each body's origin [m/s].
        free: Bodies that can be moved and belong to no robot.
        touching: Pairs of bodies that touch.
    """

    robot: str
    places: Mapping[str, Pose]
    speeds: Mapping[str, float]
    free: frozenset[str]
    touching: frozenset[frozenset[str]]

    def name(self, given: str) -> str:
        """Return the full name of a body; that of a link of the robot may be given without the robot's.

        Raises:
            UnknownNameError: If there is no such body.
        """
        for name in (given, f"{self.robot}/{given}"):
            if name in self.places:
                return name
        raise UnknownNameError("body", given, self.places)

    def place(self, name: str) -> Pose:
        """Return where a body is in the world frame."""
        return self.places[self.name(name)]

    def touches(self, name: str) -> list[str]:
        """Return the bodies that a body touches, sorted."""
        own = self.name(name)
        return sorted(other for pair in self.touching if own in pair for other in pair - {own})

    def held_by(self, name: str) -> list[str]:
        """Return the links of the robot that touch a body."""
        return [other for other in self.touches(name) if other.startswith(f"{self.robot}/")]

    def base(self) -> Pose:
        """Return where the robot's base is: the frame of its first link.

        Raises:
            UnknownNameError: If the world has no such robot.
        """
        for name, place in self.places.items():
            if name.startswith(f"{self.robot}/"):
                return place
        raise UnknownNameError("robot", self.robot, {name.partition("/")[0]: 0 for name in self.places if "/" in name})
