"""A robot that stops itself stops the graph, which names it and the cause; on real processes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Generator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rfc8785
import yaml
from graph import Graph, wait_for
from std_msgs.msg import String
from strands_robots.msg import ActionChunk, AuditEvent, SafetyState

from strands_robots.core.share import share_directory
from strands_robots.description.robot_config import load_robot
from strands_robots.motion.arm import Arm
from strands_robots.ros.messages import qos
from strands_robots.ros.messages.stamps import to_duration, to_seconds, to_time

from .moving_arm import LIMITS, MovingArm

CONFIG = load_robot("so101")
HOME = np.array([CONFIG.home[name] for name in LIMITS.names])
HIGH = HOME + np.array([0.0, -0.5, 0.0, 0.0, 0.0, 0.0])
"""A pose with the tool in the shelf."""

# The arm turns to negative angles into the wall, to positive ones into the post, which may be touched.
SCENE = """<mujoco><worldbody><geom name="floor" type="plane" size="1 1 .1" pos="0 0 -0.0024"/>
<body name="wall" pos="0.25 0.12 0.15"><geom type="box" size=".3 .01 .3"/></body>
<body name="post" pos="0.25 -0.12 0.15"><geom type="box" size=".3 .01 .3"/></body></worldbody></mujoco>"""


def robot_file(folder: Path) -> str:
    """Write an SO-101 with limits that the tests can reach."""
    share = share_directory()
    robot = yaml.safe_load((share / "config" / "robots" / "so101.yaml").read_text(encoding="utf-8"))
    robot["mjcf"], robot["urdf"] = str(share / robot["mjcf"]), str(share / robot["urdf"])
    tool = Arm(CONFIG).tool_pose(HIGH).position
    robot["supervision"] = {
        "tracking": {"time": 0.4, "error": 0.4},
        "contact": {"force": 8.0, "time": 0.05, "may_touch": ["post"]},
        "workspace": {"forbidden": {"shelf": {"min": (tool - 0.05).tolist(), "max": (tool + 0.05).tolist()}}},
        "speed_zones": {"zones": {"free": 1.0, "near": 0.25}, "timeout": 0.3, "missing": "slowest"},
    }
    path = folder / "watched.yaml"
    path.write_text(yaml.safe_dump(robot, sort_keys=False), encoding="utf-8")
    return str(path)


class WatchedArm(MovingArm):
    """An arm between a wall and a post, below a shelf."""

    def __init__(self, graph: Graph, folder: Path) -> None:
        scene = folder / "scene.xml"
        scene.write_text(SCENE, encoding="utf-8")
        super().__init__(graph, folder, robots=[f"so101={robot_file(folder)}"], scene=str(scene))
        self.events = self.client.listen(AuditEvent, "audit/events", qos.AUDIT_READER, keep=1000)
        self.zones = self.client.create_publisher(String, "so101/speed_zone", qos.SAFETY)

    def go(self, target: np.ndarray, speed: float = 0.7) -> None:
        """Send the joints somewhere at no more than `speed` [rad/s], with a bare chunk."""
        self._sequence += 1
        start = np.array(self.applied[-1][1].values)
        count = max(int(np.abs(target - start).max() / (speed * 0.05)), 1) + 1
        rows = np.linspace(start, target, count)
        message = ActionChunk(
            source="operator/test", sequence=self._sequence, lifetime=to_duration(0.5), joint_names=list(LIMITS.names),
            horizon=len(rows), control_period=to_duration(0.05), values=rows.ravel().tolist(),
        )  # fmt: skip
        message.header.stamp = to_time(self.now())
        self.chunks.publish(message)

    def arrive(self, target: np.ndarray) -> None:
        """Wait until the joints are there, at rest."""

        def is_there() -> bool:
            return self.gate.at_rest and np.abs(np.array(self.measured[-1][1].position) - target).max() < 0.05

        wait_for(is_there, 10.0, "the arm to arrive")

    def go_home(self) -> None:
        """Arm the graph if it is stopped, and put the arm where the tests begin."""
        if self.gate.latched:
            wait_for(lambda: self.state.state == SafetyState.STOPPED, 5.0, "STOPPED")
            answer = self.resume()
            assert answer.success, answer.message
            self.wait_armed()
        self.go(HOME)
        self.arrive(HOME)

    def audited(self, kind: str) -> list[dict[str, Any]]:
        """Details of what sim_node reported of this kind, of this robot."""
        mine = [event for event in list(self.events) if event.kind == kind and event.robot == "so101"]
        return [json.loads(event.details) for event in mine]

    def wait_graph_stopped_by(self, alarm: str) -> SafetyState:
        """Wait until robot and graph say that this alarm of the robot stopped everything."""
        wait_for(
            lambda: self.gate.latched and self.gate.alarm == alarm,
            10.0,
            f"an alarm of {alarm} ({self.gate.latch_reason})",
        )
        wait_for(lambda: self.state.state == SafetyState.STOPPED, 5.0, "STOPPED")
        assert self.state.stop_source == "robot/so101"
        assert self.state.stop_reason.startswith(f"robot 'so101' latched: stop: {alarm}: ")
        wait_for(
            lambda: self.audited("supervision_stop") and self.audited("supervision_stop")[-1]["alarm"] == alarm,
            5.0,
            "the event",
        )
        return self.state


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Generator[WatchedArm, None, None]:
    with Graph() as graph:
        yield WatchedArm(graph, tmp_path_factory.mktemp("watched"))


@pytest.fixture
def arm(shared: WatchedArm) -> WatchedArm:
    shared.go_home()
    return shared


@pytest.mark.guarantee(
    "Supervision", "all limits in force are in the audit log, with their hash", "control/limits_record.py"
)
def test_limits_in_force_are_audited_at_the_start(arm: WatchedArm) -> None:
    wait_for(lambda: arm.audited("limits"), 5.0, "the event")
    record = arm.audited("limits")[0]
    assert record["limits"]["supervision"]["contact"]["force"] == 8
    assert record["limits"]["joints"]["elbow_flex"]["velocity"] == 3
    assert record["sha256"] == hashlib.sha256(rfc8785.dumps(record["limits"])).hexdigest()


@pytest.mark.guarantee(
    "Supervision", "contact force (simulation)", "sim/world/contact_forces.py; control/reading_watch.py"
)
def test_arm_that_is_pushed_against_a_wall_stops_the_graph(arm: WatchedArm) -> None:
    arm.go(HOME - np.array([1.2, 0.0, 0.0, 0.0, 0.0, 0.0]))
    state = arm.wait_graph_stopped_by("contact")
    assert "and 'wall' press with" in state.stop_reason
    # It lies at the wall and does not press: the set-point is where the arm is.
    assert abs(arm.applied[-1][1].values[0] - arm.measured[-1][1].position[0]) < 0.03


@pytest.mark.guarantee("Supervision", "a joint that does not follow", "control/joint_watch.py")
def test_joint_that_is_blocked_stops_the_graph(arm: WatchedArm) -> None:
    arm.go(HOME + np.array([1.5, 0.0, 0.0, 0.0, 0.0, 0.0]))
    state = arm.wait_graph_stopped_by("tracking")
    assert "'shoulder_pan' is" in state.stop_reason


@pytest.mark.guarantee(
    "Supervision",
    "a chunk whose tool path leaves the workspace is refused whole, with box, row and place",
    "control/workspace_check.py",
)
def test_chunk_that_leaves_the_workspace_is_refused_and_stops_nothing(arm: WatchedArm) -> None:
    before = len(arm.safety_states)
    arm.go(HIGH)
    wait_for(lambda: "workspace" in {entry.reason for entry in arm.gate.refusals}, 5.0, "the refusal")
    assert arm.gate.last_refusal.startswith("workspace: ")
    assert "inside forbidden box 'shelf'; valid: outside of x" in arm.gate.last_refusal
    arm.assert_still(0.3)
    assert not arm.gate.latched
    assert {state.state for state in list(arm.safety_states)[before:]} <= {SafetyState.ARMED}


def test_signalled_zone_sets_the_speed_and_silence_the_slowest(arm: WatchedArm) -> None:
    timer = arm.client.create_timer(0.05, lambda: arm.zones.publish(String(data="free")))
    wait_for(lambda: (arm.gate.speed_zone, arm.gate.speed_scale) == ("free", 1.0), 5.0, "the zone")
    arm.client.destroy_timer(timer)
    wait_for(lambda: (arm.gate.speed_zone, arm.gate.speed_scale) == ("", 0.25), 5.0, "the slowest zone")
    for zone in ("free", "moon"):  # What is no zone is as good as no signal.
        arm.zones.publish(String(data=zone))
        wait_for(lambda zone=zone: arm.gate.speed_zone == ("free" if zone == "free" else ""), 5.0, f"'{zone}'")
    began = arm.applied[-1][0]
    target = HOME + np.array([0.0, 0.0, 0.0, 0.0, 1.0, 0.0])
    arm.go(target, speed=2.5)
    arm.arrive(target)
    mine = [command for received, command in list(arm.applied) if received > began]
    times = np.diff([to_seconds(command.header.stamp) for command in mine])
    speeds = np.abs(np.diff([command.values[4] for command in mine]))[times > 0.0] / times[times > 0.0]
    assert speeds.max() == pytest.approx(0.25 * 3.0, rel=0.01)
