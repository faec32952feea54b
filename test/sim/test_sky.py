"""The sky is left out only where it would not be seen."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

import strands_robots.sim  # chooses the OpenGL backend, so before mujoco  # noqa: F401
from strands_robots.description.robot_config import load_robot
from strands_robots.sim.render.renderer import PictureKind, SceneRenderer
from strands_robots.sim.render.sky import Floors
from strands_robots.sim.render.views import FreeView
from strands_robots.sim.world.world import RobotSpec, World, WorldConfig


@pytest.fixture(scope="module")
def world() -> World:
    return World(WorldConfig(robots=(RobotSpec("so101", load_robot("so101")),)))


@pytest.fixture(scope="module")
def renderer(world: World) -> Iterator[SceneRenderer]:
    with SceneRenderer(world) as made:
        yield made


def _views() -> list[FreeView]:
    """Views from all heights and in all directions, many of them down."""
    draw = np.random.default_rng(3)
    found = []
    for number in range(24):
        height = float(draw.choice([0.002, 0.05, 0.4, 2.0, 30.0]))
        tilt = float(draw.choice([np.pi, np.pi - 0.3, np.pi - 0.9, np.pi - 1.3, np.pi / 2, 0.2]))
        turn = float(draw.uniform(-np.pi, np.pi))
        # Optical frame: z forward; tilted about x from straight up, then turned about the world's z.
        x, w = np.sin(tilt / 2.0), np.cos(tilt / 2.0)
        z, c = np.sin(turn / 2.0), np.cos(turn / 2.0)
        quaternion = (c * x, z * x, z * w, c * w)
        found.append(FreeView(f"v{number}", (0.1, 0.2, height), quaternion, float(draw.uniform(0.4, 1.6)), 96, 64))
    return found


def test_pictures_are_the_same_as_with_the_sky(
    world: World, renderer: SceneRenderer, monkeypatch: pytest.MonkeyPatch
) -> None:
    state, hidden = world.get_state(), []
    ask = Floors.hide_sky

    def note(*arguments: object) -> bool:
        hidden.append(ask(*arguments))  # type: ignore[arg-type]
        return hidden[-1]

    for view in [*_views(), *world.cameras]:
        for kind in (PictureKind.RGB, PictureKind.DEPTH, PictureKind.SEGMENTATION):
            monkeypatch.setattr(Floors, "hide_sky", note)
            quick = renderer.render(state, view, kind).copy()
            monkeypatch.setattr(Floors, "hide_sky", lambda *_: False)
            assert (renderer.render(state, view, kind) == quick).all(), (view, kind, hidden[-1])
    assert 0.15 < np.mean(hidden) < 0.85


def test_camera_that_looks_straight_down_sees_no_sky_and_one_at_the_horizon_does(
    world: World, renderer: SceneRenderer
) -> None:
    def hides(view: FreeView | str) -> bool:
        renderer.render(world.get_state(), view)
        return renderer._floors.hide_sky(renderer._data, renderer._scene, 4 / 3)

    assert hides("overhead")
    assert not hides(FreeView("level", (0.0, 0.0, 0.5), (np.sin(np.pi / 4), 0.0, 0.0, -np.cos(np.pi / 4))))
