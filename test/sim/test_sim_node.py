"""sim_node as a process: world services, time, pictures, modes, and refusals of wrong parameters."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray
from graph import Client, Graph, wait_for
from PIL import Image as Picture
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_srvs.srv import SetBool
from strands_robots.msg import GateState, JointCommand
from strands_robots.srv import GetWorldState, RenderCamera, ResetWorld, StepWorld
from supervisor import TestSupervisor

from strands_robots.description.robot_config import load_robot
from strands_robots.ros.messages import qos
from strands_robots.ros.messages.images import pixels_from_msg, rgb_from_msg
from strands_robots.ros.messages.stamps import to_duration, to_seconds, to_time

JOINTS = list(load_robot("so101").joints)


class World:
    """A started sim_node and a client."""

    def __init__(self, graph: Graph, folder: Path, **parameters: Any) -> None:
        self.graph, self.folder = graph, folder
        self.process = graph.start("sim_node", output_folder=str(folder), **parameters)
        self.client: Client = graph.client()
        self.gates = self.client.listen(GateState, "so101/gate_state", qos.STATE)
        self.supervisor = TestSupervisor(self.client, "so101")
        wait_for(lambda: self.supervisor.last_gate, 30.0, "gate_state")

    def state(self, full: bool = False) -> GetWorldState.Response:
        response = self.client.call(GetWorldState, "world/get_state", GetWorldState.Request(full=full))
        assert response.success, response.message
        return response

    def reset(self, seed: int) -> ResetWorld.Response:
        return self.client.call(ResetWorld, "world/reset", ResetWorld.Request(seed=seed))

    def render(self, **fields: Any) -> RenderCamera.Response:
        return self.client.call(RenderCamera, "world/render", RenderCamera.Request(**fields), 30.0)

    def step(
        self, steps: int, *commands: JointCommand, client: str = "policy/test", release: bool = False
    ) -> StepWorld.Response:
        request = StepWorld.Request(client=client, steps=steps, release=release)
        request.commands, request.command_robots = list(commands), ["so101"] * len(commands)
        return self.client.call(StepWorld, "world/step", request, 30.0)

    def arm(self) -> None:
        self.supervisor.arm()
        wait_for(lambda: not self.gates[-1].latched, what="armed")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with Graph() as graph:
        yield World(graph, tmp_path_factory.mktemp("output"), camera_rate=10.0, seed=5)


@pytest.fixture(scope="module")
def lockstep(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with Graph() as graph:
        yield World(graph, tmp_path_factory.mktemp("output"), mode="lockstep", camera_rate=10.0)


# --- Realtime ------------------------------------------------------------------------------------------------------


def test_state_says_what_runs(world: World) -> None:
    state = world.state(full=True)
    assert (state.mode, state.paused, state.seed, list(state.robots)) == ("realtime", False, 5, ["so101"])
    assert (state.timestep, state.control_period) == (0.002, 0.01)
    assert list(state.joint_states[0].name) == JOINTS
    assert set(state.cameras) == {"so101/wrist", "overhead"}
    assert len(state.qpos) == len(state.qvel) == 6 and len(state.model_sha256) == 64
    wait_for(lambda: world.state().real_time_factor == pytest.approx(1.0, abs=0.2), 15.0, "the real-time factor")


def test_clock_comes_at_most_100_times_a_second(world: World) -> None:
    clocks = world.client.listen(Clock, "/clock", qos.CLOCK)
    wait_for(lambda: clocks, what="/clock")
    clocks.clear()
    start = time.monotonic()
    wait_for(lambda: len(clocks) >= 50, what="50 clocks")
    assert time.monotonic() - start > 0.4
    stamps = [to_seconds(clock.clock) for clock in list(clocks)]
    assert (np.diff(stamps) > 0.0).all()


def test_pause_stops_time_and_the_robot_says_rest(world: World) -> None:
    assert world.client.call(SetBool, "world/pause", SetBool.Request(data=True)).success
    before = world.state()
    time.sleep(0.2)
    after = world.state()
    assert after.paused and after.stamp == before.stamp and after.physics_steps == before.physics_steps
    wait_for(lambda: world.gates[-1].at_rest, what="rest")
    assert world.client.call(SetBool, "world/pause", SetBool.Request(data=False)).success
    wait_for(lambda: to_seconds(world.state().stamp) > to_seconds(after.stamp) + 0.05, what="time going on")


def test_reset_starts_at_zero_and_is_refused_under_a_lease(world: World) -> None:
    world.arm()
    response = world.reset(9)
    assert response.success and to_seconds(response.stamp) == 0.0
    assert world.state().seed == 9
    publisher = world.client.create_publisher(JointCommand, "so101/command", qos.COMMAND)
    wait_for(publisher.get_subscription_count, what="the subscription")
    command = JointCommand(
        source="operator/test", sequence=time.time_ns(), lifetime=to_duration(5.0), joint_names=JOINTS[:1], values=[0.4]
    )
    command.header.stamp = world.state().stamp
    publisher.publish(command)
    wait_for(lambda: world.gates[-1].lease_holder, what="the lease")
    refused = world.reset(9)
    assert not refused.success and "'operator/test' holds 'so101'" in refused.message
    wait_for(lambda: not world.gates[-1].lease_holder, what="the free robot")
    assert world.reset(9).success
    assert not world.gates[-1].latched, "a reset does not disarm"


def test_step_is_refused_in_realtime(world: World) -> None:
    response = world.step(1)
    assert not response.success and "mode realtime" in response.message


def test_pictures_come_with_calibration_of_the_same_stamp(world: World) -> None:
    images = world.client.listen(Image, "so101/wrist/image_raw", qos.IMAGE_READER)
    infos = world.client.listen(CameraInfo, "so101/wrist/camera_info", qos.IMAGE_READER)
    wait_for(lambda: len(images) > 2, 20.0, "pictures")
    image = images[-1]
    assert (image.width, image.height, image.encoding, image.header.frame_id) == (
        640,
        480,
        "rgb8",
        "so101/wrist_optical_frame",
    )
    assert rgb_from_msg(image).std() > 5.0
    info = wait_for(
        lambda: next((i for i in list(infos) if i.header.stamp == image.header.stamp), None), what="its camera_info"
    )
    assert (info.width, info.height, info.header.frame_id) == (640, 480, "so101/wrist_optical_frame")


def test_depth_and_compressed_pictures_come_on_demand(world: World) -> None:
    depths = world.client.listen(Image, "overhead/depth/image_raw", qos.IMAGE_READER)
    compressed = world.client.listen(CompressedImage, "overhead/image_raw/compressed", qos.IMAGE_READER)
    wait_for(lambda: depths and compressed, 20.0, "depth and compressed pictures")
    assert depths[-1].encoding == "32FC1"
    assert 0.1 < np.median(pixels_from_msg(depths[-1])) < 10.0
    assert bytes(compressed[-1].data[:2]) == b"\xff\xd8" and "jpeg" in compressed[-1].format


def test_render_answers_with_the_picture_of_any_size(world: World) -> None:
    response = world.render(camera="overhead", width=160, height=120)
    assert response.success, response.message
    assert (
        (response.image.width, response.image.height)
        == (160, 120)
        == (response.camera_info.width, response.camera_info.height)
    )
    assert rgb_from_msg(response.image).std() > 5.0
    depth = world.render(camera="so101/wrist", kind=RenderCamera.Request.DEPTH)
    assert depth.image.encoding == "32FC1" and (depth.image.width, depth.image.height) == (640, 480)


def test_render_writes_below_the_output_folder_only(world: World) -> None:
    response = world.render(camera="overhead", width=64, height=48, file="a/b.png")
    assert response.success and Path(response.path) == world.folder / "a" / "b.png"
    assert Picture.open(response.path).size == (64, 48)
    for file in ("../b.png", "/tmp/b.png", "b.txt"):
        refused = world.render(camera="overhead", file=file)
        assert not refused.success and "valid" in refused.message and not refused.path


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"camera": "wrist"}, "so101/wrist"),
        ({"camera": "overhead", "kind": 7}, "kind 7"),
        ({"camera": "overhead", "width": 100_000}, "size 100000x480"),
        ({"camera": "overhead", "width": 1}, "size 1x480"),
    ],
)
def test_render_refuses_by_name(world: World, fields: dict[str, Any], words: str) -> None:
    response = world.render(**fields)
    assert not response.success and words in response.message


def test_diagnostics_name_world_cameras_and_gate(world: World) -> None:
    heard = world.client.listen(DiagnosticArray, "/diagnostics", qos.STATE)
    wait_for(lambda: len(heard) > 1, what="/diagnostics")
    statuses = {status.name.rpartition(": ")[2]: status for status in heard[-1].status}
    assert set(statuses) == {"world", "cameras", "camera overhead", "camera so101/wrist", "gate so101"}
    values = {value.key: value.value for value in statuses["world"].values}
    assert float(values["control_rate"]) > 50.0 and float(values["tick_lateness_p50_ms"]) >= 0.0


# --- Lockstep ------------------------------------------------------------------------------------------------------


def command(world: World, value: float, **changes: Any) -> JointCommand:
    message = JointCommand(
        source="policy/test", sequence=time.time_ns(), lifetime=to_duration(1.0), joint_names=JOINTS[:1], values=[value]
    )
    message.header.stamp = world.state().stamp
    for name, changed in changes.items():
        setattr(message, name, changed)
    return message


def test_lockstep_advances_only_by_steps_and_carries_commands(lockstep: World) -> None:
    lockstep.arm()
    assert lockstep.reset(1).success
    time.sleep(0.1)
    assert to_seconds(lockstep.state().stamp) == 0.0
    first = lockstep.step(1, command(lockstep, 0.3))
    assert (first.success, first.steps_done, to_seconds(first.stamp)) == (True, 1, pytest.approx(0.01)), first.message
    assert first.applied[0].source == "policy/test"
    last = lockstep.step(60, release=True)
    assert last.success and last.joint_states[0].position[0] == pytest.approx(0.3, abs=0.05)
    assert last.applied[0].values[0] == pytest.approx(0.3)


def test_same_seed_and_commands_give_identical_states(lockstep: World) -> None:
    def episode() -> list[bytes]:
        assert lockstep.reset(3).success
        states = []
        for k in range(20):
            assert lockstep.step(1, command(lockstep, 0.02 * k), release=k == 19).success
            state = lockstep.state(full=True)
            states.append(np.concatenate([state.qpos, state.qvel]).tobytes())
        return states

    if lockstep.gates[-1].latched:
        lockstep.arm()
    assert episode() == episode()


def test_steps_give_pictures_at_the_cameras_rate_each_of_the_stamp_of_its_step(lockstep: World) -> None:
    if lockstep.gates[-1].latched:
        lockstep.arm()
    images = lockstep.client.listen(Image, "overhead/image_raw", qos.IMAGE)
    info = lockstep.client.get_publishers_info_by_topic
    wait_for(lambda: info("/overhead/image_raw"), what="the camera")
    time.sleep(0.5)
    stamps = [lockstep.step(1, release=True).stamp for _ in range(60)]
    wait_for(lambda: sum(image.header.stamp in stamps for image in list(images)) >= 2, what="pictures of the steps")
    assert all(image.header.stamp in stamps for image in list(images)), "a picture bears the stamp of a step"


def test_refused_and_wrong_steps_say_so(lockstep: World) -> None:
    if lockstep.gates[-1].latched:
        lockstep.arm()
    bad = lockstep.step(1, command(lockstep, 0.0, joint_names=["nobody"]), release=True)
    assert not bad.success and bad.steps_done == 1 and bad.refusals[0].startswith("so101: unknown_joint")
    request = StepWorld.Request(client="policy/test", steps=1, commands=[command(lockstep, 0.0)])
    wrong = lockstep.client.call(StepWorld, "world/step", request)
    assert not wrong.success and "0 command_robots for 1 commands" in wrong.message
    assert not lockstep.client.call(SetBool, "world/pause", SetBool.Request(data=True)).success


def test_stopped_lockstep_world_advances_nothing(lockstep: World) -> None:
    lockstep.supervisor.disarm()
    wait_for(lambda: lockstep.gates[-1].latched, what="latched")
    before = lockstep.state().stamp
    response = lockstep.step(5)
    assert not response.success and response.steps_done == 0 and "latched" in response.message
    assert lockstep.state().stamp == before


def test_stop_in_the_middle_of_a_long_step_is_heard(lockstep: World) -> None:
    lockstep.arm()
    client = lockstep.client.create_client(StepWorld, "world/step")
    assert client.wait_for_service(10.0)
    future = client.call_async(StepWorld.Request(client="policy/test", steps=10_000_000))
    time.sleep(0.3)
    lockstep.supervisor.disarm()
    wait_for(future.done, 10.0, "the answer")
    response = future.result()
    assert not response.success and 0 < response.steps_done < 10_000_000
    assert to_time(to_seconds(response.stamp)) == lockstep.state().stamp


# --- Parameters and the end of the process -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"mode": "warp"}, "realtime, fast, lockstep"),
        ({"robots": ["so101=nobody"]}, "unknown robot 'nobody'"),
        pytest.param({"control_period": 0.0033}, "whole multiple", marks=pytest.mark.long),
        pytest.param({"camera_rat": 3.0}, "camera_rat", marks=pytest.mark.long),
        pytest.param({"real_time_factor": 0.0}, "real_time_factor", marks=pytest.mark.long),
        pytest.param({"seed": -1}, "seed", marks=pytest.mark.long),
        pytest.param({"scene": "/nowhere.xml"}, "scene", marks=pytest.mark.long),
    ],
)
def test_wrong_parameter_ends_the_node_with_a_message(graph: Graph, parameters: dict[str, Any], words: str) -> None:
    process = graph.start("sim_node", cameras=False, **parameters)
    assert process.wait(30.0) == 2
    error = [line for line in process.text.splitlines() if line.startswith("error: ")]
    assert len(error) == 1 and words in error[0] and "valid" in error[0], process.text


def test_interrupt_ends_the_node_quickly_and_cleanly(graph: Graph) -> None:
    process = graph.start("sim_node", camera_rate=10.0)
    client = graph.client()
    gates = client.listen(GateState, "so101/gate_state", qos.STATE)
    images = client.listen(Image, "overhead/image_raw", qos.IMAGE_READER)
    wait_for(lambda: gates and images, 30.0, "gate_state and pictures")
    process.send(signal.SIGINT)
    assert process.wait(5.0) == 0, process.text
    assert "Traceback" not in process.text
