"""Two processes in lockstep, one seed, two robots, edits of the scene, the same commands: the same bytes and pictures.

2,000 commands in `make test`, 10,000 in `make test-long`.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from geometry_msgs.msg import Point, Pose
from graph import Client, Graph, wait_for
from strands_robots.msg import ActionChunk, EntityState, JointCommand, SceneBody, SceneRobot, SceneShape, SceneTerrain
from strands_robots.srv import EditScene, GetWorldState, RenderCamera, ResetWorld, StepWorld

from strands_robots.description.robot_config import load_robot
from strands_robots.ros.messages.stamps import to_duration, to_time

LIMITS = load_robot("so101").limits()
CONTROL_PERIOD = 0.01
ROWS = 48
COMMANDS_OF_A_REQUEST = ROWS + 2


def _box(name: str, x: float) -> SceneBody:
    shape = SceneShape(kind="box", size=[0.02] * 3, mass=0.05)
    return SceneBody(name=name, pose=Pose(position=Point(x=x, y=0.05, z=0.3)), is_free=True, shapes=[shape])


START = {
    "robots": [SceneRobot(name="second", robot="so101", position=Point(y=0.5))],
    "bodies": [_box("a", 0.2), _box("b", 0.25)],
}
END = {"remove": ["second"]}


def edits(requests: int) -> dict[int, dict[str, Any]]:
    """Return what changes in the scene before the request of each number, of so many."""
    return {
        requests * 3 // 10: {
            "remove": ["a"], "bodies": [_box("c", 0.2)], "ground": [SceneTerrain(kind="rough", height=0.02, seed=3)],
        },
        requests * 6 // 10: {
            "poses": [EntityState(name="b", pose=Pose(position=Point(x=0.2, z=0.4)))],
            "attach": ["c"],
            "attach_to": ["b"],
        },
    }  # fmt: skip


def pictures(requests: int) -> range:
    """Return after which of so many requests a picture is taken."""
    return range(requests // 10, requests, requests * 9 // 40)


class SteppedWorld:
    """One sim_node in lockstep with its safety_node, on a domain of its own."""

    def __init__(self, graph: Graph, folder: Path) -> None:
        for name, parameters in (
            ("sim_node", {"robots": ["so101=so101"], "cameras": False, "mode": "lockstep", "heartbeat_timeout": 5.0}),
            ("safety_node", {"run_id": "run", "arm_on_start": True, "latch_folder": str(folder), "robots": ["so101"]}),
        ):
            graph.start(name, **parameters)
        self.client: Client = graph.client()
        self.services = {
            kind: self.client.create_client(kind, name)
            for kind, name in (
                (StepWorld, "world/step"),
                (GetWorldState, "world/get_state"),
                (ResetWorld, "world/reset"),
                (EditScene, "world/edit"),
                (RenderCamera, "world/render"),
            )
        }
        wait_for(lambda: all(service.service_is_ready() for service in self.services.values()), 30.0, "sim_node")
        wait_for(lambda: self.call(StepWorld.Request(client="test", steps=1)).success, 20.0, "an armed robot")
        self._edit(START)
        wait_for(lambda: self.call(StepWorld.Request(client="test", steps=1)).success, 20.0, "two armed robots")
        self.call(StepWorld.Request(client="test", steps=0, release=True))
        assert self.call(ResetWorld.Request(seed=7)).success

    def call(self, request: Any) -> Any:
        kind = next(kind for kind in self.services if isinstance(request, kind.Request))
        future = self.services[kind].call_async(request)
        wait_for(future.done, 20.0, "an answer")
        return future.result()

    def episode(self, requests: int) -> list[str]:
        """Play the commands; return a digest of qpos and qvel after each request, and of some pictures."""
        random = np.random.default_rng(11)
        target = np.array([load_robot("so101").home.get(name, 0.0) for name in LIMITS.names])
        sequence, time, digests = 1, 0.0, []
        changes, seen = edits(requests), pictures(requests)
        for request in range(requests):
            if request in changes:
                self._edit(changes[request])
            goal = np.clip(target + random.uniform(-0.3, 0.3, len(target)), LIMITS.lower, LIMITS.upper)
            rows = np.linspace(target, goal, ROWS)
            chunk = ActionChunk(
                source="policy/test", sequence=sequence, lifetime=to_duration(1.0), joint_names=list(LIMITS.names), horizon=ROWS,
                control_period=to_duration(CONTROL_PERIOD), values=rows.ravel().tolist(), observation_stamp=to_time(time),
            )  # fmt: skip
            chunk.header.stamp = to_time(time)
            time = self._step(StepWorld.Request(client="test", steps=ROWS, chunk_robots=["so101"], chunks=[chunk]))
            for value in random.uniform(LIMITS.lower, LIMITS.upper, (2, len(target))):
                sequence += 1
                command = JointCommand(
                    source="policy/test", sequence=sequence, lifetime=to_duration(1.0), joint_names=list(LIMITS.names),
                    values=(goal + 0.02 * value).tolist(),
                )  # fmt: skip
                command.header.stamp = to_time(time)
                time = self._step(
                    StepWorld.Request(client="test", steps=1, command_robots=["second"], commands=[command])
                )
            sequence, target = sequence + 1, goal
            state = self.call(GetWorldState.Request(full=True))
            digests.append(hashlib.sha256(np.array([*state.qpos, *state.qvel]).tobytes()).hexdigest())
            if request in seen:
                picture = self.call(RenderCamera.Request(camera="overhead", width=160, height=120))
                assert picture.success, picture.message
                digests.append(hashlib.sha256(picture.image.data).hexdigest())
        assert state.physics_steps == requests * COMMANDS_OF_A_REQUEST * 5
        self._edit(END)
        self._step(StepWorld.Request(client="test", steps=10))
        assert list(self.call(GetWorldState.Request()).robots) == ["so101"]
        return digests

    def _edit(self, fields: dict[str, Any]) -> None:
        """Change the scene; that needs a world that nobody commands."""
        assert self.call(StepWorld.Request(client="test", steps=0, release=True)).success
        answer = self.call(EditScene.Request(**fields))
        assert answer.success, answer.message

    def _step(self, request: StepWorld.Request) -> float:
        response = self.call(request)
        assert response.success, f"{response.message} {response.refusals}"
        return response.stamp.sec + 1e-9 * response.stamp.nanosec


@pytest.mark.timeout(180)
@pytest.mark.parametrize("commands", [2_000, pytest.param(10_000, marks=pytest.mark.long)])
def test_two_processes_with_one_seed_and_the_same_commands_have_the_same_bytes(tmp_path: Path, commands: int) -> None:
    requests = commands // COMMANDS_OF_A_REQUEST
    episodes = []
    for name in ("first", "second"):
        with Graph() as graph:
            episodes.append(SteppedWorld(graph, tmp_path / name).episode(requests))
    assert len(set(episodes[0])) == requests + len(pictures(requests)), "the arms stood still"
    assert episodes[0] == episodes[1]
