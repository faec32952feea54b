"""What a simulated graph costs while nothing happens: processor time of each process, without viewers and commands."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import rclpy
from _processes import family, processor_seconds, proportional_bytes
from _report import Figure, report

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "test"))

from graph import Graph, wait_for
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.task import Future
from std_msgs.msg import String
from std_srvs.srv import Trigger
from strands_robots.msg import GateState

from strands_robots.ros.process.executor import make_executor

SETTLED, TIME = 8.0, 30.0
"""Time after the arming before it is measured, and how long it is [s]."""

SERVICES, MESSAGES = 40, 1000


def idle_cores() -> tuple[dict[str, float], int]:
    """Return the cores that each process uses, and the memory of all [bytes]."""
    with Graph() as graph:
        client = graph.client()
        gates = client.listen(GateState, "so101/gate_state", keep=1)
        command = subprocess.Popen(
            ["strands-robots", "sim", "--no-state"], env=graph.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip
        try:
            wait_for(lambda: gates and not gates[-1].latched, 120.0, "an armed robot")
            time.sleep(SETTLED)
            processes = family(command.pid)
            before, began = processor_seconds(processes), time.monotonic()
            time.sleep(TIME)
            after, took = processor_seconds(processes), time.monotonic() - began
            memory = proportional_bytes(processes)
        finally:
            command.send_signal(signal.SIGINT)
            command.wait(30.0)
    return {name: (after[name] - before[name]) / took for name in before}, memory


def seconds_a_message(make: type | None) -> float:
    """Return the processor time of one message to a node with many services [s]; None for the nodes' own executor."""
    context = Context()
    rclpy.init(context=context, domain_id=int(os.environ.get("ROS_DOMAIN_ID", "0") or 0))
    node = Node("reader", context=context, use_global_arguments=False)
    heard: list[int] = []
    end: Future = Future()

    def take(message: String) -> None:
        heard.append(1)
        if len(heard) == MESSAGES:
            end.set_result(True)

    node.create_subscription(String, "bench_idle", take, 10)
    services = [
        node.create_service(Trigger, f"bench_idle_{i}", lambda request, answer: answer) for i in range(SERVICES)
    ]
    writer = node.create_publisher(String, "bench_idle", 10)
    executor = make(context=context) if make else make_executor(context)
    executor.add_node(node)
    stop = threading.Event()

    def write() -> None:
        while not stop.wait(0.005):
            writer.publish(String(data="tick"))

    thread = threading.Thread(target=write, daemon=True)
    before = time.process_time()
    thread.start()
    executor.spin_until_future_complete(end)
    spent = (time.process_time() - before) / MESSAGES
    stop.set()
    thread.join()
    executor.remove_node(node)
    executor.shutdown()
    assert len(services) == SERVICES
    node.destroy_node()
    rclpy.shutdown(context=context)
    return spent


def main() -> None:
    """Measure, print and write results/idle.json."""
    cores, memory = idle_cores()
    figures: dict[str, Figure] = {f"{name}_cores": value for name, value in sorted(cores.items())}
    figures["all_cores"] = sum(cores.values())
    figures["memory_mb"] = memory / 1e6
    figures["message_ms"] = 1e3 * seconds_a_message(None)
    report(
        "idle", figures, {"goal_all_cores": 0.15, "message_rclpy_ms": 1e3 * seconds_a_message(SingleThreadedExecutor)}
    )


if __name__ == "__main__":
    main()
