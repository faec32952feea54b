"""The fault table of docs/explanation/safety.md on a whole graph as the command starts it: two arms that swing, and one thing breaks.

Each row says what the robots do, and what the audit log says afterwards.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

pytest.importorskip("rclpy")

from graph import wait_for
from strands_robots.msg import JointCommand, StopRequest

from strands_robots.ros.messages import qos
from strands_robots.ros.messages.stamps import to_duration, to_time

from .fault_bench import HEARTBEAT_TIMEOUT, LONGEST_BRAKE, SLACK, FaultBench, Recorder, rested
from .two_arms import JOINTS


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultBench]:
    started = FaultBench(tmp_path_factory.mktemp("ros_home"))
    yield started
    started.close()


def wait_again(bench: FaultBench, name: str, killed: int) -> None:
    """Wait until bringup has started the node again."""
    wait_for(lambda: bench.simulation.nodes().get(name, killed) != killed, 20.0, f"a new {name}")


@pytest.mark.parametrize(
    "name",
    [
        "policy_node",
        "audit_node",
        *(pytest.param(f"{name}_node", marks=pytest.mark.long) for name in ("motion", "approval", "incident")),
    ],
)
def test_killed_node_that_commands_nothing_leaves_both_arms_swinging(bench: FaultBench, name: str) -> None:
    bench.arms.arm()
    pid = wait_for(lambda: bench.simulation.nodes().get(name), 20.0, name)
    bench.arms.swing()
    bench.kill(name)
    bench.arms.assert_swinging(1.0)
    wait_again(bench, name, pid)
    wait_for(
        lambda: name in str([record.details for record in bench.records("process_end")]), 15.0, "a record of its end"
    )
    wait_for(lambda: not bench.verify().is_broken, 10.0, "a log without findings")


def test_killed_safety_node_stops_both_arms_and_comes_back_stopped(
    bench: FaultBench, record_property: Recorder
) -> None:
    bench.arms.arm()
    pid = bench.simulation.nodes()["safety_node"]
    bench.arms.swing()
    begin = bench.kill("safety_node")
    assert rested(record_property, bench, begin) <= HEARTBEAT_TIMEOUT + LONGEST_BRAKE + SLACK
    # A supervisor that is back within half a second has stopped the graph itself by now.
    reasons = {gate.latch_reason for gate in bench.arms.gates.values()}
    assert reasons <= {"heartbeat_lost", "stop: safety_node started again within the same run"}
    wait_again(bench, "safety_node", pid)
    bench.arms.wait_stopped()
    assert all(gate.latched for gate in bench.arms.gates.values())
    wait_for(lambda: not bench.verify().is_broken, 10.0, "a log without findings")


@pytest.mark.long
def test_hundred_thousand_replayed_commands_move_nothing_and_a_stop_stops_at_once(
    bench: FaultBench, record_property: Recorder
) -> None:
    bench.arms.arm()
    bench.arms.swing()
    publisher = bench.client.create_publisher(JointCommand, "left/command", qos.COMMAND)
    wait_for(publisher.get_subscription_count, 10.0, "sim_node")
    size = sum(file.stat().st_size for file in bench.log.glob("*.jsonl"))
    is_over = threading.Event()

    def flood() -> None:
        replayed = JointCommand(
            source="operator/replayed", sequence=1, lifetime=to_duration(0.5), joint_names=list(JOINTS),
            values=[0.0] * len(JOINTS),
        )  # fmt: skip
        replayed.header.stamp = to_time(bench.arms.now())
        for number in range(100_000):
            # Sources of their own now and then: the gate's table of sequences is full long before the end.
            replayed.source = f"agent/{number}" if number % 10 == 0 else "operator/replayed"
            publisher.publish(replayed)
        is_over.set()

    thread = threading.Thread(target=flood, daemon=True)
    thread.start()
    bench.arms.assert_swinging(1.0)
    assert not is_over.is_set(), "the flood ended before the stop"
    begin = time.monotonic()
    bench.stops.publish(StopRequest(source="operator/test", reason="in the flood"))
    assert rested(record_property, bench, begin) <= LONGEST_BRAKE + SLACK
    wait_for(is_over.is_set, 60.0, "the end of the flood")
    thread.join()
    assert all(gate.latched and gate.at_rest for gate in bench.arms.gates.values())
    refused = sum(count.count for count in bench.arms.gates["left"].refusals)
    assert refused > 1000
    wait_for(
        lambda: "in the flood" in str([record.details for record in bench.records("stop")]), 10.0, "the stop's record"
    )
    wait_for(lambda: not bench.verify().is_broken, 10.0, "a log without findings")
    grown = sum(file.stat().st_size for file in bench.log.glob("*.jsonl")) - size
    assert grown < 2_000_000, "a flood of refusals drowns the log"


def test_killed_robot_node_ends_the_graph_and_is_named(bench: FaultBench) -> None:
    """Last: there is no graph afterwards."""
    bench.arms.arm()
    bench.arms.swing()
    bench.kill("sim_node")
    wait_for(lambda: bench.simulation.process.poll() is not None, 20.0, "the end of the graph")
    assert bench.simulation.process.returncode not in (0, None)
    assert "sim_node" in bench.simulation.output
    assert not bench.verify().is_broken
