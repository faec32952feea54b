"""`strands-robots view` of cameras that somebody else publishes: raw, compressed and depth, as pictures and as a film."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from graph import Graph
from PIL import Image as Picture
from sensor_msgs.msg import CompressedImage, Image

from strands_robots.ros.messages import qos
from strands_robots.ros.messages.images import fill_compressed, fill_image

RED = np.full((48, 64, 3), (200, 20, 10), dtype=np.uint8)
DEPTH = np.full((48, 64), 2.0, dtype=np.float32)
DEPTH[:, 32:] = 1.0


@pytest.fixture(scope="module")
def cameras() -> Iterator[Graph]:
    """A graph on which somebody publishes arm/front raw and compressed, arm/front/depth, and back compressed only."""
    with Graph() as graph:
        client = graph.client("cameras")
        raw = client.create_publisher(Image, "arm/front/image_raw", qos.IMAGE)
        depth = client.create_publisher(Image, "arm/front/depth/image_raw", qos.IMAGE)
        compressed = [
            client.create_publisher(CompressedImage, f"{name}/image_raw/compressed", qos.IMAGE)
            for name in ("arm/front", "back")
        ]

        def publish() -> None:
            stamp = client.get_clock().now().nanoseconds * 1e-9
            raw.publish(fill_image(Image(), RED, stamp, "rgb8"))
            depth.publish(fill_image(Image(), DEPTH, stamp, "32FC1"))
            for publisher in compressed:
                publisher.publish(fill_compressed(CompressedImage(), RED, stamp))

        client.create_timer(0.05, publish)
        yield graph


def view(graph: Graph, *words: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "strands_robots.cli.entry", "view", *words],
        env=graph.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
    )
    return done.returncode, done.stdout


def test_picture_is_written_as_it_is_on_the_raw_topic(cameras: Graph, tmp_path: Path) -> None:
    file = tmp_path / "front.png"
    assert view(cameras, "arm/front", "--file", str(file)) == (0, f"{file} (64 x 48)\n")
    assert (np.asarray(Picture.open(file)) == RED).all()


def test_camera_that_is_only_compressed_is_shown_too(cameras: Graph, tmp_path: Path) -> None:
    file = tmp_path / "back.png"
    assert view(cameras, "back", "--file", str(file))[0] == 0
    assert np.abs(np.asarray(Picture.open(file)).astype(int) - RED).max() < 8


def test_depth_is_grey_with_the_near_side_white(cameras: Graph, tmp_path: Path) -> None:
    file = tmp_path / "depth.png"
    assert view(cameras, "arm/front/depth", "--file", str(file))[0] == 0
    pixels = np.asarray(Picture.open(file))
    assert (pixels[:, :32] == 0).all() and (pixels[:, 32:] == 255).all()


def test_film_has_the_pictures_at_their_times(cameras: Graph, tmp_path: Path) -> None:
    av = pytest.importorskip("av", reason="PyAV is not installed")
    file = tmp_path / "front.mp4"
    code, output = view(cameras, "arm/front", "--file", str(file), "--duration", "1")
    assert code == 0, output
    with av.open(str(file)) as film:
        times = [frame.time for frame in film.decode(video=0)]
    assert len(times) >= 5 and times == sorted(set(times)) and times[-1] > 0.3
    assert list(tmp_path.iterdir()) == [file]


def test_camera_that_nobody_publishes_is_refused_with_those_that_are_there(cameras: Graph, tmp_path: Path) -> None:
    code, output = view(cameras, "arm/frnt", "--file", str(tmp_path / "x.png"))
    assert code == 1 and "valid: arm/front, arm/front/depth, back; did you mean 'arm/front'?" in output
