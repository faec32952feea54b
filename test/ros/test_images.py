"""Pictures go through messages unchanged, with the bytes that cv_bridge makes."""

from __future__ import annotations

import importlib.util
import io
import math

import numpy as np
import pytest
from PIL import Image as Picture
from sensor_msgs.msg import CompressedImage, Image

from strands_robots.core.errors import ShapeError, UnknownNameError
from strands_robots.ros.messages.images import (
    ENCODINGS,
    camera_info,
    fill_compressed,
    fill_image,
    pixels_from_msg,
    rgb_from_msg,
)

RGB = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)

needs_cv_bridge = pytest.mark.skipif(importlib.util.find_spec("cv_bridge") is None, reason="cv_bridge is not installed")


def _random(encoding: str) -> np.ndarray:
    kind, channels = ENCODINGS[encoding]
    shape = (5, 7) if channels == 1 else (5, 7, channels)
    return (np.random.default_rng(1).random(shape) * 255).astype(kind)


def test_rgb_image_has_the_reference_bytes() -> None:
    """Reference: fields and bytes that cv_bridge's cv2_to_imgmsg gives for this array on a little-endian machine."""
    message = fill_image(Image(), RGB, 1.5, "rgb8")
    assert (message.height, message.width, message.step, message.is_bigendian) == (2, 3, 9, 0)
    assert bytes(message.data) == bytes(range(18))
    assert (message.header.stamp.sec, message.header.stamp.nanosec) == (1, 500_000_000)


def test_depth_image_has_the_reference_bytes() -> None:
    message = fill_image(Image(), np.array([[1.0, np.inf]], dtype=np.float32), 0.0, "32FC1")
    assert (message.step, message.encoding) == (8, "32FC1")
    assert bytes(message.data) == bytes.fromhex("0000803f0000807f")


@needs_cv_bridge
@pytest.mark.parametrize("encoding", sorted(ENCODINGS))
def test_message_equals_that_of_cv_bridge(encoding: str) -> None:
    from cv_bridge import CvBridge

    pixels = _random(encoding)
    ours, theirs = fill_image(Image(), pixels, 0.0, encoding), CvBridge().cv2_to_imgmsg(pixels, encoding)
    theirs.header = ours.header
    assert ours == theirs


@needs_cv_bridge
@pytest.mark.parametrize("encoding", ["rgb8", "bgr8", "rgba8", "bgra8", "mono8"])
def test_rgb_equals_that_of_cv_bridge(encoding: str) -> None:
    from cv_bridge import CvBridge

    message = fill_image(Image(), _random(encoding), 0.0, encoding)
    np.testing.assert_array_equal(rgb_from_msg(message), CvBridge().imgmsg_to_cv2(message, "rgb8"))


@pytest.mark.parametrize("encoding", sorted(ENCODINGS))
def test_pixels_survive_the_way_through_a_message(encoding: str) -> None:
    pixels = _random(encoding)
    np.testing.assert_array_equal(pixels_from_msg(fill_image(Image(), pixels, 0.0, encoding)), pixels)


def test_message_is_reused_for_another_size_and_a_cut_out() -> None:
    message = fill_image(Image(), RGB, 0.0, "rgb8")
    fill_image(message, RGB[::-1], 0.0, "rgb8")
    np.testing.assert_array_equal(pixels_from_msg(message), RGB[::-1])
    fill_image(message, RGB[:1, 1:], 0.0, "rgb8")
    np.testing.assert_array_equal(pixels_from_msg(message), RGB[:1, 1:])


def test_rows_with_padding_and_big_endian_values_are_read() -> None:
    message = Image(height=2, width=1, encoding="16UC1", step=4, is_bigendian=1, data=[1, 2, 99, 99, 3, 4, 99, 99])
    np.testing.assert_array_equal(pixels_from_msg(message), [[0x0102], [0x0304]])


@pytest.mark.parametrize("encoding", ["bgr8", "bgra8", "rgba8"])
def test_rgb_orders_the_channels(encoding: str) -> None:
    order = [2, 1, 0] if encoding.startswith("bgr") else [0, 1, 2]
    pixels = RGB[:, :, order]
    if encoding.endswith("a8"):
        pixels = np.dstack([pixels, np.full((2, 3), 255, np.uint8)])
    np.testing.assert_array_equal(rgb_from_msg(fill_image(Image(), pixels, 0.0, encoding)), RGB)


def test_grey_becomes_three_equal_channels() -> None:
    message = fill_image(Image(), RGB[:, :, 0], 0.0, "mono8")
    np.testing.assert_array_equal(rgb_from_msg(message), np.repeat(RGB[:, :, :1], 3, axis=2))


def test_wrong_pixels_and_data_name_what_is_valid() -> None:
    with pytest.raises(ShapeError, match=r"valid for rgb8: uint8 \(H, W, 3\)"):
        fill_image(Image(), RGB.astype(np.float32), 0.0, "rgb8")
    with pytest.raises(UnknownNameError, match="rgb8"):
        fill_image(Image(), RGB, 0.0, "rgb")
    with pytest.raises(ShapeError, match="step"):
        pixels_from_msg(Image(height=2, width=3, encoding="rgb8", step=9, data=[0] * 17))


def test_compressed_image_is_a_jpeg_of_the_picture() -> None:
    rgb = np.full((16, 32, 3), (200, 40, 90), np.uint8)
    message = fill_compressed(CompressedImage(), rgb, 0.0)
    assert message.format == "rgb8; jpeg compressed bgr8"
    decoded = np.asarray(Picture.open(io.BytesIO(bytes(message.data))).convert("RGB")).astype(int)
    assert np.abs(decoded - rgb).max() < 6


def test_camera_info_projects_the_edges_of_the_view_to_the_edges_of_the_picture() -> None:
    fovy = math.radians(58.0)
    message = camera_info(640, 480, fovy, "camera_optical_frame")
    k = np.array(message.k).reshape(3, 3)
    top = k @ np.array([0.0, -math.tan(fovy / 2.0), 1.0])
    assert top[1] == pytest.approx(-0.5)
    assert (k @ np.array([0.0, 0.0, 1.0]))[:2] == pytest.approx([319.5, 239.5])
    assert (message.distortion_model, list(message.d), message.header.frame_id) == (
        "plumb_bob",
        [0.0] * 5,
        "camera_optical_frame",
    )
