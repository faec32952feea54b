"""Two SO-101 arms that face each other on one table, each behind a gate of its own, without ROS and without real time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from strands_robots.control.gate import Gate, GateConfig
from strands_robots.control.heartbeat import Heartbeat
from strands_robots.core.arrays import FloatArray
from strands_robots.core.chunk import Chunk
from strands_robots.core.pose import Pose, rotation_matrix
from strands_robots.core.types import Instant, Observation
from strands_robots.description.robot_config import load_robot
from strands_robots.motion.arm import Arm
from strands_robots.motion.group_motion import GroupMotion
from strands_robots.motion.motion_goal import MotionSession
from strands_robots.motion.move_to import JointTarget
from strands_robots.planning.group_planner import GroupPlanner, GroupRequest, RobotWish
from strands_robots.planning.plan import Plan
from strands_robots.planning.plan_task import PlanTask
from strands_robots.sim.world.world import RobotSpec, World, WorldConfig

NAMES = ("left", "right")
APART = 0.45
"""Distance of the bases [m]: both arms reach the middle, and stretched out they do not pass each other."""

BASES = (Pose(np.zeros(3), np.eye(3)), Pose(np.array([APART, 0.0, 0.0]), rotation_matrix(np.array([0.0, 0.0, np.pi]))))
REACHING = (0.0, 0.3, 0.0, 0.4, 0.0, 0.2)
"""An arm stretched out low."""

PERIOD = 0.01
SUBSTEPS = 5
LATENCY = 1  # control ticks between a chunk's making and its arrival


def reaching(pan: float) -> FloatArray:
    return np.array([pan, *REACHING[1:]])


def to(position: FloatArray) -> JointTarget:
    return JointTarget(tuple(range(len(position))), position)


def swap(pan: float = 0.5, **changes: object) -> GroupRequest:
    """Return the wish that the arms change places: each goes to the side on which the other one is."""
    wish = RobotWish(to(reaching(-pan)), reaching(pan))
    return GroupRequest((wish, wish), **{"planner": "rrt_connect", **changes})  # type: ignore[arg-type]


def planner() -> GroupPlanner:
    return GroupPlanner([Arm(load_robot("so101"), name) for name in NAMES])


@dataclass
class OneArm:
    """One of the arms: its gate, and what is on its way there."""

    name: str
    gate: Gate
    in_flight: list[tuple[int, Chunk]]
    beats: int = 0


class TwoArms:
    """The world, and sessions that play the parts of a plan in it.

    Attributes:
        targets: For each arm its set-points, one for each control tick.
        hears: Arms to which chunks still come.
    """

    def __init__(self, pan: float) -> None:
        config = load_robot("so101")
        home = dict(zip(config.limits().names, reaching(pan).tolist()))
        config = config.model_copy(update={"home": home})
        specs = (RobotSpec("left", config), RobotSpec("right", config, (APART, 0.0, 0.0), float(np.pi)))
        self.world = World(WorldConfig(robots=specs, overhead=None))
        self.limits = config.limits()
        self.targets: dict[str, list[FloatArray]] = {name: [] for name in NAMES}
        self.hears = set(NAMES)
        self._ticks = 0
        self.arms = {name: self._arm(name, config.control_modes) for name in NAMES}
        self.tick()

    @property
    def now(self) -> Instant:
        return Instant(self.world.time, 1000.0 + self.world.time)

    def group(self, plan: Plan, source: str = "operator/test") -> GroupMotion:
        """Return the motion that plays a plan, and that has heard both arms."""
        limits = dict.fromkeys(NAMES, self.limits)
        tasks = [
            PlanTask(plan, plan.digest, name, self.limits, lambda: "", tolerance=0.03, group=limits) for name in NAMES
        ]
        made = GroupMotion(
            [MotionSession(n, source, task, self.limits, self.now, lambda: None) for n, task in zip(NAMES, tasks)]
        )
        self.tell(made)
        assert made.is_ready(self.now)
        made.prepare()
        return made

    def advance(self, group: GroupMotion) -> None:
        """One look of the motion, and one control period."""
        for name, chunk in zip(NAMES, group.next_chunks(self.now)):
            if chunk is not None and name in self.hears:
                self.arms[name].in_flight.append((self._ticks + 1 + LATENCY, chunk))
        self.tick()
        self.tell(group)

    def play(self, group: GroupMotion, timeout: float = 20.0) -> None:
        """Play until the motion is over."""
        end = self.world.time + timeout
        while not group.is_over:
            assert self.world.time < end, "the motion does not end"
            self.advance(group)

    def tick(self) -> None:
        """Advance both arms by one control period."""
        self._ticks += 1
        for name, arm in self.arms.items():
            if not arm.gate.is_latched:
                self._beat(arm)
            for due, chunk in [entry for entry in arm.in_flight if entry[0] <= self._ticks]:
                arm.in_flight.remove((due, chunk))
                arm.gate.submit(chunk, "action_chunk", self.now)
            robot = self.world.robots[name]
            robot.read()
            setpoint = arm.gate.tick(self.now, PERIOD, robot.position, robot.velocity)
            robot.set_target(setpoint.target)
            self.targets[name].append(setpoint.target.copy())
            self._applied[name] = setpoint.source, setpoint.sequence, setpoint.target.copy()
        self.world.step(SUBSTEPS)

    def tell(self, group: GroupMotion) -> None:
        """Give the sessions what the robots' topics would."""
        names = self.limits.names
        for name, session in zip(NAMES, group.sessions):
            robot = self.world.robots[name]
            robot.read()
            state = Observation(self.now.ros, names, robot.position.copy(), robot.velocity.copy(), robot.effort.copy())
            session.on_observation(state, self.now)
            session.on_gate(self.arms[name].gate.report(self.now), self.now)
            source, sequence, target = self._applied[name]
            session.on_applied(source, sequence, names, target)

    def speed(self, name: str, ticks: int = 3) -> float:
        """Return how fast an arm's set-points have been lately [rad/s]."""
        rows = np.array(self.targets[name][-ticks:])
        return float(np.abs(np.diff(rows, axis=0)).max() / PERIOD)

    def _arm(self, name: str, modes: object) -> OneArm:
        robot = self.world.robots[name]
        self._applied = getattr(self, "_applied", {})
        gate = Gate(GateConfig(name, "s1", modes=modes, lease_timeout=0.2), self.limits, robot.position)  # type: ignore[arg-type]
        made = OneArm(name, gate, [])
        for _ in range(2):
            self._beat(made)
        assert not gate.is_latched
        return made

    def _beat(self, arm: OneArm) -> None:
        arm.beats += 1
        counts = {arm.name: arm.gate.report(self.now).latch_count}
        arm.gate.on_heartbeat(Heartbeat("sup", arm.beats, True, 1, {arm.name: "s1"}, "", counts), self.now)
