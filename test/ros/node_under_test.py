"""A node for the tests of main and parameters. Run as a process; the first argument says how it behaves."""

from __future__ import annotations

import sys
import threading
import time
from dataclasses import dataclass

from rclpy.clock import Clock, ClockType
from rclpy.node import Node

from strands_robots.core.errors import ConfigurationError
from strands_robots.ros.process.main import run_node
from strands_robots.ros.process.parameters import parameter, read_parameters

BEHAVIOUR = sys.argv[1]


@dataclass(frozen=True)
class Parameters:
    rate: float = parameter(20.0, "rate [Hz]", minimum=1.0, maximum=100.0)
    count: int = parameter(3, "count", minimum=0)
    mode: str = parameter("slow", "mode", choices=("slow", "fast"))
    robots: tuple[str, ...] = parameter((), "names")
    gains: tuple[float, ...] = parameter((1.0, 2.0), "gains")
    is_on: bool = parameter(True, "switch")


class NodeUnderTest(Node):
    def __init__(self) -> None:
        super().__init__("node_under_test")
        print(read_parameters(self, Parameters), flush=True)
        if BEHAVIOUR == "starts slowly":
            print("starting", flush=True)
            time.sleep(30.0)
        if BEHAVIOUR == "is misconfigured":
            raise ConfigurationError("first line\n  second line \u00e9")
        if BEHAVIOUR == "fails in the constructor":
            raise ValueError("surprise")
        if BEHAVIOUR == "fails later":
            self.create_timer(0.01, self._fail, clock=Clock(clock_type=ClockType.STEADY_TIME))
        if BEHAVIOUR == "leaves a thread":
            threading.Thread(target=time.sleep, args=(30.0,)).start()
        self._ready = self.create_timer(0.0, self._say_ready, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def destroy_node(self) -> None:
        if hasattr(self, "_ready"):  # Since Kilted rclpy destroys a node too that could not be made.
            print("destroyed", flush=True)
        if BEHAVIOUR == "hangs at the end":
            time.sleep(30.0)
        super().destroy_node()

    def _say_ready(self) -> None:
        """Say so once the node is spinning, not only made."""
        self._ready.cancel()
        print("ready", flush=True)

    def _fail(self) -> None:
        raise ValueError("surprise")


if __name__ == "__main__":
    sys.exit(run_node(NodeUnderTest, sys.argv))
