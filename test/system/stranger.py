"""A program that knows nothing of this package's nodes: a topic at 50 Hz, an echo of words, two services, an action server."""

from __future__ import annotations

import time

import rclpy
from rclpy.action import ActionServer, CancelResponse
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.executors import MultiThreadedExecutor
from rclpy.node import Node
from std_msgs.msg import Float32, String
from std_srvs.srv import SetBool, Trigger
from strands_robots.action import SetGripper


class Stranger(Node):
    def __init__(self) -> None:
        super().__init__("stranger")
        group = ReentrantCallbackGroup()
        self._numbers = self.create_publisher(Float32, "numbers", 10)
        self.create_timer(0.02, lambda: self._numbers.publish(Float32(data=0.5)), callback_group=group)
        self.create_subscription(String, "words", lambda message: print(f"heard {message.data}", flush=True), 10)
        self.create_service(SetBool, "switch", self._switch)
        self.create_service(Trigger, "refuse", self._refuse)
        self._server = ActionServer(
            self,
            SetGripper,
            "grip",
            self._grip,
            callback_group=group,
            cancel_callback=lambda goal: CancelResponse.ACCEPT,
        )

    def _switch(self, request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        response.success, response.message = True, f"data is {request.data}"
        return response

    def _refuse(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        response.message = "not today"
        return response

    def _grip(self, handle: object) -> SetGripper.Result:
        """Succeed at once for robot "quick", abort for "broken", else wait for the cancelling."""
        robot = handle.request.robot  # type: ignore[attr-defined]
        if robot == "quick":
            handle.succeed()  # type: ignore[attr-defined]
            return SetGripper.Result(success=True, message="done")
        if robot == "broken":
            handle.abort()  # type: ignore[attr-defined]
            return SetGripper.Result(message="broken")
        handle.publish_feedback(SetGripper.Feedback())  # type: ignore[attr-defined]
        while not handle.is_cancel_requested:  # type: ignore[attr-defined]
            time.sleep(0.02)
        handle.canceled()  # type: ignore[attr-defined]
        return SetGripper.Result(message="let go")


if __name__ == "__main__":
    rclpy.init()
    node = Stranger()
    executor = MultiThreadedExecutor(4)
    executor.add_node(node)
    print("ready", flush=True)
    executor.spin()
