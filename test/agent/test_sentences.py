"""Sentences, each done over MCP by an agent that knows nothing but the tools and their answers.

The world's state says whether it was done.
"""

from __future__ import annotations

import contextlib
import json
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from graph import Client, wait_for
from strands_robots.msg import GateState
from strands_robots.srv import QueryWorld
from system.simulation import Simulation

from strands_robots.core.share import share_directory
from strands_robots.ros.messages import qos

from .tools_only import McpClient, ToolsOnlyAgent

pytest.importorskip("mcp", reason="mcp is not installed")

CUBE = {"name": "cube", "shape": "box", "object size": [0.025, 0.025, 0.025], "mass": 0.02}
PLATE = {"name": "plate", "shape": "cylinder", "object size": [0.1, 0.01], "mass": 0.3}
PICK_TIME = 24.0

pytestmark = pytest.mark.timeout(1200)


class Room:
    """A simulation, an agent in it, and somebody who looks at the world by other means than the agent."""

    def __init__(self, folder: Path, *options: str) -> None:
        with contextlib.ExitStack() as stack:
            self.simulation = Simulation(folder, "--real-time-factor", "0.5", *options)
            stack.callback(self.simulation.close)
            self.simulation.arm()
            policy = share_directory() / "config" / "approval_policy_simulation.yaml"
            words = self.simulation.words("mcp", "--policy", str(policy))
            self.server = McpClient(words, self.simulation.environment)
            stack.callback(self.server.close)
            self.agent = ToolsOnlyAgent(self.server)
            self._judge = Client(self.simulation.domain, "judge")
            stack.callback(self._judge.close)
            self._stack = stack.pop_all()

    def world(self) -> QueryWorld.Response:
        request = QueryWorld.Request(what=QueryWorld.Request.BODIES | QueryWorld.Request.CONTACTS)
        return self._judge.call(QueryWorld, "world/query", request)

    def place(self, name: str) -> tuple[float, float, float]:
        """Return where a body is [m]."""
        (body,) = (body for body in self.world().bodies if body.name == name)
        return body.pose.position.x, body.pose.position.y, body.pose.position.z

    def touch(self, first: str, second: str) -> bool:
        return any({first, second} == set(contact.bodies) for contact in self.world().contacts)

    def gate(self, robot: str) -> GateState:
        heard = self._judge.listen(GateState, f"{robot}/gate_state", qos.HEARTBEAT_READER, keep=1)
        wait_for(lambda: bool(heard), 10.0, "gate_state")
        return heard[-1]

    def lies_on(self, name: str, below: str) -> bool:
        here, there = self.place(name), self.place(below)
        return self.touch(name, below) and math.dist(here[:2], there[:2]) < 0.03 and here[2] > there[2]

    def learn_to_pick(self, task: str, **said: Any) -> None:
        """Find the policy for a task, and make its settings."""
        agent = self.agent
        agent.do("joint limits and gripper of the robot")
        agent.choose(agent.do("which policies exist"), task)
        agent.settle(agent.do("settings of a policy", policy=agent.known["policy"]), **said)

    def pick(self, want: str) -> None:
        """Run the policy until its result says that the task is done: a busy machine may lose a chunk, or the run."""
        for _ in range(3):
            _, answer = self.agent.attempt(want, duration=PICK_TIME)
            if answer.get("result", {}).get("task_done"):
                return
        raise AssertionError(self.agent.log[-1])

    def close(self) -> None:
        self._stack.close()


@pytest.fixture
def room(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Room]:
    made = Room(tmp_path, *getattr(request, "param", ()))
    yield made
    made.close()


def with_options(*options: str) -> Any:
    return pytest.mark.parametrize("room", [options], indirect=True, ids=[" ".join(options) or "plain"])


def add(room: Room, position: list[float], **thing: Any) -> None:
    room.agent.do("add an object", position=position, **thing)


@pytest.mark.long
@pytest.mark.learning
@with_options("--recorder")
def test_put_the_cube_on_the_plate_and_record_three_episodes_of_it(room: Room) -> None:
    agent, task = room.agent, "put the cube on the plate"
    add(room, [0.21, -0.05, 0.0125], **CUBE)
    add(room, [0.2, 0.09, 0.005], **PLATE)
    agent.do("save the state of the world", name="start")
    things = agent.do("what objects are there")["objects"]
    assert {"cube", "plate"} <= set(things)
    room.learn_to_pick(task, model=agent.known.get("kind", "so101"), object="cube", onto="plate")
    recorded, is_closed = 0, False
    for _ in range(8):
        agent.do("begin recording an episode", repo="me/plate", task=task, resume=is_closed)
        failed, answer = agent.attempt("run a policy to pick up the cube and put it on the plate", duration=PICK_TIME)
        assert failed or answer["result"]["task_done"]
        is_done = answer.get("result", {}).get("task_done", False)  # also where the busy machine lost a chunk
        if "result" in answer and answer["result"]["task_checked"]:
            assert room.lies_on("cube", "plate") == is_done, answer
        if not is_done:
            is_closed, _ = agent.attempt("discard the recorded episode")
        else:
            is_closed, _ = agent.attempt("end recording the episode", outcome="SUCCEEDED")
            recorded += not is_closed
        agent.do("load the saved state of the world", name="start")
        if recorded == 3:
            break
    agent.do("close the recording")
    assert recorded == 3
    code, output = room.simulation.run("dataset", "verify", agent.known["root"])
    assert code == 0, output
    info = json.loads((Path(agent.known["root"]) / "meta" / "info.json").read_text(encoding="utf-8"))
    assert info["total_episodes"] == 3 and info["total_frames"] > 3 * 10 * info["fps"]


@pytest.mark.long
def test_stack_the_red_block_on_the_blue_block(room: Room) -> None:
    add(room, [0.2, -0.06, 0.0125], **{**CUBE, "name": "red_block"}, color=[0.8, 0.1, 0.1])
    add(
        room,
        [0.2, 0.07, 0.015],
        name="blue_block",
        shape="box",
        mass=0.1,
        color=[0.1, 0.1, 0.8],
        **{"object size": [0.05, 0.05, 0.03]},
    )
    room.learn_to_pick("put the red block onto the blue block", model="so101", object="red_block", onto="blue_block")
    room.pick("run a policy to stack the red block on the blue block")
    assert room.lies_on("red_block", "blue_block")


@pytest.mark.long
def test_sort_the_blocks_onto_the_trays_of_their_colour(room: Room) -> None:
    agent = room.agent
    colours = {"red": [0.8, 0.1, 0.1], "green": [0.1, 0.8, 0.1]}
    for side, (colour, rgb) in zip((-1.0, 1.0), colours.items()):
        add(room, [0.2, -0.03 * side, 0.0125], **{**CUBE, "name": f"{colour}_block"}, color=rgb)
        add(
            room,
            [0.19, 0.12 * side, 0.004],
            name=f"{colour}_tray",
            shape="cylinder",
            mass=0.3,
            color=rgb,
            **{"object size": [0.1, 0.008]},
        )
    seen = agent.do("what objects are there")["object_states"]
    by_colour = {tuple(round(thing["color"][part], 2) for part in "rgb"): [] for thing in seen}
    for thing in seen:
        by_colour[tuple(round(thing["color"][part], 2) for part in "rgb")].append((thing["size"]["x"], thing["name"]))
    for pair in by_colour.values():
        block, tray = (name for _, name in sorted(pair))
        room.learn_to_pick("put the block onto the tray", model="so101", object=block, onto=tray)
        room.pick("run a policy to put the block onto the tray")
    assert room.lies_on("red_block", "red_tray") and room.lies_on("green_block", "green_tray")


@pytest.mark.long
@with_options("--cameras")
def test_look_from_above_and_report_what_lies_there(room: Room) -> None:
    agent = room.agent
    add(room, [0.21, -0.05, 0.0125], **CUBE)
    report = agent.do("robot, what is near it, and list of cameras")
    near = report["robots"]["so101"]["objects_near"]
    assert [thing["name"] for thing in near] == ["cube"] and near[0]["within_reach"]
    assert near[0]["position_in_base_frame"] == pytest.approx(room.place("cube"), abs=0.002)
    failed, answer = agent.attempt("take a picture", camera="above")
    assert failed and set(report["scene_cameras"]) <= set(answer["valid"])
    picture = agent.do("take a picture", camera=next(name for name in answer["valid"] if name == "overhead"))
    assert picture["width"] == 320


@pytest.mark.long
def test_move_to_a_pose_as_near_as_it_can_be_had(room: Room) -> None:
    agent = room.agent
    agent.do("joint limits and reach of the robot")
    with pytest.raises(AssertionError, match="unreachable"):
        agent.do("move the tool to a place", position=[0.7, 0.1, 0.2])
    result = agent.log[-1][-1]["data"]["result"]
    assert result["termination_reason"] == "unreachable"
    nearest = [float(part) for part in re.search(r"position \(([^)]*)\)", result["message"])[1].split(",")]  # type: ignore[index]
    reached = agent.do("move the tool to a place", position=nearest)["result"]
    assert reached["termination_reason"] == "reached" and reached["position_error"] < 0.003


@pytest.mark.long
@pytest.mark.learning
@with_options("--recorder")
def test_record_a_wave_and_replay_it(room: Room) -> None:
    agent = room.agent
    agent.do("joint limits of the robot")
    agent.do("begin recording an episode", repo="me/wave", task="wave")
    agent.choose(agent.do("which policies exist"), "wave the joints")
    agent.settle(agent.do("settings of a policy", policy=agent.known["policy"]))
    waved = agent.do("run a policy to wave", duration=3.0)["result"]
    pan = waved["joint_names"].index("shoulder_pan")
    assert waved["motion"][pan] > 0.2
    agent.do("end recording the episode", outcome="SUCCEEDED")
    agent.do("close the recording")
    again = agent.do("replay a recorded episode", approach=0.5, wait=60.0)["result"]
    assert again["termination_reason"] == "completed" and again["frames"] > 60 and again["rms_error"] < 0.1
    assert math.isfinite(again["max_error"]) and again["max_error_joint"]


@pytest.mark.long
@with_options("--evaluation")
def test_say_how_often_a_policy_lifts_the_cube(room: Room) -> None:
    agent = room.agent
    room.learn_to_pick("pick the object up and lift it", model="so101", object="cube")
    result = agent.do("how often does a policy do a task", task="lift_cube", episodes=2, wait=280.0, workers=1)[
        "result"
    ]
    assert result["episodes"] == 2 and result["success_rate"] == result["successes"] / 2
    seeds = json.loads(result["results"]) if isinstance(result["results"], str) else result["results"]
    assert len(seeds) == 2 and result["successes"] >= 1


@pytest.mark.long
def test_say_why_nothing_moves_after_a_stop_and_go_on_when_a_person_has_resumed(room: Room) -> None:
    agent = room.agent
    agent.do("joint limits of the robot")
    agent.do("emergency stop", reason="something looks wrong")
    assert room.gate("so101").latched
    failed, answer = agent.attempt("move joints to positions", joints={"shoulder_pan": 0.4})
    assert failed and answer["result"]["termination_reason"] == "stopped"
    state = agent.do("state of the robot, and why it is stopped")["robots"]["so101"]
    assert state["stopped"] and "something looks wrong" in state["why_stopped"]
    _, found = room.server.call("find_tool", {"query": "resume after the stop"})
    assert not [tool["name"] for tool in found["tools"] if "resume" in tool["name"]], "no tool resumes"
    assert room.simulation.run("resume")[0] == 0
    agent.do("move joints to positions", joints={"shoulder_pan": 0.4})
    assert agent.do("state of the robot")["robots"]["so101"]["joints"]["shoulder_pan"] == pytest.approx(0.4, abs=0.02)


@pytest.mark.long
def test_find_and_use_a_tool_that_is_not_shown(room: Room) -> None:
    agent = room.agent
    add(room, [0.3, 0.2, 0.0125], **CUBE)
    before = room.place("cube")
    agent.do("push an object with a force", body="cube", duration=0.3, **{"force y": 1.0})
    name = agent.log[-1][0]
    assert name not in {tool["name"] for tool in room.server.list()}
    wait_for(lambda: room.place("cube")[1] > before[1] + 0.02, 10.0, "the cube to move")


@pytest.mark.long
def test_clear_the_table_but_for_the_ball(room: Room) -> None:
    agent = room.agent
    add(room, [0.3, 0.1, 0.0125], **CUBE)
    add(
        room,
        [0.25, -0.1, 0.02],
        name="ball",
        shape="sphere",
        mass=0.05,
        color=[0.1, 0.8, 0.1],
        **{"object size": [0.04]},
    )
    for name in agent.do("what objects are there")["objects"]:
        if name != "ball":
            agent.do("remove an object from the world", remove=[name])
    assert agent.do("what objects are there")["objects"] == ["ball"]
    names = {body.name for body in room.world().bodies}
    assert "ball" in names and "cube" not in names


@pytest.mark.long
@with_options("--robots", "left:=so101 right:=so101@0.0,0.6,0.0,0.0")
def test_let_both_arms_point_away_from_each_other(room: Room) -> None:
    agent = room.agent
    robots = agent.do("which robots are there")["robots"]
    assert set(robots) == {"left", "right"}
    for robot, angle in (("left", -0.5), ("right", 0.5)):
        agent.do("move joints to positions", robot=robot, joints={"shoulder_pan": angle})
    pans = {
        robot: state["joints"]["shoulder_pan"] for robot, state in agent.do("which robots are there")["robots"].items()
    }
    assert pans == pytest.approx({"left": -0.5, "right": 0.5}, abs=0.02)


def test_short_move_and_look_by_an_agent_that_knows_the_tools_only(room: Room) -> None:
    """The short sibling: what is there, a place out of reach, the nearest one, and a run that does not do what it was for."""
    agent = room.agent
    add(room, [0.21, -0.05, 0.0125], **CUBE)
    assert agent.do("what objects are there")["objects"] == ["cube"]
    test_move_to_a_pose_as_near_as_it_can_be_had(room)
    agent.choose(agent.do("which policies exist"), "stays where it is")
    agent.settle(agent.do("settings of a policy", policy=agent.known["policy"]))
    condition = json.dumps({"body": "cube", "above_z": 0.05})
    failed, answer = agent.attempt("run a policy", duration=0.5, success=condition)
    assert failed and answer["result"]["termination_reason"] == "not_achieved" and answer["result"]["task_checked"]
    assert "cube at (0.210, -0.050" in answer["result"]["measured"]
