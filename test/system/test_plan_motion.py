"""Plans on a real graph: made without moving, played as they were approved, given up when the scene is another one."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Generator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from geometry_msgs.msg import Point, Pose, PoseStamped, Vector3
from graph import Graph, wait_for
from rclpy.action import ActionClient
from sensor_msgs.msg import PointCloud2, PointField
from strands_robots.action import ExecutePlan, MoveTo, PlanMotion
from strands_robots.msg import PlanningOptions, PlanningScene, PlanningShape, SceneBody, SceneShape
from strands_robots.srv import EditScene, QueryWorld
from visualization_msgs.msg import MarkerArray

from strands_robots.description.robot_config import load_robot
from strands_robots.ros.messages import qos
from strands_robots.ros.messages.stamps import to_seconds

from .motion_graph import Asked, MotionGraph

NAMES = list(load_robot("so101").joints)
REACHING = [0.0, 0.3, 0.0, 0.4, 0.0, 0.2]
"""The arm stretched out low."""

SIDE = 0.9  # [rad] of the shoulder, on either side of the wall
MOST_ITERATIONS = 1_000_000


def reaching(pan: float) -> list[float]:
    return [pan, *REACHING[1:]]


class PlanningGraph(MotionGraph):
    """The same, with a wall in the way and clients of the planner."""

    def __init__(self, graph: Graph, folder: Any) -> None:
        super().__init__(graph, folder)
        self.plan_client = ActionClient(self.client, PlanMotion, "plan_motion")
        self.execute_client = ActionClient(self.client, ExecutePlan, "execute_plan")
        self.scenes = self.client.create_publisher(PlanningScene, "so101/planning_scene", qos.DESCRIPTION)
        self.markers = self.client.listen(MarkerArray, "planning/markers", qos.DESCRIPTION, keep=5)
        wait_for(lambda: self.plan_client.server_is_ready() and self.execute_client.server_is_ready(), 20.0, "planner")

    def edit(self, **fields: Any) -> None:
        """Change the world, once the robot's lease has ended."""

        def edited() -> bool:
            answer = self.client.call(EditScene, "world/edit", EditScene.Request(**fields))
            assert answer.success or "lease" in answer.message or "hold" in answer.message, answer.message
            return bool(answer.success)

        wait_for(edited, 10.0, "the edit")

    def plan(self, pan: float, options: dict[str, Any] | None = None, **fields: Any) -> Asked:
        """Ask for a plan of all joints."""
        planning = PlanningOptions(**{"planner": "rrt_connect", **(options or {})})
        goal = {"robot": "so101", "joint_names": NAMES, "positions": reaching(pan), "planning": planning, **fields}
        return Asked(self.plan_client, PlanMotion.Goal(**goal))

    def execute(self, digest: str) -> Asked:
        """Ask for a plan to be played."""
        return Asked(self.execute_client, ExecutePlan.Goal(robot="so101", source="operator/test", digest=digest))

    def around(self, pan: float, on_change: int = PlanningOptions.STOP, **fields: Any) -> Asked:
        """Move with a planner."""
        planning = PlanningOptions(planner="rrt_connect", on_change=on_change)
        return self.move(joint_names=NAMES, positions=reaching(pan), planning=planning, **fields)

    def planner_pid(self) -> int:
        """Process id of the robot's planning process, 0 for none."""
        found = subprocess.run(
            ["pgrep", "-P", str(self.motion.pid), "-f", "plan_worker"], capture_output=True, text=True, check=False
        )
        return int(found.stdout.split()[0]) if found.stdout.strip() else 0


def processor_time(pid: int) -> float:
    """Return the processor time of a process [s]."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def block(name: str, x: float, y: float, z: float, half: tuple[float, float, float]) -> SceneBody:
    return SceneBody(
        name=name, pose=Pose(position=Point(x=x, y=y, z=z)), shapes=[SceneShape(kind="box", size=list(half))]
    )


@pytest.fixture(scope="module")
def planning(tmp_path_factory: pytest.TempPathFactory) -> Generator[PlanningGraph, None, None]:
    with Graph() as graph:
        made = PlanningGraph(graph, tmp_path_factory.mktemp("latch"))
        moved = made.move(joint_names=NAMES, positions=reaching(SIDE)).result()
        assert moved.success, moved.message
        made.edit(bodies=[block("wall", 0.28, 0.0, 0.10, (0.12, 0.01, 0.10))])
        yield made


@pytest.fixture(autouse=True)
def begin_beside_the_wall(planning: PlanningGraph) -> None:
    if planning.is_latched:
        planning.resume()
    if abs(planning.positions()[0] - SIDE) > 0.02 or abs(planning.positions()[1] - REACHING[1]) > 0.02:
        result = planning.around(SIDE).result()
        assert result.success, result.message


def cloud(points: list[tuple[float, float, float]], frame: str) -> PointCloud2:
    fields = [PointField(name=n, offset=4 * k, datatype=PointField.FLOAT32, count=1) for k, n in enumerate("xyz")]
    data = np.array(points, dtype=np.float32).tobytes()
    made = PointCloud2(height=1, width=len(points), fields=fields, point_step=12, row_step=12 * len(points), data=data)
    made.header.frame_id = frame
    return made


def touches(planning: PlanningGraph, name: str) -> bool:
    request = QueryWorld.Request(what=QueryWorld.Request.CONTACTS)
    return any(name in contact.bodies for contact in planning.client.call(QueryWorld, "world/query", request).contacts)


def test_a_plan_moves_nothing_and_is_played_as_it_was_approved(planning: PlanningGraph) -> None:
    before = list(planning.applied[-1].values)
    planning.markers.clear()
    planned = planning.plan(-SIDE).result()
    plan = planned.plan
    assert planned.success and planned.termination_reason == "planned" and plan.digest in planned.message
    assert plan.length > plan.direct_length + 0.05, "around the wall"
    assert plan.duration == pytest.approx(plan.times[-1]) and plan.clearance == 0.01 and len(plan.tool_points) > 2
    assert len(plan.way_points) == len(plan.tool_points) * len(plan.joint_names)
    assert list(planning.applied[-1].values) == pytest.approx(before, abs=5e-3), "the set-points stay"
    wait_for(lambda: planning.markers, 5.0, "the plan's markers")
    shown = {marker.ns for marker in planning.markers[-1].markers}
    assert {"so101 tool", "so101 end"} <= shown
    asked = planning.execute(plan.digest)
    met = False
    while not asked.feedback or asked.feedback[-1].progress < 0.9:
        met = met or touches(planning, "wall")
        if asked._result.done():
            break
    result = asked.result()
    assert (result.termination_reason, asked.status) == ("reached", "succeeded"), result.message
    assert not met and result.digest == plan.digest and result.joint_error < 0.01
    assert result.planned_duration == pytest.approx(plan.duration)
    assert planning.positions()[0] == pytest.approx(-SIDE, abs=0.01)
    again = planning.execute(plan.digest).result()
    assert again.termination_reason == "refused" and "from the plan's start" in again.message and again.chunks == 0


def test_another_plan_than_the_approved_one_is_refused(planning: PlanningGraph) -> None:
    digest = planning.plan(-SIDE).result().plan.digest
    result = planning.execute("0" * 64).result()
    assert result.termination_reason == "refused" and digest in result.message


def test_the_same_request_gives_the_same_digest(planning: PlanningGraph) -> None:
    start = reaching(SIDE)
    digests = {planning.plan(-SIDE, start=start).result().plan.digest for _ in range(2)}
    assert len(digests) == 1
    assert planning.plan(-SIDE, {"seed": 3}, start=start).result().plan.digest not in digests


def test_a_scene_that_changed_since_the_plan_refuses_it(planning: PlanningGraph) -> None:
    digest = planning.plan(-SIDE).result().plan.digest
    planning.edit(bodies=[block("crate", -0.3, 0.0, 0.05, (0.02, 0.02, 0.02))])
    try:
        result = planning.execute(digest).result()
        assert (
            result.termination_reason == "scene_changed" and "'crate' is new" in result.message and result.chunks == 0
        )
    finally:
        planning.edit(remove=["crate"])


@pytest.mark.parametrize("replans", [False, True])
def test_a_scene_that_changes_on_the_way_brakes_or_replans(planning: PlanningGraph, replans: bool) -> None:
    def lid(z: float) -> PlanningScene:
        shape = PlanningShape(name="lid", kind="box", size=[0.02, 0.02, 0.02])
        shape.pose.position.x, shape.pose.position.z, shape.pose.orientation.w = -0.3, z, 1.0
        return PlanningScene(shapes=[shape])

    planning.scenes.publish(lid(0.5))
    asked = planning.around(-SIDE, int(replans), speed_scale=0.15)
    wait_for(lambda: asked.feedback and asked.feedback[-1].progress > 0.2, 20.0, "the first part of the way")
    planning.scenes.publish(lid(0.4))
    result = asked.result(60.0)
    planning.scenes.publish(PlanningScene())
    if replans:
        assert result.success and result.termination_reason == "reached", result.message
        return
    assert result.termination_reason == "scene_changed" and "'lid' has moved by 100.0 mm" in result.message
    assert -SIDE + 0.1 < result.positions[0] < SIDE, "it rests on the way"


@pytest.mark.parametrize(
    ("fields", "options", "reason", "message"),
    [
        ({}, {"planner": "astar"}, "invalid_goal", "unknown planner 'astar'; valid: rrt_connect"),
        ({}, {"planner": ""}, "invalid_goal", "valid: rrt_connect"),
        ({}, {"time_law": "fast"}, "invalid_goal", "valid: toppra"),
        ({}, {"upright": 9.0}, "invalid_goal", "valid: 0.01 to 3"),
        ({}, {"held": ["ball"]}, "invalid_goal", "unknown object in held 'ball'; valid: wall"),
        ({"positions": [9.0] * 6}, {}, "invalid_goal", "position of 'shoulder_pan' is 9"),
        ({"positions": reaching(0.0)}, {}, "collision", "inside 'wall'"),
        ({"start": reaching(0.0)}, {}, "collision", "at the start"),
        ({"start": [0.0]}, {}, "invalid_goal", "start has 1 numbers; valid: 6"),
        ({"through": [Point(x=0.2)]}, {}, "invalid_goal", "through is given without straight; valid: straight true"),
        ({"joint_names": ["shoulder_pan"], "positions": [-SIDE]}, {"iterations": 100}, "no_path", "100 iterations"),
        ({}, {"cone": 0.3}, "invalid_goal", "valid: a direction"),
        ({}, {"box": [Point()]}, "invalid_goal", "box has 1 corner; valid: two opposite ones"),
        ({}, {"box": [Point(), Point(x=0.1, y=0.1, z=0.1)]}, "invalid_goal", "at the start the tool would be"),
        ({}, {"tool_speed": 50.0}, "invalid_goal", "valid: 0.001 to 10"),
        ({"region": [Vector3(x=0.1)]}, {}, "invalid_goal", "region is given; valid: for TARGET_POSE (1)"),
        ({"target": 1, "region": [Vector3(x=-0.1)]}, {}, "invalid_goal", "region has half lengths"),
        ({"target": 1, "region": [Vector3(x=0.1)], "straight": True}, {}, "invalid_goal", "region is given with straight"),
    ],
)  # fmt: skip
def test_what_cannot_be_planned_says_why(
    planning: PlanningGraph, fields: dict[str, Any], options: dict[str, Any], reason: str, message: str
) -> None:
    asked = planning.plan(-SIDE, options, **fields)
    result = asked.result()
    assert (result.termination_reason, asked.status) == (reason, "aborted"), result.message
    assert message in result.message and not result.plan.digest


def test_a_killed_planner_is_one_reason_and_the_next_plan_works(planning: PlanningGraph) -> None:
    before = list(planning.applied[-1].values)
    goal: dict[str, Any] = {"joint_names": ["shoulder_pan"], "positions": [-SIDE], "source": "operator/test"}
    endless = PlanningOptions(planner="rrt_connect", iterations=MOST_ITERATIONS)
    asked = Asked(planning.move_client, MoveTo.Goal(robot="so101", planning=endless, **goal))
    pid = wait_for(planning.planner_pid, 10.0, "a planning process")
    # One that waits for its next question is replaced, and nothing is lost: this one is to be killed amid its search.
    before_search = processor_time(pid)
    wait_for(lambda: processor_time(pid) > before_search + 0.2, 10.0, "a search")
    os.kill(pid, signal.SIGKILL)
    result = asked.result()
    assert result.termination_reason == "planner_lost" and "signal 9" in result.message and result.chunks == 0
    assert list(planning.applied[-1].values) == before, "the robot holds"
    assert planning.plan(-SIDE).result().success


def test_a_cancelled_plan_ends_its_search(planning: PlanningGraph) -> None:
    options = {"iterations": MOST_ITERATIONS}
    asked = planning.plan(-SIDE, options, joint_names=["shoulder_pan"], positions=[-SIDE])
    wait_for(planning.planner_pid, 10.0, "a planning process")
    asked.cancel()
    assert asked.result().termination_reason == "cancelled" and asked.status == "canceled"


def test_a_stop_in_the_middle_of_a_plan_holds(planning: PlanningGraph) -> None:
    asked = planning.execute(planning.plan(-SIDE, speed_scale=0.2).result().plan.digest)
    wait_for(lambda: asked.feedback and asked.feedback[-1].progress > 0.2, 20.0, "the first part of the way")
    planning.stop()
    result = asked.result()
    assert (result.termination_reason, asked.status) == ("stopped", "aborted")
    wait_for(lambda: planning.gates["so101"][-1].at_rest, 5.0, "rest")


def test_a_scene_message_is_an_obstacle_and_a_wrong_one_a_reason(planning: PlanningGraph) -> None:
    post = PlanningShape(name="post", kind="cylinder", size=[0.03, 0.3])
    post.pose.position.x, post.pose.position.y, post.pose.orientation.w = 0.18, -0.22, 1.0
    planning.scenes.publish(PlanningScene(shapes=[post]))
    try:
        wait_for(lambda: "'post'" in planning.plan(-SIDE).result().message, 10.0, "the post in the way")
        post.size = [0.03]
        planning.scenes.publish(PlanningScene(shapes=[post]))

        def is_refused() -> bool:
            result = planning.plan(-SIDE).result()
            return result.termination_reason == "invalid_goal" and "valid: 2 numbers" in result.message

        wait_for(is_refused, 10.0, "the refusal")
    finally:
        planning.scenes.publish(PlanningScene())
    wait_for(lambda: planning.plan(-SIDE).result().success, 10.0, "the empty scene")


def test_a_cloud_of_a_sensor_is_an_obstacle_and_one_in_another_frame_a_reason(planning: PlanningGraph) -> None:
    clouds = planning.client.create_publisher(PointCloud2, "so101/planning_cloud", qos.IMAGE)
    corner = [(0.18 + 0.01 * x, -0.26 + 0.01 * y, 0.02 * z) for x in range(6) for y in range(6) for z in range(12)]

    def told(points: list[tuple[float, float, float]], frame: str = "base_link") -> str:
        clouds.publish(cloud(points, frame))
        return str(planning.plan(-SIDE).result().message)

    try:
        wait_for(lambda: "'planning_cloud/" in told(corner), 10.0, "the cloud in the way")
        wait_for(lambda: "in frame 'camera'; valid" in told(corner, "camera"), 10.0, "the refusal")
    finally:
        wait_for(lambda: "execute_plan with this digest" in told([]), 10.0, "the empty cloud")


def test_a_region_is_reached_no_faster_than_the_tool_may_go(planning: PlanningGraph) -> None:
    pose = PoseStamped(pose=Pose(position=Point(x=0.20, y=0.22, z=0.12)))
    options = PlanningOptions(planner="rrt_connect", tool_speed=0.08)
    fields = {"target": MoveTo.Goal.TARGET_POSE, "pose": pose, "region": [Vector3(x=0.03, y=0.02, z=0.04)]}
    result = planning.move(planning=options, speed_scale=1.0, **fields).result(60.0)
    assert result.success and result.fraction == 1.0, result.message
    tool = result.tool_pose.pose.position
    assert abs(tool.x - 0.20) < 0.035 and abs(tool.y - 0.22) < 0.025 and abs(tool.z - 0.12) < 0.045


def test_a_line_is_moved_along_as_far_as_it_can_be(planning: PlanningGraph) -> None:
    back = PoseStamped(pose=Pose(position=Point(z=-0.9)))
    back.header.frame_id = "gripper_frame_link"
    line = {"target": MoveTo.Goal.TARGET_POSE, "straight": True, "planning": PlanningOptions(planner="rrt_connect")}
    whole = planning.move(pose=back, **line).result()
    assert not whole.success and "straight line ends after" in whole.message and whole.chunks == 0
    part = planning.move(pose=back, min_fraction=0.1, **line).result(60.0)
    assert part.success and 0.1 <= part.fraction < 1.0, part.message


@pytest.mark.parametrize("planner", ["rrt_connect", ""])
def test_a_goal_takes_the_place_of_a_motion(planning: PlanningGraph, planner: str) -> None:
    first = planning.around(-SIDE, speed_scale=0.3)
    wait_for(lambda: first.feedback and first.feedback[-1].progress > 0.05, 20.0, "the first part of the way")
    busy = planning.around(SIDE).result()
    assert busy.termination_reason == "refused" and "or move_to with preempt" in busy.message
    lower = planning.around(SIDE, source="agent/test", preempt=True).result()
    assert lower.termination_reason == "refused" and "may not end the motion of 'operator/test'" in lower.message
    options = PlanningOptions(planner=planner)
    second = planning.move(joint_names=NAMES, positions=reaching(SIDE), planning=options, speed_scale=0.4, preempt=True)
    result = second.result(60.0)
    assert result.success, result.message
    given = first.result()
    assert (given.termination_reason, first.status) == ("cancelled", "aborted"), given.message
    assert "a goal of 'operator/test' took its place" in given.message
    assert planning.positions()[0] == pytest.approx(SIDE, abs=0.02)


def speeds_since(planning: PlanningGraph, stamp: float) -> tuple[list[float], list[float]]:
    """Return how fast the set-points have been since a ROS time [s]: stamps [s], and speeds over all joints [rad/s]."""
    rows = [row for row in planning.applied if to_seconds(row.header.stamp) >= stamp]
    stamps = np.array([to_seconds(row.header.stamp) for row in rows])
    values = np.array([list(row.values) for row in rows])
    widths = np.diff(stamps)
    moved = np.linalg.norm(np.diff(values, axis=0), axis=1)
    kept = widths > 1e-6
    return stamps[1:][kept].tolist(), (moved[kept] / widths[kept]).tolist()


def test_a_goal_that_goes_on_from_a_motion_does_not_stop(planning: PlanningGraph) -> None:
    first = planning.around(-SIDE, speed_scale=0.2)
    wait_for(lambda: first.feedback and first.feedback[-1].progress > 0.1, 20.0, "the first part of the way")
    asked_at = to_seconds(planning.applied[-1].header.stamp)
    options = PlanningOptions(planner="rrt_connect")
    further = reaching(-SIDE - 0.4)
    second = planning.move(joint_names=NAMES, positions=further, planning=options, speed_scale=0.2, preempt=True)
    result = second.result(60.0)
    assert result.success, result.message
    assert first.result().termination_reason == "cancelled"
    stamps, speeds = speeds_since(planning, asked_at)
    during = [speed for stamp, speed in zip(stamps, speeds) if stamp < asked_at + 1.5]
    assert min(during) > 0.3 * during[0] > 0.05, "it never slows down to a stop"


def test_a_robot_whose_planner_is_not_there_yet_brakes_at_once_and_then_goes(planning: PlanningGraph) -> None:
    if planning.planner_pid():
        os.kill(planning.planner_pid(), signal.SIGKILL)
    first = planning.move(joint_names=["shoulder_pan"], positions=[1.8], speed_scale=0.05)
    wait_for(lambda: first.feedback and first.feedback[-1].progress > 0.1, 20.0, "the first part of the way")
    asked_at = to_seconds(planning.applied[-1].header.stamp)
    result = planning.around(SIDE, speed_scale=0.4, preempt=True).result(60.0)
    assert result.success, result.message
    given = first.result()
    assert given.termination_reason == "cancelled", given.message
    stamps, speeds = speeds_since(planning, asked_at)
    at_rest = next(stamp for stamp, speed in zip(stamps, speeds) if speed < 1e-3)
    assert at_rest - asked_at < 1.2, "it does not go on along the old way until a planner has started"


def test_options_without_a_planner_are_refused(planning: PlanningGraph) -> None:
    result = planning.move(joint_names=["gripper"], positions=[0.5], planning=PlanningOptions(clearance=0.01)).result()
    assert result.termination_reason == "invalid_goal" and "without planning.planner" in result.message
