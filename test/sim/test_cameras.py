from __future__ import annotations

import dataclasses
import math

import mujoco
import numpy as np
import pytest

from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import ModelError, RenderError, ShapeError, UnknownNameError
from strands_robots.description.robot_config import CameraConfig, load_robot
from strands_robots.sim.render.cameras import Camera
from strands_robots.sim.render.renderer import PictureKind, SceneRenderer
from strands_robots.sim.world.world import RobotSpec, World, WorldConfig

from .arms import arm, one_arm_world, two_arm_world


def optical_pose(world: World, camera: Camera) -> tuple[FloatArray, FloatArray]:
    """Return position (3,) and rotation (3, 3) of a camera's optical frame in the world frame, from its parent's pose."""
    parent = world.data.body(camera.parent_frame)
    x, y, z, w = camera.quaternion_xyzw
    local = np.zeros(9)
    mujoco.mju_quat2Mat(local, np.array([w, x, y, z]))
    rotation = parent.xmat.reshape(3, 3)
    return parent.xpos + rotation @ np.array(camera.position), rotation @ local.reshape(3, 3)


def add_ball(world: World, position: tuple[float, float, float], radius: float) -> None:
    world.spec.worldbody.add_geom(
        name="ball",
        type=mujoco.mjtGeom.mjGEOM_SPHERE,
        size=[radius, 0, 0],
        pos=list(position),
        rgba=[1, 0, 0, 1],
        contype=0,
        conaffinity=0,
    )
    world.recompile()


def red_pixels(picture: FloatArray) -> FloatArray:
    """Return (v, u) of the red pixels."""
    red, green, blue = (picture[..., i].astype(int) for i in range(3))
    return np.argwhere((red > 60) & (green < red // 3) & (blue < red // 3))


def test_cameras_are_those_of_the_scene_and_of_every_robot() -> None:
    cameras = two_arm_world().cameras
    assert list(cameras) == ["overhead", "left/wrist", "right/wrist"]
    wrist = cameras["left/wrist"]
    assert wrist.robot == "left"
    assert wrist.frame_id == "left/wrist_optical_frame"
    assert wrist.parent_frame == "left/fore_link"
    assert wrist.fovy == pytest.approx(math.radians(60.0))
    assert (wrist.width, wrist.height, wrist.rate) == (640, 480, 30.0)
    assert cameras["overhead"].parent_frame == "world"


def test_overhead_can_be_left_out() -> None:
    world = World(WorldConfig(robots=(RobotSpec("arm", arm()),), overhead=None))
    assert list(world.cameras) == ["arm/wrist"]


@pytest.mark.parametrize("name", ["overhead", "arm/wrist"])
def test_optical_frame_agrees_with_the_camera_of_mujoco(name: str) -> None:
    world = one_arm_world()
    camera = world.cameras[name]
    position, rotation = optical_pose(world, camera)
    mujoco_axes = world.data.cam_xmat[camera.number].reshape(3, 3)
    np.testing.assert_allclose(position, world.data.cam_xpos[camera.number], atol=1e-12)
    np.testing.assert_allclose(rotation, mujoco_axes @ np.diag([1.0, -1.0, -1.0]), atol=1e-12)


def test_intrinsics_follow_the_field_of_view_and_the_size() -> None:
    camera = one_arm_world().cameras["arm/wrist"]
    full, half = camera.intrinsics(), camera.intrinsics(320, 240)
    assert full.fx == full.fy == pytest.approx(240.0 / math.tan(math.radians(30.0)))
    assert (full.cx, full.cy) == (319.5, 239.5)
    assert half.fy == pytest.approx(full.fy / 2)
    np.testing.assert_allclose(full.matrix(), [[full.fx, 0, 319.5], [0, full.fy, 239.5], [0, 0, 1]])


@pytest.mark.parametrize("place", [(0.2, 0.15, 0.1), (0.1, -0.2, 0.02)])
def test_point_is_seen_where_the_intrinsics_say(place: tuple[float, float, float]) -> None:
    world = one_arm_world()
    add_ball(world, place, 0.01)
    camera = world.cameras["overhead"]
    position, rotation = optical_pose(world, camera)
    x, y, z = rotation.T @ (np.array(place) - position)
    k = camera.intrinsics()
    with SceneRenderer(world) as renderer:
        state = world.get_state()
        v, u = red_pixels(renderer.render(state, camera)).mean(axis=0)
        depth = renderer.render(state, camera, PictureKind.DEPTH)
    # The middle of a sphere's outline lies a little further out than its centre: 1 - (r / z)^2.
    assert u == pytest.approx(k.fx * x / z + k.cx, abs=0.5)
    assert v == pytest.approx(k.fy * y / z + k.cy, abs=0.5)
    assert depth[round(v), round(u)] == pytest.approx(z - 0.01, abs=1e-3)


def test_depth_of_the_ground_is_the_height_of_the_camera() -> None:
    world = World(WorldConfig(robots=(RobotSpec("arm", arm(), (2.0, 0.0, 0.0)),), overhead=None))
    world.spec.worldbody.add_camera(name="above", pos=[0.0, 0.0, 0.7], fovy=50.0)
    world.recompile()
    with SceneRenderer(world) as renderer:
        depth = renderer.render(world.get_state(), "above", PictureKind.DEPTH)
    assert depth.dtype == np.float32
    # Distance along the optical axis, not along the ray: the same everywhere on a floor seen from straight above.
    np.testing.assert_allclose(depth, 0.7, atol=2e-4)


def test_overhead_sees_the_whole_arm_and_not_too_small() -> None:
    world = World(WorldConfig(robots=(RobotSpec("so101", load_robot("so101")),)))
    with SceneRenderer(world) as renderer:
        depth = renderer.render(world.get_state(), "overhead", PictureKind.DEPTH)
    is_arm = depth < world.cameras["overhead"].position[2] - 0.01
    border = np.concatenate([is_arm[0], is_arm[-1], is_arm[:, 0], is_arm[:, -1]])
    assert not border.any()
    assert 0.02 < is_arm.mean() < 0.3


def test_up_in_the_overhead_picture_is_forward_of_the_robot() -> None:
    world = one_arm_world()
    add_ball(world, (0.2, 0.1, 0.02), 0.02)
    with SceneRenderer(world) as renderer:
        v, u = red_pixels(renderer.render(world.get_state(), "overhead")).mean(axis=0)
    position = world.cameras["overhead"].position
    assert (v < 239.5) == (position[0] < 0.2)
    assert (u < 319.5) == (position[1] < 0.1)


def test_picture_shows_the_given_state_not_the_present_one() -> None:
    world = one_arm_world()
    before = world.get_state()
    with SceneRenderer(world) as renderer:
        first = renderer.render(before, "overhead")
        world.robots["arm"].set_target(np.array([-1.0, 1.0]))
        world.step(500)
        np.testing.assert_array_equal(renderer.render(before, "overhead"), first)
        assert (renderer.render(world.get_state(), "overhead") != first).any()


def test_ground_is_neither_white_nor_black() -> None:
    world = World(WorldConfig(robots=()))
    with SceneRenderer(world) as renderer:
        picture = renderer.render(world.get_state(), "overhead")
    assert 60 < picture.min() <= picture.max() < 200


def test_size_can_be_chosen_and_may_be_larger_than_any_camera() -> None:
    world = one_arm_world()
    with SceneRenderer(world) as renderer:
        state = world.get_state()
        assert renderer.render(state, "overhead", width=1280, height=960).shape == (960, 1280, 3)
        assert renderer.render(state, "arm/wrist", PictureKind.DEPTH, 64, 48).shape == (48, 64)
        assert renderer.render(state, "arm/wrist").shape == (480, 640, 3)


def test_large_picture_agrees_with_the_small_one() -> None:
    world = one_arm_world()
    with SceneRenderer(world) as renderer:
        state = world.get_state()
        small = renderer.render(state, "overhead", PictureKind.DEPTH)
        large = renderer.render(state, "overhead", PictureKind.DEPTH, 1280, 960)
    assert np.median(np.abs(small - large[::2, ::2])) < 1e-3


def test_picture_is_drawn_into_a_given_array() -> None:
    world = one_arm_world()
    out = np.zeros((480, 640, 3), np.uint8)
    with SceneRenderer(world) as renderer:
        assert renderer.render(world.get_state(), "overhead", out=out) is out
        assert out.any()
        with pytest.raises(ShapeError, match=r"out is uint8 .480, 640, 3.; valid: float32 .480, 640."):
            renderer.render(world.get_state(), "overhead", PictureKind.DEPTH, out=out)


def test_still_picture_has_shadows() -> None:
    world = one_arm_world()
    state = world.get_state()
    with SceneRenderer(world) as quick, SceneRenderer(world, is_still=True) as still:
        plain, shaded = (r.render(state, "overhead").astype(int).sum(axis=2) for r in (quick, still))
    assert ((plain - shaded) > 60).mean() > 0.002


def test_renderer_follows_an_edited_world() -> None:
    world = one_arm_world()
    with SceneRenderer(world) as renderer:
        assert len(red_pixels(renderer.render(world.get_state(), "overhead"))) == 0
        add_ball(world, (0.2, 0.2, 0.05), 0.03)
        assert len(red_pixels(renderer.render(world.get_state(), "overhead"))) > 50


def test_wrong_requests_are_refused() -> None:
    world = one_arm_world()
    renderer = SceneRenderer(world)
    state = world.get_state()
    with pytest.raises(UnknownNameError, match="unknown camera 'top'; valid: arm/wrist, overhead"):
        renderer.render(state, "top")
    with pytest.raises(RenderError, match="5000 x 480 pixels was asked for; valid: 1 to 4096 each"):
        renderer.render(state, "overhead", width=5000)
    with pytest.raises(RenderError, match="picture kind 7 is not known"):
        renderer.render(state, "overhead", 7)
    with pytest.raises(ShapeError, match="valid for this world"):
        renderer.render(state[:-1], "overhead")
    renderer.close()
    with pytest.raises(RenderError, match="the renderer is closed"):
        renderer.render(state, "overhead")


def test_camera_size_comes_from_the_configuration() -> None:
    world = one_arm_world(cameras={"wrist": CameraConfig(width=320, height=200, rate=10.0)})
    camera = world.cameras["arm/wrist"]
    assert (camera.width, camera.height, camera.rate) == (320, 200, 10.0)


def test_camera_that_follows_something_is_drawn_on_request_and_has_no_frame() -> None:
    world = one_arm_world()
    world.spec.worldbody.add_camera(name="tracker", mode=mujoco.mjtCamLight.mjCAMLIGHT_TRACK, pos=[0.0, -1.0, 0.5])
    world.recompile()
    camera = world.cameras["tracker"]
    assert (camera.is_fixed, camera.parent_frame, world.cameras["overhead"].is_fixed) == (False, "", True)
    with SceneRenderer(world) as renderer:
        assert renderer.render(world.get_state(), "tracker").std() > 1.0
    world.step(10)


def test_camera_of_a_sensor_has_its_focal_lengths_and_centre() -> None:
    world = one_arm_world()
    world.load(
        dataclasses.replace(
            world.config,
            scene_xml="<mujoco><worldbody><geom name='ball' size='.05' pos='.2 .1 -1'/><camera name='c' resolution='320 240'"
            " sensorsize='.0064 .0048' focal='.006 .007' principal='.0004 -.0003'/></worldbody></mujoco>",
            robots=(),
            overhead=None,
        )
    )
    camera = world.cameras["c"]
    found = camera.intrinsics()
    assert (camera.width, camera.height) == (320, 240)
    assert (found.fx, found.fy) == pytest.approx((300.0, 350.0))
    with SceneRenderer(world) as renderer:
        values = renderer.render(world.get_state(), "c", PictureKind.SEGMENTATION)
    rows, columns = np.nonzero(values)
    # A small ball appears where its centre is projected to, nearly.
    assert columns.mean() == pytest.approx(found.fx * 0.2 + found.cx, abs=0.7)
    assert rows.mean() == pytest.approx(-found.fy * 0.1 + found.cy, abs=0.7)


def test_resolution_of_the_file_is_kept_and_impossible_ones_are_refused() -> None:
    world = one_arm_world()
    world.spec.worldbody.add_camera(name="small", resolution=[320, 240])
    world.recompile()
    assert (world.cameras["small"].width, world.cameras["small"].height) == (320, 240)
    world.spec.worldbody.add_camera(name="huge", resolution=[100000, 240])
    with pytest.raises(ModelError, match="'huge' has resolution 100000 x 240; valid: 16 to 4096"):
        world.recompile()


def test_depth_of_the_sky_is_infinite() -> None:
    world = one_arm_world()
    world.spec.worldbody.add_camera(name="up", pos=[0.0, 0.0, 3.0], quat=[0.0, 1.0, 0.0, 0.0])
    world.recompile()
    with SceneRenderer(world) as renderer:
        depth = renderer.render(world.get_state(), "up", PictureKind.DEPTH)
        assert np.isposinf(depth).all()
        assert np.isfinite(renderer.render(world.get_state(), "overhead", PictureKind.DEPTH)).all()


def test_camera_on_a_body_without_a_name_hangs_on_the_next_one_above() -> None:
    world = one_arm_world()
    post = world.spec.worldbody.add_body(pos=[0.5, 0.0, 0.2], quat=[0.8, 0.0, 0.6, 0.0])
    post.add_camera(name="post", pos=[0.1, 0.0, 0.0], quat=[0.6, 0.8, 0.0, 0.0])
    world.recompile()
    camera = world.cameras["post"]
    assert camera.parent_frame == "world"
    position, rotation = optical_pose(world, camera)
    np.testing.assert_allclose(position, world.data.cam_xpos[camera.number], atol=1e-12)
    axes = world.data.cam_xmat[camera.number].reshape(3, 3)
    np.testing.assert_allclose(rotation, axes @ np.diag([1.0, -1.0, -1.0]), atol=1e-12)


def test_camera_on_a_moving_body_without_a_name_is_refused() -> None:
    world = one_arm_world()
    pendulum = world.spec.worldbody.add_body(pos=[0.5, 0.0, 0.2])
    pendulum.add_joint(type=mujoco.mjtJoint.mjJNT_HINGE)
    pendulum.add_geom(type=mujoco.mjtGeom.mjGEOM_SPHERE, size=[0.02, 0, 0], mass=0.1)
    pendulum.add_camera(name="swing")
    with pytest.raises(
        ModelError, match="camera 'swing' is on a body that moves and has no name; valid: name the body"
    ):
        world.recompile()
