"""Clouds and octrees from sensors become obstacles, or say what is wrong with them."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from planning.test_octree import BINARY, CUBES, RESOLUTION
from sensor_msgs.msg import PointCloud2, PointField
from std_msgs.msg import Header

from strands_robots.core.errors import ConfigurationError
from strands_robots.ros.messages.planning_messages import surroundings_from_cloud, surroundings_from_octomap

FRAMES = ("", "base_link", "so101/base_link")


def cloud(points: list[tuple[float, float, float]], frame: str = "base_link") -> PointCloud2:
    fields = [PointField(name=n, offset=4 * k, datatype=PointField.FLOAT32, count=1) for k, n in enumerate("xyz")]
    data = np.array(points, dtype=np.float32).tobytes()
    return PointCloud2(
        header=Header(frame_id=frame),
        height=1,
        width=len(points),
        fields=fields,
        point_step=12,
        row_step=12 * len(points),
        data=data,
    )


def octomap(frame: str = "base_link", **fields: object) -> SimpleNamespace:
    """An octomap_msgs/Octomap, which is not installed here: its fields and their types."""
    data = np.frombuffer(BINARY, dtype=np.int8).tolist()
    given = {"binary": True, "id": "OcTree", "resolution": RESOLUTION, "data": data, **fields}
    return SimpleNamespace(header=Header(frame_id=frame), **given)


def test_a_cloud_is_one_object_of_cubes() -> None:
    found = surroundings_from_cloud(
        cloud([(0.2, 0.0, 0.1), (0.201, 0.001, 0.101), (0.3, 0.0, 0.1), (float("nan"),) * 3]), FRAMES
    )
    assert len(found.shapes) == 2 and found.names_of("planning_cloud") == tuple(shape.name for shape in found.shapes)
    assert surroundings_from_cloud(cloud([]), FRAMES).shapes == ()


def test_an_octree_is_one_object_of_its_cubes() -> None:
    found = surroundings_from_octomap(octomap(), FRAMES)
    assert len(found.shapes) == len(CUBES) == len(found.names_of("octomap"))


def test_what_is_in_another_frame_or_no_octree_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="the cloud is in frame 'camera'; valid: '', 'base_link'"):
        surroundings_from_cloud(cloud([(0.2, 0.0, 0.1)], "camera"), FRAMES)
    with pytest.raises(ConfigurationError, match="the octree is in frame 'map'"):
        surroundings_from_octomap(octomap("map"), FRAMES)
    with pytest.raises(ConfigurationError, match="has 3 bytes; valid: 2"):
        surroundings_from_octomap(octomap(data=[1, 2, 3]), FRAMES)
