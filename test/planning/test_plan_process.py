"""A planning process: the same plan as in this process, and one reason when it is killed or given up."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Generator

import numpy as np
import pytest
from graph import wait_for

from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import MotionError
from strands_robots.description.robot_config import load_robot
from strands_robots.motion.arm import Arm
from strands_robots.motion.ik import Orientation, PoseTarget
from strands_robots.motion.move_to import JointTarget
from strands_robots.planning.goals import PoseGoals
from strands_robots.planning.group_job import GroupJob, GroupPlace
from strands_robots.planning.outside_planner import OutsideSearch
from strands_robots.planning.plan_job import PlanJob
from strands_robots.planning.plan_process import PlannedGroup, PlannedRobot, PlanProcess
from strands_robots.planning.planner import MOST_ITERATIONS
from strands_robots.planning.scene_planner import PlanRequest, ScenePlanner
from strands_robots.planning.surroundings import Surroundings

from .scenes import box, wall
from .two_arms import BASES, NAMES, planner, swap

CONFIG = load_robot("so101")
START = np.array([0.9, 0.3, 0.0, 0.4, 0.0, 0.2])


@pytest.fixture(scope="module")
def process() -> Generator[PlanProcess, None, None]:
    made = PlanProcess(PlannedRobot(CONFIG, "so101", avoid_ground=True))
    yield made
    made.close()
    assert made.pid is None


def job(columns: tuple[int, ...] = (0, 1, 2, 3, 4), iterations: int = 20_000) -> PlanJob:
    end = START.copy()
    end[0] = -0.9
    request = PlanRequest(JointTarget(columns, end[list(columns)]), START, "rrt_connect", "quintic")
    return PlanJob(
        PlanRequest(request.goal, START, "rrt_connect", "quintic", iterations=iterations), Surroundings((wall(),))
    )


def ask_in_a_thread(process: PlanProcess, given: PlanJob, over: threading.Event) -> tuple[threading.Thread, list]:
    outcome: list = []

    def ask() -> None:
        try:
            outcome.append(process.plan(given, over.is_set))
        except MotionError as error:
            outcome.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    return thread, outcome


def test_it_plans_as_this_process_does_and_says_why_not(process: PlanProcess) -> None:
    plan = process.plan(job(), lambda: False)
    assert plan.digest == job().plan(ScenePlanner(Arm(CONFIG, "so101"))).digest
    pid = process.pid
    far = PoseTarget(Arm(CONFIG).tool_pose(START), Orientation.FREE)
    far.pose.position[:] = 0.45, 0.0, 0.3
    given = PlanJob(PlanRequest(PoseGoals((far,)), START, "rrt_connect", "quintic"), Surroundings())
    with pytest.raises(MotionError, match="nearest pose found misses") as error:
        process.plan(given, lambda: False)
    assert error.value.reason == "unreachable" and error.value.miss[0] > 0.01
    assert process.pid == pid, "it is kept for the next question"


def test_a_kill_is_one_reason_and_a_new_process_answers_the_next(process: PlanProcess) -> None:
    endless = job(columns=(0,), iterations=MOST_ITERATIONS)  # the shoulder alone cannot go around
    process.plan(job(), lambda: False)
    thread, outcome = ask_in_a_thread(process, endless, threading.Event())
    pid = wait_for(lambda: process.pid, 10.0, "the process")
    os.kill(pid, signal.SIGKILL)
    thread.join(10.0)
    assert outcome[0].reason == "planner_lost" and "signal 9" in str(outcome[0])
    assert process.plan(job(), lambda: False).length > 0.0 and process.pid != pid


def test_a_question_that_is_given_up_ends_its_process_and_one_that_waits_does_not(process: PlanProcess) -> None:
    endless = job(columns=(0,), iterations=MOST_ITERATIONS)
    over, later = threading.Event(), threading.Event()
    first, ended = ask_in_a_thread(process, endless, over)
    wait_for(lambda: process.pid, 10.0, "the process")
    second, waiting = ask_in_a_thread(process, job(), later)
    over.set()
    first.join(10.0)
    assert ended[0].reason == "cancelled"
    second.join(60.0)
    assert waiting[0].length > 0.0, "the question behind it is answered by a new process"


@pytest.mark.parametrize("count", [10_000])
def test_ten_thousand_shapes_are_planned_around(process: PlanProcess, count: int) -> None:
    rng = np.random.default_rng(0)
    places = rng.uniform(-2.0, 2.0, (3 * count, 3))
    places = places[np.linalg.norm(places, axis=1) > 0.8][:count]
    shapes = tuple(box(f"box{i}", tuple(place), (0.01, 0.01, 0.01)) for i, place in enumerate(places))
    assert len(shapes) == count
    request = job().request
    plan = process.plan(PlanJob(request, Surroundings((wall(), *shapes))), lambda: False)
    assert plan.length > plan.direct_length


def test_another_program_is_asked_and_its_way_is_checked(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The planning process asks its parent, which here stands for move_group; moveit_msgs only has to be found."""
    (tmp_path / "moveit_msgs").mkdir()
    (tmp_path / "moveit_msgs" / "__init__.py").write_text("", encoding="ascii")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}")
    asked: list[OutsideSearch] = []
    height = [1.2]

    def search(given: OutsideSearch, is_over: Callable[[], bool]) -> FloatArray:
        asked.append(given)
        if height[0] < 0.0:
            raise MotionError("no_path", "move_group found no way: MoveIt error code -1")
        rows = np.tile(START[:5], (4, 1))
        rows[1:3, 1] -= height[0]
        rows[2:, 0] = -0.9
        return rows

    process = PlanProcess(PlannedRobot(CONFIG, "so101", avoid_ground=True), search)
    columns = (0, 1, 2, 3, 4)
    goal = JointTarget(columns, np.array([-0.9, *START[1:5]]))
    given = PlanJob(PlanRequest(goal, START, "moveit", "quintic"), Surroundings((wall(),)))
    try:
        plan = process.plan(given, lambda: False)
        assert plan.planner == "moveit" and plan.length > plan.direct_length + 0.05
        (told,) = asked
        assert (told.robot, told.base_frame, told.moving) == ("so101", "base_link", CONFIG.limits().names[:5])
        assert told.goals[0][0] == pytest.approx(-0.9) and [shape.name for shape in told.scene.shapes] == ["wall"]
        height[0] = 0.0
        with pytest.raises(MotionError, match="move_group's way is not free in the scene, or leaves the tool's limits"):
            process.plan(given, lambda: False)
        height[0] = -1.0
        with pytest.raises(MotionError, match="MoveIt error code -1"):
            process.plan(given, lambda: False)
        assert process.plan(job(), lambda: False).planner == "rrt_connect", "the process goes on"
    finally:
        process.close()


def test_a_process_plans_for_several_robots_as_this_process_does() -> None:
    together = GroupJob(swap(0.7), GroupPlace(NAMES, BASES), ((), ()), ((), ()))
    made = PlanProcess(PlannedGroup(tuple(PlannedRobot(CONFIG, name, avoid_ground=True) for name in NAMES)))
    try:
        assert made.plan(together, lambda: False).digest == together.plan(planner()).digest
    finally:
        made.close()
