"""Several cameras at one instant, segmentation, free cameras, and points behind pixels."""

from __future__ import annotations

import math
from collections.abc import Iterator

import mujoco
import numpy as np
import pytest

from strands_robots.core.errors import ConfigurationError, RenderError, ShapeError, WorldError
from strands_robots.sim.edit.editing import edit
from strands_robots.sim.edit.edits import AddBody
from strands_robots.sim.edit.shapes import Shape
from strands_robots.sim.edit.world_edits import AddCamera
from strands_robots.sim.render.renderer import PictureKind, SceneRenderer
from strands_robots.sim.render.shots import ShotOrder, shot_labels, take_shots
from strands_robots.sim.render.views import FreeView, view_around, view_at
from strands_robots.sim.world.world import World

from .arms import two_arm_world

RGB, DEPTH, SEGMENTATION = PictureKind
RED = (0.8, 0.1, 0.1, 1.0)


@pytest.fixture(scope="module")
def world() -> World:
    world = two_arm_world()
    cube = Shape("box", [0.05, 0.05, 0.05], mass=0.1, rgba=RED, name="cube_shape")
    edit(world, [AddBody("cube", [cube], position=(0.8, 0.0, 0.05), is_free=True)])
    return world


@pytest.fixture(scope="module")
def renderer(world: World) -> Iterator[SceneRenderer]:
    with SceneRenderer(world) as renderer:
        yield renderer


def test_every_camera_shows_the_same_instant(world: World, renderer: SceneRenderer) -> None:
    order = ShotOrder(list(world.cameras.values()), (RGB, DEPTH, SEGMENTATION))
    state = world.get_state()
    shots = take_shots(renderer, state, order)
    assert [shot.view.name for shot in shots] == ["overhead", "left/wrist", "right/wrist"]
    for shot in shots:
        np.testing.assert_array_equal(shot.pictures[RGB], renderer.render(state, shot.view))
        np.testing.assert_array_equal(shot.pictures[DEPTH], renderer.render(state, shot.view, DEPTH))


def test_segmentation_names_what_is_seen(world: World, renderer: SceneRenderer) -> None:
    shots = take_shots(
        renderer, world.get_state(), ShotOrder([view_at("v", (0.8, -0.6, 0.4), (0.8, 0.0, 0.05))], (RGB, SEGMENTATION))
    )
    pixels = shots[0].pictures[SEGMENTATION]
    assert pixels.dtype == np.uint16 and pixels.shape == (480, 640)
    labels = {label.geom: label for label in shot_labels(world.stage, world.robots, shots)}
    assert labels["cube_shape"].body == labels["cube_shape"].entity == "cube"
    assert labels["floor"].entity == "world"
    red = shots[0].pictures[RGB].astype(int)
    is_red = (red[..., 0] > 2 * red[..., 1]) & (red[..., 0] > 40)
    assert ((pixels == labels["cube_shape"].value) == is_red).mean() > 0.999


def test_segmentation_tells_robots_apart(world: World, renderer: SceneRenderer) -> None:
    shots = take_shots(renderer, world.get_state(), ShotOrder([world.cameras["overhead"]], (SEGMENTATION,)))
    labels = shot_labels(world.stage, world.robots, shots)
    assert {label.entity for label in labels} == {"world", "left", "right", "cube"}
    assert {label.value for label in labels} == set(np.unique(shots[0].pictures[SEGMENTATION]).tolist()) - {0}


def test_sky_has_no_label(world: World, renderer: SceneRenderer) -> None:
    up = view_around("up", (0.0, 0.0, 2.0), 1.0, 0.0, 0.5 * math.pi)
    (shot,) = take_shots(
        renderer, world.get_state(), ShotOrder([up], (SEGMENTATION, DEPTH), pixels=np.array([[3.0, 4.0]]))
    )
    assert not shot.pictures[SEGMENTATION].any()
    assert shot_labels(world.stage, world.robots, [shot]) == []
    assert np.isnan(shot.points).all()


def test_points_behind_pixels_lie_on_the_cube_and_on_the_ground(world: World, renderer: SceneRenderer) -> None:
    views = [view_at("a", (0.8, -0.6, 0.4), (0.8, 0.0, 0.1)), view_at("b", (1.4, 0.5, 0.5), (0.8, 0.0, 0.1))]
    for shot in take_shots(
        renderer, world.get_state(), ShotOrder(views, pixels=np.array([[319.5, 239.5], [20.5, 470.0]]))
    ):
        top, ground = shot.points
        assert top == pytest.approx((0.8, 0.0, 0.1), abs=2e-3)
        assert ground[2] == pytest.approx(0.0, abs=2e-3)


def test_free_view_agrees_with_a_camera_of_the_world_at_the_same_place(world: World) -> None:
    place, aim = (0.3, -0.9, 0.7), (0.2, 0.0, 0.1)
    edit(world, [AddCamera("same", position=place, look_at=aim, fovy=0.9)])
    with SceneRenderer(world) as renderer:
        free = view_at("free", place, aim, 0.9)
        ours, theirs = take_shots(renderer, world.get_state(), ShotOrder([free, world.cameras["same"]], (RGB, DEPTH)))
    np.testing.assert_allclose(ours.position, theirs.position, atol=1e-12)
    np.testing.assert_allclose(ours.rotation, theirs.rotation, atol=1e-9)
    assert np.median(np.abs(ours.pictures[DEPTH] - theirs.pictures[DEPTH])) < 1e-5
    difference = np.abs(ours.pictures[RGB].astype(int) - theirs.pictures[RGB])
    assert (difference.max(axis=2) > 4).mean() < 0.005


def test_rolled_view_turns_the_picture(world: World, renderer: SceneRenderer) -> None:
    upright = view_at("v", (0.8, -0.6, 0.4), (0.8, 0.0, 0.05))
    half_turn, rotation = np.array([0.0, 0.0, 0.0, 1.0]), np.empty(4)
    x, y, z, w = upright.quaternion_xyzw
    mujoco.mju_mulQuat(rotation, np.array([w, x, y, z]), half_turn)
    w, x, y, z = rotation.tolist()
    rolled = FreeView("r", upright.position, (x, y, z, w), upright.fovy)
    a, b = take_shots(renderer, world.get_state(), ShotOrder([upright, rolled], (SEGMENTATION,)))
    assert (a.pictures[SEGMENTATION] == b.pictures[SEGMENTATION][::-1, ::-1]).mean() > 0.995


def test_view_around_looks_at_its_target_from_where_it_is_told() -> None:
    view = view_around("v", (1.0, 2.0, 0.5), 2.0, 0.5 * math.pi, -math.radians(30.0))
    assert view.position == pytest.approx((1.0, 2.0 - 2.0 * math.cos(math.radians(30.0)), 1.5))
    forward = view.rotation()[:, 2]
    assert forward == pytest.approx((0.0, math.cos(math.radians(30.0)), -0.5))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: view_at("v", (0.0, 0.0, 0.0), (0.0, 0.0, 0.0)), "look at the point where it is"),
        (lambda: view_at("v", (0.0, 0.0, math.nan), (0.0, 0.0, 0.0)), "valid: finite"),
        (lambda: view_around("v", (0.0, 0.0, 0.0), 0.0, 0.0, 0.0), "distance 0 of view 'v' given"),
        (lambda: view_around("v", (0.0, 0.0, 0.0), 1.0, 0.0, 2.0), "elevation 2"),
        (lambda: FreeView("v", (0.0, 0.0, 0.0), fovy=4.0), "field of view 4"),
        (lambda: FreeView("v", (0.0, 0.0, 0.0), (math.inf, 0.0, 0.0, 1.0)), "valid: finite"),
    ],
)
def test_view_that_cannot_be_is_refused(make: object, words: str) -> None:
    with pytest.raises((ConfigurationError, WorldError), match=words):
        make()  # type: ignore[operator]


def test_order_that_cannot_be_is_refused(world: World) -> None:
    view = world.cameras["overhead"]
    with pytest.raises(RenderError, match="0 cameras"):
        ShotOrder([])
    with pytest.raises(RenderError, match="at most 67108864"):
        ShotOrder([view] * 20, width=4096, height=4096)
    with pytest.raises(ShapeError, match=r"pixel \(640, 0\) given; valid: 0 to 639 and 0 to 479"):
        ShotOrder([view], pixels=np.array([[1.0, 1.0], [640.0, 0.0]]))
    with pytest.raises(ShapeError, match="pixel"):
        ShotOrder([view], pixels=np.array([[math.nan, 0.0]]))


def test_fine_renderer_draws_colours_only(world: World, renderer: SceneRenderer) -> None:
    state = world.get_state()
    order = ShotOrder([view_at("v", (0.8, -0.6, 0.4), (0.8, 0.0, 0.05))], (RGB, DEPTH))
    with SceneRenderer(world, is_still=True) as fine:
        (shaded,) = take_shots(renderer, state, order, fine=fine)
        with pytest.raises(RenderError, match="colours only"):
            fine.render(state, "overhead", DEPTH)
    (plain,) = take_shots(renderer, state, order)
    np.testing.assert_array_equal(shaded.pictures[DEPTH], plain.pictures[DEPTH])
    darker = plain.pictures[RGB].astype(int).sum(axis=2) - shaded.pictures[RGB].astype(int).sum(axis=2)
    assert (darker > 40).mean() > 0.002


def test_state_of_a_world_that_was_changed_is_drawn_as_it_was(world: World, renderer: SceneRenderer) -> None:
    state, stage = world.get_state(), world.stage
    before = renderer.render(state, "overhead", stage=stage)
    ball = Shape("sphere", [0.2], rgba=RED)
    edit(world, [AddBody("wall", [ball], position=(0.2, 0.0, 0.3))])
    assert (renderer.render(world.get_state(), "overhead") != before).any()
    np.testing.assert_array_equal(renderer.render(state, "overhead", stage=stage), before)
