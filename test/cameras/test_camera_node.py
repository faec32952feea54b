"""camera_node: LeRobot's own OpenCVCamera reads a camera, which is on the graph as a simulated one is; the camera is a pipe of pictures."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from graph import Client, Graph, Process, wait_for
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from strands_robots.ros.messages import qos
from strands_robots.ros.messages.images import rgb_from_msg

from .picture_pipe import ENVIRONMENT, PicturePipe

pytestmark = [pytest.mark.learning, pytest.mark.long]

CALIBRATION = """
image_width: 640
image_height: 480
camera_matrix: {rows: 3, cols: 3, data: [600, 0, 320, 0, 610, 240, 0, 0, 1]}
distortion_model: plumb_bob
distortion_coefficients: {rows: 1, cols: 5, data: [0.1, -0.2, 0, 0, 0]}
rectification_matrix: {rows: 3, cols: 3, data: [1, 0, 0, 0, 1, 0, 0, 0, 1]}
projection_matrix: {rows: 3, cols: 4, data: [600, 0, 320, 0, 0, 610, 240, 0, 0, 0, 1, 0]}
"""


@dataclass
class Cameras:
    """camera_node with one camera that is there and one that is not."""

    pipe: PicturePipe
    process: Process
    client: Client
    diagnostics: deque[Any]

    def status(self, camera: str) -> DiagnosticStatus | None:
        """The newest status of a camera."""
        for message in reversed(list(self.diagnostics)):
            for status in message.status:
                if status.name.endswith(f"camera {camera}"):
                    return status
        return None


@pytest.fixture(scope="module")
def cameras(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cameras]:
    pytest.importorskip("cv2")
    folder: Path = tmp_path_factory.mktemp("cameras")
    pipe = PicturePipe(folder / "wrist.mjpeg")
    (folder / "calibration.yaml").write_text(CALIBRATION)
    (folder / "cameras.yaml").write_text(
        f"wrist: {{type: opencv, source: {pipe.path}, native: true, calibration: {folder / 'calibration.yaml'}}}\n"
        "top: {type: opencv, source: /dev/video99}\n"
    )
    with Graph() as graph:
        graph.environment.update(ENVIRONMENT)
        process = graph.start("camera_node", robot="so101=so101", cameras=str(folder / "cameras.yaml"))
        client = graph.client()
        yield Cameras(pipe, process, client, client.listen(DiagnosticArray, "/diagnostics", qos.STATE))
        pipe.unplug()


def test_camera_is_on_the_graph_as_a_simulated_one_is(cameras: Cameras) -> None:
    pictures = cameras.client.listen(Image, "so101/wrist/image_raw", qos.IMAGE)
    infos = cameras.client.listen(CameraInfo, "so101/wrist/camera_info", qos.IMAGE)
    jpegs = cameras.client.listen(CompressedImage, "so101/wrist/image_raw/compressed", qos.IMAGE)
    wait_for(lambda: len(pictures) > 5 and infos and jpegs, 40.0, "pictures")
    picture = pictures[-1]
    assert (picture.encoding, picture.width, picture.height) == ("rgb8", 640, 480)
    assert picture.header.frame_id == "so101/wrist_optical_frame"
    pixels = rgb_from_msg(picture)
    assert np.median(pixels.reshape(-1, 3), axis=0) == pytest.approx((200, 40, 40), abs=6), "red, so RGB and not BGR"
    assert jpegs[-1].format == "rgb8; jpeg compressed bgr8"
    info = infos[-1]
    assert (info.width, info.height, info.k[0], info.d[1]) == (640, 480, 600.0, -0.2)
    stamps = {(info.header.stamp.sec, info.header.stamp.nanosec) for info in list(infos)}
    assert (picture.header.stamp.sec, picture.header.stamp.nanosec) in stamps or len(infos) < len(pictures)


def test_missing_camera_is_an_error_that_says_what_was_found(cameras: Cameras) -> None:
    status = wait_for(lambda: cameras.status("top"), 20.0, "the camera's status")
    assert status.level == DiagnosticStatus.ERROR and "found: " in status.message
    assert "camera 'top' opencv camera '/dev/video99' cannot be used" in cameras.process.text


def test_camera_that_was_unplugged_comes_back_by_itself(cameras: Cameras) -> None:
    wait_for(lambda: (s := cameras.status("wrist")) and s.level == DiagnosticStatus.OK, 30.0, "a healthy camera")
    cameras.pipe.unplug()
    wait_for(lambda: (s := cameras.status("wrist")) and s.level == DiagnosticStatus.ERROR, 30.0, "the error")
    cameras.pipe.plug()
    status = wait_for(
        lambda: (s := cameras.status("wrist")) and s.level != DiagnosticStatus.ERROR and s, 40.0, "pictures again"
    )
    values = {entry.key: entry.value for entry in status.values}
    assert int(values["connections"]) >= 2 and float(values["rate_hz"]) > 0.0
    assert cameras.process.exit_code is None
