"""A simulated arm behind a gate, and motion sessions that move it, without ROS and without real time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from strands_robots.control.gate import Gate, GateConfig
from strands_robots.control.heartbeat import Heartbeat
from strands_robots.core.arrays import FloatArray
from strands_robots.core.chunk import Chunk
from strands_robots.core.pose import Pose
from strands_robots.core.types import Instant, Observation
from strands_robots.description.robot_config import load_robot
from strands_robots.motion.gripper import grip
from strands_robots.motion.ik import Orientation
from strands_robots.motion.motion_goal import MotionSession
from strands_robots.motion.move_to import JointTarget, joint_target, pose_target
from strands_robots.motion.task import GripTask, MotionTask, MoveTask, RobotKinematics
from strands_robots.sim.world.world import RobotSpec, World, WorldConfig

PERIOD = 0.01
SUBSTEPS = 5
LATENCY = 1  # control ticks between a chunk's making and its arrival, as on a graph
SOURCE = "operator/test"

FLOOR = -0.0024
TABLE = '<geom name="floor" type="plane" size="1 1 .1" pos="0 0 -0.0024"/>'
CUBE = """<body name="cube" pos="0.2165 0 0.0101"><freejoint/>
  <geom type="box" size=".0125 .0125 .0125" mass="0.02"/></body>"""
GRASP = {"shoulder_lift": -0.0821, "elbow_flex": 0.5966, "wrist_flex": 1.0563, "gripper": 0.6}


def scene_file(folder: Path, *bodies: str) -> Path:
    """Write a scene with a table and the given things on it."""
    path = folder / "scene.xml"
    path.write_text(f"<mujoco><worldbody>{TABLE}{''.join(bodies)}</worldbody></mujoco>", encoding="utf-8")
    return path


class Simulated:
    """The arm in its world. Time is simulated; the steady clock runs along."""

    def __init__(
        self, scene: Path | None = None, home: Mapping[str, float] | None = None, robot: str = "so101"
    ) -> None:
        self.name = robot
        self.config = load_robot(robot)
        if home is not None:
            self.config = self.config.model_copy(update={"home": {**self.config.home, **home}})
        spec = RobotSpec(robot, self.config)
        self.world = World(WorldConfig(robots=(spec,), scene=scene, overhead=None))
        self.robot = self.world.robots[robot]
        self.kinematics = RobotKinematics(robot, self.config, avoid_ground=True)
        self.limits = self.config.limits()
        self.gate = Gate(
            GateConfig(robot, "s1", modes=self.config.control_modes, lease_timeout=0.2),
            self.limits,
            self.robot.position,
        )
        self.targets: list[FloatArray] = []
        self.measured: list[FloatArray] = []
        self.chunks: list[Chunk] = []
        self._beats = 0
        self._in_flight: list[tuple[int, Chunk]] = []
        self._ticks = 0
        for _ in range(2):
            self._beat()
        assert not self.gate.is_latched

    @property
    def now(self) -> Instant:
        return Instant(self.world.time, 1000.0 + self.world.time)

    def tick(self) -> None:
        """Advance by one control period."""
        self._ticks += 1
        if not self.gate.is_latched:
            self._beat()
        for due, chunk in list(self._in_flight):
            if due <= self._ticks:
                self._in_flight.remove((due, chunk))
                self.gate.submit(chunk, "action_chunk", self.now)
        self.robot.read()
        setpoint = self.gate.tick(self.now, PERIOD, self.robot.position, self.robot.velocity)
        self.robot.set_target(setpoint.target)
        self.setpoint = setpoint
        self.targets.append(setpoint.target.copy())
        self.measured.append(self.robot.position.copy())
        self.world.step(SUBSTEPS)

    def tell(self, session: MotionSession) -> None:
        """Give a session what the robot's topics would."""
        self.robot.read()
        names, robot = self.limits.names, self.robot
        state = Observation(self.now.ros, names, robot.position.copy(), robot.velocity.copy(), robot.effort.copy())
        session.on_observation(state, self.now)
        session.on_gate(self.gate.report(self.now), self.now)
        setpoint = self.setpoint
        session.on_applied(setpoint.source, setpoint.sequence, names, setpoint.target.copy())

    def session(self, task: MotionTask, source: str = SOURCE) -> MotionSession:
        """Return a session that has heard the robot."""
        session = MotionSession(self.name, source, task, self.limits, self.now, lambda: None)
        self.tick()
        self.tell(session)
        return session

    def advance(self, session: MotionSession) -> None:
        """One look of the session, and one control period."""
        chunk = session.next_chunk(self.now)
        if chunk is not None:
            self.send(chunk)
        self.tick()
        self.tell(session)

    def send(self, chunk: Chunk) -> None:
        """Put a chunk on its way to the gate."""
        self.chunks.append(chunk)
        self._in_flight.append((self._ticks + 1 + LATENCY, chunk))

    def play(self, session: MotionSession, timeout: float = 20.0) -> None:
        """Plan, and play until the session has an ending."""
        session.prepare()
        self.play_on(session, timeout)

    def play_on(self, session: MotionSession, timeout: float = 20.0) -> None:
        """Play until the session has an ending."""
        end = self.world.time + timeout
        while session.ending is None:
            assert self.world.time < end, "the motion does not end"
            self.advance(session)

    def joints(self, names: Sequence[str], positions: Sequence[float], speed: float = 0.5) -> MoveTask:
        """Return the wish to move joints."""
        target: JointTarget = joint_target(self.limits, names, positions, 0.0)
        return MoveTask(self.kinematics, lambda _: target, straight=False, speed=speed)

    def pose(
        self, pose: Pose, orientation: Orientation, *, straight: bool = False, speed: float = 0.5, angle: float = 0.0
    ) -> MoveTask:
        """Return the wish to move the tool."""
        target = pose_target(pose, int(orientation), 0.0, angle)
        return MoveTask(self.kinematics, lambda _: target, straight=straight, speed=speed)

    def grip(self, fraction: float, max_effort: float = 0.0, speed: float = 0.5) -> GripTask:
        """Return the wish to move the gripper."""

        def make(effort: FloatArray) -> object:
            return grip(
                self.config, position=fraction, is_fraction=True, tolerance=0.0, max_effort=max_effort, effort=effort
            )

        return GripTask(self.kinematics, make, speed=speed)  # type: ignore[arg-type]

    def home(self) -> FloatArray:
        """Return the home positions (D,)."""
        return np.array([self.config.home[name] for name in self.limits.names])

    def _beat(self) -> None:
        self._beats += 1
        names, counts = {self.name: "s1"}, {self.name: self.gate.report(self.now).latch_count}
        self.gate.on_heartbeat(Heartbeat("sup", self._beats, True, 1, names, "", counts), self.now)
