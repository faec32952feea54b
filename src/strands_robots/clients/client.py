"""A short-lived node that talks to a running graph; for the command line."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

import rclpy
from rclpy.client import Client
from rclpy.exceptions import InvalidNamespaceException
from rclpy.executors import SingleThreadedExecutor
from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.logging import LoggingSeverity
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.signals import SignalHandlerOptions

from strands_robots.core import session_end
from strands_robots.core.errors import ConfigurationError
from strands_robots.core.errors import NoAnswerError as NoAnswerError  # used by all callers
from strands_robots.core.graph_environment import prepare_process
from strands_robots.core.share import find_share
from strands_robots.core.text import printable
from strands_robots.ros.process.graph_names import shared_remappings
from strands_robots.ros.process.unreadable import survive_unreadable

SPIN_PERIOD = 0.02
"""Longest time in which nothing is looked at [s]; Ctrl-C is noticed within it."""


class GraphClient:
    """A node in the graph's namespace, spun only by the calling thread. `close` ends it.

    Args:
        namespace: The graph's namespace; empty for the root.
        beside: A node of this process whose connection to ROS it shares, so that it knows the graph at once; None for one of its own.
        name: Name of the node; empty for one made of the process's id.

    Raises:
        ConfigurationError: If ROS refuses to start, for example because of RMW_IMPLEMENTATION or the namespace.
    """

    def __init__(self, namespace: str = "", beside: Node | None = None, name: str = "") -> None:
        self._is_own = beside is None
        self.context = rclpy.Context() if beside is None else beside.context
        namespace = namespace if beside is None else beside.get_namespace()
        try:
            if beside is None:
                prepare_process(find_share(), has_pictures=False)
                # Ctrl-C stays Python's, so that a command can cancel what it began before it ends.
                rclpy.init(args=[], context=self.context, signal_handler_options=SignalHandlerOptions.NO)
            self.node: Node = rclpy.create_node(
                name or f"strands_robots_client_{os.getpid()}",
                namespace=namespace,
                context=self.context,
                cli_args=shared_remappings(namespace) or None,
                use_global_arguments=beside is None,
                enable_rosout=False,
                start_parameter_services=False,
                parameter_overrides=[Parameter("start_type_description_service", value=False)],
            )
        except (rclpy_implementation.RCLError, InvalidNamespaceException) as error:
            if beside is None:
                self.context.try_shutdown()
            raise ConfigurationError(f"no connection to ROS 2: {printable(str(error))}") from error
        self.node.get_logger().set_level(LoggingSeverity.WARN)
        self._executor = survive_unreadable(SingleThreadedExecutor(context=self.context))
        self._executor.add_node(self.node)

    def close(self) -> None:
        """Leave the graph; a session that does not close in time is left as it is (see `leave_process`)."""
        session_end.close_session(self._leave)

    def _leave(self) -> None:
        self._executor.shutdown()
        self.node.destroy_node()
        if self._is_own:
            self.context.try_shutdown()

    def spin_until(self, condition: Callable[[], bool], timeout: float) -> bool:
        """Run callbacks until the condition is true and return whether it is.

        Args:
            condition: Asked after every callback.
            timeout: Longest wait [s].
        """
        deadline = time.monotonic() + timeout
        while not condition():
            left = deadline - time.monotonic()
            if left <= 0.0:
                return False
            self._executor.spin_once(min(left, SPIN_PERIOD))
        return True

    def call(self, kind: Any, name: str, request: Any, timeout: float, find_timeout: float = 3.0) -> Any:
        """Call a service and return its response.

        Args:
            kind: Service type.
            name: Service name, relative to the graph's namespace.
            request: Its request.
            timeout: Longest wait for the answer [s].
            find_timeout: Longest wait for the service to be found [s].

        Raises:
            NoAnswerError: If it is not there or does not answer in time.
        """
        client: Client = self.node.create_client(kind, name)
        try:
            if not self.spin_until(client.service_is_ready, find_timeout):
                raise NoAnswerError(self.absent("service", client.srv_name))
            future = client.call_async(request)
            if not self.spin_until(future.done, timeout):
                raise NoAnswerError(f"service {client.srv_name} did not answer within {timeout:g} s")
            return future.result()
        finally:
            self.node.destroy_client(client)

    def absent(self, what: str, name: str) -> str:
        """Return in words that something was not found, with what to look at."""
        domain = os.environ.get("ROS_DOMAIN_ID", "") or "0"
        return (
            f"{what} {name} was not found in ROS_DOMAIN_ID {domain}; "
            "start the graph first (strands-robots sim), or give its --namespace"
        )
