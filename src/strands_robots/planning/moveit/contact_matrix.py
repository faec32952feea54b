"""Which contacts a scene of MoveIt allows. No I/O.

Source: github.com/moveit/moveit2 at commit 8fcb5d2327767af3c764b1348a69a9b74c5efd18, collision_detection/src/collision_matrix.cpp.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class ContactMatrix:
    """Contacts by the names of links and objects.

    Attributes:
        entries: For pairs of names, each in both orders, whether they may touch.
        defaults: For a name, whether it may touch what it has no entry with.
    """

    entries: Mapping[tuple[str, str], bool] = field(default_factory=dict)
    defaults: Mapping[str, bool] = field(default_factory=dict)

    def allows(self, first: str, second: str) -> bool:
        """Return whether two things may touch: their entry counts, else the defaults of both that have one."""
        entry = self.entries.get((first, second))
        if entry is not None:
            return entry
        defaults = [self.defaults[name] for name in (first, second) if name in self.defaults]
        return bool(defaults) and all(defaults)

    def without(self, name: str) -> ContactMatrix:
        """Return the matrix without what it says of a name, as when its object is removed."""
        return ContactMatrix(
            {pair: value for pair, value in self.entries.items() if name not in pair},
            {known: value for known, value in self.defaults.items() if known != name},
        )

    def pairs(self, links: Iterable[str], objects: Iterable[str], held: Iterable[str]) -> list[tuple[str, str]]:
        """Return the pairs that may touch: an object with a link, and one that is held with another object.

        Two links are left out: the robot's own model says which of them are checked.

        Args:
            links: Links of the robot.
            objects: Objects of the world.
            held: Objects that the robot holds.
        """
        links, objects, held = tuple(links), tuple(objects), tuple(held)
        asked = [(thing, link) for thing in (*objects, *held) for link in links]
        asked += [(one, other) for one in held for other in (*objects, *held) if one != other]
        return [pair for pair in asked if self.allows(*pair)]
