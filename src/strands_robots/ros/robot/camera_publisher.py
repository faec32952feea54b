"""One camera on the graph. Pictures are converted, compressed and published only while there is a viewer."""

from __future__ import annotations

import math
import time

import numpy as np
from numpy.typing import NDArray
from rclpy.node import Node
from rclpy.publisher import Publisher
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from strands_robots.ros.calls.publishers import create_publisher, settle
from strands_robots.ros.messages import qos
from strands_robots.ros.messages.images import fill_compressed, fill_image
from strands_robots.ros.messages.stamps import fill_time

JPEG_QUALITY = 90

PREVIEW_PERIOD = 0.5
"""Shortest time between two pictures on preview/compressed [s, steady time]."""


class CameraPublisher:
    """Topics of one camera, below its name. All of it belongs to the thread that makes the pictures.

    Args:
        node: The node; its namespace is the graph's.
        name: "<robot>/<camera>", or "<camera>" for a camera of the world.
        info: Calibration with the optical frame; sent with every frame.
    """

    def __init__(self, node: Node, name: str, info: CameraInfo) -> None:
        self._node = node
        self._info = info
        self._rgb = Image()
        self._depth = Image()
        self._compressed = CompressedImage()
        for message in (self._rgb, self._depth, self._compressed):
            message.header.frame_id = info.header.frame_id
        self._info_publisher = create_publisher(node, CameraInfo, f"{name}/camera_info", qos.IMAGE)
        self._rgb_publisher = create_publisher(node, Image, f"{name}/image_raw", qos.IMAGE)
        self._compressed_publisher = create_publisher(node, CompressedImage, f"{name}/image_raw/compressed", qos.IMAGE)
        self._preview_publisher = create_publisher(node, CompressedImage, f"{name}/preview/compressed", qos.IMAGE)
        self._previewed = -math.inf
        self._depth_publisher = create_publisher(node, Image, f"{name}/depth/image_raw", qos.IMAGE)
        self._depth_info_publisher = create_publisher(node, CameraInfo, f"{name}/depth/camera_info", qos.IMAGE)

    def set_info(self, info: CameraInfo) -> None:
        """Take another calibration, after the camera was replaced by one of its name."""
        self._info = info

    def close(self) -> None:
        """Take the topics off the graph; in the executor's thread, when no other one uses the port any more."""
        for publisher in self._publishers():
            self._node.destroy_publisher(publisher)

    def settle(self) -> None:
        """Wait until every reliable reader has the pictures."""
        settle((self._rgb_publisher, self._compressed_publisher, self._depth_publisher))

    def wants_rgb(self) -> bool:
        """Return whether the picture has a viewer, raw or compressed, or one waits for the next preview."""
        return (
            self._rgb_publisher.get_subscription_count() > 0
            or self._compressed_publisher.get_subscription_count() > 0
            or self._wants_preview()
        )

    def wants_depth(self) -> bool:
        """Return whether depth has a viewer."""
        return self._depth_publisher.get_subscription_count() > 0

    def has_subscriber(self) -> bool:
        """Return whether anything of the camera is read; from any thread."""
        return any(publisher.get_subscription_count() for publisher in self._publishers())

    def publish_info(self, stamp: float) -> None:
        """Publish the calibration for the frame at `stamp` [s, ROS time]."""
        fill_time(self._info.header.stamp, stamp)
        self._info_publisher.publish(self._info)

    def publish_rgb(self, stamp: float, pixels: NDArray[np.uint8]) -> None:
        """Publish uint8 (H, W, 3), raw and as JPEG, each if it has a viewer."""
        if self._rgb_publisher.get_subscription_count():
            self._rgb_publisher.publish(fill_image(self._rgb, pixels, stamp, "rgb8"))
        is_wanted, is_previewed = self._compressed_publisher.get_subscription_count() > 0, self._wants_preview()
        if not is_wanted and not is_previewed:
            return
        message = fill_compressed(self._compressed, pixels, stamp, JPEG_QUALITY)
        if is_wanted:
            self._compressed_publisher.publish(message)
        if is_previewed:
            self._previewed = time.monotonic()
            self._preview_publisher.publish(message)

    def _publishers(self) -> tuple[Publisher, ...]:
        return (
            self._info_publisher, self._rgb_publisher, self._compressed_publisher, self._depth_publisher,
            self._depth_info_publisher, self._preview_publisher,
        )  # fmt: skip

    def _wants_preview(self) -> bool:
        is_due = time.monotonic() - self._previewed >= PREVIEW_PERIOD
        return is_due and self._preview_publisher.get_subscription_count() > 0

    def publish_depth(self, stamp: float, pixels: NDArray[np.float32]) -> None:
        """Publish float32 (H, W) [m] with its calibration."""
        self._depth_publisher.publish(fill_image(self._depth, pixels, stamp, "32FC1"))
        fill_time(self._info.header.stamp, stamp)
        self._depth_info_publisher.publish(self._info)
