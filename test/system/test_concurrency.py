"""Several robots, policies and clients in one world at once: what is refused under a lease, and that nothing is torn, lost or stuck."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from geometry_msgs.msg import Point
from graph import Graph, wait_for
from sensor_msgs.msg import JointState
from strands_robots.msg import GateState, SafetyState
from strands_robots.srv import Checkpoint, GetWorldState, ResumeGraph

from strands_robots import srv
from strands_robots.ros.messages import qos

from .policy_goals import PolicyGoal, PolicyGoals
from .world_under_test import WorldUnderTest

ROBOTS = ("left", "right")
PATIENCE = 2.0
"""Heartbeats and reports may be this late [s]: the machine is busy on purpose."""

# Every service of the world is in one of these tables; a new one must be put into one.
CHANGING: dict[str, tuple[str, dict[str, Any]]] = {
    "edit": ("EditScene", {"remove": ["left"]}),
    "load": ("LoadScene", {"remove_robots": True}),
    "set_state": ("SetWorldState", {"joint_names": ["left/elbow_flex"], "positions": [0.0]}),
    "reset": ("ResetWorld", {}),
    "checkpoint": ("Checkpoint", {"action": Checkpoint.Request.LOAD, "name": "before"}),
    "randomize": ("RandomizeWorld", {}),
}
ALLOWED: dict[str, tuple[str, dict[str, Any]]] = {
    "get_state": ("GetWorldState", {"full": True}),
    "query": ("QueryWorld", {}),
    "describe": ("DescribeWorld", {"mjcf": True}),
    "cast_rays": ("CastRays", {"ground": [Point(x=2.0, y=2.0)]}),
    "compute_dynamics": ("ComputeDynamics", {"robot": "left"}),
    "apply_wrench": ("ApplyWrench", {"body": "left/gripper_link", "duration": 0.01}),
    "render": ("RenderCamera", {"camera": "overhead", "width": 32, "height": 24}),
    "render_cameras": ("RenderCameras", {"cameras": ["overhead"], "width": 32, "height": 24}),
}
ELSEWHERE = {"step": "lockstep only", "pause": "time, not the scene"}


class Room(WorldUnderTest):
    """Two robots, each with its policies, in one world."""

    def __init__(self, graph: Graph, folder: Path) -> None:
        super().__init__(
            graph, robots=[f"{name}=so101@0,{y},0" for name, y in zip(ROBOTS, (0.0, 0.6))], heartbeat_timeout=PATIENCE
        )
        graph.start(
            "safety_node",
            run_id="run",
            arm_on_start=True,
            latch_folder=str(folder),
            robots=list(ROBOTS),
            gate_state_timeout=PATIENCE,
        )
        graph.start("policy_node", use_sim_time=True)
        self.safety = self.client.listen(SafetyState, "safety/state", qos.SAFETY, keep=5)
        self.gates = {name: self.client.listen(GateState, f"{name}/gate_state", qos.STATE, keep=50) for name in ROBOTS}
        self.joints = {
            name: self.client.listen(JointState, f"{name}/joint_states", qos.STATE, keep=20000) for name in ROBOTS
        }
        self.goals = PolicyGoals(self.client)
        self.until_armed()

    def until_armed(self) -> None:
        """Wait for armed robots, and resume a graph that the load has stopped."""

        def is_armed() -> bool:
            if self.safety and self.safety[-1].state == SafetyState.STOPPED:
                request = ResumeGraph.Request(source="operator/test", reason="test", stop_id=self.safety[-1].stop_id)
                self.client.call(ResumeGraph, "safety/resume", request)
            return all(gates and not gates[-1].latched for gates in self.gates.values())

        wait_for(is_armed, 40.0, "armed robots")

    def begin(self, duration: float) -> list[PolicyGoal]:
        """Let both robots move, each by a goal of its own."""
        self.until_armed()
        return [self.goals.send(robot=name, duration=duration) for name in ROBOTS]

    def services(self) -> set[str]:
        """Names of the services of the world, below world/."""
        found = self.client.get_service_names_and_types()
        return {name.removeprefix("/world/") for name, _ in found if name.startswith("/world/")}

    def holders(self) -> list[str]:
        return [gates[-1].lease_holder for gates in self.gates.values()]

    def moved(self) -> list[float]:
        """How far each robot has swung since its messages were last cleared [rad]."""
        swings = []
        for states in self.joints.values():
            positions = np.array([state.position[0] for state in list(states)])
            swings.append(float(np.ptp(positions)) if len(positions) else 0.0)
            states.clear()
        return swings


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    with Graph() as graph:
        yield Room(graph, tmp_path_factory.mktemp("latch"))


@pytest.mark.long
def test_two_policies_drive_two_robots_and_hold_off_every_change(room: Room) -> None:
    room.ok(Checkpoint, "world/checkpoint", action=Checkpoint.Request.SAVE, name="before")
    room.moved()
    goals = room.begin(duration=8.0)
    wait_for(lambda: all(room.holders()), 10.0, "two leases")
    served = room.services()
    for name, (kind, fields) in CHANGING.items():
        if name not in served:
            continue
        words = room.refused(getattr(srv, kind), f"world/{name}", **fields)
        for robot in ROBOTS:
            assert f"'policy/sine' holds '{robot}'" in words, f"{name}: {words}"
    for name, (kind, fields) in ALLOWED.items():
        room.ok(getattr(srv, kind), f"world/{name}", **fields)
    results = [goal.result() for goal in goals]
    assert all(result.success for result in results), [result.message for result in results]
    assert min(room.moved()) > 0.3, "both robots swing"
    wait_for(lambda: not any(room.holders()), 10.0, "free robots")
    room.ok(Checkpoint, "world/checkpoint", action=Checkpoint.Request.LOAD, name="before")


def test_every_service_of_the_world_is_in_a_table(room: Room) -> None:
    wait_for(
        lambda: room.services() <= CHANGING.keys() | ALLOWED.keys() | ELSEWHERE.keys(),
        what="a table with every service",
    )
    assert len(room.services()) > 12


def hammer(room: Room, seconds: float) -> None:
    """Hammer the services from four processes while the robots move, and check what came of it."""
    script = str(Path(__file__).with_name("hammer.py"))
    environment = {
        **room.graph.environment,
        "PYTHONPATH": f"{Path(__file__).parents[1]}:{room.graph.environment.get('PYTHONPATH', '')}",
    }
    clients = [
        subprocess.Popen(
            [sys.executable, script, str(room.graph.domain), str(seed), str(seconds)], env=environment, stdout=subprocess.PIPE, text=True
        )
        for seed in range(4)
    ]  # fmt: skip
    room.moved()
    try:
        while any(client.poll() is None for client in clients):
            for goal in room.begin(duration=1.5):
                goal.result()
            wait_for(lambda: not any(room.holders()), 20.0, "free robots")
        reports = [json.loads(client.communicate(timeout=10.0)[0]) for client in clients]
    finally:
        for client in clients:
            client.kill()
            client.wait()
    assert [report["problem"] for report in reports] == [""] * 4
    assert room.sim.exit_code is None
    state = room.ok(GetWorldState, "world/get_state", full=True)
    assert all(math.isfinite(value) for value in [*state.qpos, *state.qvel])
    assert min(room.moved()) > 0.2, "both robots moved"
    calls = {name: sum(report["calls"].get(name, 0) for report in reports) for name in reports[0]["calls"]}
    edits, refused = calls["edit"], sum(report["refused"].get("edit", 0) for report in reports)
    assert 0 < refused < edits, f"{refused} of {edits} edits refused; some must come through and some meet a lease"
    print(f"{sum(calls.values())} calls {calls}, slowest {max(report['slowest'] for report in reports):.2f} s")


@pytest.mark.timeout(120)
def test_services_hammered_for_5_seconds_by_four_clients_answer_untorn(room: Room) -> None:
    hammer(room, 5.0)


@pytest.mark.long
@pytest.mark.timeout(300)
def test_services_hammered_for_60_seconds_by_four_clients_answer_untorn(room: Room) -> None:
    hammer(room, 60.0)
