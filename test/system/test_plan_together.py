"""Two arms of one world on a real graph: planned together, played by one clock, and stopped together."""

from __future__ import annotations

import time
from collections.abc import Generator
from typing import Any

import numpy as np
import pytest
from geometry_msgs.msg import Vector3
from graph import Graph, wait_for
from rclpy.action import ActionClient
from sensor_msgs.msg import JointState
from strands_robots.action import ExecutePlan, MoveTo, PlanMotion
from strands_robots.msg import ActionChunk, JointCommand, PlanningOptions, PlanTarget
from strands_robots.srv import QueryWorld
from visualization_msgs.msg import MarkerArray

from strands_robots.core.chunk import Chunk
from strands_robots.description.robot_config import load_robot
from strands_robots.ros.messages import qos
from strands_robots.ros.messages.conversions import chunk_to_msg
from strands_robots.ros.messages.stamps import to_seconds

from .motion_graph import Asked, MotionGraph

JOINTS = list(load_robot("so101").joints)
NAMES = ("left", "right")
HERE, THERE, MIDDLE = 0.0, 1.2, 0.6
"""Angles of both shoulders [rad]: each arm on its own side, each where the other one was, and both towards each other."""

ROBOTS = ("left=so101@0,0,0,0.6", "right=so101@0.45,0,0,3.74159")


def reaching(pan: float) -> list[float]:
    return [pan, 0.3, 0.0, 0.4, 0.0, 0.2]


class TwoArmGraph(MotionGraph):
    """The graph with both arms, and clients of the planner."""

    def __init__(self, graph: Graph, folder: Any) -> None:
        super().__init__(graph, folder, robots=ROBOTS)
        self.plan_client = ActionClient(self.client, PlanMotion, "plan_motion")
        self.execute_client = ActionClient(self.client, ExecutePlan, "execute_plan")
        self.markers = self.client.listen(MarkerArray, "planning/markers", qos.DESCRIPTION, keep=5)
        self.states = {n: self.client.listen(JointState, f"{n}/joint_states", qos.STATE, keep=10) for n in NAMES}
        self.commands = {
            n: self.client.listen(JointCommand, f"{n}/command_applied", qos.COMMAND, keep=4000) for n in NAMES
        }
        self.right_chunks = self.client.create_publisher(ActionChunk, "right/action_chunk", qos.COMMAND)
        wait_for(lambda: self.plan_client.server_is_ready() and self.execute_client.server_is_ready(), 20.0, "planner")
        wait_for(lambda: all(self.states.values()) and all(self.commands.values()), 10.0, "both arms")

    def plan(self, pan: float, options: dict[str, Any] | None = None, **fields: Any) -> Asked:
        """Ask for a plan that brings both arms to a side."""
        planning = PlanningOptions(**{"planner": "rrt_connect", **(options or {})})
        other = PlanTarget(robot="right", joint_names=JOINTS, positions=reaching(pan))
        given = {"robot": "left", "joint_names": JOINTS, "positions": reaching(pan), "planning": planning}
        return Asked(self.plan_client, PlanMotion.Goal(**{**given, "others": [other], **fields}))

    def execute(self, digest: str, **fields: Any) -> Asked:
        """Ask for a plan to be played."""
        given = {"robot": "left", "others": ["right"], "source": "operator/test", "digest": digest}
        return Asked(self.execute_client, ExecutePlan.Goal(**{**given, **fields}))

    def pans(self) -> list[float]:
        """The measured angles of both shoulders [rad]."""
        return [float(self.states[name][-1].position[0]) for name in NAMES]

    def under_way(self, pan: float, until: float, **fields: Any) -> Asked:
        """Play a plan to a side, and return while it is played."""
        planned = self.plan(pan, speed_scale=0.15).result(60.0)
        assert planned.success, planned.message
        asked = self.execute(planned.plan.digest, **fields)
        wait_for(lambda: asked.feedback and asked.feedback[-1].progress > until, 30.0, "a part of the way")
        return asked

    def rest(self) -> None:
        """Wait until both arms rest."""
        wait_for(lambda: all(self.gates[name][-1].at_rest for name in NAMES), 10.0, "rest")


@pytest.fixture(scope="module")
def arms(tmp_path_factory: pytest.TempPathFactory) -> Generator[TwoArmGraph, None, None]:
    with Graph() as graph:
        yield TwoArmGraph(graph, tmp_path_factory.mktemp("latch"))


@pytest.fixture(autouse=True)
def begin_at_a_side(arms: TwoArmGraph) -> None:
    if arms.is_latched:
        arms.resume()
    places = np.array([list(arms.states[name][-1].position) for name in NAMES])
    if np.abs(places - reaching(HERE))[:, :4].max() > 0.05:
        arms.rest()
        planned = arms.plan(HERE).result(60.0)
        assert planned.success, planned.message
        result = arms.execute(planned.plan.digest).result(60.0)
        assert result.success, result.message


def arms_touch(arms: TwoArmGraph) -> bool:
    answer = arms.client.call(QueryWorld, "world/query", QueryWorld.Request(what=QueryWorld.Request.CONTACTS))
    return any({body.partition("/")[0] for body in contact.bodies} == set(NAMES) for contact in answer.contacts)


def test_arms_that_change_places_are_planned_drawn_and_played_by_one_clock(arms: TwoArmGraph) -> None:
    before = [list(arms.commands[name][-1].values) for name in NAMES]
    arms.markers.clear()
    planned = arms.plan(THERE, {"clearance": 0.02}).result(60.0)
    plan = planned.plan
    assert planned.success and planned.termination_reason == "planned", planned.message
    assert (plan.robot, list(plan.robots), plan.clearance, plan.check_step) == ("left", list(NAMES), 0.02, 0.002)
    assert list(plan.joint_names) == [f"{name}/{joint}" for name in NAMES for joint in JOINTS]
    assert len(plan.tool_points) * len(JOINTS) == len(plan.way_points), "the places of both tools"
    assert [list(arms.commands[name][-1].values) for name in NAMES] == before, "no set-point moved"
    wait_for(lambda: arms.markers, 5.0, "the plan's markers")
    assert {f"{name} {what}" for name in NAMES for what in ("tool", "end")} <= {m.ns for m in arms.markers[-1].markers}
    for name in NAMES:
        arms.commands[name].clear()
    asked, met = arms.execute(plan.digest), False
    while not asked._result.done():
        met = met or arms_touch(arms)
    result = asked.result()
    assert (result.termination_reason, asked.status) == ("reached", "succeeded"), result.message
    assert not met and result.digest == plan.digest and result.planned_duration == pytest.approx(plan.duration)
    assert arms.pans() == pytest.approx([THERE, THERE], abs=0.02)
    assert list(result.joint_names) == list(plan.joint_names) and result.positions[6] == pytest.approx(THERE, abs=0.02)
    begins = []
    for name in NAMES:
        rows = [c for c in arms.commands[name] if c.source == "operator/test"]
        moved = [abs(c.values[0] - rows[0].values[0]) for c in rows]
        begins.append(to_seconds(rows[int(np.argmax(np.array(moved) > 2e-3))].header.stamp))
    assert abs(begins[0] - begins[1]) < 0.2, "both begin at one moment"
    again = arms.execute(plan.digest).result()
    assert again.termination_reason == "refused" and "from the plan's start" in again.message
    assert "no robot of the plan was moved" in again.message


FACING = reaching(MIDDLE)


def target(**fields: Any) -> PlanTarget:
    return PlanTarget(**{"robot": "right", "joint_names": JOINTS, "positions": reaching(THERE), **fields})


@pytest.mark.parametrize(
    ("fields", "reason", "message"),
    [
        ({"others": [target(robot="third")]}, "invalid_goal", "unknown robot 'third'; valid: left, right"),
        ({"others": [target(robot="left")]}, "invalid_goal", "robot 'left' is given twice in one plan; valid: each robot once"),
        ({"others": [target(), target()]}, "invalid_goal", "robot 'right' is given twice"),
        ({"others": [PlanTarget(robot="right")]}, "invalid_goal", "'right': "),
        ({"others": [target(positions=reaching(9.0))]}, "invalid_goal", "'right': position of 'shoulder_pan' is 9"),
        ({"others": [target(start=[0.0])]}, "invalid_goal", "'right': start has 1 numbers; valid: 6"),
        ({"others": [target(planning=PlanningOptions(planner="rrt_connect"))]}, "invalid_goal", "'right' gives more than held"),
        ({"others": [target(planning=PlanningOptions(held=["cup"]))]}, "invalid_goal", "unknown object in held 'cup'"),
        ({"others": [target(target=1, region=[Vector3(x=9.0)])]}, "invalid_goal", "'right': region has half lengths"),
        ({"target": 1, "straight": True}, "invalid_goal", "straight is true in a plan for several robots; valid: false"),
        ({"positions": FACING, "others": [target(positions=FACING)]}, "collision", "cannot be had at the same time"),
        ({"start": FACING, "others": [target(start=FACING)]}, "collision", "at the start 'left/"),
    ],
)  # fmt: skip
def test_what_cannot_be_planned_together_says_why(
    arms: TwoArmGraph, fields: dict[str, Any], reason: str, message: str
) -> None:
    asked = arms.plan(THERE, **fields)
    result = asked.result(60.0)
    assert (result.termination_reason, asked.status) == (reason, "aborted"), result.message
    assert message in result.message and not result.plan.digest


def test_a_request_that_does_not_name_all_robots_is_not_played(arms: TwoArmGraph) -> None:
    digest = arms.plan(THERE).result(60.0).plan.digest
    for fields, words in (
        ({"others": []}, "others is [] for a plan of left, right; valid: ['right']"),
        ({"robot": "right", "others": ["left"]}, f"no plan with digest '{digest}' is kept for 'right'"),
        ({"others": ["third"]}, "unknown robot 'third'"),
        ({"lockstep": True}, "valid: false"),
    ):
        result = arms.execute(digest, **fields).result()
        assert not result.success and result.chunks == 0 and words in result.message, result.message


def test_a_source_that_takes_one_arm_stops_both(arms: TwoArmGraph) -> None:
    asked = arms.under_way(THERE, 0.2, source="agent/test")
    busy = Asked(
        arms.move_client, MoveTo.Goal(robot="right", source="agent/test", joint_names=["gripper"], positions=[0.3])
    )
    assert "'right' already carries out execute_plan" in busy.result().message
    state = arms.states["right"][-1]
    rows = np.array([list(state.position)] * 2)
    stamp = to_seconds(state.header.stamp)
    joints = tuple(state.name)
    chunk = Chunk(
        "operator/person", time.time_ns(), stamp, 0.5, joints, rows, control_period=0.5, observation_stamp=stamp
    )
    arms.right_chunks.publish(chunk_to_msg(chunk))
    result = asked.result()
    assert (result.termination_reason, asked.status) == ("refused", "aborted"), result.message
    assert "'right': 'operator/person' took the robot over" in result.message
    arms.rest()
    assert abs(arms.pans()[0] - THERE) > 0.1, "the left arm rests on its way"


def test_a_cancelled_plan_brakes_both(arms: TwoArmGraph) -> None:
    asked = arms.under_way(THERE, 0.2)
    asked.cancel()
    result = asked.result()
    assert (result.termination_reason, asked.status) == ("cancelled", "canceled"), result.message
    arms.rest()
    assert min(abs(pan - THERE) for pan in arms.pans()) > 0.1


def test_a_goal_that_takes_the_place_of_one_arms_part_brakes_both_first(arms: TwoArmGraph) -> None:
    asked = arms.under_way(THERE, 0.2)
    options = PlanningOptions(planner="rrt_connect")
    fields = {"robot": "right", "source": "operator/test", "joint_names": ["gripper"], "positions": [0.4]}
    taken = Asked(arms.move_client, MoveTo.Goal(planning=options, preempt=True, **fields)).result(60.0)
    result = asked.result()
    assert result.termination_reason == "cancelled" and "took its place" in result.message, result.message
    assert taken.success, taken.message
    assert min(abs(pan - THERE) for pan in arms.pans()) > 0.1


def test_a_stop_of_the_graph_stops_both(arms: TwoArmGraph) -> None:
    asked = arms.under_way(THERE, 0.2)
    arms.stop()
    result = asked.result()
    assert (result.termination_reason, asked.status) == ("stopped", "aborted"), result.message
    arms.rest()
