"""What a robot must not touch, as data: shapes, point clouds, attached objects, allowed contacts. No I/O.

All poses are in the robot's base frame, all lengths in metres.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import ConfigurationError
from strands_robots.core.pose import Pose, rotation_between
from strands_robots.core.text import printable

SIZES = {"box": 3, "sphere": 1, "cylinder": 2, "capsule": 2, "ellipsoid": 3, "plane": 2, "mesh": 0}
"""How many sizes a kind of shape has, as in SceneShape: half lengths, radius, radius and half length, half axes."""

LARGEST_CLEARANCE = 0.1
"""Largest clearance that may be asked for [m]."""

DEFAULT_CLEARANCE = 0.002
"""Distance from the surroundings that is kept where none is given [m]."""

VOXELS = (0.002, 0.2)
"""Valid edges of the cubes that stand for a point cloud [m]."""

MOST_SHAPES = 20_000
"""Most shapes of one scene, the cubes of its cloud among them."""

_SAME_PLACE = 1e-3  # [m]; a shape that moved less is where it was
_SAME_TURN = 1e-2  # [rad]


@dataclass(frozen=True, eq=False)
class Shape:
    """One shape.

    Attributes:
        name: Its name, once in a scene.
        kind: One of `SIZES`.
        size: Its sizes [m].
        pose: Pose of its centre in the base frame; of an attached shape, in the frame of the link that holds it.
        vertices: Points (N, 3) of a mesh in its own frame [m], else None. Their convex hull is the obstacle, so a mesh need not be closed.

    Raises:
        ConfigurationError: If something is not valid; the message says what is.
    """

    name: str
    kind: str
    size: tuple[float, ...]
    pose: Pose
    vertices: FloatArray | None = None

    def __post_init__(self) -> None:
        name = printable(self.name)
        if self.kind not in SIZES:
            raise ConfigurationError(
                f"shape '{name}' is of kind '{printable(self.kind)}'; valid: {', '.join(sorted(SIZES))}"
            )
        needed = SIZES[self.kind]
        is_plane = self.kind == "plane"
        if len(self.size) < needed or not all(
            np.isfinite(s) and (is_plane or 0.0 < s < 1e3) for s in self.size[:needed]
        ):
            raise ConfigurationError(
                f"{self.kind} '{name}' has size {list(self.size)}; valid: {needed} numbers above 0 and below 1000 m"
            )
        if not np.isfinite(self.pose.position).all() or not np.isfinite(self.pose.rotation).all():
            raise ConfigurationError(f"the pose of shape '{name}' is not finite; valid: finite numbers")
        if self.kind == "mesh":
            _check_vertices(name, self.vertices)

    def moved_from(self, other: Shape) -> str:
        """Return in words how this shape differs from what it was; empty for within 1 mm and 0.01 rad."""
        if self.kind != other.kind or not np.allclose(self.size, other.size, atol=_SAME_PLACE):
            return f"'{self.name}' has another shape"
        if (self.vertices is None) != (other.vertices is None) or (
            self.vertices is not None and not np.array_equal(self.vertices, other.vertices)  # type: ignore[arg-type]
        ):
            return f"mesh '{self.name}' has other points"
        distance = float(np.linalg.norm(self.pose.position - other.pose.position))
        turn = 0.0 if self.kind == "sphere" else rotation_between(self.pose.rotation, other.pose.rotation)
        if distance > _SAME_PLACE or turn > _SAME_TURN:
            return f"'{self.name}' has moved by {1e3 * distance:.1f} mm and {turn:.3f} rad"
        return ""


@dataclass(frozen=True, eq=False)
class AttachedShape:
    """A shape that moves with a link of the robot.

    Attributes:
        shape: The shape, its pose in the link's frame.
        link: Name of the body in the robot's model.
    """

    shape: Shape
    link: str


@dataclass(frozen=True, eq=False)
class PlanningScene:
    """Surroundings of one robot; immutable, so that a plan can name the scene that it was made for.

    Attributes:
        shapes: What stands around.
        attached: What the robot holds.
        allowed: Pairs of names that may touch: bodies of the robot, shapes.
        clearance: Distance that the robot keeps from the surroundings, and what it holds from both [m].

    Raises:
        ConfigurationError: If something is not valid; the message says what is.
    """

    shapes: tuple[Shape, ...] = ()
    attached: tuple[AttachedShape, ...] = ()
    allowed: tuple[tuple[str, str], ...] = ()
    clearance: float = DEFAULT_CLEARANCE

    def __post_init__(self) -> None:
        if not 0.0 <= self.clearance <= LARGEST_CLEARANCE:
            raise ConfigurationError(f"clearance is {self.clearance:g} m; valid: 0 to {LARGEST_CLEARANCE:g}")
        if len(self.shapes) > MOST_SHAPES:
            raise ConfigurationError(f"the scene has {len(self.shapes)} shapes; valid: up to {MOST_SHAPES}")
        seen: set[str] = set()
        for shape in (*self.shapes, *(held.shape for held in self.attached)):
            if not shape.name or shape.name in seen:
                raise ConfigurationError(
                    f"shape name '{printable(shape.name)}' is empty or given twice; valid: each name once"
                )
            seen.add(shape.name)

    @property
    def version(self) -> str:
        """Name of this content: the same shapes, contacts and clearance give the same version, another content another."""
        digest = hashlib.sha256(repr((self.allowed, self.clearance)).encode())
        for held in sorted(self.attached, key=lambda held: held.shape.name):
            digest.update(f"{held.link}\0".encode())
            _digest_shape(digest, held.shape)
        for shape in sorted(self.shapes, key=lambda shape: shape.name):
            _digest_shape(digest, shape)
        return digest.hexdigest()[:16]

    def change_from(self, other: PlanningScene) -> str:
        """Return in words what changed since another scene; empty where nothing moved by more than 1 mm or 0.01 rad.

        What is attached in the other scene is left out: it moves with the robot.
        """
        held = {held.shape.name for held in other.attached}
        now = {shape.name: shape for shape in self.shapes if shape.name not in held}
        before = {shape.name: shape for shape in other.shapes if shape.name not in held}
        changes = [f"'{name}' is new" for name in now if name not in before]
        changes += [f"'{name}' is gone" for name in before if name not in now]
        changes += [text for name in now if name in before and (text := now[name].moved_from(before[name]))]
        if self.allowed != other.allowed or self.clearance != other.clearance:
            changes.append("allowed contacts or clearance are others")
        more = f" and {len(changes) - 3} more" if len(changes) > 3 else ""
        return "; ".join(changes[:3]) + more


def cloud_shapes(points: FloatArray, voxel: float, name: str = "cloud") -> tuple[Shape, ...]:
    """Return the cubes that stand for a point cloud: one for each cell of a grid with a point in it.

    Args:
        points: Points (N, 3) in the base frame [m]; those that are not finite are left out, as cameras send them.
        voxel: Edge of the cubes [m].
        name: Beginning of the shapes' names.

    Raises:
        ConfigurationError: If the voxel is not valid, or too many cubes would be needed.
    """
    if not VOXELS[0] <= voxel <= VOXELS[1]:
        raise ConfigurationError(f"voxel is {voxel:g} m; valid: {VOXELS[0]:g} to {VOXELS[1]:g}")
    points = np.asarray(points, dtype=np.float64).reshape(-1, 3)
    points = points[np.isfinite(points).all(axis=1) & (np.abs(points) < 100.0).all(axis=1)]
    cells = np.unique(np.floor(points / voxel).astype(np.int64), axis=0)
    if len(cells) > MOST_SHAPES:
        raise ConfigurationError(
            f"the cloud fills {len(cells)} cubes of {voxel:g} m; valid: up to {MOST_SHAPES}, so a larger voxel or fewer points"
        )
    half, turn = voxel / 2.0, np.eye(3)
    return tuple(
        Shape(f"{name}/{x}_{y}_{z}", "box", (half, half, half), Pose((np.array([x, y, z]) + 0.5) * voxel, turn))
        for x, y, z in cells.tolist()
    )


def _check_vertices(name: str, vertices: FloatArray | None) -> None:
    if (
        vertices is None
        or vertices.ndim != 2
        or vertices.shape[1] != 3
        or len(vertices) < 4
        or not np.isfinite(vertices).all()
    ):
        given = "none" if vertices is None else f"an array of shape {vertices.shape}"
        raise ConfigurationError(f"mesh '{name}' has vertices {given}; valid: (N, 3) finite numbers, N >= 4")
    spread = np.linalg.svd(vertices - vertices.mean(axis=0), compute_uv=False)
    if spread[2] < 1e-6 * max(float(spread[0]), 1e-9):
        raise ConfigurationError(f"the points of mesh '{name}' lie in one plane; valid: points that span a volume")


def _digest_shape(digest: hashlib._Hash, shape: Shape) -> None:
    numbers = np.concatenate([shape.size, shape.pose.position, shape.pose.rotation.ravel()])
    digest.update(f"{shape.name}\0{shape.kind}\0".encode() + np.round(numbers, 6).tobytes())
    if shape.vertices is not None:
        digest.update(shape.vertices.tobytes())
