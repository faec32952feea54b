"""safety_node's ear for the heartbeats of stop buttons."""

from __future__ import annotations

import time

from rclpy.node import Node
from strands_robots.msg import StopButtonState

from strands_robots.ros.messages import qos
from strands_robots.ros.messages.conversions import clip
from strands_robots.safety.button_watch import ButtonBeat, ButtonWatch


def listen_to_buttons(node: Node, watch: ButtonWatch) -> None:
    """Subscribe to safety/buttons for the watch."""

    def on_beat(message: StopButtonState) -> None:
        problem = ""
        if message.state != StopButtonState.READY:
            problem = clip(message.message, 200) or f"state {message.state}"
        watch.on_beat(ButtonBeat(message.name, message.session, message.sequence, problem), time.monotonic())

    node.create_subscription(StopButtonState, "safety/buttons", on_beat, qos.HEARTBEAT_READER)
