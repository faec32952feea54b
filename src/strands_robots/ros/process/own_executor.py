"""A small node beside a big one, spun by a thread of its own: what must be heard while the big one is busy."""

from __future__ import annotations

import threading

from rclpy.executors import ExternalShutdownException
from rclpy.node import Node

from strands_robots.ros.process.executor import make_executor


class OwnExecutor:
    """A second node of the process, in the same namespace and context, and the thread that spins it.

    An executor with a hundred services takes milliseconds for each turn, and a long callback keeps it for longer. This one has only
    what is put on `node`. An exception in a callback ends the thread and is printed.

    Args:
        beside: The node whose namespace and context it shares.
        name: Ending of its name, after that of the node.

    Attributes:
        node: Where subscriptions are made. Names must be absolute: the process's remappings are for the big node.
    """

    def __init__(self, beside: Node, name: str) -> None:
        self.node = Node(
            f"{beside.get_name()}_{name}", namespace=beside.get_namespace(), context=beside.context,
            use_global_arguments=False, enable_rosout=False, start_parameter_services=False,
        )  # fmt: skip
        self._executor = make_executor(self.node.context)
        self._executor.add_node(self.node)
        self._thread = threading.Thread(target=self._spin, name=name, daemon=True)

    def start(self) -> None:
        """Start the thread, after everything was put on the node."""
        self._thread.start()

    def close(self) -> None:
        """End the thread and the node."""
        self._executor.shutdown(timeout_sec=0.5)
        if self._thread.ident is not None:
            self._thread.join(0.5)
        self.node.destroy_node()

    def _spin(self) -> None:
        try:
            self._executor.spin()
        except ExternalShutdownException:
            return
