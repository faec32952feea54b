"""camera_node: the cameras of one real robot on the graph. A process of its own, so that no picture delays a control tick."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from sensor_msgs.msg import CameraInfo

from strands_robots.cameras.calibration import CameraCalibration, load_calibration
from strands_robots.cameras.source import LeRobotSource
from strands_robots.cameras.stream import CameraStream
from strands_robots.core.errors import ConfigurationError
from strands_robots.description.camera_config import RealCamera, complete, parse_cameras
from strands_robots.drivers.making import RealRobot
from strands_robots.ros.process.diagnostics import ERROR, OK, WARN, DiagnosticsPort, status
from strands_robots.ros.process.main import run_node
from strands_robots.ros.process.parameters import parameter, read_parameters
from strands_robots.ros.robot.camera_publisher import CameraPublisher

SLOW = 0.8
"""Below this part of the wanted rate diagnostics warn."""


@dataclass(frozen=True)
class CameraParameters:
    """Parameters of camera_node."""

    run_id: str = parameter("", "Run of the graph, given by bringup; for the log.")
    robot: str = parameter("", "The robot, '<name>=<robot>'.")
    cameras: str = parameter(
        "", "Its cameras: '<camera>=opencv:<device>; <camera>=realsense:<serial number>', or a .yaml file."
    )


class CameraNode(Node):
    """Publishes a robot's cameras as sim_node does; a camera that is missing or gone is said and looked for again."""

    def __init__(self) -> None:
        super().__init__("camera_node")
        given = read_parameters(self, CameraParameters)
        robot = RealRobot.parse(given.robot)
        cameras = complete(parse_cameras(given.cameras), robot.config.cameras)
        if not cameras:
            raise ConfigurationError("no camera is given; valid: cameras:='wrist=opencv:/dev/video0'")
        self._robot = robot.name
        calibrations = {name: _calibration(camera) for name, camera in cameras.items()}
        self._diagnostics = DiagnosticsPort(self)
        self._streams = [
            CameraStream(name, camera, LeRobotSource, self._deliver(name, calibrations[name]), self._tell)
            for name, camera in cameras.items()
        ]
        for stream in self._streams:
            stream.start()
        self.create_timer(1.0, self._report, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def destroy_node(self) -> None:
        """Let the cameras go, then end the node."""
        for stream in self._streams:
            stream.end()
        for stream in self._streams:
            stream.join(0.5 / len(self._streams))
        super().destroy_node()

    def _deliver(
        self, camera: str, calibration: CameraCalibration | None
    ) -> Callable[[float, NDArray[np.uint8], NDArray[np.float32] | None], None]:
        """Return what publishes the pictures of one camera."""
        name = f"{self._robot}/{camera}"
        info = CameraInfo()
        info.header.frame_id = f"{name}_optical_frame"
        port = CameraPublisher(self, name, info)

        def publish(stamp: float, pixels: NDArray[np.uint8], depth: NDArray[np.float32] | None) -> None:
            height, width = pixels.shape[:2]
            if (info.width, info.height) != (width, height):
                self._describe(info, camera, width, height, calibration)
            if port.wants_rgb():
                port.publish_rgb(stamp, pixels)
            if depth is not None and port.wants_depth():
                port.publish_depth(stamp, depth)
            port.publish_info(stamp)

        return publish

    def _describe(
        self, info: CameraInfo, camera: str, width: int, height: int, calibration: CameraCalibration | None
    ) -> None:
        """Set size and calibration; an uncalibrated camera has zeros, as sensor_msgs/CameraInfo wants it."""
        info.width, info.height = width, height
        if calibration is None:
            return
        if (calibration.width, calibration.height) != (width, height):
            self._tell(
                f"camera '{camera}' gives {width} x {height}, its calibration is of {calibration.width} x {calibration.height}: "
                "camera_info is uncalibrated",
                True,
            )
            return
        info.distortion_model = calibration.model
        info.d, info.k, info.r, info.p = list(calibration.d), calibration.k, calibration.r, calibration.p

    def _tell(self, text: str, is_problem: bool) -> None:
        if is_problem:
            self.get_logger().error(text)
        else:
            self.get_logger().info(text)

    def _report(self) -> None:
        own = self.get_fully_qualified_name()
        statuses = []
        for stream in self._streams:
            rate, wanted = stream.rate, stream.camera.rate
            level, message = OK, f"{rate:.1f} Hz"
            if stream.problem:
                level, message = ERROR, stream.problem
            elif wanted and rate < SLOW * wanted:
                level, message = WARN, f"{rate:.1f} Hz; wanted: {wanted} Hz"
            values: dict[str, object] = {
                "source": f"{stream.camera.type}:{stream.camera.source}",
                "rate_hz": rate,
                "frames": stream.frames,
                "connections": stream.connections,
                "width": stream.size[0],
                "height": stream.size[1],
            }
            statuses.append(status(f"{own}: camera {stream.name}", level, message, values, self._robot))
        self._diagnostics.publish(*statuses)


def _calibration(camera: RealCamera) -> CameraCalibration | None:
    return None if camera.calibration is None else load_calibration(camera.calibration)


def main() -> int:
    """Run camera_node; return the process's exit code."""
    return run_node(CameraNode, has_pictures=True)
