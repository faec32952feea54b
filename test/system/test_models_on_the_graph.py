"""Robot and scene files of others, as a client of sim_node meets them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from diagnostic_msgs.msg import DiagnosticArray
from graph import Client, Graph, wait_for
from sensor_msgs.msg import CameraInfo
from std_msgs.msg import String
from strands_robots.msg import GateState, SceneCamera
from strands_robots.srv import DescribeWorld, EditScene, LoadScene, RenderCamera

from strands_robots.ros.messages import qos

MODELS = Path(__file__).resolve().parents[1] / "data" / "models"


class Started:
    """A sim_node with five robots of other people, and a folder that services may read."""

    def __init__(self, graph: Graph, folder: Path) -> None:
        self.folder = folder
        robots = {
            "low": "d_floor.urdf@0,0,0", "tracked": "b_track_camera.xml@1,0,0", "sensed": "b_sensor_camera.xml@2,0,0",
            "meshed": "k_relative_mesh.urdf@3,0,0", "wheeled": "i_wheel_and_arm.xml@0,2,0.01",
        }  # fmt: skip
        given = [f"{name}={MODELS}/{file}" for name, file in robots.items()]
        self.process = graph.start("sim_node", robots=given, scene_folders=[str(folder)], camera_rate=5.0)
        self.client: Client = graph.client()
        gates = self.client.listen(GateState, "low/gate_state", qos.STATE)
        wait_for(lambda: gates, 30.0, "gate_state")

    def load(self, **fields: object) -> LoadScene.Response:
        return self.client.call(LoadScene, "world/load", LoadScene.Request(**fields), 30.0)

    def describe(self) -> DescribeWorld.Response:
        return self.client.call(DescribeWorld, "world/describe", DescribeWorld.Request(mjcf=True), 30.0)


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Started]:
    with Graph() as graph:
        yield Started(graph, tmp_path_factory.mktemp("scenes"))


def test_robot_inside_of_the_floor_is_told_at_start_and_in_diagnostics(started: Started) -> None:
    heard = started.client.listen(DiagnosticArray, "/diagnostics", qos.STATE)
    wait_for(lambda: heard, what="/diagnostics")
    statuses = {status.name.rpartition(": ")[2]: status for status in heard[-1].status}
    message = statuses["penetration low"].message
    assert message.startswith("a cylinder of 'low/leg' is 0.") and message.endswith("m inside of 'floor'")
    assert "penetration sensed" not in statuses
    wait_for(
        lambda: "robot 'low' starts inside something: a cylinder of 'low/leg'" in started.process.text,
        what="the warning",
    )


def test_camera_of_a_sensor_is_published_and_one_that_turns_is_drawn_on_request(started: Started) -> None:
    infos = started.client.listen(CameraInfo, "sensed/track/camera_info", qos.STATE)
    wait_for(lambda: infos, what="camera_info")
    assert (infos[-1].width, infos[-1].height, infos[-1].k[0]) == (320, 240, pytest.approx(300.0))
    answer = started.client.call(RenderCamera, "world/render", RenderCamera.Request(camera="tracked/track"), 30.0)
    assert answer.success, answer.message
    topics = [name for name, _ in started.client.get_topic_names_and_types()]
    assert not [name for name in topics if "tracked/track" in name]


def test_robot_description_names_meshes_by_uri(started: Started) -> None:
    heard = started.client.listen(String, "meshed/robot_description", qos.DESCRIPTION)
    wait_for(lambda: heard, what="robot_description")
    assert (MODELS / "meshes" / "tet.stl").as_uri() in heard[-1].data


def test_exported_world_loads_and_robots_are_there_as_before(started: Started) -> None:
    before = started.describe()
    answer = started.load(mjcf=before.mjcf)
    assert answer.success, answer.message
    after = started.describe()
    assert (list(after.robots), list(after.joints)) == (list(before.robots), list(before.joints))


def test_scene_that_leads_out_of_the_folder_is_refused_and_the_world_goes_on(started: Started) -> None:
    (started.folder / "dirs.xml").write_text(
        f"<mujoco><compiler meshdir='{MODELS}/meshes'/></mujoco>", encoding="utf-8"
    )
    (started.folder / "main.xml").write_text(
        "<mujoco><include file='dirs.xml'/><asset><mesh name='m' file='tet.stl'/></asset></mujoco>", encoding="utf-8"
    )
    answer = started.load(file="main.xml")
    assert not answer.success and "lies outside" in answer.message
    assert started.describe().success


def test_camera_that_cannot_be_is_refused_in_plain_words(started: Started) -> None:
    request = EditScene.Request(cameras=[SceneCamera(name="small", width=3)])
    answer = started.client.call(EditScene, "world/edit", request, 30.0)
    assert not answer.success
    assert answer.message == "camera 'small' is not valid: width is 3; valid: greater than or equal to 16"
