"""Whether a robot may be somewhere in its planning scene: MuJoCo's collision detection, as fast as it is. No ROS."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import mujoco
import numpy as np

from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import MotionError, UnknownNameError
from strands_robots.core.pose import Pose
from strands_robots.description.contact_margins import set_margins
from strands_robots.description.equality_joints import Followers
from strands_robots.description.model_file import compile_model
from strands_robots.motion.arm import CLEARANCE, GROUND, GROUND_TOLERANCE, Arm
from strands_robots.planning.planning_scene import PlanningScene
from strands_robots.planning.robot_group import RobotGroup
from strands_robots.planning.scene_spec import PREFIX, add_shape, leave_out_what_touches_nothing
from strands_robots.planning.sweep import own_reach, sweep_radii
from strands_robots.planning.tool_constraints import ToolConstraint, ToolFrame
from strands_robots.planning.tool_limits import ToolLimits

DEEPEST_START = 0.002
"""A start that is deeper inside something than this [m] is refused, where what touches is neither allowed nor held."""

STEP_MARGIN = 0.95
"""Ways are summed up over chords, a little short: this part of a step is used."""

_WORTH_A_LOOK = 12  # checks
_PARTS = 8
_FIRST_PARTS = (4, 2, 6, 1, 3, 5, 7)  # of a way, looked at before anything else
_LOOK = 0.15  # [rad] or [m] of a joint between two looks at how far points move
_SETTLED = 1e-3  # [m]; a contact of the start may become this much deeper
_PROJECTIONS = 8  # steps of Newton's method


class SceneChecker:
    """One robot, or a group of robots, in one scene. Belongs to one thread at a time: states are placed in MuJoCo's data in place.

    What the robot's own model excludes stays excluded (`description/base_contacts.py`), as in the simulated world.
    Robots of a group keep the scene's clearance from each other.

    Args:
        arm: The robot, with or without the ground; or several, whose joints are then one after the other.
        scene: Its surroundings.

    Attributes:
        arm: The robot or robots.
        scene: Its surroundings.
        radii: For each joint (D,), how far a point of the robot moves at most for 1 rad or 1 m of the joint [m].
        constraints: What the tool keeps to; a place that breaks one is not free.
        tool_limits: What was asked of the tool of each robot.

    Raises:
        UnknownNameError: If an allowed pair or an attached shape names something that is neither in the robot nor in the scene.
        ConfigurationError: If MuJoCo cannot use a shape; the message has its words.
    """

    def __init__(self, arm: Arm | RobotGroup, scene: PlanningScene) -> None:
        self.arm = arm
        self.scene = scene
        spec = arm.spec.copy()
        leave_out_what_touches_nothing(spec)
        base = arm.base_pose
        for shape in scene.shapes:
            add_shape(spec, spec.worldbody, shape, base.at(shape.pose))
        for held in scene.attached:
            body = spec.body(held.link)
            if body is None:
                raise UnknownNameError("link", held.link, [body.name for body in spec.bodies])
            add_shape(spec, body, held.shape, held.shape.pose)
        self.model = compile_model(spec, arm.path, f"the planning scene of robot '{arm.name}'")
        self._data = mujoco.MjData(self.model)
        self._qpos = self._data.qpos
        self._address = np.array([self.model.joint(name).qposadr[0] for name in arm.limits.names])
        self._dofs = np.array([self.model.joint(name).dofadr[0] for name in arm.limits.names])
        self._followers = Followers(self.model)
        self._held = {
            mujoco.mj_name2id(self.model, mujoco.mjtObj.mjOBJ_GEOM, PREFIX + held.shape.name) for held in scene.attached
        }
        names = [self.model.geom(geom).name for geom in range(self.model.ngeom)]
        self._is_of_scene = [name.startswith(PREFIX) for name in names]
        self._grounds = {geom for geom, name in enumerate(names) if name.rpartition("/")[2] == GROUND}
        self._owners = [self._owner(int(body)) for body in self.model.geom_bodyid]
        self._excluded = {int(signature) for signature in self.model.exclude_signature}
        self._least = self._least_distances()
        set_margins(self.model, np.maximum(self._least, 0.0))
        self._pairs: dict[tuple[int, int], float] = {}
        self._allow((*scene.allowed, *(arm.apart if isinstance(arm, RobotGroup) else ())))
        self._allowed_pairs = dict(self._pairs)
        self.constraints: tuple[ToolConstraint, ...] = ()
        self.tool_limits: tuple[ToolLimits, ...] = ()
        self._tools = [ToolFrame(self.model, frame, place) for frame, place in arm.tools]
        self._kept: list[tuple[ToolFrame, tuple[ToolConstraint, ...]]] = []
        self._link_radii = np.array([own_reach(self.model, body) for body in range(self.model.nbody)])
        self._is_link = self._link_radii > 0.0
        self.radii = sweep_radii(self.model, list(arm.limits.names))

    def start_at(self, position: FloatArray) -> None:
        """Take a start: what touches there may stay so but go no deeper, and what is held may touch what it stood on.

        Args:
            position: Joint positions (D,) [rad] or [m].

        Raises:
            MotionError: "collision" if something is deeper inside the robot than `DEEPEST_START`.
        """
        self._pairs = dict(self._allowed_pairs)
        self.constraints, self._kept = (), []
        for pair, distance in self._contacts(position):
            least = self._pairs.get(pair, self._least_of(pair))
            if distance >= least:
                continue
            if distance < min(least, 0.0) - DEEPEST_START and not self._held & set(pair):
                raise MotionError("collision", f"at the start {self._words(pair, distance)}; the robot was not moved")
            self._pairs[pair] = distance - _SETTLED

    def keep(self, position: FloatArray, *limits: ToolLimits) -> None:
        """Hold the tool to its limits from joint positions (D,) on; of several robots each to its own. After `start_at`.

        Raises:
            MotionError: "invalid_goal" if the robot has no tool, or is outside the limits there.
        """
        self.constraints, kept = (), []
        self._kept = []
        self._place(position)
        for (frame, _), tool, asked in zip(self.arm.tools, self._tools, limits, strict=True):
            if asked.is_empty:
                continue
            if not frame:
                raise MotionError(
                    "invalid_goal", f"robot '{self.arm.name}' has no tool_frame; valid: no limits of a tool"
                )
            kept.append((tool, asked.constraints(tool.pose(self._data))))
        self._kept, self.tool_limits = kept, limits
        self.constraints = tuple(constraint for _, constraints in kept for constraint in constraints)

    def projected(self, position: FloatArray, columns: list[int]) -> FloatArray:
        """Return joint positions (D,) near others at which the tool keeps to its limits, as far as some joints can do that.

        Args:
            position: Joint positions (D,) [rad] or [m].
            columns: Joints that may be changed.
        """
        if not self.constraints:
            return position
        limits, dofs = self.arm.limits, self._dofs[columns]
        made = position.copy()
        for _ in range(_PROJECTIONS):
            self._place(made)
            ways = []
            for frame, constraints in self._kept:
                tool, jacobians = frame.pose(self._data), frame.jacobians(self._data, dofs)
                ways += [way for each in constraints if (way := each.way_back(tool, *jacobians)) is not None]
            if not ways:
                break
            slope, wanted = (np.concatenate(parts) for parts in zip(*ways))
            made[columns] += np.linalg.lstsq(slope, wanted, rcond=1e-3)[0]
            made = np.clip(made, limits.lower, limits.upper)
        return made

    @contextmanager
    def only(self, number: int) -> Iterator[None]:
        """Within it, only what one robot of a group touches counts, as if the others were not there."""
        before = self._pairs
        others = [geom for geom, owner in enumerate(self._owners) if owner not in (number, -1)]
        every = range(self.model.ngeom)
        absent = {(min(one, other), max(one, other)): -np.inf for one in others for other in every}
        self._pairs = {**before, **absent}
        try:
            yield
        finally:
            self._pairs = before

    def is_free(self, position: FloatArray) -> bool:
        """Return whether nothing is too close at joint positions (D,) [rad] or [m]."""
        data = self._data
        self._place(position)
        for frame, constraints in self._kept:
            tool = frame.pose(data)
            if not all(constraint.is_kept(tool) for constraint in constraints):
                return False
        mujoco.mj_collision(self.model, data)
        return not data.ncon or not self._is_too_close()

    def placed(self, position: FloatArray) -> mujoco.MjData:
        """Return MuJoCo's state at joint positions (D,) [rad] or [m], its kinematics up to date; overwritten by the next call."""
        self._place(position)
        return self._data

    def growths(self, more: float) -> FloatArray:
        """Return how much larger each shape (G,) is where no distance is kept between two [m]: the scene's by its clearance and `more`."""
        grown = np.array(self._is_of_scene, dtype=float) * (self.scene.clearance + more)
        grown[list(self._grounds)] = -GROUND_TOLERANCE
        return grown

    def may_touch(self, first: int, second: int) -> bool:
        """Return whether two shapes of the model, by MuJoCo's numbers, are not kept apart, or touched at the start already.

        Source: MuJoCo documentation, "Collision detection: selection".
        """
        model = self.model
        pair = min(first, second), max(first, second)
        bodies = model.geom_bodyid[first], model.geom_bodyid[second]
        welded = [int(model.body_weldid[body]) for body in bodies]
        parents = [int(model.body_weldid[model.body_parentid[weld]]) for weld in welded]
        is_family = all(welded) and (parents[0] == welded[1] or parents[1] == welded[0])
        signature = (int(min(bodies)) << 16) + int(max(bodies))
        bits = model.geom_contype, model.geom_conaffinity
        has_bits = bool(bits[0][first] & bits[1][second] or bits[0][second] & bits[1][first])
        is_checked = welded[0] != welded[1] and not is_family and has_bits and signature not in self._excluded
        return not is_checked or self._pairs.get(pair, np.inf) < self._least_of(pair)

    def are_free(self, positions: FloatArray) -> int:
        """Return the first of positions (N, D) at which something is too close, in an order that halves the gaps; -1 for none."""
        for row in _halving(len(positions)):
            if not self.is_free(positions[row]):
                return row
        return -1

    def problem(self, position: FloatArray) -> str:
        """Return in words what is too close at joint positions (D,); empty for nothing."""
        if self.is_free(position):
            return ""
        for frame, constraints in self._kept:
            tool = frame.pose(self._data)
            for constraint in constraints:
                if problem := constraint.problem(tool):
                    return problem
        worst = self._worst()
        assert worst is not None  # is_free said so
        return self._words(*worst)

    def edge_is_free(self, first: FloatArray, second: FloatArray, step: float) -> bool:
        """Return whether the straight way of the joints is free between its ends, which are not looked at again.

        Args:
            first, second: Joint positions (D,) [rad] or [m].
            step: Largest way of any point of the robot between two checks [m].
        """
        way = second - first
        # Where even the bound that holds everywhere asks for few checks, it is not worth to look how far the points really move.
        count = int(np.abs(way) @ self.radii / step) + 1
        if count > _WORTH_A_LOOK:
            # Most ways that a search asks for are not free, and a few places show it.
            if not all(self.is_free(first + way * (part / _PARTS)) for part in _FIRST_PARTS):
                return False
            rows = first + np.linspace(0.0, 1.0, int(np.abs(way).max() / _LOOK) + 2)[:, None] * way
            count = min(count, int(float(self.ways(rows).sum()) / (STEP_MARGIN * step)) + 1)
        return all(self.is_free(first + way * ((row + 1) / count)) for row in _halving(count - 1))

    def ways(self, positions: FloatArray) -> FloatArray:
        """Return how far any point of the robot, or of what it holds, moves at most from each place to the next (N - 1,) [m].

        From one pose of a link to another a point moves by no more than the link's origin does and the turn moves a point at its radius.
        The way in between is taken for the straight one, so the places must be close: `STEP_MARGIN` is for the rest.

        Args:
            positions: Joint positions (N, D) [rad] or [m].
        """
        data, count = self._data, len(positions)
        places = np.empty((count, *data.xpos.shape))
        turns = np.empty((count, *data.xquat.shape))
        for row, position in enumerate(positions):
            self._place(position)
            places[row], turns[row] = data.xpos, data.xquat
        moved = np.linalg.norm(np.diff(places, axis=0), axis=2)
        cosine = np.minimum(np.abs((turns[1:] * turns[:-1]).sum(axis=2)), 1.0)
        turned: FloatArray = 2.0 * np.sqrt(1.0 - cosine**2)
        most: FloatArray = ((moved + turned * self._link_radii) * self._is_link).max(axis=1)
        return most

    def link_pose(self, position: FloatArray, link: str) -> Pose:
        """Return the pose of a link in the base frame at joint positions (D,) [rad] or [m]."""
        self._place(position)
        body = mujoco.mj_name2id(self.model, mujoco.mjtObj.mjOBJ_BODY, link)
        if body < 0:
            raise UnknownNameError("link", link, [self.model.body(i).name for i in range(1, self.model.nbody)])
        pose = Pose(self._data.xpos[body].copy(), self._data.xmat[body].reshape(3, 3).copy())
        return self.arm.base_pose.inverse().at(pose)

    def _place(self, position: FloatArray) -> None:
        self._qpos[self._address] = position
        self._followers.place(self._qpos)
        mujoco.mj_kinematics(self.model, self._data)

    def _contacts(self, position: FloatArray) -> list[tuple[tuple[int, int], float]]:
        self.is_free(position)
        contacts = self._data.contact
        geoms = np.sort(contacts.geom[: self._data.ncon], axis=1).tolist()
        closest: dict[tuple[int, int], float] = {}
        for (first, second), distance in zip(geoms, contacts.dist.tolist()):
            closest[first, second] = min(closest.get((first, second), np.inf), distance)
        return list(closest.items())

    def _is_too_close(self) -> bool:
        """Return whether any contact of the state that is placed is closer than it may be."""
        contacts = self._data.contact
        distances, geoms = contacts.dist, contacts.geom
        suspects = np.flatnonzero(distances < self._least[geoms].max(axis=1))
        for i in suspects.tolist():
            first, second = geoms[i].tolist()
            pair = (first, second) if first < second else (second, first)
            if distances[i] < min(self._least_of(pair), self._pairs.get(pair, np.inf)):
                return True
        return False

    def _worst(self) -> tuple[tuple[int, int], float] | None:
        contacts = self._data.contact
        distances, geoms = contacts.dist, contacts.geom
        suspects = np.flatnonzero(distances < self._least[geoms].max(axis=1))
        worst: tuple[tuple[int, int], float] | None = None
        for i in suspects.tolist():
            first, second = geoms[i].tolist()
            pair = (first, second) if first < second else (second, first)
            distance = float(distances[i])
            if distance < min(self._least_of(pair), self._pairs.get(pair, np.inf)) and (
                worst is None or distance < worst[1]
            ):
                worst = pair, distance
        return worst

    def _owner(self, body: int) -> int:
        """Return which robot a body is of; -1 for the world."""
        name = self.model.body(body).name
        if body == 0:
            return -1
        return next(number for number, prefix in enumerate(self.arm.prefixes) if name.startswith(prefix))

    def _least_distances(self) -> FloatArray:
        """Return for each shape (G,) from how far on others must be looked at; `_least_of` says how far they must be [m]."""
        if len(self.arm.prefixes) > 1:  # a part of another robot must be as far away as the scene
            return np.full(self.model.ngeom, self.scene.clearance)
        return np.where(self._is_of_scene, self.scene.clearance, min(CLEARANCE, self.scene.clearance))

    def _least_of(self, pair: tuple[int, int]) -> float:
        first, second = pair
        if first in self._grounds or second in self._grounds:
            return -GROUND_TOLERANCE
        is_own = self._owners[first] == self._owners[second]
        if self._is_of_scene[first] or self._is_of_scene[second] or not is_own:
            return self.scene.clearance
        return min(CLEARANCE, self.scene.clearance)

    def _allow(self, allowed: tuple[tuple[str, str], ...]) -> None:
        for first, second in allowed:
            for one in self._geoms(first):
                for other in self._geoms(second):
                    self._pairs[min(one, other), max(one, other)] = -np.inf

    def _geoms(self, name: str) -> list[int]:
        model = self.model
        geom = int(mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_GEOM, PREFIX + name))
        if geom >= 0:
            return [geom]
        ground = int(mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_GEOM, name))
        if ground in self._grounds:
            return [ground]
        body = int(mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_BODY, name))
        if body > 0:
            return [i for i in range(model.ngeom) if model.geom_bodyid[i] == body]
        bodies = [model.body(i).name for i in range(1, model.nbody)]
        raise UnknownNameError("part", name, [*bodies, *(shape.name for shape in self.scene.shapes)][:64])

    def _words(self, pair: tuple[int, int], distance: float) -> str:
        # The robot first, then what it holds, then what stands around.
        ranks = {geom: (self.model.geom(geom).name.startswith(PREFIX), geom not in self._held) for geom in pair}
        first, second = (self._name(geom) for geom in sorted(pair, key=ranks.__getitem__))
        if distance < 0.0:
            return f"'{first}' would be {-1e3 * distance:.1f} mm inside '{second}'"
        return f"'{first}' would be {1e3 * distance:.1f} mm from '{second}'; valid: at least {1e3 * self._least_of(pair):.1f} mm"

    def _name(self, geom: int) -> str:
        name = self.model.geom(geom).name
        if name.startswith(PREFIX):
            return str(name[len(PREFIX) :])
        return GROUND if geom in self._grounds else str(self.model.body(self.model.geom_bodyid[geom]).name)


def _halving(count: int) -> list[int]:
    """Return the numbers below `count` so that each halves a gap: what is in the way is met early."""
    order, gaps = [], [(0, count)]
    while gaps:
        rest = []
        for low, high in gaps:
            if low < high:
                middle = (low + high) // 2
                order.append(middle)
                rest += [(low, middle), (middle + 1, high)]
        gaps = rest
    return order
