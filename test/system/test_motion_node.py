"""motion_node on a real graph: joints, poses, grips, refusals, cancellation and stops."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from geometry_msgs.msg import Point
from graph import Graph, Process, wait_for
from strands_robots.action import MoveTo, SetGripper
from strands_robots.msg import GateState, SceneRobot
from strands_robots.srv import EditScene

from strands_robots.description.robot_config import load_robot
from strands_robots.motion.arm import Arm
from strands_robots.ros.messages import qos
from strands_robots.ros.messages.stamps import to_seconds

from .motion_graph import Asked, MotionGraph

CONFIG = load_robot("so101")
ARM = Arm(CONFIG)
NAN = float("nan")


@pytest.fixture(scope="module")
def moving(tmp_path_factory: pytest.TempPathFactory) -> Generator[MotionGraph, None, None]:
    with Graph() as graph:
        yield MotionGraph(graph, tmp_path_factory.mktemp("latch"))


@pytest.fixture(autouse=True)
def begin_at_home(request: pytest.FixtureRequest) -> None:
    if "moving" in request.fixturenames:
        graph: MotionGraph = request.getfixturevalue("moving")
        if graph.is_latched:
            graph.resume()
        result = graph.move(joint_names=list(CONFIG.home), positions=list(CONFIG.home.values())).result()
        assert result.success, result.message


def assert_ended(asked: Asked, reason: str, status: str, message: str = "") -> Any:
    """Check how a goal ended and return its result."""
    result = asked.result()
    assert (result.termination_reason, asked.status) == (reason, status), result.message
    assert message in result.message
    assert result.success == (status == "succeeded")
    return result


def test_a_joint_target_is_reached_as_joint_states_say(moving: MotionGraph) -> None:
    asked = moving.move(joint_names=["shoulder_pan", "wrist_roll"], positions=[0.8, -0.5])
    result = assert_ended(asked, "reached", "succeeded")
    assert list(result.joint_names) == list(CONFIG.joints)
    assert result.positions[0] == pytest.approx(0.8, abs=0.01) and result.positions[4] == pytest.approx(-0.5, abs=0.01)
    assert result.joint_error < 0.01
    assert moving.positions() == pytest.approx(list(result.positions), abs=0.01)
    assert 0.5 < result.planned_duration <= result.elapsed < result.planned_duration + 2.5
    assert result.chunks > 5
    progress = [feedback.progress for feedback in asked.feedback]
    assert len(progress) > 3 and progress == sorted(progress)


@pytest.mark.parametrize("frame", ["", "base_link", "so101/base_link"])
def test_a_position_of_the_tool_is_reached_and_measured_by_forward_kinematics(moving: MotionGraph, frame: str) -> None:
    result = assert_ended(moving.move_pose(0.22, 0.1, 0.08, frame), "reached", "succeeded")
    tool = ARM.tool_pose(np.array(result.positions)).position
    assert result.position_error == pytest.approx(float(np.linalg.norm(tool - [0.22, 0.1, 0.08])), abs=1e-6)
    assert result.position_error < 0.002
    point = result.tool_pose.pose.position
    assert (point.x, point.y, point.z) == pytest.approx(tuple(tool), abs=1e-6)
    assert result.tool_pose.header.frame_id == "so101/base_link"


def test_a_pose_in_the_tools_frame_moves_the_tool_along_its_axis(moving: MotionGraph) -> None:
    before = ARM.tool_pose(np.array(moving.positions()))
    asked = moving.move_pose(0.0, 0.0, 0.03, "gripper_frame_link", straight=True)
    result = assert_ended(asked, "reached", "succeeded")
    after = ARM.tool_pose(np.array(result.positions))
    assert after.position == pytest.approx(before.position + 0.03 * before.axis, abs=0.004)


def test_a_full_pose_straight_down_is_reached(moving: MotionGraph) -> None:
    goal = MoveTo.Goal(robot="so101", target=MoveTo.Goal.TARGET_POSE, orientation=MoveTo.Goal.ORIENTATION_FULL)
    position, orientation = goal.pose.pose.position, goal.pose.pose.orientation
    position.x, position.y, position.z = 0.22, 0.05, 0.05
    orientation.x, orientation.y, orientation.z, orientation.w = 0.0, 1.0, 0.0, 0.0
    result = assert_ended(Asked(moving.move_client, goal), "reached", "succeeded")
    assert result.position_error < 0.002 and result.orientation_error < 0.02


def test_an_unreachable_pose_says_by_how_much_and_moves_nothing(moving: MotionGraph) -> None:
    moving.applied.clear()
    asked = moving.move_pose(0.6, 0.0, 0.1)
    result = assert_ended(asked, "unreachable", "aborted", "misses the position by 12")
    assert result.position_error == pytest.approx(0.122, abs=0.002) and result.chunks == 0
    assert {command.source for command in moving.applied} == {""}


def test_a_target_in_the_table_is_refused_with_what_would_touch(moving: MotionGraph) -> None:
    asked = moving.move(joint_names=["shoulder_lift"], positions=[1.2])
    assert_ended(asked, "collision", "aborted", "inside the ground")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"robot": "so102"}, "unknown robot 'so102'; valid: so101; did you mean 'so101'?"),
        ({"source": "boss"}, "is not 'class/name'"),
        ({"target": 7}, "target is 7; valid: 0 (TARGET_JOINTS), 1 (TARGET_POSE)"),
        ({"joint_names": []}, "0 joint names and 1 positions given"),
        ({"joint_names": ["elbow"]}, "unknown joint 'elbow'; valid: elbow_flex"),
        ({"positions": [NAN]}, "position of 'shoulder_pan' is nan; valid: -1.91986 to 1.91986"),
        ({"positions": [2.0]}, "position of 'shoulder_pan' is 2; valid: -1.91986 to 1.91986"),
        ({"joint_tolerance": -1.0}, "joint_tolerance is -1; valid"),
        ({"speed_scale": 1.5}, "speed_scale is 1.5; valid: 0.01 to 1, or 0 for 0.5"),
        ({"straight": True}, "straight is true for a joint target"),
    ],
)
def test_a_move_that_is_not_valid_is_refused(moving: MotionGraph, fields: dict[str, Any], message: str) -> None:
    asked = moving.move(**{"joint_names": ["shoulder_pan"], "positions": [0.1], **fields})
    assert_ended(asked, "invalid_goal", "aborted", message)


@pytest.mark.parametrize(
    ("position", "quaternion", "frame", "message"),
    [
        ((NAN, 0.0, 0.1), (0.0, 0.0, 0.0, 1.0), "", "position is (nan, 0, 0.1); valid: three finite numbers [m]"),
        ((0.2, 0.0, 0.1), (0.0, 0.0, 0.0, 0.0), "", "with norm 0; valid: norm 1, such as (0, 0, 0, 1)"),
        ((0.2, 0.0, 0.1), (0.0, 0.0, 0.0, 2.0), "", "with norm 2; valid"),
        ((0.2, 0.0, 0.1), (0.0, 0.0, 0.0, NAN), "", "valid: norm 1"),
        ((0.2, 0.0, 0.1), (0.0, 0.0, 0.0, 1.0), "map", "pose is given in frame 'map'; valid: '', 'base_link'"),
    ],
)
def test_a_pose_that_is_none_is_refused(
    moving: MotionGraph,
    position: tuple[float, ...],
    quaternion: tuple[float, ...],
    frame: str,
    message: str,
) -> None:
    goal = MoveTo.Goal(robot="so101", target=MoveTo.Goal.TARGET_POSE, orientation=MoveTo.Goal.ORIENTATION_FULL)
    goal.pose.header.frame_id = frame
    point, turn = goal.pose.pose.position, goal.pose.pose.orientation
    point.x, point.y, point.z = position
    turn.x, turn.y, turn.z, turn.w = quaternion
    assert_ended(Asked(moving.move_client, goal), "invalid_goal", "aborted", message)


def test_the_gripper_opens_and_closes(moving: MotionGraph) -> None:
    for fraction in (1.0, 0.0):
        result = assert_ended(moving.grip(fraction), "reached", "succeeded")
        assert result.reached_goal and not result.stalled
        assert result.fraction == pytest.approx(fraction, abs=0.02)
    result = assert_ended(moving.grip(0.5, unit=SetGripper.Goal.UNIT_JOINT), "reached", "succeeded")
    assert result.position == pytest.approx(0.5, abs=0.04)


@pytest.mark.parametrize(
    ("position", "fields", "message"),
    [
        (1.2, {}, "position is 1.2, a part of the way from closed (0) to open (1); valid: 0 to 1"),
        (NAN, {}, "position is nan"),
        (0.5, {"unit": 4}, "unit is 4; valid: 0 (UNIT_FRACTION), 1 (UNIT_JOINT)"),
        (0.5, {"max_effort": 9.0}, "max_effort is 9; valid: above 0 and up to 1.47"),
    ],
)
def test_a_grip_that_is_not_valid_is_refused(
    moving: MotionGraph, position: float, fields: dict[str, Any], message: str
) -> None:
    assert_ended(moving.grip(position, **fields), "invalid_goal", "aborted", message)


def test_a_second_goal_is_refused_and_names_the_first(moving: MotionGraph) -> None:
    first = moving.move(joint_names=["shoulder_pan"], positions=[1.5], speed_scale=0.2)
    wait_for(lambda: first.feedback, 5.0, "the first goal's feedback")
    assert_ended(moving.grip(0.0), "refused", "aborted", "already carries out move_to goal")
    first.cancel()
    assert_ended(first, "cancelled", "canceled")


def test_cancelling_stops_the_arm_soon_and_smoothly(moving: MotionGraph) -> None:
    asked = moving.move(joint_names=["shoulder_pan"], positions=[1.7], speed_scale=0.8)
    wait_for(lambda: abs(moving.joints[-1].velocity[0]) > 0.8, 5.0, "a moving arm")
    begin = to_seconds(moving.joints[-1].header.stamp)
    asked.cancel()
    result = assert_ended(asked, "cancelled", "canceled", "cancelled by the client")
    end = to_seconds(moving.joints[-1].header.stamp)
    assert end - begin < 1.0
    assert abs(moving.joints[-1].velocity[0]) < 0.1
    assert 0.1 < result.positions[0] < 1.6
    commands = [(to_seconds(c.header.stamp), c.values[0]) for c in moving.applied]
    stamps, values = np.array(commands).T
    steps = np.diff(values)[np.diff(stamps) > 0.005]
    assert np.abs(steps).max() <= 3.0 * 0.012


def test_a_stop_ends_the_motion_with_the_gates_reason(moving: MotionGraph) -> None:
    asked = moving.move(joint_names=["shoulder_pan"], positions=[1.7], speed_scale=0.3)
    wait_for(lambda: asked.feedback, 5.0, "feedback")
    moving.stop()
    try:
        assert_ended(asked, "stopped", "aborted", "'so101' is latched: stop: ")
        assert_ended(moving.grip(0.0), "stopped", "aborted", "is latched")
    finally:
        moving.resume()


def test_motions_keep_the_speed_and_carry_their_source(moving: MotionGraph) -> None:
    moving.applied.clear()
    asked = moving.move(joint_names=["shoulder_pan"], positions=[1.2], speed_scale=0.4, source="teleop/anna")
    assert_ended(asked, "reached", "succeeded")
    commands = [c for c in list(moving.applied) if c.source]
    assert {command.source for command in commands} == {"teleop/anna"}
    fastest = max(abs(state.velocity[0]) for state in moving.joints)
    assert fastest < 1.1 * 0.9 * 3.0 * 0.8


def test_a_robot_that_a_higher_class_holds_is_refused_with_the_holder(moving: MotionGraph) -> None:
    moving.hold("teleop/anna", 3.0)
    asked = moving.move(joint_names=["shoulder_pan"], positions=[1.0], source="")
    assert_ended(asked, "refused", "aborted", "'teleop/anna' holds the robot")
    wait_for(lambda: not moving.gates["so101"][-1].lease_holder, 10.0, "a free robot")


def test_a_motion_that_a_higher_class_takes_over_ends_and_names_it(moving: MotionGraph) -> None:
    asked = moving.move(joint_names=["shoulder_pan"], positions=[1.5], speed_scale=0.15, source="agent/someone")
    wait_for(lambda: asked.feedback, 5.0, "feedback")
    moving.hold("teleop/anna", 1.0)
    # Whichever is heard first, the new holder or the refusal of the next chunk: both name who took it.
    assert_ended(asked, "refused", "aborted", "'teleop/anna'")
    wait_for(lambda: not moving.gates["so101"][-1].lease_holder, 10.0, "a free robot")


@pytest.fixture(scope="module")
def stepped(tmp_path_factory: pytest.TempPathFactory) -> Generator[MotionGraph, None, None]:
    with Graph() as graph:
        yield MotionGraph(graph, tmp_path_factory.mktemp("latch"), mode="lockstep")


@pytest.mark.long
def test_in_lockstep_a_motion_steps_the_world_itself(stepped: MotionGraph) -> None:
    asked = stepped.move(joint_names=["shoulder_pan"], positions=[0.8], lockstep=True)
    result = assert_ended(asked, "reached", "succeeded")
    assert result.positions[0] == pytest.approx(0.8, abs=0.01)
    assert result.elapsed >= result.planned_duration > 0.5
    assert_ended(stepped.grip(1.0, lockstep=True), "reached", "succeeded")


@pytest.mark.long
def test_in_lockstep_the_same_motions_end_in_the_same_positions(stepped: MotionGraph) -> None:
    ends = []
    for _ in range(2):
        stepped.reset()
        assert_ended(stepped.move_pose(0.22, 0.1, 0.08, lockstep=True), "reached", "succeeded")
        result = assert_ended(stepped.grip(0.0, lockstep=True), "reached", "succeeded")
        ends.append((result.position, result.elapsed, result.chunks))
    assert ends[0] == ends[1]


def test_a_goal_for_a_lockstep_world_must_say_so(stepped: MotionGraph) -> None:
    asked = stepped.move(joint_names=["shoulder_pan"], positions=[0.0])
    assert_ended(asked, "refused", "aborted", "valid: lockstep true")


def test_a_lockstep_goal_in_a_realtime_world_is_refused(moving: MotionGraph) -> None:
    asked = moving.move(joint_names=["shoulder_pan"], positions=[0.1], lockstep=True)
    assert_ended(asked, "world_failed", "aborted", "the world runs in mode realtime")


def test_a_robot_that_cannot_be_described_ends_the_node_with_its_name() -> None:
    with Graph() as graph:
        process = graph.start("motion_node", robots=["arm=so999"])
        assert process.wait(20.0) == 2
        assert "unknown robot 'so999'" in process.text


def command(graph: Graph, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command line on the graph."""
    program = shutil.which("strands-robots")
    assert program is not None
    return subprocess.run(
        [program, *arguments], env=graph.environment, capture_output=True, text=True, timeout=60, check=False
    )


def test_the_command_line_moves_joints_tool_and_gripper(moving: MotionGraph) -> None:
    done = command(moving.graph, "move", "shoulder_pan=-0.4", "--robot", "so101")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "reached: the target is reached" in done.stdout and "shoulder_pan -0." in done.stdout
    done = command(moving.graph, "move", "0.22", "-0.05", "0.08", "--robot", "so101")
    assert done.returncode == 0, done.stdout + done.stderr
    done = command(moving.graph, "grip", "1.0", "--robot", "so101")
    assert done.returncode == 0 and "percent open" in done.stdout
    done = command(moving.graph, "move", "0.9", "0", "0.1", "--robot", "so101")
    assert done.returncode == 1 and "unreachable: the nearest pose found misses the position by" in done.stdout


def test_killed_command_leaves_no_motion(moving: MotionGraph) -> None:
    start = moving.joints[-1].position[0]
    away = -1.2 if start > 0.0 else 1.2
    command = [sys.executable, "-m", "strands_robots.cli.entry", "move", f"shoulder_pan={away}", "--robot", "so101"]
    process = Process([*command, "--speed", "0.05"], moving.graph.environment)
    moving.graph.processes.append(process)
    wait_for(lambda: abs(moving.joints[-1].position[0] - start) > 0.05, 30.0, "motion")
    process.send(signal.SIGKILL)
    wait_for(lambda: not moving.gates["so101"][-1].playing, 5.0, "the end of the motion")
    assert abs(moving.joints[-1].position[0] - away) > 0.3, "it did not go on to its end"
    wait_for(lambda: not moving.gates["so101"][-1].lease_holder, 10.0, "the end of its goal")


def test_a_robot_that_joins_the_world_later_is_moved_too_and_one_that_left_is_refused(moving: MotionGraph) -> None:
    other = SceneRobot(name="other", robot="so101", position=Point(x=0.0, y=-0.8))
    states = moving.client.listen(GateState, "other/gate_state", qos.STATE)
    wait_for(lambda: not moving.gates["so101"][-1].lease_holder, 10.0, "the end of the way home")
    answer = moving.client.call(EditScene, "world/edit", EditScene.Request(robots=[other]))
    assert answer.success, answer.message
    wait_for(lambda: states and not states[-1].latched, 10.0, "the other robot, armed")
    result = moving.move(robot="other", joint_names=["shoulder_pan"], positions=[0.2]).result()
    assert result.success, result.message
    wait_for(lambda: not states[-1].lease_holder and states[-1].at_rest, 10.0, "the end of the motion")
    answer = moving.client.call(EditScene, "world/edit", EditScene.Request(remove=["other"]))
    assert answer.success, answer.message
    assert (
        "unknown robot 'other'" in moving.move(robot="other", joint_names=["gripper"], positions=[0.2]).result().message
    )


@pytest.mark.long
def test_two_robots_move_at_the_same_time(graph: Graph, tmp_path: Path) -> None:
    both = MotionGraph(graph, tmp_path, robots=("so101=so101", "right=so101"))
    asked = [
        both.move(robot=name, joint_names=["shoulder_pan"], positions=[end], speed_scale=0.3)
        for name, end in (("so101", 1.0), ("right", -1.0))
    ]
    wait_for(lambda: all(goal.feedback and goal.feedback[-1].progress > 0.1 for goal in asked), 10.0, "two motions")
    for goal, end in zip(asked, (1.0, -1.0)):
        result = assert_ended(goal, "reached", "succeeded")
        assert result.positions[0] == pytest.approx(end, abs=0.01)
