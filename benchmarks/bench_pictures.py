"""What pictures cost besides drawing them, 640 x 480: segmentation against mujoco.Renderer, a varied reset, and publishing a frame.

Segmentation: both ways in turns; mujoco.Renderer answers numbers and types of parts in int32, this package numbers of shapes in uint16.
Varied reset: colours, lights, masses and places of 20 cubes drawn anew, and the first picture after it, against a plain reset.
Publishing: time of one call of the camera thread's port with one reader in another process; raw and as JPEG.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import strands_robots.sim  # chooses the OpenGL backend, so before mujoco  # noqa: F401

# isort: split
import mujoco
import numpy as np
from _report import report

from strands_robots.description.robot_config import load_robot
from strands_robots.sim.edit.editing import edit
from strands_robots.sim.edit.edits import AddBody
from strands_robots.sim.edit.shapes import Shape
from strands_robots.sim.randomize.variations import Variation
from strands_robots.sim.render.renderer import PictureKind, SceneRenderer
from strands_robots.sim.world.world import RobotSpec, World, WorldConfig

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "test"))

TURNS, FRAMES = 15, 10
RESETS = 20
PUBLISHED = 200

READER = """
import sys, rclpy
from sensor_msgs.msg import CompressedImage, Image
from strands_robots.ros import qos
rclpy.init()
node = rclpy.create_node("reader")
kind = CompressedImage if sys.argv[1].endswith("compressed") else Image
node.create_subscription(kind, sys.argv[1], lambda message: None, qos.IMAGE_READER)
rclpy.spin(node)
"""


def main() -> None:
    world = World(WorldConfig(robots=(RobotSpec("so101", load_robot("so101")),)))
    figures: dict[str, float] = {}
    reference: dict[str, float] = {"segmentation_ratio_target": 0.95}
    segmentation(world, figures, reference)
    resets(world, figures, reference)
    publishing(world, figures)
    report("pictures", figures, reference)


def segmentation(world: World, figures: dict[str, float], reference: dict[str, float]) -> None:
    ours, theirs = [], []
    with SceneRenderer(world) as renderer, mujoco.Renderer(world.model, 480, 640) as bare:
        bare.scene.flags[int(mujoco.mjtRndFlag.mjRND_SHADOW)] = 0
        bare.enable_segmentation_rendering()
        state, number = world.get_state(), world.cameras["overhead"].number

        def bare_frame() -> None:
            bare.update_scene(world.data, number)
            bare.render()

        for _ in range(TURNS):
            theirs.append(FRAMES / _seconds(bare_frame, FRAMES))
            ours.append(FRAMES / _seconds(lambda: renderer.render(state, "overhead", PictureKind.SEGMENTATION), FRAMES))
    figures["segmentation_rate_hz"] = statistics.median(ours)
    figures["segmentation_ratio"] = statistics.median(mine / other for mine, other in zip(ours, theirs))
    reference["segmentation_bare_rate_hz"] = statistics.median(theirs)


def resets(world: World, figures: dict[str, float], reference: dict[str, float]) -> None:
    cube = Shape("box", [0.02] * 3, mass=0.1)
    edit(
        world,
        [
            AddBody(f"c{i}", [cube], position=(0.5 + 0.1 * (i % 5), 0.1 * (i // 5), 0.02), is_free=True)
            for i in range(20)
        ],
    )
    ranges = {"color": (-0.1, 0.1), "mass": (0.5, 2.0), "light": (0.8, 1.0), "x": (-0.03, 0.03), "y": (-0.03, 0.03)}
    plain = [_seconds(lambda: world.reset(1), 1) for _ in range(RESETS)]
    world.vary([Variation(quantity, low, high) for quantity, (low, high) in ranges.items()])
    varied, pictures = [], []
    with SceneRenderer(world) as renderer:
        renderer.render(world.get_state(), "overhead")
        for seed in range(RESETS):
            varied.append(_seconds(lambda seed=seed: world.reset(seed), 1))
            pictures.append(_seconds(lambda: renderer.render(world.get_state(), "overhead"), 1))
    figures["varied_reset_ms"] = 1e3 * statistics.median(varied)
    figures["picture_after_varied_reset_ms"] = 1e3 * statistics.median(pictures)
    reference["plain_reset_ms"] = 1e3 * statistics.median(plain)


def publishing(world: World, figures: dict[str, float]) -> None:
    from graph import Graph, wait_for

    from strands_robots.ros.messages.images import camera_info
    from strands_robots.ros.robot.camera_publisher import CameraPublisher

    with SceneRenderer(world) as renderer:
        pixels = renderer.render(world.get_state(), "overhead")
    with Graph() as graph:
        node = graph.client()
        port = CameraPublisher(node, "camera", camera_info(640, 480, 0.8, "camera_optical_frame"))
        for name, topic in (("raw", "camera/image_raw"), ("jpeg", "camera/image_raw/compressed")):
            with subprocess.Popen([sys.executable, "-c", READER, topic], env=graph.environment) as reader:
                wait_for(lambda topic=topic: node.count_subscribers(topic) == 1 and port.wants_rgb(), 30.0, "a reader")
                times = []
                for i in range(PUBLISHED):
                    times.append(_seconds(lambda i=i: port.publish_rgb(0.01 * i, pixels), 1))
                    time.sleep(0.01)
                reader.kill()
            wait_for(lambda topic=topic: node.count_subscribers(topic) == 0, 30.0, "the reader's end")
            figures[f"publish_{name}_p50_ms"] = 1e3 * statistics.median(times)
            figures[f"publish_{name}_p99_ms"] = 1e3 * float(np.percentile(times, 99))


def _seconds(work: Callable[[], object], times: int) -> float:
    start = time.perf_counter()
    for _ in range(times):
        work()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
