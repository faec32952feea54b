"""rclpy's own executor goes on when the future that it is spun for is done, also as Humble has it, where it goes on only for a callback."""

from __future__ import annotations

import threading
from typing import Any

import pytest
import rclpy
from graph import claim_domain
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.task import Future

from strands_robots.ros.process.executor import AwakenedExecutor


def once_as_on_humble(self: SingleThreadedExecutor, future: Future, timeout_sec: Any = None) -> None:
    self.spin_once(timeout_sec)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("distribution", ["humble", "this one"])
def test_a_node_that_nothing_wakes_ends_when_the_future_is_done(
    monkeypatch: pytest.MonkeyPatch, distribution: str
) -> None:
    if distribution == "humble":
        monkeypatch.setattr(SingleThreadedExecutor, "spin_once_until_future_complete", once_as_on_humble)
    context = Context()
    domain, lock = claim_domain()
    rclpy.init(context=context, domain_id=domain)
    node = Node("asleep", context=context, use_global_arguments=False)
    executor = AwakenedExecutor(context=context)
    executor.add_node(node)
    requested: Future = Future()
    timer = threading.Timer(0.3, lambda: requested.set_result(True))
    timer.start()
    try:
        executor.spin_until_future_complete(requested)
        assert requested.result()
    finally:
        timer.join()
        executor.remove_node(node)
        executor.shutdown()
        node.destroy_node()
        rclpy.shutdown(context=context)
        lock.close()
