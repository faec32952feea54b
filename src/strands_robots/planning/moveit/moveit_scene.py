"""A planning scene as MoveIt keeps it: full at first, then changed by differences. No I/O.

Source: github.com/moveit/moveit2 at commit 8fcb5d2327767af3c764b1348a69a9b74c5efd18, planning_scene/src/planning_scene.cpp. There a part
that is not valid is left out with a line in the log. Here it is kept as a fault, and nothing is planned until the part is put right.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from strands_robots.core.errors import ConfigurationError
from strands_robots.core.pose import Pose
from strands_robots.core.text import printable
from strands_robots.planning.moveit.contact_matrix import ContactMatrix
from strands_robots.planning.moveit.object_shapes import facing
from strands_robots.planning.planning_scene import LARGEST_CLEARANCE, MOST_SHAPES, AttachedShape, Shape
from strands_robots.planning.surroundings import Surroundings

OCTOMAP = "<octomap>"
"""MoveIt's name of the octree, which no object may have."""

_SHOWN = 3  # faults


@dataclass(frozen=True, eq=False)
class SceneObject:
    """An object of MoveIt.

    Attributes:
        name: Its id.
        pose: Its pose in the base frame; of one that is held, in the frame of the link.
        shapes: Its shapes, poses in its own frame.
        link: Link that holds it; empty for none.
        touch_links: Links that it may touch while it is held.
    """

    name: str
    pose: Pose
    shapes: tuple[Shape, ...]
    link: str = ""
    touch_links: tuple[str, ...] = ()

    def placed(self) -> tuple[Shape, ...]:
        """Return its shapes, each with a name of its own and its pose in the frame that the object's pose is in."""
        many = len(self.shapes) > 1
        return tuple(
            replace(shape, name=f"{self.name}/{number}" if many else self.name, pose=self.pose.at(shape.pose))
            for number, shape in enumerate(facing(shape, self.pose) for shape in self.shapes)
        )


@dataclass(frozen=True, eq=False)
class MoveItScene:
    """The scene at one instant; each change gives another one.

    Attributes:
        is_full: A full scene was heard, so that what is not in it is not there.
        world: Objects of the world, by name.
        held: Objects that the robot holds, by name.
        octomap: Cubes of the octree, poses in the base frame.
        frames: Poses in the base frame of the frames that the scene itself tells of.
        contacts: What may touch.
        padding: Padding of links [m].
        faults: What is not valid, by the name of the part; the empty name is the whole world.
    """

    is_full: bool = False
    world: Mapping[str, SceneObject] = field(default_factory=dict)
    held: Mapping[str, SceneObject] = field(default_factory=dict)
    octomap: tuple[Shape, ...] = ()
    frames: Mapping[str, Pose] = field(default_factory=dict)
    contacts: ContactMatrix = field(default_factory=ContactMatrix)
    padding: Mapping[str, float] = field(default_factory=dict)
    faults: Mapping[str, str] = field(default_factory=dict)

    def with_fault(self, part: str, words: str) -> MoveItScene:
        """Return the scene with a part that is not valid; it stays so until the part is given anew."""
        return replace(self, faults={**self.faults, part: words})

    def without_fault(self, part: str) -> MoveItScene:
        """Return the scene with a part that is valid again."""
        return replace(self, faults=_without(self.faults, part))

    def bounded(self) -> MoveItScene:
        """Return the scene, or one without a world that is at fault where there are too many shapes: differences could add for ever."""
        things = (*self.world.values(), *self.held.values())
        count = sum(len(thing.shapes) for thing in things) + len(self.octomap)
        if count <= MOST_SHAPES:
            return self
        words = f"has {count} shapes; valid: up to {MOST_SHAPES}, so a full scene with fewer"
        return replace(self, world={}, held={}, octomap=()).with_fault("", words)

    def added(self, thing: SceneObject, *, appends: bool) -> MoveItScene:
        """Return the scene with an object of the world.

        Args:
            thing: The object.
            appends: Its shapes come in addition to those that an object of this name has.
        """
        old = self.world.get(thing.name)
        if appends and old is not None:
            # MoveIt keeps the object's pose, and takes the new shapes' poses as relative to it.
            thing = replace(old, shapes=(*old.shapes, *thing.shapes))
        return replace(self, world={**self.world, thing.name: thing}, faults=_without(self.faults, thing.name))

    def removed(self, name: str) -> MoveItScene:
        """Return the scene without an object of the world; with an empty name without any."""
        if not name:
            gone = tuple(self.world)
            faults = {part: words for part, words in self.faults.items() if part not in gone}
            contacts = self.contacts
            for each in gone:
                contacts = contacts.without(each)
            return replace(self, world={}, contacts=contacts, faults=faults)
        return replace(
            self,
            world={known: thing for known, thing in self.world.items() if known != name},
            contacts=self.contacts.without(name),
            faults=_without(self.faults, name),
        )

    def moved(self, name: str, pose: Pose, places: Sequence[Pose]) -> MoveItScene:
        """Return the scene with an object of the world at another place.

        Args:
            name: The object.
            pose: Its pose in the base frame.
            places: Poses of its shapes in its own frame; none leaves them.

        Raises:
            ConfigurationError: If there is no such object, or it has another number of shapes.
        """
        thing = self.world.get(name)
        if thing is None:
            raise ConfigurationError("is to be moved and was never added; valid: an object of the scene")
        if places and len(places) != len(thing.shapes):
            raise ConfigurationError(
                f"is moved with {len(places)} poses of shapes; valid: none or {len(thing.shapes)}, one for each"
            )
        shapes = tuple(replace(shape, pose=place) for shape, place in zip(thing.shapes, places))
        thing = replace(thing, pose=pose, shapes=shapes or thing.shapes)
        return replace(self, world={**self.world, name: thing}, faults=_without(self.faults, name))

    def attached(self, thing: SceneObject, *, appends: bool, keeps_pose: bool) -> MoveItScene:
        """Return the scene with an object that the robot holds; an object of the world with its name is not there any more.

        Args:
            thing: The object, with its link.
            appends: Its shapes come in addition to those that it has already.
            keeps_pose: Where shapes are added, its pose stays what it was.
        """
        old = self.held.get(thing.name)
        if appends and old is not None:
            thing = replace(
                thing,
                pose=old.pose if keeps_pose else thing.pose,
                shapes=(*thing.shapes, *old.shapes),
                touch_links=(*old.touch_links, *thing.touch_links),
            )
        world = {known: each for known, each in self.world.items() if known != thing.name}
        held = {**self.held, thing.name: thing}
        return replace(self, world=world, held=held, faults=_without(self.faults, thing.name))

    def detached(self, name: str, link: str) -> MoveItScene:
        """Return the scene with an object let go, or with an empty name all of a link or of the robot.

        Where such an object is now is not said in the message: it is a fault until it is added to the world or removed from it.

        Raises:
            ConfigurationError: If another link holds it.
        """
        if name and name in self.held and link and self.held[name].link != link:
            raise ConfigurationError(
                f"is let go by '{printable(link)}' and held by '{printable(self.held[name].link)}'; valid: its link, or none"
            )
        gone = [each.name for each in self.held.values() if each.name == name or (not name and link in ("", each.link))]
        scene = replace(self, held={known: each for known, each in self.held.items() if known not in gone})
        for each in gone:
            if each not in self.world:
                scene = scene.with_fault(
                    each,
                    "was let go, and where it is now is not known; valid: an ADD or a REMOVE of it in the world",
                )
        return scene

    def surroundings(self, links: Sequence[str]) -> Surroundings:
        """Return what stands around the robot.

        Args:
            links: All links of the robot.

        Raises:
            ConfigurationError: If there was no full scene, or a part of it is not valid.
        """
        faults = dict(self.faults)
        for each in self.held.values():
            if each.link not in links:
                faults[each.name] = f"is held by '{printable(each.link)}'; valid: {', '.join(links)}"
        if not self.is_full:
            raise ConfigurationError(
                "only differences were heard; valid: a full scene first (is_diff false), an empty one for nothing"
            )
        if faults:
            shown = [f"{_named(part)} {words}" for part, words in faults.items()][:_SHOWN]
            more = f"; and {len(faults) - _SHOWN} more" if len(faults) > _SHOWN else ""
            raise ConfigurationError("; ".join(shown) + more)
        placed = {name: thing.placed() for name, thing in self.world.items()}
        if self.octomap:
            placed[OCTOMAP] = self.octomap
        shapes = tuple(shape for parts in placed.values() for shape in parts)
        carried = {name: thing.placed() for name, thing in self.held.items()}
        attached = tuple(
            AttachedShape(shape, self.held[name].link) for name, parts in carried.items() for shape in parts
        )
        parts_of = {name: tuple(shape.name for shape in parts) for name, parts in (*placed.items(), *carried.items())}
        return Surroundings(
            shapes,
            {name: parts for name, parts in parts_of.items() if name in placed},
            attached,
            self._allowed(links, parts_of),
            max(self.padding.values(), default=0.0),
        )

    def _allowed(self, links: Sequence[str], parts_of: Mapping[str, tuple[str, ...]]) -> tuple[tuple[str, str], ...]:
        """Return the pairs of shapes and links that may touch; a name that is not there allows nothing."""
        objects = [name for name in parts_of if name not in self.held]
        pairs = self.contacts.pairs(links, objects, self.held)
        pairs += [(name, link) for name, thing in self.held.items() for link in thing.touch_links if link in links]
        return tuple(
            (one, other)
            for first, second in dict.fromkeys(pairs)
            for one in parts_of[first]
            for other in parts_of.get(second, (second,))
        )


def _named(part: str) -> str:
    return f"'{printable(part)}'" if part else "the world"


def checked_padding(link: str, padding: float) -> float:
    """Return a link's padding [m]; raises ConfigurationError if it is not valid."""
    if not 0.0 <= padding <= LARGEST_CLEARANCE:
        raise ConfigurationError(f"of '{printable(link)}' is {padding:g} m; valid: 0 to {LARGEST_CLEARANCE:g}")
    return padding


def _without(faults: Mapping[str, str], part: str) -> Mapping[str, str]:
    return {known: words for known, words in faults.items() if known != part}
