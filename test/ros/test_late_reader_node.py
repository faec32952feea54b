"""Topics that a spinning node reads only when it is asked to: in order, with the age of each message, and nothing that cannot be read."""

from __future__ import annotations

import rclpy
from graph import claim_domain, wait_for
from rclpy.context import Context
from rclpy.node import Node
from std_msgs.msg import String

from strands_robots.ros.calls.drain import LateReader
from strands_robots.ros.messages import qos
from strands_robots.ros.process.executor import make_executor


def test_what_arrived_is_taken_in_order_with_its_age_and_the_executor_takes_none_of_it() -> None:
    context = Context()
    domain, lock = claim_domain()
    rclpy.init(context=context, domain_id=domain)
    node = Node("late_reader", context=context, use_global_arguments=False)
    executor = make_executor(context)
    executor.add_node(node)
    reader, taken, ages = LateReader(node), list[str](), list[float]()
    for topic in ("late/a", "late/b"):
        reader.subscribe(String, topic, lambda message: taken.append(message.data), qos.SAFETY)
    writers = {topic: node.create_publisher(String, topic, qos.SAFETY) for topic in ("late/a", "late/b")}
    try:
        wait_for(lambda: all(writer.get_subscription_count() for writer in writers.values()), 20.0, "readers")
        for number, topic in enumerate(("late/a", "late/b", "late/a", "late/b", "late/b")):
            writers[topic].publish(String(data=str(number)))
        writers["late/a"].publish(b"\x00\x01\x00\x00\xff\xff\xff\xff")
        for _ in range(5):
            executor.spin_once(timeout_sec=0.05)
        assert not taken, "the executor leaves them alone"

        def look() -> bool:
            reader.look(ages.append)
            return len(taken) == 5

        wait_for(look, 10.0, "five messages")
        assert taken == [str(number) for number in range(5)] and len(ages) == 5
        assert all(0.0 <= age < 10.0 for age in ages) and ages[0] >= 0.05, "they waited while the node spun"
    finally:
        executor.remove_node(node)
        executor.shutdown()
        node.destroy_node()
        rclpy.shutdown(context=context)
        lock.close()
