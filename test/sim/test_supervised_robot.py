"""A simulated SO-101 that watches itself: contact forces, blocked joints, where its tool is. Without ROS, in simulated time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from motion.simulated import CUBE, GRASP, PERIOD, Simulated, scene_file

from strands_robots.control.model_tool_chain import read_tool_chain
from strands_robots.control.readings import Readings
from strands_robots.core.chunk import Chunk
from strands_robots.core.errors import ModelError
from strands_robots.description.robot_config import RobotConfig, load_robot
from strands_robots.description.supervision_config import LimitsConfig
from strands_robots.motion.arm import Arm
from strands_robots.motion.motion_reason import MotionReason
from strands_robots.sim.world.world import RobotSpec, World, WorldConfig

WALL = '<body name="wall" pos="0.25 0.12 0.15"><geom name="bricks" type="box" size=".3 .01 .3"/></body>'


class Watched(Simulated):
    """The arm with its configuration's watches, or with others."""

    def __init__(self, scene: Path | None = None, home: dict[str, float] | None = None, **section: Any) -> None:
        super().__init__(scene, home)
        if section:
            robot = self.robot
            robot.config = robot.config.model_copy(update={"supervision": LimitsConfig.model_validate(section)})
            robot.bind(self.world.model, self.world.data)
        self.gate.supervision = self.robot.supervision(PERIOD)
        self.gate.supervision.restart()
        self.sequence = 0

    def tick(self) -> None:
        self.robot.read_others(self.gate.readings)
        super().tick()

    @property
    def alarm(self) -> str:
        return "" if self.gate.alarm is None else self.gate.alarm.kind.value

    def pan(self, angle: float) -> None:
        """Turn to an angle [rad] at 1 rad/s and stay there, with bare commands: no motion session that would give way."""
        self.sequence += 1
        start = self.setpoint.target if self._ticks else self.robot.position
        rows = np.tile(start, (200, 1))
        steps = np.arange(200) * 0.02
        rows[:, 0] = start[0] + np.sign(angle - start[0]) * np.minimum(steps, abs(angle - start[0]))
        names = self.limits.names
        chunk = Chunk("operator/test", self.sequence, self.now.ros, 1.0, names, rows, control_period=0.02)
        verdict = self.gate.submit(chunk, "action_chunk", self.now)
        assert verdict.accepted, verdict.message

    def run_until_latched(self, timeout: float) -> float:
        """Tick until the gate latches; return the simulated time that took [s]."""
        start = self.world.time
        while not self.gate.is_latched:
            assert self.world.time - start < timeout, "no alarm"
            self.tick()
        return self.world.time - start

    def pressing(self) -> float:
        """Force on the robot now [N]."""
        readings = self.gate.readings
        self.robot.read_others(readings)
        return readings.contact_force + readings.finger_force


# Contact


def test_contact_force_is_what_the_motor_presses_with(tmp_path: Path) -> None:
    arm = Watched(scene_file(tmp_path, WALL), contact={"force": 1e3, "time": 1.0})
    arm.pan(-1.5)
    for _ in range(300):
        arm.tick()
    data = arm.world.data
    contacts = [data.contact[i] for i in range(data.ncon)]
    assert contacts, "the arm lies at the wall"
    axis = data.body("so101/shoulder_link").xpos
    # What presses along y at x from the shoulder's axis turns it with x * force; friction of the joint takes some.
    lever = float(np.mean([contact.pos[0] for contact in contacts])) - axis[0]
    assert arm.pressing() * lever == pytest.approx(abs(arm.robot.effort[0]), rel=0.1)
    assert arm.gate.readings.contact_with == "wall"


@pytest.mark.guarantee("Supervision", "after both it presses no further", "control/gate.py _supervise")
def test_arm_that_presses_against_something_stops_and_presses_no_more(tmp_path: Path) -> None:
    arm = Watched(scene_file(tmp_path, WALL), contact={"force": 8.0, "time": 0.05})
    arm.pan(-1.5)
    for _ in range(300):
        arm.tick()
        if arm.pressing() > 8.0:
            break
    assert arm.run_until_latched(0.3) <= 0.08
    assert arm.alarm == "contact"
    assert "'wall' press with" in str(arm.gate.alarm)
    for _ in range(100):
        arm.tick()
    assert arm.pressing() < 2.0
    assert arm.gate.report(arm.now).at_rest


def test_bodies_that_may_be_touched_do_not_count(tmp_path: Path) -> None:
    arm = Watched(scene_file(tmp_path, WALL), contact={"force": 8.0, "time": 0.05, "may_touch": ["wall"]})
    arm.pan(-1.5)
    for _ in range(300):
        arm.tick()
    assert arm.alarm == "" and arm.pressing() == 0.0
    assert arm.world.data.ncon > 0


@pytest.mark.guarantee(
    "Supervision", "what is held stays held, and a grip is no alarm", "control/supervision.py gives_way"
)
def test_a_grip_stops_nothing_and_the_forces_of_fingers_are_their_own(tmp_path: Path) -> None:
    arm = Watched(scene_file(tmp_path, CUBE), GRASP)
    session = arm.session(arm.grip(0.0))
    arm.play(session)
    assert session.ending is not None and session.ending.reason is MotionReason.STALLED
    lift = arm.session(arm.joints(["shoulder_lift"], [GRASP["shoulder_lift"] - 0.4]))
    arm.play(lift)
    assert arm.alarm == ""
    assert arm.gate.readings.finger_force > 10.0 and arm.gate.readings.finger_with == "cube"
    assert arm.gate.readings.contact_force == 0.0


def test_another_robot_counts_and_itself_does_not() -> None:
    config = load_robot("so101")
    contact = {"supervision": LimitsConfig.model_validate({"contact": {"force": 5.0, "time": 0.1}})}
    folded = {**config.home, "shoulder_lift": -1.70, "elbow_flex": 1.69, "wrist_flex": 1.65}
    alone = config.model_copy(update={**contact, "home": folded})
    world = World(WorldConfig(robots=(RobotSpec("one", alone, (0.0, 0.0, 0.5)),), overhead=None))
    readings = Readings.of_size(6)
    world.step(50)
    world.robots["one"].read_others(readings)
    assert world.data.ncon > 0, "folded like this it touches itself"
    assert readings.contact_force == 0.0

    near = config.model_copy(update=contact)
    robots = (RobotSpec("one", near), RobotSpec("two", near, (0.5, 0.0, 0.0), np.pi))
    world = World(WorldConfig(robots=robots, overhead=None))
    target = world.robots["one"].position.copy()
    target[:4] = 0.0, 0.9, -0.6, 0.3
    for _ in range(500):
        world.robots["one"].set_target(target)
        world.step()
        world.robots["one"].read_others(readings)
        if readings.contact_with.startswith("two/"):
            break
    assert readings.contact_with.startswith("two/") and readings.contact_force > 0.0


def test_finger_that_the_robot_does_not_have_is_refused() -> None:
    section = {"contact": {"force": 5.0, "time": 0.1, "fingers": ["thumb"], "finger_force": 9.0}}
    config = load_robot("so101").model_copy(update={"supervision": LimitsConfig.model_validate(section)})
    with pytest.raises(ModelError, match=r"fingers names 'thumb'; valid: base_link, shoulder_link"):
        World(WorldConfig(robots=(RobotSpec("one", config),), overhead=None))


# Tracking


def test_joint_that_meets_a_wall_stops_the_arm_and_gives_way(tmp_path: Path) -> None:
    arm = Watched(scene_file(tmp_path, WALL))  # with the SO-101's own limits
    arm.pan(-1.9)
    arm.run_until_latched(3.0)
    assert arm.alarm == "tracking"
    assert "'shoulder_pan' is" in str(arm.gate.alarm)
    for _ in range(100):
        arm.tick()
    assert abs(arm.setpoint.target[0] - arm.robot.position[0]) < 0.02
    assert arm.pressing() < 2.0


# Workspace


@pytest.mark.parametrize("name", ["so101", "panda"])
def test_tool_chain_is_that_of_the_model(name: str) -> None:
    config = load_robot(name)
    world = World(WorldConfig(robots=(RobotSpec("arm", config, (0.3, -0.2, 0.1), 0.7),), overhead=None))
    chain, arm = read_tool_chain(world.model, "arm/", config), Arm(config)
    limits = config.limits()
    joints = np.random.default_rng(3).uniform(limits.lower, limits.upper, (50, len(limits)))
    assert np.allclose(chain.positions(joints), [arm.tool_pose(row).position for row in joints], atol=1e-9)


def two_joints(**changes: Any) -> tuple[World, RobotConfig]:
    """A robot without configuration file, of a model with a reference position, an anchor beside the body and a slide."""
    path = Path(__file__).resolve().parents[1] / "data" / "sliding_arm.xml"
    joint = {"lower": -1.0, "upper": 1.0, "velocity": 1.0, "acceleration": 5.0, "effort": 5.0}
    fields = {
        "name": "sliding",
        "mjcf": path,
        "tool_frame": "tip",
        "joints": {"turn": joint, "slide": joint},
        **changes,
    }
    config = RobotConfig.model_validate(fields)
    return World(WorldConfig(robots=(RobotSpec("arm", config),), overhead=None)), config


def test_tool_chain_knows_references_anchors_and_slides() -> None:
    world, config = two_joints()
    chain = read_tool_chain(world.model, "arm/", config)
    arm = Arm(config, avoid_ground=False)
    joints = np.random.default_rng(4).uniform(-1.0, 1.0, (20, 2))
    assert np.allclose(chain.positions(joints), [arm.tool_pose(row).position for row in joints], atol=1e-9)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"base_frame": "floor"}, "is no frame of the model"),
        ({"base_frame": "carriage", "tool_frame": "base_link"}, "does not hang on its base_frame"),
        ({"joints": ["turn"]}, "joint 'arm/slide' of robot 'sliding' moves its tool, but is not commanded"),
    ],
)
def test_tool_that_cannot_be_computed_is_refused_in_words(changes: dict[str, Any], words: str) -> None:
    world, config = two_joints()
    if "joints" in changes:
        changes = {"joints": {name: config.joints[name] for name in changes["joints"]}}
    with pytest.raises(ModelError) as refused:
        read_tool_chain(world.model, "arm/", config.model_copy(update=changes))
    assert words in str(refused.value)
