"""A recording of a real robot's node: the features of a simulated one, and the calibration that its driver uses."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from drivers.simulated_bus import SimulatedBus, write_calibration
from graph import Client, Graph, wait_for
from sensor_msgs.msg import JointState
from strands_robots.srv import RecordEpisode, StartRecording

from strands_robots.dataset.table import read_account, read_info
from strands_robots.dataset.verify import verify
from strands_robots.ros.messages import qos

from .made import make_schema

pytestmark = [pytest.mark.long, pytest.mark.timeout(200)]


@pytest.fixture(scope="module")
def arm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Client, Path]]:
    folder = tmp_path_factory.mktemp("real")
    calibration = write_calibration(folder / "mine.json")
    bus = SimulatedBus(folder)
    try:
        with Graph() as graph:
            graph.start("recorder_node", robots=["so101=so101"], run_id="run")
            graph.start(
                "driver_node", robot="so101=so101", port=bus.port, calibration=str(calibration), autostart="activate"
            )
            client = graph.client()
            measured = client.listen(JointState, "so101/joint_states", qos.STATE)
            wait_for(lambda: measured, 60.0, "joint states of the arm")
            yield client, calibration
    finally:
        bus.close()


def test_recording_of_a_real_arm_has_a_simulated_ones_features_and_its_calibration(
    arm: tuple[Client, Path], tmp_path: Path
) -> None:
    client, calibration = arm
    root = tmp_path / "data"

    def order(command: int) -> Any:
        return client.call(RecordEpisode, "recorder/episode", RecordEpisode.Request(command=command), 60.0)

    request = StartRecording.Request(root=str(root), repo_id="test/real", fps=30, task="hold", with_velocity=True)
    started = client.call(StartRecording, "recorder/start", request, 60.0)
    assert started.success, started.message
    assert order(RecordEpisode.Request.BEGIN).success
    wait_for(lambda: order(RecordEpisode.Request.STATE).state.frames >= 20, 30.0, "frames")
    ended = order(RecordEpisode.Request.END)
    assert ended.success, ended.message
    assert order(RecordEpisode.Request.STOP).success
    verdict = verify(root, expected=1)
    assert verdict.is_good, verdict.errors
    simulated = make_schema(cameras=0, with_velocity=True).features()
    for name, feature in simulated.items():
        assert read_info(root).features[name]["names"] == feature["names"], name
    account: Any = read_account(root, 0)
    provenance = account["provenance"]
    assert (provenance["clock"], provenance["world"]) == ("system time", None)
    used = provenance["robots"]["so101"]["calibration"]
    assert used["sha256"] == hashlib.sha256(calibration.read_bytes()).hexdigest() and used["file"] == str(calibration)
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", used["written"])
    for count in account["streams"].values():
        assert count["lost"] == 0, count
