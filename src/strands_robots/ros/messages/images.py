"""Pictures <-> sensor_msgs.

The bytes are those that cv_bridge makes; cv_bridge itself is only asked for encodings not listed here.
"""

from __future__ import annotations

import functools
import io
import sys
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from strands_robots.core.errors import ShapeError, UnknownNameError
from strands_robots.ros.messages.stamps import fill_time
from strands_robots.sim.render.cameras import Intrinsics, intrinsics

Pixels = NDArray[Any]

ENCODINGS: Mapping[str, tuple[str, int]] = MappingProxyType(
    {
        "rgb8": ("u1", 3),
        "bgr8": ("u1", 3),
        "rgba8": ("u1", 4),
        "bgra8": ("u1", 4),
        "mono8": ("u1", 1),
        "8UC1": ("u1", 1),
        "8UC3": ("u1", 3),
        "mono16": ("u2", 1),
        "16UC1": ("u2", 1),
        "32FC1": ("f4", 1),
    }
)
"""Encoding -> numpy type and channels."""

_TO_RGB = {"rgb8": (0, 1, 2), "bgr8": (2, 1, 0), "rgba8": (0, 1, 2), "bgra8": (2, 1, 0), "mono8": (0, 0, 0)}


def fill_image(message: Image, pixels: Pixels, stamp: float, encoding: str) -> Image:
    """Set an Image message in place and return it.

    Args:
        message: Message to set; its frame_id is left alone.
        pixels: (H, W, C) or, with one channel, (H, W); type and C as the encoding says.
        stamp: ROS time of the picture [s].
        encoding: "rgb8", "32FC1" [m] or another one of `ENCODINGS`.

    Raises:
        UnknownNameError: If the encoding is unknown.
        ShapeError: If the pixels do not have the encoding's type or channels.

    Source: cv_bridge `CvBridge.cv2_to_imgmsg`.
    """
    if encoding not in ENCODINGS:
        raise UnknownNameError("image encoding", encoding, ENCODINGS)
    kind, channels = ENCODINGS[encoding]
    given = 1 if pixels.ndim == 2 else pixels.shape[-1]
    if pixels.ndim not in (2, 3) or given != channels or pixels.dtype != np.dtype(kind):
        raise ShapeError(
            f"pixels are {pixels.dtype} {pixels.shape}; valid for {encoding}: {np.dtype(kind)} (H, W, {channels})"
        )
    fill_time(message.header.stamp, stamp)
    message.height, message.width = pixels.shape[:2]
    message.encoding = encoding
    message.is_bigendian = int(sys.byteorder == "big")
    message.step = pixels.shape[1] * channels * pixels.itemsize
    data = message.data
    if len(data) == pixels.nbytes:
        memoryview(data)[:] = memoryview(np.ascontiguousarray(pixels).reshape(-1).view(np.uint8))
    else:
        del data[:]
        data.frombytes(np.ascontiguousarray(pixels).tobytes())
    return message


def pixels_from_msg(message: Image) -> Pixels:
    """Return the picture in the message's own encoding, as a read-only view where that is possible.

    Returns:
        (H, W, C), or (H, W) with one channel; type as the encoding says.

    Raises:
        UnknownNameError: If the encoding is unknown.
        ShapeError: If the data do not have the size that the message says.
    """
    if message.encoding not in ENCODINGS:
        raise UnknownNameError("image encoding", message.encoding, ENCODINGS)
    kind, channels = ENCODINGS[message.encoding]
    dtype = np.dtype(kind).newbyteorder(">" if message.is_bigendian else "<")
    row = message.width * channels * dtype.itemsize
    if message.step < row or len(message.data) != message.step * message.height:
        raise ShapeError(
            f"image of {message.width}x{message.height} {message.encoding} has step {message.step} and "
            f"{len(message.data)} bytes; valid: step >= {row} and step * height bytes"
        )
    rows = np.frombuffer(message.data, dtype=np.uint8).reshape(message.height, message.step)[:, :row]
    pixels = np.ascontiguousarray(rows).view(dtype).reshape(message.height, message.width, channels)
    return pixels[:, :, 0] if channels == 1 else pixels


def rgb_from_msg(message: Image) -> NDArray[np.uint8]:
    """Return the picture as uint8 (H, W, 3) RGB, as cv_bridge with desired_encoding="rgb8" does.

    Raises:
        UnknownNameError: If the encoding is no colour encoding known here and cv_bridge is not installed.
        ShapeError: As `pixels_from_msg`.
    """
    order = _TO_RGB.get(message.encoding)
    if order is None:
        return _with_cv_bridge(message)
    pixels = pixels_from_msg(message)
    if pixels.ndim == 2:
        pixels = pixels[:, :, np.newaxis]
    return np.ascontiguousarray(pixels[:, :, list(order)] if order != (0, 1, 2) else pixels[:, :, :3])


def depth_from_msg(message: Image) -> NDArray[np.float32]:
    """Return a depth picture as float32 (H, W) [m], NaN where it is not known (REP 118).

    Raises:
        UnknownNameError: If the encoding is no depth: 32FC1 [m], or 16UC1 and mono16 [mm] with 0 for what is not known.
        ShapeError: As `pixels_from_msg`.
    """
    if message.encoding not in ("32FC1", "16UC1", "mono16"):
        raise UnknownNameError("encoding of depth", message.encoding, ("32FC1", "16UC1", "mono16"))
    pixels = pixels_from_msg(message)
    if message.encoding == "32FC1":
        return np.array(pixels, dtype=np.float32)
    depth = pixels.astype(np.float32) * np.float32(1e-3)
    depth[pixels == 0] = np.nan
    return depth


def _with_cv_bridge(message: Image) -> NDArray[np.uint8]:
    try:
        from cv_bridge import CvBridge
    except ImportError:
        raise UnknownNameError(
            "colour encoding (cv_bridge, which knows more, is not installed)", message.encoding, _TO_RGB
        ) from None
    return np.asarray(CvBridge().imgmsg_to_cv2(message, desired_encoding="rgb8"), dtype=np.uint8)


def fill_compressed(
    message: CompressedImage, rgb: NDArray[np.uint8], stamp: float, quality: int = 90
) -> CompressedImage:
    """Set a CompressedImage message in place to a JPEG and return it.

    Args:
        message: Message to set; its frame_id is left alone.
        rgb: uint8 (H, W, 3).
        stamp: ROS time of the picture [s].
        quality: JPEG quality, 1 to 95.

    Source: compressed_image_transport, format "<encoding>; jpeg compressed <encoding of the JPEG>".
    """
    fill_time(message.header.stamp, stamp)
    message.format = "rgb8; jpeg compressed bgr8"
    del message.data[:]
    message.data.frombytes(jpeg_of(rgb, quality))
    return message


def jpeg_of(rgb: NDArray[np.uint8], quality: int) -> bytes:
    """Return a picture, uint8 (H, W, 3), as JPEG of a quality of 1 to 95."""
    return _jpeg_encoder()(rgb, quality)


@functools.cache
def _jpeg_encoder() -> Callable[[NDArray[np.uint8], int], bytes]:
    """Return libjpeg-turbo's own interface where simplejpeg brings it: two thirds of Pillow's time for the same picture."""
    try:
        import simplejpeg
    except ImportError:
        return _encode_with_pillow

    def encode(rgb: NDArray[np.uint8], quality: int) -> bytes:
        picture = np.ascontiguousarray(rgb)
        return bytes(simplejpeg.encode_jpeg(picture, quality=quality, colorspace="RGB", colorsubsampling="420"))

    return encode


def _encode_with_pillow(rgb: NDArray[np.uint8], quality: int) -> bytes:
    from PIL import Image as Picture

    stream = io.BytesIO()
    Picture.fromarray(rgb).save(stream, format="JPEG", quality=quality, subsampling="4:2:0")
    return stream.getvalue()


def camera_info(width: int, height: int, fovy: float, frame_id: str) -> CameraInfo:
    """Return the calibration of an ideal pinhole camera with square pixels: size [px], vertical field of view [rad]."""
    return calibration(intrinsics(width, height, fovy), frame_id)


def calibration(camera: Intrinsics, frame_id: str) -> CameraInfo:
    """Return the calibration of an ideal pinhole camera.

    Args:
        camera: Size, focal lengths and principal point [px].
        frame_id: Optical frame (REP-103: z forward, x right).

    Source: sensor_msgs/CameraInfo; pixel centres lie at whole numbers, as image_geometry and OpenCV have it.
    """
    message = CameraInfo(width=camera.width, height=camera.height, distortion_model="plumb_bob", d=[0.0] * 5)
    message.header.frame_id = frame_id
    message.k = [camera.fx, 0.0, camera.cx, 0.0, camera.fy, camera.cy, 0.0, 0.0, 1.0]
    message.r = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]
    message.p = [camera.fx, 0.0, camera.cx, 0.0, 0.0, camera.fy, camera.cy, 0.0, 0.0, 0.0, 1.0, 0.0]
    return message
