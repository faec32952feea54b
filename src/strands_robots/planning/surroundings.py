"""What stands around one robot at one instant, as sources know it, and the scene that a request makes of it. No I/O.

Sources name objects; a scene has shapes. An object of the simulated world is a body with everything that is fixed or jointed to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import ConfigurationError, MotionError, UnknownNameError
from strands_robots.core.pose import Pose
from strands_robots.planning.planning_scene import AttachedShape, PlanningScene, Shape

WORLD = "world"
"""Object to which the shapes belong that are fixed to the world itself."""

_SAME_HEIGHT = 1e-3  # [m]; a plane of the world this near to the robot's own ground is that ground
_LEVEL = 0.9999


@dataclass(frozen=True)
class WorldBody:
    """One body of the simulated world.

    Attributes:
        name, parent: Names; a robot's begin with "<robot>/".
        pose: Pose in the world frame.
    """

    name: str
    parent: str
    pose: Pose


@dataclass(frozen=True)
class WorldGeom:
    """One shape of the simulated world.

    Attributes:
        name, body: Its name, and its body's.
        kind: MuJoCo's type.
        size: MuJoCo's half sizes (3,) [m].
        pose: Pose of its centre in the world frame.
    """

    name: str
    body: str
    kind: str
    size: FloatArray
    pose: Pose


@dataclass(frozen=True)
class WorldRobot:
    """A robot of the simulated world that a motion is planned for.

    Attributes:
        name, base_frame: Its name, and its base frame.
        ground: Height of the ground that its own model has, in its base frame [m]; None for none.
    """

    name: str
    base_frame: str
    ground: float | None


@dataclass(frozen=True)
class Holder:
    """What one robot holds and may touch.

    Attributes:
        held: Objects that move with its tool from now on.
        may_touch: Objects, shapes or links that it and what it holds may touch.
        link: The link that holds.
        link_pose: Pose of that link where the motion starts, in the frame of the surroundings.
        links: All links of the robot.
    """

    held: tuple[str, ...]
    may_touch: tuple[str, ...]
    link: str
    link_pose: Pose
    links: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Surroundings:
    """Shapes around one robot, in its base frame.

    Attributes:
        shapes: All of them.
        objects: For each object the names of its shapes; a shape that is its own object is not listed.
        attached: Shapes that a source says the robot holds.
        allowed: Pairs of names that a source says may touch.
        padding: Distance that a source says the robot keeps at least [m].
    """

    shapes: tuple[Shape, ...] = ()
    objects: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    attached: tuple[AttachedShape, ...] = ()
    allowed: tuple[tuple[str, str], ...] = ()
    padding: float = 0.0

    def joined(self, other: Surroundings) -> Surroundings:
        """Return these and others as one; a name that both have is a mistake that the scene names."""
        return Surroundings(
            (*self.shapes, *other.shapes),
            {**self.objects, **other.objects},
            (*self.attached, *other.attached),
            (*self.allowed, *other.allowed),
            max(self.padding, other.padding),
        )

    def names_of(self, name: str) -> tuple[str, ...]:
        """Return the names of the shapes of an object, or of the shape itself; none for another name."""
        if name in self.objects:
            return self.objects[name]
        return (name,) if any(shape.name == name for shape in self.shapes) else ()

    def scene(
        self,
        held: Sequence[str],
        may_touch: Sequence[str],
        clearance: float,
        link: str,
        link_pose: Pose,
        links: Iterable[str],
    ) -> PlanningScene:
        """Return the scene of a request.

        Args:
            held: Objects that move with the tool from now on.
            may_touch: Objects, shapes or links that the robot and what it holds may touch.
            clearance: Distance to keep [m].
            link: The link that holds.
            link_pose: Its pose in the base frame where the motion starts.
            links: All links of the robot.

        Raises:
            UnknownNameError: If a name is not known; the message lists those that are.
            ConfigurationError: If the scene is not valid.
        """
        return self.scene_of((Holder(tuple(held), tuple(may_touch), link, link_pose, tuple(links)),), clearance)

    def scene_of(self, holders: Sequence[Holder], clearance: float) -> PlanningScene:
        """Return the scene of a request for one robot or several.

        Args:
            holders: What each robot holds and may touch.
            clearance: Distance to keep [m]; a larger padding counts instead.

        Raises:
            UnknownNameError: If a name is not known; the message lists those that are.
            ConfigurationError: If the scene is not valid, or two robots hold the same thing.
        """
        taken: dict[str, Holder] = {}
        for holder in holders:
            for name in holder.held:
                found = self.names_of(name)
                if not found or name == WORLD:
                    raise UnknownNameError("object in held", name, self._nameable())
                if any(taken.get(part, holder) is not holder for part in found):
                    raise ConfigurationError(f"'{name}' is held by two robots; valid: each object in one robot's held")
                taken.update(dict.fromkeys(found, holder))
        attached = [
            AttachedShape(
                replace(shape, pose=taken[shape.name].link_pose.inverse().at(shape.pose)), taken[shape.name].link
            )
            for shape in self.shapes
            if shape.name in taken
        ]
        attached += self.attached
        allowed = list(self.allowed)
        for holder in holders:
            carried = [entry.shape.name for entry in attached if entry.link in holder.links]
            parts = [*holder.links, *carried]
            for name in holder.may_touch:
                found = self.names_of(name) or ((name,) if name in parts else ())
                if not found:
                    raise UnknownNameError("object in may_touch", name, [*self._nameable(), *parts])
                allowed += [(one, part) for one in found for part in parts if one != part]
        rest = tuple(shape for shape in self.shapes if shape.name not in taken)
        return PlanningScene(rest, tuple(attached), tuple(allowed), max(clearance, self.padding))

    def of_robot(self, robot: str, base: Pose) -> Surroundings:
        """Return what one robot of a group was told, in the group's frame; every name begins with "<robot>/".

        Args:
            robot: The robot.
            base: Pose of its base frame in the group's frame.
        """

        def named(shape: Shape, pose: Pose) -> Shape:
            return replace(shape, name=f"{robot}/{shape.name}", pose=pose)

        return Surroundings(
            tuple(named(shape, base.at(shape.pose)) for shape in self.shapes),
            {f"{robot}/{name}": tuple(f"{robot}/{part}" for part in parts) for name, parts in self.objects.items()},
            tuple(AttachedShape(named(held.shape, held.shape.pose), f"{robot}/{held.link}") for held in self.attached),
            tuple((f"{robot}/{first}", f"{robot}/{second}") for first, second in self.allowed),
            self.padding,
        )

    def change_from(self, other: Surroundings, held: Iterable[str]) -> str:
        """Return in words what changed since others; empty for nothing above 1 mm or 0.01 rad. What is held moves with the robot."""
        left_out = {name for entry in held for name in (*self.names_of(entry), *other.names_of(entry))}
        now, before = (
            PlanningScene(tuple(shape for shape in one.shapes if shape.name not in left_out), allowed=one.allowed)
            for one in (self, other)
        )
        return now.change_from(before)

    def _nameable(self) -> list[str]:
        owned = {name for names in self.objects.values() for name in names}
        objects = [name for name in self.objects if name != WORLD]
        return [*objects, *(shape.name for shape in self.shapes if shape.name not in owned)][:64]


def world_surroundings(
    robot: str,
    base_frame: str,
    bodies: Sequence[WorldBody],
    geoms: Sequence[WorldGeom],
    ground: float | None,
) -> Surroundings:
    """Return what stands around a robot of the simulated world: objects, and other robots where they are now.

    Meshes are taken as the boxes around them.

    Args:
        robot: Its name.
        base_frame: Its base frame.
        bodies: All bodies.
        geoms: All shapes that can touch something.
        ground: Height of the ground that the robot's own model has, in its base frame [m]; None for none. A plane of the world at this
            height is that ground.

    Raises:
        MotionError: "world_failed" if the world has no such robot, "invalid_goal" if it has terrain.
    """
    return group_surroundings([WorldRobot(robot, base_frame, ground)], bodies, geoms)[0]


def group_surroundings(
    robots: Sequence[WorldRobot], bodies: Sequence[WorldBody], geoms: Sequence[WorldGeom]
) -> tuple[Surroundings, tuple[Pose, ...]]:
    """Return what stands around some robots, in the base frame of the first, and where their base frames are in it.

    A plane that is the ground of all of them is left out: they have it themselves.

    Args:
        robots: The robots.
        bodies: All bodies.
        geoms: All shapes that can touch something.

    Raises:
        MotionError: As `world_surroundings`.
    """
    by_name = {body.name: body for body in bodies}
    bases = [_base(robot, bodies, by_name) for robot in robots]
    to_first = bases[0].inverse()
    prefixes = tuple(f"{robot.name}/" for robot in robots)
    owned: dict[str, list[tuple[WorldGeom, Pose]]] = {}
    for geom in geoms:
        if geom.body.startswith(prefixes):
            continue
        if geom.kind == "plane" and all(
            robot.ground is not None and _is_ground(base.inverse().at(geom.pose), robot.ground)
            for robot, base in zip(robots, bases)
        ):
            continue
        owned.setdefault(_outermost(geom.body, by_name), []).append((geom, to_first.at(geom.pose)))
    shapes: list[Shape] = []
    objects: dict[str, tuple[str, ...]] = {}
    for owner, parts in owned.items():
        # Numbers count within the object: those of the world shift when something else comes or goes.
        names = [owner] if len(parts) == 1 else [f"{owner}/{number}" for number in range(len(parts))]
        shapes += [_shape(name, geom, pose) for name, (geom, pose) in zip(names, parts)]
        objects[owner] = tuple(names)
    return Surroundings(tuple(shapes), objects), tuple(to_first.at(base) for base in bases)


def _base(robot: WorldRobot, bodies: Sequence[WorldBody], by_name: Mapping[str, WorldBody]) -> Pose:
    """Return the pose of a robot's base frame in the world frame."""
    prefix = f"{robot.name}/"
    base = by_name.get(prefix + robot.base_frame) or next(
        (body for body in bodies if body.name.startswith(prefix) and body.parent == WORLD), None
    )
    if base is None:
        raise MotionError("world_failed", f"the simulated world has no robot '{robot.name}'")
    return base.pose


def _outermost(body: str, by_name: Mapping[str, WorldBody]) -> str:
    """Return the object that a body belongs to: its outermost body, or the robot's name for another robot's link."""
    while body in by_name and by_name[body].parent != WORLD:
        body = by_name[body].parent
    return body.partition("/")[0] if "/" in body else body


def _shape(name: str, geom: WorldGeom, pose: Pose) -> Shape:
    kind, size = geom.kind, geom.size
    if kind == "hfield":
        raise MotionError(
            "invalid_goal",
            f"the world has terrain ('{name}'), which planners do not know; valid: an empty planner, which looks at the robot only",
        )
    if kind == "mesh":
        return Shape(name, "box", tuple(max(float(length), 1e-4) for length in size), pose)
    return Shape(name, kind, tuple(float(length) for length in size), pose)


def _is_ground(pose: Pose, ground: float) -> bool:
    return bool(pose.rotation[2, 2] > _LEVEL and abs(pose.position[2] - ground) < _SAME_HEIGHT)
