"""Robots that are added to and removed from a real simulated graph under its safety_node."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from geometry_msgs.msg import Point
from graph import Graph, wait_for
from strands_robots.msg import GateState, JointCommand, SafetyState, SceneRobot
from strands_robots.srv import DescribeWorld, EditScene, GetWorldState, LoadScene

from strands_robots.description.robot_config import load_robot
from strands_robots.ros.messages import qos
from strands_robots.ros.messages.stamps import to_duration

from .world_under_test import WorldUnderTest

JOINTS = list(load_robot("so101").joints)


class Room(WorldUnderTest):
    """A world with one robot under a safety_node."""

    def __init__(self, graph: Graph, folder: Path) -> None:
        super().__init__(graph)
        graph.start("safety_node", run_id="run", arm_on_start=True, latch_folder=str(folder), robots=["so101"])
        self.safety = self.client.listen(SafetyState, "safety/state", qos.SAFETY)
        self.last_words = self.client.listen(GateState, "second/gate_state", qos.STATE)
        self.commands = {
            name: self.client.create_publisher(JointCommand, f"{name}/command", qos.COMMAND)
            for name in ("so101", "second")
        }
        self.sequence = time.time_ns()
        self.until_armed("so101")

    def until_armed(self, *names: str) -> None:
        def is_so() -> bool:
            last = self.safety[-1] if self.safety else SafetyState()
            return last.state == SafetyState.ARMED and {r.robot for r in last.robots if not r.latched} == set(names)

        wait_for(is_so, 30.0, f"armed: {names}")

    def add(self) -> None:
        robot = SceneRobot(name="second", robot="so101", position=Point(y=0.6))
        self.ok(EditScene, "world/edit", robots=[robot])
        self.until_armed("so101", "second")

    def topics(self) -> list[str]:
        """Topics of the second robot that are on the graph, those of its cameras left out."""
        published = ["joint_states", "command_applied", "gate_state", "robot_description"]
        taken = ["command", "action_chunk", "joint_trajectory", "joint_commands"]
        found = [name for name in published if self.client.count_publishers(f"second/{name}")]
        return found + [name for name in taken if self.client.count_subscribers(f"second/{name}")]

    def command(self, name: str, value: float) -> None:
        """Command one joint until the gate has taken it."""
        self.sequence += 1
        message = JointCommand(
            source="operator/test",
            sequence=self.sequence,
            lifetime=to_duration(5.0),
            joint_names=JOINTS[:1],
            values=[value],
        )
        message.header.stamp = self.ok(GetWorldState, "world/get_state").stamp
        wait_for(self.commands[name].get_subscription_count, what="the command's subscription")
        self.commands[name].publish(message)


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    with Graph() as graph:
        yield Room(graph, tmp_path_factory.mktemp("latch"))


def test_robot_comes_moves_leaves_and_the_other_one_stays_armed(room: Room) -> None:
    for _ in range(2):
        room.add()
        assert list(room.ok(DescribeWorld, "world/describe").robot_models) == ["so101", "so101"]
        room.command("second", 0.3)
        wait_for(lambda: room.last_words[-1].lease_holder == "operator/test", what="the second robot's lease")
        words = room.refused(EditScene, "world/edit", remove=["second"])
        assert "'operator/test' holds 'second'" in words
        wait_for(
            lambda: not room.last_words[-1].lease_holder and room.last_words[-1].at_rest, what="the end of the lease"
        )
        room.ok(EditScene, "world/edit", remove=["second"])
        last = room.last_words[-1]
        assert last.retired and last.latched and last.at_rest
        assert list(room.ok(GetWorldState, "world/get_state").robots) == ["so101"]
        wait_for(lambda: not room.topics(), what="the end of the second robot's topics")
        room.until_armed("so101")
    time.sleep(0.7)  # longer than the silence that safety_node takes for a failure
    assert all(state.state == SafetyState.ARMED for state in list(room.safety)[-10:])
    assert room.safety[-1].stop_id == 0


def test_robot_is_replaced_by_another_of_its_name_in_one_request(room: Room) -> None:
    room.add()
    before = room.last_words[-1].session
    wait_for(lambda: room.last_words[-1].at_rest, what="rest")
    moved = SceneRobot(name="second", robot="so101", position=Point(y=-0.6))
    room.ok(EditScene, "world/edit", remove=["second"], robots=[moved])
    wait_for(
        lambda: room.last_words[-1].session != before and not room.last_words[-1].latched, what="the new robot, armed"
    )
    room.until_armed("so101", "second")
    assert room.safety[-1].stop_id == 0


def test_world_is_made_anew_without_robots_and_gets_them_back(room: Room) -> None:
    wait_for(lambda: room.last_words[-1].at_rest, what="rest")
    room.ok(LoadScene, "world/load", remove_robots=True)
    assert not room.ok(GetWorldState, "world/get_state").robots
    assert not room.ok(DescribeWorld, "world/describe").objects
    room.until_armed()
    room.ok(EditScene, "world/edit", robots=[SceneRobot(name="so101", robot="so101")])
    room.until_armed("so101")
    assert room.safety[-1].stop_id == 0 and room.sim.exit_code is None


def test_robot_that_still_moves_is_not_removed(room: Room) -> None:
    gates: Any = room.client.listen(GateState, "so101/gate_state", qos.STATE)
    room.command("so101", 0.9)
    wait_for(lambda: gates and gates[-1].playing, what="motion")
    assert "holds 'so101'" in room.refused(EditScene, "world/edit", remove=["so101"])
    assert "holds 'so101'" in room.refused(LoadScene, "world/load", remove_robots=True)
    assert list(room.ok(GetWorldState, "world/get_state").robots) == ["so101"]
