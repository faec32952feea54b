"""What stands around one robot at one instant, as sources know it, and the scene that a request makes of it. No I/O.

Sources name objects; a scene has shapes. An object of the simulated world is a body with everything that is fixed or jointed to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import MotionError, UnknownNameError
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


@dataclass(frozen=True, eq=False)
class Surroundings:
    """Shapes around one robot, in its base frame.

    Attributes:
        shapes: All of them.
        objects: For each object the names of its shapes; a shape that is its own object is not listed.
        attached: Shapes that a source says the robot holds.
        allowed: Pairs of names that a source says may touch.
    """

    shapes: tuple[Shape, ...] = ()
    objects: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    attached: tuple[AttachedShape, ...] = ()
    allowed: tuple[tuple[str, str], ...] = ()

    def joined(self, other: Surroundings) -> Surroundings:
        """Return these and others as one; a name that both have is a mistake that the scene names."""
        return Surroundings(
            (*self.shapes, *other.shapes),
            {**self.objects, **other.objects},
            (*self.attached, *other.attached),
            (*self.allowed, *other.allowed),
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
        taken: set[str] = set()
        for name in held:
            found = self.names_of(name)
            if not found or name == WORLD:
                raise UnknownNameError("object in held", name, self._nameable())
            taken.update(found)
        to_link = link_pose.inverse()
        attached = [
            AttachedShape(replace(shape, pose=to_link.at(shape.pose)), link)
            for shape in self.shapes
            if shape.name in taken
        ]
        attached += self.attached
        parts = [*links, *(entry.shape.name for entry in attached)]
        allowed = list(self.allowed)
        for name in may_touch:
            found = self.names_of(name) or ((name,) if name in parts else ())
            if not found:
                raise UnknownNameError("object in may_touch", name, [*self._nameable(), *parts])
            allowed += [(one, part) for one in found for part in parts if one != part]
        rest = tuple(shape for shape in self.shapes if shape.name not in taken)
        return PlanningScene(rest, tuple(attached), tuple(allowed), clearance)

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
    by_name = {body.name: body for body in bodies}
    prefix = f"{robot}/"
    base = by_name.get(prefix + base_frame) or next(
        (body for body in bodies if body.name.startswith(prefix) and body.parent == WORLD), None
    )
    if base is None:
        raise MotionError("world_failed", f"the simulated world has no robot '{robot}'")
    to_base = base.pose.inverse()
    owned: dict[str, list[tuple[WorldGeom, Pose]]] = {}
    for geom in geoms:
        if geom.body.startswith(prefix):
            continue
        pose = to_base.at(geom.pose)
        if geom.kind == "plane" and ground is not None and _is_ground(pose, ground):
            continue
        owned.setdefault(_outermost(geom.body, by_name), []).append((geom, pose))
    shapes: list[Shape] = []
    objects: dict[str, tuple[str, ...]] = {}
    for owner, parts in owned.items():
        # Numbers count within the object: those of the world shift when something else comes or goes.
        names = [owner] if len(parts) == 1 else [f"{owner}/{number}" for number in range(len(parts))]
        shapes += [_shape(name, geom, pose) for name, (geom, pose) in zip(names, parts)]
        objects[owner] = tuple(names)
    return Surroundings(tuple(shapes), objects)


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
