"""A scene of MoveIt on a real graph, where moveit_msgs is installed: an obstacle, or a reason not to plan."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest
from graph import Graph, wait_for
from shape_msgs.msg import SolidPrimitive

from .test_plan_motion import SIDE, PlanningGraph, reaching

moveit = pytest.importorskip("moveit_msgs.msg", reason="moveit_msgs is not installed")


@pytest.fixture(scope="module")
def planning(tmp_path_factory: pytest.TempPathFactory) -> Generator[PlanningGraph, None, None]:
    with Graph() as graph:
        yield PlanningGraph(graph, tmp_path_factory.mktemp("latch"))


def thing(name: str, kind: int, size: list[float], place: tuple[float, float, float], frame: str = "base_link") -> Any:
    made = moveit.CollisionObject(id=name, operation=moveit.CollisionObject.ADD)
    made.header.frame_id = frame
    made.primitives = [SolidPrimitive(type=kind, dimensions=size)]
    made.pose.position.x, made.pose.position.y, made.pose.position.z = place
    return made


def test_a_scene_of_moveit_is_planned_around_and_a_wrong_one_a_reason(planning: PlanningGraph) -> None:
    scenes = planning.client.create_publisher(moveit.PlanningScene, "monitored_planning_scene", 10)
    wall = thing("wall", SolidPrimitive.BOX, [0.24, 0.02, 0.20], (0.28, 0.0, 0.10))

    def told(*objects: Any, is_diff: bool = True) -> Any:
        scene = moveit.PlanningScene(is_diff=is_diff)
        scene.robot_state.is_diff = is_diff
        scene.world.collision_objects = list(objects)
        scenes.publish(scene)
        return planning.plan(-SIDE, start=reaching(SIDE)).result()

    def says(words: str, *objects: Any) -> None:
        wait_for(lambda: words in told(*objects).message, 10.0, words)

    assert planning.plan(-SIDE, start=reaching(SIDE)).result().plan.length < 2.0 * SIDE + 1e-3, "straight there"
    says("only differences were heard", wall)
    around = wait_for(lambda: (result := told(wall, is_diff=False)).success and result.plan, 10.0, "a plan")
    assert around.length > around.direct_length + 0.05, "around the wall"
    says("'post'", thing("post", SolidPrimitive.CYLINDER, [0.6, 0.03], (0.18, 0.22, 0.0)))
    says(
        "'post' is in frame 'camera', which is not known",
        thing("post", SolidPrimitive.CYLINDER, [0.6, 0.03], (0.18, 0.22, 0.0), "camera"),
    )
    gone = moveit.CollisionObject(id="post", operation=moveit.CollisionObject.REMOVE)
    again = wait_for(lambda: (result := told(gone)).success and result.plan, 10.0, "a plan without the post")
    assert again.scene_version == around.scene_version and again.digest == around.digest
