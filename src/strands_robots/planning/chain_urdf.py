"""A URDF of a robot in its scene as it is checked: what moves, what rests, what is held, each shape a link of its own. Needs MuJoCo.

For planners with a collision detection of their own. Readers of MJCF leave things out, as the order of Euler angles.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

import mujoco
import numpy as np

from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import MotionError
from strands_robots.core.pose import Pose
from strands_robots.description.urdf_text import numbers_text, write_origin

ROOT = "root"
"""Link that everything hangs on."""

PLANE = 20.0
"""Edge of the box that stands for a plane [m]."""

_MOVING = {mujoco.mjtJoint.mjJNT_HINGE: "revolute", mujoco.mjtJoint.mjJNT_SLIDE: "prismatic"}
_FAR = 2.0 * np.pi  # [rad]; limits of a hinge without any


@dataclass
class ChainUrdf:
    """A robot in its scene, at a state: joints that do not move are where they are.

    Args:
        model: The compiled model.
        data: Its state.
        moving: MuJoCo's numbers of the joints that move.
        grow: For each shape (G,), how much larger it is written [m].
        folder: Where meshes are written.
        with_world: Write the shapes that rest in the world, too.

    Attributes:
        shapes: Link of each shape that can touch something, by MuJoCo's number.
    """

    model: mujoco.MjModel
    data: mujoco.MjData
    moving: tuple[int, ...]
    grow: FloatArray
    folder: Path
    with_world: bool = True
    shapes: dict[int, str] = field(default_factory=dict)

    def text(self) -> str:
        """Return the URDF; the joints are `joint_name`.

        Raises:
            MotionError: "invalid_goal" if the planner's models cannot have such a joint or shape; the message names it.
        """
        root = ElementTree.Element("robot", name="chain")
        ElementTree.SubElement(root, "link", name=ROOT)
        for body in range(1, self.model.nbody):
            ElementTree.SubElement(root, "link", name=f"body{body}")
            self._body(root, body)
        for geom in range(self.model.ngeom):
            can_touch = self.model.geom_contype[geom] or self.model.geom_conaffinity[geom]
            if can_touch and (self.with_world or self.model.geom_bodyid[geom]):
                self._geom(root, geom)
        return ElementTree.tostring(root, encoding="unicode")

    def joint_name(self, joint: int) -> str:
        """Return the URDF's name of a joint that moves."""
        return f"joint{joint}"

    def _anchor(self, body: int) -> FloatArray:
        """Return where a body's link has its origin, in the body's frame (3,) [m]."""
        joint = self._joint(body)
        anchor: FloatArray = np.zeros(3) if joint is None else self.model.jnt_pos[joint].copy()
        return anchor

    def _joint(self, body: int) -> int | None:
        found = [joint for joint in self.moving if int(self.model.jnt_bodyid[joint]) == body]
        if len(found) > 1:
            raise MotionError("invalid_goal", f"link '{self.model.body(body).name}' has several joints that move")
        return found[0] if found else None

    def _body(self, root: ElementTree.Element, body: int) -> None:
        model, joint = self.model, self._joint(body)
        parent = int(model.body_parentid[body])
        if joint is None:
            there = _pose(self.data.xpos[parent], self.data.xmat[parent]).inverse()
            place = there.at(_pose(self.data.xpos[body], self.data.xmat[body]))
        else:
            turn = np.empty(9)
            mujoco.mju_quat2Mat(turn, model.body_quat[body])
            place = _pose(model.body_pos[body], turn)
        anchor = self._anchor(body)
        place = Pose(place.position + place.rotation @ anchor - self._anchor(parent), place.rotation)
        kind = "fixed" if joint is None else _MOVING[mujoco.mjtJoint(model.jnt_type[joint])]
        name = f"fixed{body}" if joint is None else self.joint_name(joint)
        element = _connect(root, name, kind, f"body{parent}" if parent else ROOT, f"body{body}", place)
        if joint is not None:
            start = float(model.qpos0[model.jnt_qposadr[joint]])
            low, high = model.jnt_range[joint] if model.jnt_limited[joint] else (-_FAR, _FAR)
            ElementTree.SubElement(element, "axis", xyz=numbers_text(model.jnt_axis[joint]))
            limits = {"lower": f"{low - start:.9g}", "upper": f"{high - start:.9g}"}
            ElementTree.SubElement(element, "limit", {**limits, "velocity": "1", "effort": "1"})

    def _geom(self, root: ElementTree.Element, geom: int) -> None:
        model = self.model
        body = int(model.geom_bodyid[geom])
        turn = np.empty(9)
        mujoco.mju_quat2Mat(turn, model.geom_quat[geom])
        place = _pose(model.geom_pos[geom] - self._anchor(body), turn)
        link, name = ElementTree.SubElement(root, "link"), f"shape{geom}"
        link.set("name", name)
        self.shapes[geom] = name
        _connect(root, f"at{geom}", "fixed", f"body{body}" if body else ROOT, name, place)
        kind, size, grow = mujoco.mjtGeom(model.geom_type[geom]), model.geom_size[geom], float(self.grow[geom])
        if kind == mujoco.mjtGeom.mjGEOM_MESH:
            _collision(link, "mesh", {"filename": self._mesh(geom, grow).as_uri()})
        elif kind == mujoco.mjtGeom.mjGEOM_SPHERE:
            _collision(link, "sphere", {"radius": f"{size[0] + grow:.9g}"})
        elif kind == mujoco.mjtGeom.mjGEOM_CYLINDER:
            _collision(link, "cylinder", _round(size[0] + grow, size[1] + grow))
        elif kind == mujoco.mjtGeom.mjGEOM_CAPSULE:
            _collision(link, "cylinder", _round(size[0] + grow, size[1]))
            for end in (-size[1], size[1]):
                _collision(link, "sphere", {"radius": f"{size[0] + grow:.9g}"}, np.array([0.0, 0.0, end]))
        elif kind in (mujoco.mjtGeom.mjGEOM_BOX, mujoco.mjtGeom.mjGEOM_ELLIPSOID):
            _collision(link, "box", {"size": numbers_text(2.0 * (size + grow))})
        elif kind == mujoco.mjtGeom.mjGEOM_PLANE:
            below = np.array([0.0, 0.0, grow - 0.5])
            _collision(link, "box", {"size": numbers_text(np.array([PLANE, PLANE, 1.0]))}, below)
        else:
            raise MotionError("invalid_goal", f"a shape is a {kind.name[7:].lower()}, which URDF does not have")

    def _mesh(self, geom: int, grow: float) -> Path:
        """Write the convex hull of a mesh, which is what MuJoCo collides with, and return its file."""
        model, mesh = self.model, int(self.model.geom_dataid[geom])
        begin = int(model.mesh_graphadr[mesh])
        graph = model.mesh_graph[begin:]
        count, faces = int(graph[0]), int(graph[1])
        ids = graph[2 + 3 * count + 3 * faces : 2 + 3 * count + 6 * faces].reshape(-1, 3)
        first = int(model.mesh_vertadr[mesh])
        points = model.mesh_vert[first : first + int(model.mesh_vertnum[mesh])].astype(np.float64)
        away = points - points.mean(axis=0)
        points = points + grow * away / np.maximum(np.linalg.norm(away, axis=1), 1e-9)[:, None]
        path = self.folder / f"mesh{geom}.obj"
        lines = [f"v {x:.9g} {y:.9g} {z:.9g}" for x, y, z in points.tolist()]
        lines += [f"f {a + 1} {b + 1} {c + 1}" for a, b, c in ids.tolist()]
        path.write_text("\n".join(lines) + "\n", encoding="ascii")
        return path


def _pose(position: FloatArray, matrix: FloatArray) -> Pose:
    return Pose(np.array(position, dtype=np.float64), np.array(matrix, dtype=np.float64).reshape(3, 3))


def _round(radius: float, half: float) -> dict[str, str]:
    return {"radius": f"{radius:.9g}", "length": f"{2.0 * half:.9g}"}


def _connect(
    root: ElementTree.Element, name: str, kind: str, parent: str, child: str, place: Pose
) -> ElementTree.Element:
    joint = ElementTree.SubElement(root, "joint", name=name, type=kind)
    ElementTree.SubElement(joint, "parent", link=parent)
    ElementTree.SubElement(joint, "child", link=child)
    write_origin(joint, place.position, place.rotation)
    return joint


def _collision(link: ElementTree.Element, kind: str, sizes: dict[str, str], position: FloatArray | None = None) -> None:
    element = ElementTree.SubElement(link, "collision")
    write_origin(element, np.zeros(3) if position is None else position, np.eye(3))
    ElementTree.SubElement(ElementTree.SubElement(element, "geometry"), kind, sizes)
