"""policy_node with a package of policies that go wrong: the goal is aborted with the reason, the arm holds, the node lives."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from graph import Graph, wait_for
from policies.plugin import install
from strands_robots.msg import PolicyState
from strands_robots.srv import LoadPolicy

from strands_robots.ros.messages import qos

from .moving_arm import LIMITS, MovingArm
from .policy_goals import PolicyGoals


class FaultyArm(MovingArm):
    """An arm whose policy_node finds the package."""

    def __init__(self, graph: Graph, folder: Path) -> None:
        self.policy = graph.start("policy_node", use_sim_time=True, inference_timeout=1.0, load_timeout=20.0)
        super().__init__(graph, folder, heartbeat_timeout=1.0)
        self.states = self.client.listen(PolicyState, "policies/state", qos.STATE)
        self.goals = PolicyGoals(self.client)


@pytest.fixture(scope="module")
def arm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultyArm]:
    folder = tmp_path_factory.mktemp("plugin")
    install(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(folder), prepend=os.pathsep)
        with Graph() as graph:
            yield FaultyArm(graph, tmp_path_factory.mktemp("latch"))


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("raising", "the tensor is on the moon"),
        ("hanging", "could not answer within 1 s; its process was killed"),
        ("nan", "row 0 of 'shoulder_pan' is nan"),
        ("names", "the policy answered for joints 'knee', 'elbow_flex'; valid: each once, of shoulder_pan"),
        ("shape", "valid: (H, 2)"),
        ("dying", "the policy's process ended with signal 9"),
    ],
)
def test_failing_policy_aborts_the_goal_with_the_reason_and_the_arm_holds(
    arm: FaultyArm, kind: str, words: str
) -> None:
    result = arm.goals.run(policy=f"acme_{kind}", duration=30.0)
    assert (result.success, result.termination_reason) == (False, "policy_failed")
    assert words in result.message
    arm.gates.clear()
    wait_for(lambda: arm.gates and arm.gate.at_rest and not arm.gate.playing, 5.0, "rest")
    assert not arm.gate.latched
    applied = np.array(arm.applied[-1][1].values)
    assert np.isfinite(applied).all()
    assert arm.policy.exit_code is None
    wait_for(lambda: arm.states and arm.states[-1].state == "policy_failed", 3.0, "the state")


def test_good_policy_of_a_package_runs_and_its_state_is_told(arm: FaultyArm) -> None:
    arm.states.clear()
    result = arm.goals.run(policy="acme_good", duration=2.0, blending="ensemble", stop_when="{time_above: 1.0}")
    assert (result.success, result.termination_reason) == (True, "condition_met"), result.message
    running = [state for state in list(arm.states) if state.state == "running"]
    assert running
    assert (running[-1].policy, running[-1].robot, running[-1].device) == ("acme_good", "so101", "test")
    assert running[-1].inferences > 0
    assert 0.0 < running[-1].latency_p50 <= running[-1].latency_p99
    assert list(arm.states)[-1].state == "condition_met"


def test_loaded_policy_is_taken_by_the_goal_and_can_be_unloaded(arm: FaultyArm) -> None:
    def load(**fields: object) -> LoadPolicy.Response:
        return arm.client.call(LoadPolicy, "policies/load", LoadPolicy.Request(robot="so101", **fields), timeout=30.0)

    answer = load(policy="acme_good", config="{gain: 2.0}")
    assert answer.success, answer.message
    assert answer.device == "test"
    assert "gives rows: 10 a chunk, 50 a second" in answer.description
    wait_for(lambda: any(state.state == "loaded" for state in list(arm.states)), 3.0, "the state")
    kept = arm.goals.run(policy="acme_good", config="{gain: 2.0}", duration=0.5, keep_loaded=True)
    assert kept.success, kept.message
    assert load(policy="acme_good", config="{gain: 2.0}", unload=True).success
    gone = load(policy="acme_good", config="{gain: 2.0}", unload=True)
    assert not gone.success
    assert "is not loaded for 'so101'; loaded: none" in gone.message
    broken = load(policy="acme_broken")
    assert not broken.success
    assert "RuntimeError: weights are missing" in broken.message
    assert set(LIMITS.names) >= {"shoulder_pan"}
