"""Policies that look where bodies of the world are, on a graph: a pick by the name of the object, and a network on an environment state."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from graph import Client, Graph, wait_for
from strands_robots.srv import QueryWorld, ResetWorld

from strands_robots.core.body_state import place_of
from strands_robots.description.robot_config import load_robot
from strands_robots.evaluation.scene import scene_xml
from strands_robots.evaluation.task import load_task

from .policy_goals import PolicyGoals

pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]

JOINTS = load_robot("so101").limits().names
PICK = "{model: so101, speed: 0.5, pick: {object: {body: cube}}}"


class CubeGraph:
    """A robot behind a cube, in lockstep, with policy_node; its base stands elsewhere than the world's origin, and turned."""

    def __init__(self, graph: Graph, folder: Path) -> None:
        scene = folder / "scene.xml"
        scene.write_text(scene_xml(load_task("lift_cube").objects))
        robots = ["so101=so101@0.2,-0.2,0,1.5708"]  # the cube, at (0.21, 0, 0.0125), is 0.2 m in front of it
        graph.start("policy_node", use_sim_time=True)
        graph.start(
            "sim_node", robots=robots, mode="lockstep", scene=str(scene), cameras=False, heartbeat_timeout=5.0,
            owner_timeout=60.0,
        )  # fmt: skip
        graph.start("safety_node", run_id="run", arm_on_start=True, latch_folder=str(folder), robots=["so101"])
        self.client: Client = graph.client()
        self.goals = PolicyGoals(self.client)
        wait_for(lambda: self.goals.run(policy="hold", steps=1, lockstep=True).success, 60.0, "an armed graph")

    def reset(self) -> None:
        assert self.client.call(ResetWorld, "world/reset", ResetWorld.Request(seed=1)).success

    def height(self) -> float:
        """Return how high the cube is [m]."""
        request = QueryWorld.Request(what=QueryWorld.Request.BODIES, names=["cube"])
        return float(self.client.call(QueryWorld, "world/query", request).bodies[0].pose.position.z)


@pytest.fixture(scope="module")
def cube(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CubeGraph]:
    with Graph() as graph:
        yield CubeGraph(graph, tmp_path_factory.mktemp("cube"))


def test_scripted_pick_finds_the_cube_by_its_name_and_lifts_it(cube: CubeGraph) -> None:
    cube.reset()
    result = cube.goals.send(policy="scripted", config=PICK, lockstep=True, duration=12.0).result(240.0)
    assert result.success, result.message
    assert cube.height() > 0.04


def test_body_that_is_not_there_is_refused_with_those_that_are(cube: CubeGraph) -> None:
    cube.reset()
    result = cube.goals.send(
        policy="scripted", config=PICK.replace("cube", "bowl"), lockstep=True, duration=6.0
    ).result()
    assert not result.success
    assert "unknown body 'bowl'; valid: cube, so101/base" in result.message


@pytest.mark.learning
def test_network_on_an_environment_state_runs_in_lockstep(cube: CubeGraph) -> None:
    pytest.importorskip("lerobot", reason="needs make setup-learning")
    names = [f"{joint}.pos" for joint in JOINTS]
    places = [{"name": e.name, "body": e.body, "quantity": e.quantity, "unit": e.unit} for e in place_of("cube")]
    small = {"chunk_size": 10, "n_action_steps": 10, "dim_model": 32, "n_heads": 2, "dim_feedforward": 64}
    settings = {
        "type": "act", "state": names, "action": names, "environment": [place["name"] for place in places], "device": "cpu",
        "config": small,
    }  # fmt: skip
    elements = [{"name": name, "joint": joint, "unit": "deg"} for name, joint in zip(names, JOINTS)]
    adapter = {"state": elements, "action": elements, "environment": places, "rate": 20}
    goal = {"policy": "lerobot", "config": json.dumps(settings), "lockstep": True, "duration": 1.0, "keep_loaded": True}
    cube.reset()
    result = cube.goals.send(adapter=json.dumps(adapter), **goal).result(200.0)
    assert (result.success, result.termination_reason, result.steps) == (True, "completed", 20), result.message
    other = json.dumps(adapter).replace('"body": "cube"', '"body": "bowl"')
    refused = cube.goals.send(adapter=other, **goal).result(200.0)
    assert not refused.success
    assert "unknown body 'bowl'; valid: cube" in refused.message
