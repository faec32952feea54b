"""Cameras of real robots: how they are written, how LeRobot's own class reads one, and what becomes of one that goes away."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import numpy as np
import pytest
from graph import wait_for
from numpy.typing import NDArray

from strands_robots.cameras.calibration import load_calibration
from strands_robots.cameras.source import CameraError, LeRobotSource
from strands_robots.cameras.stream import CameraStream
from strands_robots.core.errors import ConfigurationError
from strands_robots.description.camera_config import RealCamera, complete, parse_cameras
from strands_robots.description.robot_config import CameraConfig

CALIBRATION = """
image_width: 64
image_height: 48
camera_name: wrist
camera_matrix: {rows: 3, cols: 3, data: [60, 0, 32, 0, 61, 24, 0, 0, 1]}
distortion_model: plumb_bob
distortion_coefficients: {rows: 1, cols: 5, data: [0.1, -0.2, 0, 0, 0]}
rectification_matrix: {rows: 3, cols: 3, data: [1, 0, 0, 0, 1, 0, 0, 0, 1]}
projection_matrix: {rows: 3, cols: 4, data: [60, 0, 32, 0, 0, 61, 24, 0, 0, 0, 1, 0]}
"""


def test_cameras_are_read_from_one_line() -> None:
    cameras = parse_cameras("wrist=opencv:/dev/video0; top = realsense:0123".replace(" = ", "="))
    assert list(cameras) == ["wrist", "top"]
    assert (cameras["wrist"].source, cameras["top"].type) == ("/dev/video0", "realsense")
    assert parse_cameras("") == {}


def test_cameras_are_read_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "cameras.yaml"
    path.write_text(
        "wrist: {type: opencv, source: '2', width: 1280, height: 720, rate: 15, fourcc: MJPG, rotation: 180}"
    )
    wrist = parse_cameras(str(path))["wrist"]
    assert (wrist.width, wrist.height, wrist.rate, wrist.fourcc, wrist.rotation) == (1280, 720, 15, "MJPG", 180)


@pytest.mark.parametrize(
    "text",
    ["wrist", "wrist=usb:0", "wrist=opencv:", "=opencv:0", "Wrist=opencv:0", "a=opencv:0;a=opencv:1", "none.yaml"],
)
def test_camera_that_cannot_be_read_is_refused_with_what_is_valid(text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"valid|cannot be read"):
        parse_cameras(text)


def test_size_and_rate_come_from_the_robot_unless_they_are_given_or_the_devices_own_are_wanted() -> None:
    known = {"wrist": CameraConfig(width=320, height=240, rate=20.0)}
    given = parse_cameras("wrist=opencv:0;other=opencv:1")
    made = complete(given, known)
    assert (made["wrist"].width, made["wrist"].height, made["wrist"].rate) == (320, 240, 20)
    assert made["other"].width == 0
    own = complete({"wrist": RealCamera(type="opencv", source="0", native=True)}, known)
    assert own["wrist"].width == 0
    with pytest.raises(ConfigurationError, match="both or none"):
        complete({"other": RealCamera(type="opencv", source="0", width=640)}, known)


def test_calibration_of_camera_calibration_is_read_and_a_broken_one_refused(tmp_path: Path) -> None:
    path = tmp_path / "wrist.yaml"
    path.write_text(CALIBRATION)
    found = load_calibration(path)
    assert (found.width, found.k[0], found.d[1], found.p[5]) == (64, 60.0, -0.2, 61.0)
    path.write_text(CALIBRATION.replace("[60, 0, 32, 0, 61, 24, 0, 0, 1]", "[60]"))
    with pytest.raises(ConfigurationError, match=r"wrist\.yaml"):
        load_calibration(path)


class Camera:
    """A source whose pictures the test allows, and which it can take away."""

    def __init__(self) -> None:
        self.is_there, self.opened, self.is_closed = threading.Event(), 0, False
        self.is_there.set()

    def __call__(self, camera: RealCamera) -> Camera:
        if not self.is_there.is_set():
            raise CameraError("cannot be used; found: /dev/video7 (another)")
        self.opened += 1
        return self

    def read(self, timeout: float) -> NDArray[np.uint8]:
        time.sleep(0.005)
        if not self.is_there.is_set():
            raise CameraError("no picture within 1 s")
        return np.zeros((48, 64, 3), np.uint8)

    def read_depth(self, timeout: float) -> NDArray[np.float32] | None:
        return None

    def close(self) -> None:
        self.is_closed = True


def test_depth_is_in_metres_and_unknown_where_the_camera_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    class RealSense:
        """As lerobot's RealSenseCamera: the depth [mm] of the newest picture."""

        def connect(self) -> None:
            pass

        def read_latest_depth(self, max_age_ms: int) -> NDArray[np.uint16]:
            return np.array([[[0], [1500]]], np.uint16)

    monkeypatch.setattr("strands_robots.cameras.source._make", lambda camera: RealSense())
    source = LeRobotSource(RealCamera(type="realsense", source="1", depth=True))
    depth = source.read_depth(1.0)
    assert depth is not None and depth.shape == (1, 2)
    assert np.isnan(depth[0, 0]) and depth[0, 1] == pytest.approx(1.5)
    assert LeRobotSource(RealCamera(type="realsense", source="1")).read_depth(1.0) is None


def test_software_that_is_missing_is_named_with_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(camera: RealCamera) -> None:
        raise ImportError("no", name="pyrealsense2")

    monkeypatch.setattr("strands_robots.cameras.source._make", refuse)
    with pytest.raises(ConfigurationError, match=r"pyrealsense2; .*lerobot\[intelrealsense\]"):
        LeRobotSource(RealCamera(type="realsense", source="1"))


def test_camera_that_goes_away_is_said_once_and_comes_back_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("strands_robots.cameras.stream.RETRY", 0.02)
    camera, said, stamps = Camera(), [], []
    stream = CameraStream(
        "wrist",
        RealCamera(type="opencv", source="0"),
        camera,
        lambda stamp, pixels, depth: stamps.append(stamp),
        lambda text, is_problem: said.append((text, is_problem)),
    )
    stream.start()
    try:
        wait_for(lambda: stream.frames > 3, what="pictures")
        assert stream.problem == "" and stream.size == (64, 48) and stream.rate > 0.0
        camera.is_there.clear()
        wait_for(lambda: "found: /dev/video7" in stream.problem, what="the loss")
        time.sleep(0.1)
        assert [text for text, is_problem in said if is_problem] == [
            "camera 'wrist' lost: no picture within 1 s; tried again every 0.02 s",
            "camera 'wrist' cannot be used; found: /dev/video7 (another); tried again every 0.02 s",
        ]
        frames = stream.frames
        camera.is_there.set()
        wait_for(lambda: stream.frames > frames, what="pictures again")
        assert stream.connections == 2 and camera.is_closed
        assert stamps == sorted(stamps) and abs(stamps[-1] - time.time()) < 1.0
    finally:
        stream.end()
        stream.join()
    assert not stream.is_alive
