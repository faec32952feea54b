"""The cameras of a simulated world on the graph: topics for those that come, none for those that go."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from rclpy.exceptions import InvalidTopicNameException
from rclpy.node import Node
from rclpy.validate_topic_name import validate_topic_name

from strands_robots.core.text import printable
from strands_robots.ros.calls.executor_calls import ExecutorCalls
from strands_robots.ros.messages.images import calibration
from strands_robots.ros.robot.camera_publisher import CameraPublisher
from strands_robots.sim.render.camera_feed import CameraFeed
from strands_robots.sim.render.camera_worker import CameraWorker
from strands_robots.sim.render.cameras import Camera
from strands_robots.sim.render.renderer import SceneRenderer
from strands_robots.sim.world.sensor_noise import noisy_picture
from strands_robots.sim.world.world import World


class CameraRegistry:
    """Feeds and topics of the world's cameras.

    Args:
        node: The node; its namespace is the graph's.
        world: The world.
        is_published: Whether cameras have topics at all; pictures on request there are in any case.

    Attributes:
        worker: The camera thread.
    """

    def __init__(self, node: Node, world: World, is_published: bool) -> None:
        self._node = node
        self._world = world
        self._is_published = is_published
        self._executor = ExecutorCalls(node)
        self._ports: dict[str, CameraPublisher] = {}
        self.worker = CameraWorker(lambda is_fine: SceneRenderer(world, is_fine), self._feeds(), lambda: world.stage)

    def follow(self) -> Callable[[], None]:
        """Give new cameras their topics; in the executor's thread, after the world was changed.

        Returns:
            What the physics thread is to call between two steps; then the topics of cameras that are gone go as well.
        """
        feeds = self._feeds()
        kept = {feed.camera.name for feed in feeds}
        gone = [self._ports.pop(name) for name in list(self._ports) if name not in kept]

        def take_over() -> None:
            self.worker.set_feeds(feeds, self._world.time)
            for port in gone:
                self.worker.retire(port, self._closing(port))

        return take_over

    def _closing(self, port: CameraPublisher) -> Callable[[], None]:
        def close() -> None:
            self._executor.call(port.close)

        return close

    def settle(self) -> None:
        """Wait until every reliable reader has the pictures; from the physics thread."""
        for port in list(self._ports.values()):
            port.settle()

    def _feeds(self) -> list[CameraFeed]:
        feeds = []
        for name, camera in self._world.cameras.items() if self._is_published else ():
            if not camera.is_fixed:
                continue
            info = calibration(camera.intrinsics(), camera.frame_id)
            if name not in self._ports:
                try:
                    validate_topic_name(name)
                except InvalidTopicNameException:
                    self._node.get_logger().warning(
                        f"camera '{printable(name)}' cannot be published, only rendered on request; "
                        "valid: a letter, then a-z A-Z 0-9 _"
                    )
                    continue
                self._ports[name] = CameraPublisher(self._node, name, info)
            port = self._ports[name]
            port.set_info(info)
            feeds.append(CameraFeed(camera, port, delay=camera.delay, disturb=self._noise(camera)))
        return feeds

    def _noise(self, camera: Camera) -> Callable[[NDArray[np.uint8], float], NDArray[np.uint8]] | None:
        if camera.noise <= 0.0:
            return None
        return lambda pixels, stamp: noisy_picture(pixels, camera.noise, self._world.seed, camera.name, stamp)
