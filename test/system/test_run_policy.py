"""run_policy on real processes: what the arm does, what the result says, and what becomes of both in trouble."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from graph import Graph, Process, wait_for
from std_srvs.srv import SetBool
from strands_robots.msg import ActionChunk, JointCommand
from strands_robots.srv import GetWorldState, ResetWorld

from strands_robots.ros.messages import qos
from strands_robots.ros.messages.stamps import to_duration, to_time

from .moving_arm import LIMITS, MovingArm
from .policy_goals import SWING, PolicyGoals

PAN = LIMITS.index["shoulder_pan"]

PATIENT = {"heartbeat_timeout": 1.0, "cameras": False}
"""For a busy test machine: a heartbeat that is late is not what is tested here."""


class PolicyArm(MovingArm):
    """An arm with policy_node."""

    def __init__(self, graph: Graph, folder: Path) -> None:
        self.policy: Process = graph.start("policy_node", use_sim_time=True)
        super().__init__(graph, folder, heartbeat_timeout=PATIENT["heartbeat_timeout"])
        self.chunks_seen = self.client.listen(ActionChunk, "so101/action_chunk", qos.COMMAND)
        self.goals = PolicyGoals(self.client)

    def positions(self) -> np.ndarray:
        """Return every measured position (N, D) so far [rad]."""
        return np.array([state.position for _, state in list(self.measured)])


@pytest.fixture
def arm(graph: Graph, tmp_path: Path) -> PolicyArm:
    return PolicyArm(graph, tmp_path)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PolicyArm]:
    """An arm for the tests that leave it as they found it."""
    with Graph() as graph:
        yield PolicyArm(graph, tmp_path_factory.mktemp("latch"))


def test_sine_moves_the_arm_as_the_result_says(shared: PolicyArm) -> None:
    shared.measured.clear()
    goal = shared.goals.send()
    result = goal.result()
    assert (result.success, result.termination_reason, result.steps) == (True, "completed", 200), result.message
    assert result.elapsed == pytest.approx(4.0)
    assert list(result.joint_names) == list(LIMITS.names)
    assert result.motion[PAN] == pytest.approx(0.8, abs=0.05)
    assert max(np.delete(result.motion, PAN)) < 0.02
    seen = np.ptp(shared.positions(), axis=0)
    np.testing.assert_allclose(result.motion, seen, atol=0.02)
    assert result.chunks == len(goal.feedback)
    assert goal.feedback[-1].observation_age < 0.1


def test_cancelled_goal_ends_at_once_and_the_arm_rests(shared: PolicyArm) -> None:
    goal = shared.goals.send(duration=60.0)
    goal.wait_for_chunks(6)
    goal.cancel()
    result = goal.result(5.0)
    assert (result.success, result.termination_reason) == (False, "cancelled")
    shared.gates.clear()
    wait_for(lambda: shared.gates and shared.gate.at_rest, 3.0, "rest")
    assert not shared.gate.latched


def test_second_goal_is_refused_and_names_the_first_which_goes_on(shared: PolicyArm) -> None:
    first = shared.goals.send()
    first.wait_for_chunks(1)
    second = shared.goals.run(policy="hold")
    assert (second.success, second.termination_reason) == (False, "refused")
    assert first.goal_id in second.message
    assert "'so101' already runs policy 'sine'" in second.message
    assert first.result().success


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"robot": "so102"}, "unknown robot 'so102'; valid: so101; did you mean 'so101'"),
        ({"policy": "sin"}, "did you mean 'sine'"),
        (
            {"config": "{joints: {knee: [{amplitude: 0.1, frequency: 1.0}]}}"},
            "unknown joint of policy 'sine' 'knee'; valid: elbow_flex",
        ),
        ({"config": SWING.replace("0.4", "2.5")}, "valid: up to 3.000"),
        ({"duration": 0.0}, "neither duration nor steps is given"),
    ],
)
def test_goal_that_cannot_run_is_refused_with_what_is_valid(
    shared: PolicyArm, fields: dict[str, object], words: str
) -> None:
    result = shared.goals.run(**fields)
    assert (result.success, result.termination_reason, result.chunks) == (False, "refused", 0)
    assert words in result.message


def test_goal_waits_while_the_world_is_paused(shared: PolicyArm) -> None:
    goal = shared.goals.send(duration=2.0)
    goal.wait_for_chunks(2)
    assert shared.client.call(SetBool, "world/pause", SetBool.Request(data=True)).success
    shared.assert_still(1.0)
    assert not goal.is_done
    assert shared.client.call(SetBool, "world/pause", SetBool.Request(data=False)).success
    result = goal.result()
    assert (result.success, result.elapsed) == (True, pytest.approx(2.0)), result.message


def test_lockstep_goal_in_a_realtime_world_is_told(shared: PolicyArm) -> None:
    result = shared.goals.run(lockstep=True)
    assert (result.success, result.termination_reason) == (False, "world_failed")
    assert "realtime" in result.message


def test_source_of_a_higher_class_takes_the_robot_and_the_goal_ends_with_its_name(shared: PolicyArm) -> None:
    goal = shared.goals.send(duration=60.0)
    goal.wait_for_chunks(3)
    commands = shared.client.create_publisher(JointCommand, "so101/command", qos.COMMAND)
    wait_for(lambda: commands.get_subscription_count() > 0)
    sequence = iter(range(1, 10000))

    def teleoperate() -> bool:
        command = JointCommand(
            source="teleop/test",
            sequence=next(sequence),
            lifetime=to_duration(0.5),
            joint_names=["gripper"],
            values=[0.3],
        )
        command.header.stamp = to_time(shared.now())
        commands.publish(command)
        return shared.gate.lease_holder == "teleop/test" and goal.is_done

    wait_for(teleoperate, 10.0, "the end of the goal")
    result = goal.result()
    assert result.termination_reason == "refused"
    assert "'teleop/test' took 'so101' from the policy" in result.message


def test_stop_ends_the_goal(arm: PolicyArm) -> None:
    goal = arm.goals.send(duration=60.0)
    goal.wait_for_chunks(4)
    response = arm.stop(wait_for_rest=5.0)
    assert (response.success, response.at_rest) == (True, True)
    result = goal.result(5.0)
    assert (result.success, result.termination_reason) == (False, "stopped")
    assert "'so101' is latched" in result.message
    refused = arm.goals.run()
    assert (refused.termination_reason, refused.chunks) == ("stopped", 0)
    assert arm.resume(response.stop_id).success
    arm.wait_armed()
    assert arm.goals.run(duration=1.0).success


def test_killed_policy_node_leaves_the_arm_at_the_end_of_its_chunk(arm: PolicyArm) -> None:
    goal = arm.goals.send(duration=60.0)
    goal.wait_for_chunks(7)
    arm.policy.send(signal.SIGKILL)
    arm.policy.wait()
    wait_for(lambda: not arm.gate.playing and arm.gate.at_rest, 5.0, "rest")
    chunk = arm.chunks_seen[-1]
    last_row = np.array(chunk.values).reshape(chunk.horizon, -1)[-1]
    applied = arm.applied[-1][1]
    held = applied.values[list(applied.joint_names).index(chunk.joint_names[0])]
    assert held == pytest.approx(last_row[0], abs=1e-6)
    assert arm.positions()[-1][PAN] == pytest.approx(held, abs=0.02)
    assert not arm.gate.latched
    arm.assert_still(0.5)


@pytest.mark.long
def test_policy_node_that_is_asked_to_end_lets_the_arm_rest(arm: PolicyArm) -> None:
    goal = arm.goals.send(duration=60.0)
    goal.wait_for_chunks(6)
    arm.policy.send(signal.SIGTERM)
    assert arm.policy.wait(3.0) == 0
    wait_for(lambda: not arm.gate.playing and arm.gate.at_rest, 3.0, "rest")


@pytest.mark.long
def test_lost_robot_ends_the_goal(arm: PolicyArm) -> None:
    goal = arm.goals.send(duration=60.0)
    goal.wait_for_chunks(2)
    arm.sim.send(signal.SIGKILL)
    result = goal.result(10.0)
    assert (result.success, result.termination_reason) == (False, "observation_lost")


@pytest.mark.long
def test_two_robots_run_two_policies_at_once(graph: Graph, tmp_path: Path) -> None:
    graph.start("sim_node", robots=["left=so101@0,0.4,0", "right=so101@0,-0.4,0"], **PATIENT)
    graph.start("safety_node", arm_on_start=True, run_id="run-1", latch_folder=str(tmp_path))
    graph.start("policy_node", use_sim_time=True)
    goals = PolicyGoals(graph.client())
    wait_for(lambda: goals.run(robot="left", policy="hold", duration=0.2).success, 30.0, "an armed graph")
    wait_for(lambda: goals.run(robot="right", policy="hold", duration=0.2).success, 30.0, "an armed graph")
    left, right = goals.send(robot="left", duration=2.0), goals.send(robot="right", policy="hold", duration=2.0)
    assert (left.result().success, right.result().success) == (True, True)
    assert left.result().motion[PAN] > 0.3
    assert max(right.result().motion) < 0.05


def test_lockstep_goal_is_reproducible(graph: Graph, tmp_path: Path) -> None:
    graph.start("sim_node", robots=["so101=so101"], mode="lockstep", **PATIENT)
    graph.start("safety_node", arm_on_start=True, run_id="run-1", latch_folder=str(tmp_path))
    graph.start("policy_node", use_sim_time=True)
    client = graph.client()
    goals = PolicyGoals(client)
    wait_for(lambda: goals.run(policy="hold", steps=1, lockstep=True).success, 30.0, "an armed graph")
    ends = []
    for _ in range(2):
        assert client.call(ResetWorld, "world/reset", ResetWorld.Request(seed=7)).success
        result = goals.run(lockstep=True, seed=3)
        result.latency_p50 = result.latency_p99 = 0.0  # of the wall's clock
        state = client.call(GetWorldState, "world/get_state", GetWorldState.Request(full=True))
        ends.append((result, state.qpos.tobytes(), state.qvel.tobytes(), state.stamp, state.physics_steps))
    assert ends[0] == ends[1]
    result = ends[0][0]
    assert (result.success, result.steps, result.elapsed) == (True, 200, pytest.approx(4.0)), result.message
    assert result.motion[PAN] == pytest.approx(0.8, abs=0.05)
    refused = goals.run(lockstep=False)
    assert refused.termination_reason == "refused"
    assert "valid: lockstep true" in refused.message
