"""Cameras, pictures, markers and variations through the services of a real sim_node."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import Point, Pose, Quaternion
from graph import Graph, wait_for
from sensor_msgs.msg import CameraInfo, Image, JointState
from std_msgs.msg import ColorRGBA
from strands_robots.msg import EntityState, SceneBody, SceneCamera, SceneShape, SceneView, Variation
from strands_robots.srv import (
    DescribeWorld,
    EditScene,
    GetWorldState,
    LoadScene,
    RandomizeWorld,
    RenderCamera,
    RenderCameras,
    ResetWorld,
)
from visualization_msgs.msg import Marker, MarkerArray

from strands_robots.ros.messages import qos
from strands_robots.ros.messages.images import pixels_from_msg, rgb_from_msg

from .world_under_test import WorldUnderTest

KINDS = RenderCameras.Request
ALL_KINDS = KINDS.RGB | KINDS.DEPTH | KINDS.SEGMENTATION


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorldUnderTest]:
    with Graph() as graph:
        yield WorldUnderTest(graph, cameras=True, output_folder=str(tmp_path_factory.mktemp("pictures")))


@pytest.fixture
def world(shared: WorldUnderTest) -> WorldUnderTest:
    """The world with one red cube on the floor."""
    shared.ok(RandomizeWorld, "world/randomize")
    shared.ok(LoadScene, "world/load")
    shape = SceneShape(
        kind="box", size=[0.03] * 3, mass=0.1, color=ColorRGBA(r=0.8, g=0.1, b=0.1, a=1.0), name="cube_shape"
    )
    cube = SceneBody(name="cube", pose=Pose(position=Point(x=0.5, z=0.03)), is_free=True, shapes=[shape])
    shared.ok(EditScene, "world/edit", bodies=[cube])
    return shared


def topics(world: WorldUnderTest, name: str) -> list[str]:
    found = world.client.get_topic_names_and_types()
    return [topic for topic, _ in found if topic.startswith(f"/{name}/") and world.client.count_publishers(topic)]


# --- Cameras -------------------------------------------------------------------------------------------------------


def test_camera_that_is_added_publishes_at_its_rate_and_removed_it_is_gone(world: WorldUnderTest) -> None:
    camera = SceneCamera(
        name="side", pose=Pose(position=Point(x=1.0, z=0.5)), look_at=[Point(x=0.5)], fovy=0.5, width=64, height=48, rate=20.0,
    )  # fmt: skip
    world.ok(EditScene, "world/edit", cameras=[camera])
    images, infos = (
        world.client.listen(kind, f"side/{topic}", qos.IMAGE)
        for kind, topic in ((Image, "image_raw"), (CameraInfo, "camera_info"))
    )
    wait_for(lambda: len(images) > 20 and infos, 20.0, "pictures of the new camera")
    stamps = [image.header.stamp.sec + 1e-9 * image.header.stamp.nanosec for image in images]
    assert np.median(np.diff(stamps)) == pytest.approx(0.05, abs=0.003)
    assert infos[0].k[4] == pytest.approx(24.0 / math.tan(0.25))
    assert images[0].header.frame_id == "side_optical_frame"
    world.ok(EditScene, "world/edit", remove=["side"])
    wait_for(lambda: not topics(world, "side"), 10.0, "topics of the camera that was removed")
    again = SceneCamera(
        name="side", pose=Pose(position=Point(x=1.0, z=0.5)), look_at=[Point(x=0.5)], width=32, height=32
    )
    world.ok(EditScene, "world/edit", cameras=[again])
    wait_for(lambda: images[-1].width == 32, 10.0, "pictures of another camera of that name")


def test_camera_on_a_body_looks_along_with_it(world: WorldUnderTest) -> None:
    camera = SceneCamera(name="on_cube", body="cube", pose=Pose(position=Point(x=0.1)), look_at=[Point(x=1.0)])
    world.ok(EditScene, "world/edit", cameras=[camera])
    view = lambda: world.ok(RenderCameras, "world/render_cameras", cameras=["on_cube"]).pictures[0].pose.position  # noqa: E731
    assert view().x == pytest.approx(0.6, abs=1e-3)
    moved = EntityState(name="cube", pose=Pose(position=Point(x=0.3, y=0.4, z=0.03)))
    world.ok(EditScene, "world/edit", poses=[moved])
    assert (view().x, view().y) == pytest.approx((0.4, 0.4), abs=1e-3)
    assert "on_cube" in world.ok(DescribeWorld, "world/describe").cameras


@pytest.mark.parametrize(
    ("camera", "words"),
    [
        (SceneCamera(name="a-b"), "valid: a lower-case letter, then up to 62 of a-z 0-9 _"),
        (SceneCamera(name="so101"), "exists already"),
        (SceneCamera(name="overhead"), "exists already"),
        (SceneCamera(name="c", body="nothing"), "unknown body 'nothing'"),
        (
            SceneCamera(name="c", pose=Pose(position=Point(x=1.0)), look_at=[Point(x=1.0)]),
            "look at the point where it is",
        ),
        (SceneCamera(name="c", rate=1000.0), "rate"),
        (SceneCamera(name="c", noise=-1.0), "noise"),
        (SceneCamera(name="c", delay=60.0), "delay"),
    ],
)
def test_camera_that_cannot_be_is_refused(world: WorldUnderTest, camera: SceneCamera, words: str) -> None:
    assert words in world.refused(EditScene, "world/edit", cameras=[camera])


def test_camera_that_is_too_slow_says_so_and_physics_keeps_its_pace(world: WorldUnderTest) -> None:
    large = SceneCamera(
        name="large", pose=Pose(position=Point(x=1.0, z=0.5)), look_at=[Point(x=0.5)], width=1280, height=1280, rate=120.0,
    )  # fmt: skip
    world.ok(EditScene, "world/edit", cameras=[large])
    heard = world.client.listen(DiagnosticArray, "/diagnostics", qos.STATE)
    images = world.client.listen(Image, "large/image_raw", qos.IMAGE_READER, keep=2)

    def statuses() -> dict[str, Any]:
        return {status.name.rpartition(": ")[2]: status for status in heard[-1].status} if heard else {}

    slow = wait_for(lambda: (s := statuses().get("camera large")) and s.level == b"\x01" and s, 30.0, "a slow camera")
    assert "instead of 120" in slow.message and images
    world_values = {
        value.key: float(value.value) for value in statuses()["world"].values if value.key == "real_time_factor"
    }
    assert world_values["real_time_factor"] > 0.6  # the camera makes a tenth of its pictures; test machines are busy


# --- Pictures ------------------------------------------------------------------------------------------------------


def test_all_cameras_in_one_call_show_one_instant(world: WorldUnderTest) -> None:
    answer = world.ok(RenderCameras, "world/render_cameras", kinds=ALL_KINDS)
    assert {picture.name for picture in answer.pictures} >= {"overhead", "so101/wrist"}
    for picture in answer.pictures:
        assert picture.rgb.header.stamp == picture.camera_info.header.stamp == answer.stamp
        assert (picture.rgb.encoding, picture.depth.encoding, picture.segmentation.encoding) == (
            "rgb8",
            "32FC1",
            "16UC1",
        )
    labels = {label.value: label for label in answer.labels}
    overhead = next(picture for picture in answer.pictures if picture.name == "overhead")
    values = pixels_from_msg(overhead.segmentation)
    red = rgb_from_msg(overhead.rgb).astype(int)
    is_red = (red[..., 0] > 2 * red[..., 1]) & (red[..., 0] > 40)
    (seen,) = set(np.unique(values[is_red]).tolist())
    assert (labels[seen].geom, labels[seen].body, labels[seen].entity) == ("cube_shape", "cube", "cube")
    assert {label.entity for label in answer.labels} == {"world", "so101", "cube"}


def test_free_views_and_points_behind_pixels(world: WorldUnderTest) -> None:
    around = SceneView(name="around", look_at=[Point(x=0.5, z=0.06)], distance=0.5, azimuth=1.0, elevation=-0.8)
    at = SceneView(pose=Pose(position=Point(x=0.5, z=1.0)), look_at=[Point(x=0.5)], fovy=0.5)
    down = SceneView(name="posed", pose=Pose(position=Point(x=0.5, z=1.0), orientation=Quaternion(x=1.0, w=0.0)))
    answer = world.ok(
        RenderCameras, "world/render_cameras", views=[around, at, down], kinds=KINDS.DEPTH, width=320, height=240,
        pixels=[159.5, 119.5, 2.0, 2.0],
    )  # fmt: skip
    assert [picture.name for picture in answer.pictures] == ["around", "view1", "posed"]
    for picture in answer.pictures:
        assert (picture.depth.width, picture.depth.height, len(picture.rgb.data)) == (320, 240, 0)
        top = picture.points[0]
        assert (top.x, top.y, top.z) == pytest.approx((0.5, 0.0, 0.06), abs=3e-3)
    assert answer.pictures[1].points[1].z == pytest.approx(0.0, abs=3e-3)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"cameras": ["wrist"]}, "unknown camera 'wrist'"),
        ({"kinds": 8}, "kinds 8 given"),
        ({"width": 8}, "size 8x480"),
        ({"width": 5000}, "size 5000x480"),
        ({"cameras": ["overhead"] * 5, "width": 4096, "height": 4096}, "bytes were asked for"),
        ({"pixels": [1.0]}, "1 numbers in pixels"),
        ({"pixels": [640.0, 0.0]}, "pixel (640, 0) given; valid: 0 to 639"),
        ({"pixels": [math.nan, 0.0]}, "pixel (nan, 0) given"),
        ({"views": [SceneView(distance=1.0)]}, "has a distance and no look_at"),
        ({"views": [SceneView(look_at=[Point()], distance=math.inf)]}, "distance inf"),
        ({"views": [SceneView(look_at=[Point()], distance=1.0, elevation=2.0)]}, "elevation 2"),
        ({"views": [SceneView(look_at=[Point()])]}, "look at the point where it is"),
        ({"views": [SceneView(fovy=4.0)]}, "field of view 4"),
        ({"views": [SceneView(pose=Pose(position=Point(x=math.nan)))]}, "valid: finite"),
    ],
)
def test_pictures_that_cannot_be_are_refused(world: WorldUnderTest, fields: dict[str, Any], words: str) -> None:
    assert words in world.refused(RenderCameras, "world/render_cameras", **fields)


def test_single_render_knows_segmentation_and_fine_pictures(world: WorldUnderTest) -> None:
    segmented = world.ok(RenderCamera, "world/render", camera="overhead", kind=RenderCamera.Request.SEGMENTATION)
    assert segmented.image.encoding == "16UC1" and "cube" in {label.entity for label in segmented.labels}
    plain, fine = (
        rgb_from_msg(world.ok(RenderCamera, "world/render", camera="overhead", fine=f).image) for f in (False, True)
    )
    darker = plain.astype(int).sum(axis=2) - fine.astype(int).sum(axis=2)
    assert (darker > 40).mean() > 0.001
    written = world.ok(
        RenderCamera, "world/render", camera="overhead", kind=RenderCamera.Request.SEGMENTATION, file="s.png"
    )
    assert written.path.endswith("s.png") and written.labels


# --- Markers -------------------------------------------------------------------------------------------------------


def test_markers_show_objects_and_follow_them(world: WorldUnderTest) -> None:
    heard = world.client.listen(MarkerArray, "world/markers", qos.DESCRIPTION)
    whole = wait_for(
        lambda: next((m for m in heard if m.markers[0].action == Marker.DELETEALL), None), 10.0, "all markers"
    )
    by_name = {marker.ns: marker for marker in whole.markers[1:]}
    assert set(by_name) == {"world", "cube"}
    cube = by_name["cube"]
    assert (cube.type, cube.header.frame_id) == (Marker.CUBE, "world")
    assert (cube.scale.x, cube.color.r) == pytest.approx((0.06, 0.8), abs=1e-6)
    heard.clear()
    moved = EntityState(name="cube", pose=Pose(position=Point(x=-0.3, y=0.4, z=0.03)))
    world.ok(EditScene, "world/edit", poses=[moved])
    wait_for(
        lambda: any(m.ns == "cube" and abs(m.pose.position.x + 0.3) < 1e-3 for array in list(heard) for m in array.markers),
        10.0, "the marker of a cube that was moved",
    )  # fmt: skip
    world.ok(EditScene, "world/edit", remove=["cube"])
    wait_for(lambda: heard and [m.ns for m in heard[-1].markers[1:]] == ["world"], 10.0, "markers without the cube")


# --- Variations ----------------------------------------------------------------------------------------------------


def test_seed_says_what_the_world_is_until_nothing_varies(world: WorldUnderTest) -> None:
    state = lambda: world.ok(GetWorldState, "world/get_state", full=True)  # noqa: E731
    nominal = state().model_sha256
    varied = [
        Variation(quantity="mass", names=["cube"], low=0.5, high=2.0),
        Variation(quantity="x", low=-0.05, high=0.05),
        Variation(quantity="camera_position", names=["overhead"], low=-0.02, high=0.02),
    ]
    first = world.ok(RandomizeWorld, "world/randomize", variations=varied, seed=3)
    assert [line.rsplit(" ", 1)[0] for line in first.drawn[-1:]] == ["x cube"] and len(first.drawn) == 3
    sha = state().model_sha256
    eye = world.ok(RenderCameras, "world/render_cameras", cameras=["overhead"]).pictures[0].pose.position
    world.ok(ResetWorld, "world/reset", seed=4)
    assert state().model_sha256 not in (sha, nominal)
    other = world.ok(RenderCameras, "world/render_cameras", cameras=["overhead"]).pictures[0].pose.position
    assert other != eye
    world.ok(ResetWorld, "world/reset", seed=3)
    assert state().model_sha256 == sha
    text = world.ok(DescribeWorld, "world/describe").text
    assert "varies: mass 0.5 to 2 of cube" in text and first.drawn[0] in text
    assert world.ok(RandomizeWorld, "world/randomize", seed=3).drawn == []
    assert state().model_sha256 == nominal


def test_noisy_robot_is_noisy_on_its_topic_only(world: WorldUnderTest) -> None:
    states = world.client.listen(JointState, "so101/joint_states", qos.STATE)
    noise = [Variation(quantity="position_noise", low=0.05, high=0.05)]
    world.ok(RandomizeWorld, "world/randomize", variations=noise)
    states.clear()
    wait_for(lambda: len(states) > 100, 20.0, "joint_states")
    seen = np.array([state.position[0] for state in states])
    assert np.std(seen[20:]) == pytest.approx(0.05, rel=0.4)
    true = [world.ok(GetWorldState, "world/get_state").joint_states[0].position[0] for _ in range(5)]
    assert np.std(true) < 1e-3


@pytest.mark.parametrize(
    ("variation", "words"),
    [
        (Variation(quantity="weight", low=1.0, high=1.0), "unknown quantity 'weight'"),
        (Variation(quantity="mass", low=2.0, high=1.0), "valid: low up to high"),
        (Variation(quantity="mass", low=math.nan, high=1.0), "mass from nan"),
        (Variation(quantity="mass", low=1.0, high=2.0, names=["cubs"]), "did you mean 'cube'"),
        (Variation(quantity="z", low=-0.05, high=-0.05, names=["cube"]), "starts were drawn"),
    ],
)
def test_variation_that_cannot_be_is_refused_and_changes_nothing(
    world: WorldUnderTest, variation: Variation, words: str
) -> None:
    before = world.ok(GetWorldState, "world/get_state", full=True).model_sha256
    assert words in world.refused(RandomizeWorld, "world/randomize", variations=[variation])
    assert world.ok(GetWorldState, "world/get_state", full=True).model_sha256 == before
