"""Pictures of a fixed scene against stored ones, and the same bytes again from another process.

After a change that is meant to be seen: STRANDS_ROBOTS_WRITE_PICTURES=1 pytest test/sim/test_reference_pictures.py, and look at them.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from strands_robots.sim.edit.editing import edit
from strands_robots.sim.edit.edits import AddBody
from strands_robots.sim.edit.shapes import Shape
from strands_robots.sim.render.pictures import write_png
from strands_robots.sim.render.renderer import Picture, PictureKind, SceneRenderer
from strands_robots.sim.render.views import view_at
from strands_robots.sim.world.world import World
from strands_robots.sim.world.world_setup import world_config

FOLDER = Path(__file__).resolve().parents[1] / "data" / "pictures"

MEAN, FAR, FAR_PART = 1.0, 24, 0.01
"""Tolerance against the stored pictures: mean difference of a colour value; and how many pixels may differ by more than `FAR`.

Drivers round differently at the edges of shapes. A missing shape, light or texture is far beyond both.
"""

VIEW = view_at("view", (0.75, -0.55, 0.5), (0.15, 0.0, 0.08), 0.7)


def scene() -> World:
    world = World(world_config(["so101=so101"], "", 0.002, 30.0))
    shapes = {
        "box": Shape("box", [0.025, 0.025, 0.025], mass=0.1, rgba=(0.75, 0.15, 0.13, 1.0)),
        "ball": Shape("sphere", [0.03], mass=0.1, rgba=(0.15, 0.3, 0.65, 1.0)),
        "can": Shape("cylinder", [0.025, 0.04], mass=0.1, rgba=(0.2, 0.5, 0.27, 1.0)),
        "sheet": Shape("box", [0.08, 0.08, 0.0005], mass=0.1, rgba=(0.9, 0.9, 0.88, 1.0)),
    }
    places = {
        "box": (0.3, 0.1, 0.025),
        "ball": (0.3, -0.1, 0.03),
        "can": (0.15, -0.2, 0.04),
        "sheet": (0.42, 0.0, 0.0005),
    }
    edit(world, [AddBody(name, [shape], position=places[name], is_free=True) for name, shape in shapes.items()])
    return world


def pictures() -> dict[str, Picture]:
    world = scene()
    state = world.get_state()
    with SceneRenderer(world) as renderer:
        drawn = {
            "view": renderer.render(state, VIEW, width=320, height=240),
            "depth": renderer.render(state, VIEW, PictureKind.DEPTH, 320, 240),
            "segmentation": renderer.render(state, VIEW, PictureKind.SEGMENTATION, 320, 240),
            "overhead": renderer.render(state, "overhead", width=320, height=240),
            "wrist": renderer.render(state, "so101/wrist", width=320, height=240),
        }
    with SceneRenderer(world, is_still=True) as fine:
        drawn["fine"] = fine.render(state, VIEW, width=320, height=240)
    return drawn


def digest(drawn: dict[str, Picture]) -> str:
    return hashlib.sha256(b"".join(picture.tobytes() for picture in drawn.values())).hexdigest()


@pytest.fixture(scope="module")
def drawn() -> dict[str, Picture]:
    made = pictures()
    if os.environ.get("STRANDS_ROBOTS_WRITE_PICTURES"):
        FOLDER.mkdir(exist_ok=True)
        for name, picture in made.items():
            write_png(FOLDER / f"{name}.png", picture)
    return made


@pytest.mark.parametrize("name", ["view", "overhead", "wrist", "fine"])
def test_picture_is_the_stored_one(drawn: dict[str, Picture], name: str) -> None:
    stored = np.asarray(Image.open(FOLDER / f"{name}.png")).astype(int)
    difference = np.abs(drawn[name].astype(int) - stored)
    assert difference.mean() < MEAN
    assert (difference.max(axis=2) > FAR).mean() < FAR_PART


def test_depth_and_segmentation_are_the_stored_ones(drawn: dict[str, Picture]) -> None:
    depth = np.asarray(Image.open(FOLDER / "depth.png")).astype(float)
    assert (np.abs(1000.0 * drawn["depth"] - depth) > 5.0).mean() < FAR_PART
    segmentation = np.asarray(Image.open(FOLDER / "segmentation.png"))
    assert (drawn["segmentation"] != segmentation).mean() < FAR_PART


def test_another_process_draws_the_same_bytes(drawn: dict[str, Picture]) -> None:
    code = (
        f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r});"
        "from test_reference_pictures import *; print(digest(pictures()))"
    )
    child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert child.stdout.strip() == digest(drawn)


@pytest.mark.parametrize("name", ["view", "overhead", "wrist", "fine"])
def test_nothing_is_blown_out_or_black(drawn: dict[str, Picture], name: str) -> None:
    grey = drawn[name].astype(float).mean(axis=2)
    assert (grey > 250.0).mean() < 0.002, "white that has lost its shape"
    assert (grey < 3.0).mean() < 0.05
    assert 60.0 < grey.mean() < 200.0 and grey.std() > 10.0


def test_thin_sheet_on_the_ground_hides_it_from_near_and_far() -> None:
    """A sheet of 1 mm must not let the ground through, as it would with too coarse a depth buffer."""
    world = scene()
    state = world.get_state()
    with SceneRenderer(world) as renderer:
        number = world.model.body("sheet").geomadr[0] + 1
        for distance in (0.3, 1.0, 3.0, 6.0):
            view = view_at("far", (0.42 + 0.8 * distance, 0.0, 0.6 * distance), (0.42, 0.0, 0.0), 0.2)
            seen = renderer.render(state, view, PictureKind.SEGMENTATION) == number
            rows = np.flatnonzero(seen.any(axis=1))
            assert len(rows) > 5
            for row in rows:
                columns = np.flatnonzero(seen[row])
                assert len(columns) == np.ptp(columns) + 1, f"the ground shows through at {distance} m"
