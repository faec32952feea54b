"""What varies from reset to reset: each quantity, its stream, and the way back."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path

import mujoco
import numpy as np
import pytest

from strands_robots.core.errors import ConfigurationError, UnknownNameError, WorldError
from strands_robots.sim.edit.checkpoints import Checkpoints
from strands_robots.sim.edit.editing import edit
from strands_robots.sim.edit.edits import AddBody, DeleteBody
from strands_robots.sim.edit.property_edits import SetProperty
from strands_robots.sim.edit.shapes import Shape
from strands_robots.sim.randomize.variations import Variation
from strands_robots.sim.render.renderer import SceneRenderer
from strands_robots.sim.world.sensor_noise import JointNoise
from strands_robots.sim.world.world import World

from .arms import one_arm_world, two_arm_world


def cube(name: str, x: float) -> AddBody:
    shape = Shape("box", [0.02, 0.02, 0.02], mass=0.1, name=f"{name}_shape", rgba=(0.4, 0.5, 0.6, 1.0))
    return AddBody(name, [shape], position=(x, 1.0, 0.02), is_free=True)


@pytest.fixture
def world() -> World:
    world = one_arm_world()
    edit(world, [cube("cube", 0.0), cube("other", 0.5)])
    return world


def everything(world: World) -> tuple[bytes, ...]:
    model = world.model
    arrays = (
        model.geom_rgba, model.geom_friction, model.body_mass, model.body_inertia, model.dof_invweight0, model.light_diffuse,
        model.light_dir, model.cam_pos, model.cam_quat, model.cam_fovy, world.get_state(),
    )  # fmt: skip
    return (*(array.tobytes() for array in arrays), world.model_sha256.encode())


ALL = [
    Variation("color", -0.2, 0.2),
    Variation("friction", 0.5, 2.0, ("cube", "world")),
    Variation("mass", 0.5, 2.0),
    Variation("x", -0.1, 0.1),
    Variation("y", -0.1, 0.1),
    Variation("yaw", -3.0, 3.0),
    Variation("joint", -0.2, 0.2),
    Variation("light", 0.5, 1.0),
    Variation("light_angle", 0.0, 0.3, ("key",)),
    Variation("camera_position", -0.01, 0.01),
    Variation("camera_angle", -0.02, 0.02),
    Variation("camera_fovy", 0.95, 1.05),
    Variation("position_noise", 0.001, 0.002),
    Variation("velocity_noise", 0.01, 0.01),
    Variation("picture_noise", 2.0, 4.0),
]


def test_same_seed_gives_the_same_world_and_another_seed_another(world: World) -> None:
    world.vary(ALL, 7)
    first = everything(world)
    world.reset(8)
    assert all(a != b for a, b in zip(first, everything(world)))
    world.step(50)
    world.reset(7)
    assert everything(world) == first


PROCESS = """
import hashlib, sys
sys.path.insert(0, {tests!r})
from sim.test_randomization import ALL, cube, everything
from sim.arms import one_arm_world
from strands_robots.sim.edit.editing import edit
world = one_arm_world()
edit(world, [cube("cube", 0.0), cube("other", 0.5)])
world.vary(ALL, 11)
world.step(20)
print(hashlib.sha256(b"".join(everything(world))).hexdigest())
"""


def test_same_seed_gives_the_same_world_in_two_processes() -> None:
    code = PROCESS.format(tests=str(Path(__file__).resolve().parents[1]))
    answers = [
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60).stdout
        for _ in range(2)
    ]
    assert answers[0] == answers[1] and len(answers[0].strip()) == 64


def test_what_is_drawn_does_not_depend_on_what_else_is(world: World) -> None:
    world.vary([Variation("mass", 0.5, 2.0, ("cube",))], 3)
    (alone,) = world.drawn
    world.vary(ALL, 3)
    assert alone in world.drawn
    edit(world, [cube("third", 1.0)])
    world.reset(3)
    assert alone in world.drawn


def test_no_variations_bring_back_the_world_as_it_was_made(world: World) -> None:
    world.reset(5)
    before = everything(world)
    world.vary(ALL, 5)
    assert everything(world) != before
    world.vary([], 5)
    assert everything(world) == before and world.drawn == ()


def test_inertia_follows_the_mass_and_the_picture_keeps_its_planes(world: World) -> None:
    extent = world.model.stat.extent
    body = world.model.body("cube")
    inertia, weight = body.inertia.copy(), world.model.dof_invweight0.copy()
    world.vary([Variation("mass", 3.0, 3.0, ("cube",))])
    varied = world.model.body("cube")
    assert varied.mass[0] == pytest.approx(0.3)
    np.testing.assert_allclose(varied.inertia, 3.0 * inertia)
    dof = world.model.joint("cube").dofadr[0]
    assert world.model.dof_invweight0[dof] == pytest.approx(weight[dof] / 3.0)
    assert world.model.stat.extent == extent
    world.step(500)
    assert np.abs(world.data.body("cube").cvel).max() < 1e-2


def test_colours_change_only_what_was_named(world: World) -> None:
    before = world.model.geom_rgba.copy()
    world.vary([Variation("color", 0.1, 0.3, ("cube",))], 1)
    changed = (world.model.geom_rgba != before).any(axis=1)
    assert changed.sum() == 1 and changed[world.model.geom("cube_shape").id]
    (drawn,) = world.drawn
    np.testing.assert_allclose(
        world.model.geom("cube_shape").rgba[:3], np.array([0.4, 0.5, 0.6]) + drawn.values, atol=1e-6
    )


def test_joints_start_within_their_limits_and_hold_there(world: World) -> None:
    robot = world.robots["arm"]
    world.vary([Variation("joint", -6.0, 6.0)], 2)
    assert (robot.position >= robot.limits.lower).all() and (robot.position <= robot.limits.upper).all()
    start = robot.position.copy()
    assert (np.abs(start - robot.home) > 1e-3).all()
    world.step(200)
    robot.read()
    np.testing.assert_allclose(robot.position, start, atol=0.05)


def test_light_turns_by_the_angle_that_was_drawn(world: World) -> None:
    before = world.model.light("key").dir.copy()
    world.vary([Variation("light_angle", 0.3, 0.3, ("key",)), Variation("light", 0.5, 0.5, ("headlight",))])
    after = world.model.light("key").dir
    cosine = before @ after / np.linalg.norm(before) / np.linalg.norm(after)
    assert math.acos(cosine) == pytest.approx(0.3, abs=1e-6)
    np.testing.assert_allclose(world.model.vis.headlight.ambient, 0.5 * 0.35, atol=1e-6)


def test_camera_jitter_moves_camera_frame_and_picture(world: World) -> None:
    before = world.cameras["overhead"]
    with SceneRenderer(world) as renderer:
        picture = renderer.render(world.get_state(), "overhead")
        world.vary(
            [Variation("camera_position", 0.05, 0.05, ("overhead",)), Variation("camera_fovy", 1.1, 1.1, ("overhead",))]
        )
        after = world.cameras["overhead"]
        # Along the camera's own axes: x right, y up, z back; it looks down with the world's +x up.
        offset = np.array(after.position) - before.position
        assert offset == pytest.approx((0.05, -0.05, 0.05), abs=1e-9)
        assert after.fovy == pytest.approx(1.1 * before.fovy)
        assert (renderer.render(world.get_state(), "overhead") != picture).any()


def test_objects_never_start_inside_of_each_other(world: World) -> None:
    edit(world, [cube(f"c{i}", -1.0 + 0.1 * i) for i in range(6)])
    names = tuple(f"c{i}" for i in range(6))
    for seed in range(20):
        world.vary([Variation("x", -0.1, 0.1, names), Variation("yaw", -3.0, 3.0, names)], seed)
        mujoco.mj_fwdPosition(world.model, world.data)
        assert min((contact.dist for contact in world.data.contact), default=0.0) > -2e-3


def test_variations_that_give_no_start_are_refused_and_change_nothing(world: World) -> None:
    before, config = everything(world), world.config
    with pytest.raises(WorldError, match=r"'cube' in|in 'cube'"):
        world.vary([Variation("z", -0.04, -0.03, ("cube",))])
    assert everything(world) == before and world.config is config


def test_variation_stays_through_edits(world: World) -> None:
    world.vary([Variation("mass", 2.0, 2.0), Variation("x", 0.05, 0.05, ("cube",))], 4)
    position = world.data.body("cube").xpos.copy()
    edit(world, [cube("new", 1.5), SetProperty("body", "cube", "mass", [0.2])])
    assert world.model.body("cube").mass[0] == pytest.approx(0.4)
    assert world.model.body("new").mass[0] == pytest.approx(0.2)
    np.testing.assert_allclose(world.data.body("cube").xpos, position, atol=1e-9)
    edit(world, [DeleteBody("cube")])
    world.reset(4)
    assert {each.name for each in world.drawn} == {"new", "other"}


def test_checkpoint_of_other_variations_is_refused(world: World) -> None:
    checkpoints = Checkpoints(world)
    checkpoints.save("before")
    world.vary([Variation("mass", 2.0, 2.0)])
    with pytest.raises(WorldError, match="was changed"):
        checkpoints.load("before")


def test_two_robots_have_their_own_noise() -> None:
    world = two_arm_world()
    world.vary([Variation("position_noise", 0.01, 0.01, ("left",)), Variation("velocity_noise", 0.1, 0.1)], 1)
    position, velocity = np.zeros(2), np.zeros(2)
    left, right = JointNoise(world, "left"), JointNoise(world, "right")
    seen = [left.apply(0.01 * i, position, velocity)[0].copy() for i in range(2000)]
    assert np.std(seen) == pytest.approx(0.01, rel=0.05) and np.abs(np.mean(seen)) < 1e-3
    np.testing.assert_array_equal(left.apply(0.01, position, velocity)[0], seen[1])
    assert right.apply(0.01, position, velocity)[0] is position
    assert (right.apply(0.01, position, velocity)[1] != left.apply(0.01, position, velocity)[1]).all()
    assert not position.any() and not velocity.any()


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: Variation("colour", 0.0, 1.0), UnknownNameError, "did you mean 'color'"),
        (
            lambda: Variation("mass", 0.0, 1.0),
            ConfigurationError,
            "mass from 0 to 1 given; valid: low up to high, within 0.001",
        ),
        (lambda: Variation("mass", 2.0, 1.0), ConfigurationError, "low up to high"),
        (lambda: Variation("x", math.nan, 1.0), ConfigurationError, "x from nan"),
        (lambda: Variation("x", 0.0, math.inf), ConfigurationError, "x from 0 to inf"),
    ],
)
def test_variation_that_cannot_be_is_refused(make: object, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        make()  # type: ignore[operator]


@pytest.mark.parametrize(
    ("variation", "words"),
    [
        (Variation("mass", 1.0, 2.0, ("cubs",)), "unknown body 'cubs'.*did you mean 'cube'"),
        (Variation("x", 0.0, 0.1, ("world",)), "unknown free object 'world'; valid: cube, other"),
        (Variation("light", 1.0, 1.0, ("sun",)), "unknown light 'sun'; valid: fill, headlight, key"),
        (Variation("position_noise", 0.0, 1.0, ("leg",)), "unknown robot 'leg'; valid: arm"),
    ],
)
def test_variation_of_what_is_not_there_is_refused(world: World, variation: Variation, words: str) -> None:
    before = everything(world)
    with pytest.raises(UnknownNameError, match=words):
        world.vary([variation])
    assert everything(world) == before
