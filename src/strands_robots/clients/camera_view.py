"""The pictures of any camera on the graph, as they come."""

from __future__ import annotations

import io
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import CompressedImage, Image

from strands_robots.clients.client import GraphClient, NoAnswerError
from strands_robots.clients.graph_calls import reader_profile
from strands_robots.core.errors import RenderError, UnknownNameError
from strands_robots.core.text import printable
from strands_robots.ros.calls.drain import Drained
from strands_robots.ros.messages.images import pixels_from_msg, rgb_from_msg
from strands_robots.ros.messages.stamps import to_seconds
from strands_robots.ros.process.graph_names import topics_of_graph

Rgb = NDArray[np.uint8]

FIND_TIMEOUT = 5.0

_RAW, _COMPRESSED = "/image_raw", "/image_raw/compressed"
_KINDS: dict[str, Any] = {_RAW: Image, _COMPRESSED: CompressedImage}
_TYPES = {"sensor_msgs/msg/Image": _RAW, "sensor_msgs/msg/CompressedImage": _COMPRESSED}


def cameras_on_graph(client: GraphClient) -> dict[str, dict[str, str]]:
    """Return the topic of each way in which each camera is published: by its name, then by the end of the topic."""
    prefix = client.node.get_namespace().rstrip("/") + "/"
    found: dict[str, dict[str, str]] = {}
    for topic, types in topics_of_graph(client.node).items():
        for kind in types:
            ending = _TYPES.get(kind, "")
            if ending and topic.startswith(prefix) and topic.endswith(ending) and client.node.count_publishers(topic):
                found.setdefault(topic[len(prefix) : -len(ending)], {})[ending] = topic
    return found


class CameraView:
    """Looks at one camera.

    Args:
        client: Client of the graph; no executor spins it.
        camera: Its name, as "<robot>/<camera>"; "<name>/depth" is its depth.
        prefer_raw: Take the picture as it is rather than its JPEG, where both are there.

    Raises:
        UnknownNameError: If no node publishes such a camera; the message lists those that are there.
        NoAnswerError: If no node publishes any.
    """

    def __init__(self, client: GraphClient, camera: str, prefer_raw: bool) -> None:
        deadline = time.monotonic() + FIND_TIMEOUT
        wanted = camera.strip("/")
        while wanted not in (found := cameras_on_graph(client)):
            if time.monotonic() > deadline:
                raise (
                    UnknownNameError("camera", wanted, found)
                    if found
                    else NoAnswerError(client.absent("camera", wanted))
                )
            time.sleep(0.02)
        # Both ways are announced one after the other; a moment later both are known.
        time.sleep(0.1)
        ways = cameras_on_graph(client)[wanted]
        order = (_RAW, _COMPRESSED) if prefer_raw else (_COMPRESSED, _RAW)
        ending = next(ending for ending in order if ending in ways)
        self.topic = ways[ending]
        self._topic = Drained(client.node, _KINDS[ending], self.topic, profile=reader_profile(client, self.topic, 2))

    @property
    def rate(self) -> float:
        """Pictures a second [Hz]."""
        return self._topic.rate

    def look(self) -> tuple[float, Rgb] | None:
        """Return the newest picture and when it was taken [s, ROS time]; None when none came since the last look.

        Raises:
            RenderError: If it cannot be read.
        """
        if not self._topic.look():
            return None
        message = self._topic.message
        return to_seconds(message.header.stamp), _rgb_of(message)

    def wait(self, timeout: float) -> tuple[float, Rgb]:
        """Return the next picture.

        Raises:
            NoAnswerError: If none comes in time [s].
        """
        deadline = time.monotonic() + timeout
        while (picture := self.look()) is None:
            if time.monotonic() > deadline:
                raise NoAnswerError(f"no picture came on {self.topic} within {timeout:g} s")
            time.sleep(0.005)
        return picture


def _rgb_of(message: Any) -> Rgb:
    if isinstance(message, CompressedImage):
        from PIL import Image as Picture
        from PIL import UnidentifiedImageError

        try:
            with Picture.open(io.BytesIO(bytes(message.data))) as picture:
                return np.asarray(picture.convert("RGB"), dtype=np.uint8)
        except (UnidentifiedImageError, OSError) as error:
            raise RenderError(f"a picture of format '{printable(message.format)}' cannot be read: {error}") from error
    if message.encoding in ("32FC1", "16UC1", "mono16"):
        return grey_of(pixels_from_msg(message))
    return rgb_from_msg(message)


def grey_of(values: NDArray[Any]) -> Rgb:
    """Return depth as grey: the nearest is white, the farthest and what is unknown black.

    Args:
        values: (H, W), in any unit.
    """
    known = np.isfinite(values) & (values > 0)
    if not known.any():
        return np.zeros((*values.shape, 3), dtype=np.uint8)
    near, far = float(values[known].min()), float(values[known].max())
    scaled = 255.0 * (far - np.where(known, values, far).astype(np.float64)) / max(far - near, 1e-9)
    return np.repeat(scaled.astype(np.uint8)[:, :, np.newaxis], 3, axis=2)
