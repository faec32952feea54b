"""recorder_node on real processes: what is published is in the dataset, twice the same in lockstep, and accounted for in real time."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from graph import Graph, wait_for
from strands_robots.msg import EpisodeState
from strands_robots.srv import RecordEpisode
from system.policy_goals import SWING

from strands_robots.recording.table import read_account, read_episodes, read_info, read_pictures, read_vectors
from strands_robots.recording.verify import verify

from .recorded_graph import RecordedGraph

TWO = ["left=so101@0,0.4,0", "right=so101@0,-0.4,0"]


@pytest.fixture(scope="module")
def lockstep(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RecordedGraph]:
    with Graph() as graph:
        yield RecordedGraph(graph, tmp_path_factory.mktemp("latch"), "lockstep", robots=TWO)


@pytest.fixture(scope="module")
def realtime(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RecordedGraph]:
    with Graph() as graph:
        yield RecordedGraph(graph, tmp_path_factory.mktemp("latch"), "realtime")


def test_order_without_a_dataset_and_wrong_names_are_refused_and_the_node_lives(
    lockstep: RecordedGraph, tmp_path: Path
) -> None:
    assert "no dataset is open" in lockstep.order(RecordEpisode.Request.BEGIN).message
    assert "valid: 0 STATE, 1 BEGIN" in lockstep.order(9).message
    refused = lockstep.start(tmp_path / "a", robots=["middle"], cameras=[])
    assert not refused.success and "unknown robot 'middle'; valid: left, right" in refused.message
    refused = lockstep.start(tmp_path / "b", cameras=["left/eye"])
    assert not refused.success and "unknown camera 'left/eye'" in refused.message
    refused = lockstep.start(tmp_path / "c", cameras=[], repo_id="no name")
    assert not refused.success and "<owner>/<name>" in refused.message
    wait_for(lambda: lockstep.states and lockstep.states[-1].state == EpisodeState.IDLE, 10.0, "an idle recorder")


@pytest.mark.timeout(300)
def test_lockstep_records_two_robots_and_three_cameras_without_loss_and_twice_the_same(
    lockstep: RecordedGraph, tmp_path: Path
) -> None:
    root = tmp_path / "data"
    cameras = ["left/wrist", "right/wrist", "overhead"]
    started = lockstep.start(root, cameras=cameras, with_effort=True)
    assert started.success, started.message
    for _ in range(2):
        lockstep.reset(3)
        lockstep.begin()
        result = lockstep.goals.run(robot="left", policy="sine", duration=1.0, rate=25.0, lockstep=True)
        assert result.success, result.message
        ended = lockstep.end(outcome=RecordEpisode.Request.SUCCEEDED)
        assert ended.success and ended.frames == 25, ended.message
        for count in ended.state.streams:
            assert (count.lost, count.stale, count.late, count.gaps) == (0, 0, 0, 0), count
            assert (count.used, count.repeated) == (25, 0), count
    assert "2 episodes saved, 0 not kept" in lockstep.stop().message
    verdict = verify(root, expected=2)
    assert verdict.is_good, verdict.errors
    info = read_info(root)
    assert info.names("action")[:2] == ["left_shoulder_pan.pos", "left_shoulder_lift.pos"]
    assert set(info.video_keys) == {f"observation.images.{name}" for name in ("left_wrist", "right_wrist", "overhead")}
    _assert_equal(root, info)
    account: Any = read_account(root, 1)
    assert account["outcome"] == "succeeded" and account["sources"] == ["policy/sine"]
    assert account["provenance"]["world"]["seed"] == 3 and len(account["provenance"]["world"]["model_sha256"]) == 64


@pytest.mark.timeout(300)
@pytest.mark.long
def test_replayed_episode_is_tracked_in_lockstep_and_put_exactly(lockstep: RecordedGraph, tmp_path: Path) -> None:
    root = tmp_path / "data"
    assert lockstep.start(root, cameras=[]).success
    lockstep.reset(5)
    lockstep.begin()
    assert lockstep.goals.run(robot="left", policy="sine", duration=2.0, rate=25.0, lockstep=True).success
    assert lockstep.end().success
    lockstep.stop()
    lockstep.reset(5)
    result = lockstep.replay(root, lockstep=True, source="operator/anna")
    assert result.success and result.frames == 50, result.message
    assert result.rms_error < 0.02 and result.max_error < 0.1, result
    assert result.max_error_joint.partition("/")[0] == "left"
    lockstep.reset(0)
    put = lockstep.replay(root, exact=True, speed=2.0)
    assert put.success and put.max_error < 1e-4, put
    refused = lockstep.replay(root, episode=3)
    assert (refused.success, refused.termination_reason) == (False, "refused") and "valid: 0 to 0" in refused.message


def _assert_equal(root: Path, info: Any) -> None:
    """Both episodes have the same numbers and the same decoded pictures, and the arm moved."""
    first, second = read_episodes(root, info)
    columns = ["observation.state", "observation.velocity", "observation.effort", "action", "timestamp"]
    one, two = read_vectors(root, first, columns), read_vectors(root, second, columns)
    for name in columns:
        assert one[name].tobytes() == two[name].tobytes(), name
    assert np.ptp(one["observation.state"][:, 0]) > 5.0
    for key in info.video_keys:
        pairs = list(zip(read_pictures(root, info, first, key), read_pictures(root, info, second, key)))
        assert len(pairs) == 25 and all(np.array_equal(a, b) for a, b in pairs), key


@pytest.mark.timeout(300)
@pytest.mark.long
def test_record_command_saves_episodes_of_a_policy_in_real_time_and_accounts_for_every_sample(
    realtime: RecordedGraph, tmp_path: Path
) -> None:
    root = tmp_path / "data"
    command = [
        sys.executable,
        "-m",
        "strands_robots.cli.main",
        "record",
        str(root),
        "--task",
        "wave",
        "--episodes",
        "2",
    ]
    command += ["--duration", "1.5", "--policy", "sine", "--fps", "20", "--camera", "so101/wrist", "--config", SWING]
    done = subprocess.run(command, env=realtime.environment, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 episodes saved, 0 not kept" in done.stdout
    verdict = verify(root, expected=2, pictures=False)
    assert verdict.is_good, verdict.errors
    for episode in range(2):
        account: Any = read_account(root, episode)
        assert account["frames"] >= 25 and account["sources"] == ["policy/sine"]
        for topic, count in account["streams"].items():
            assert count["lost"] == 0, f"{topic}: {count}"
            assert count["used"] + count["repeated"] == account["frames"], f"{topic}: {count}"


def test_discarded_and_silent_episodes_are_not_kept(realtime: RecordedGraph, tmp_path: Path) -> None:
    started = realtime.start(tmp_path / "data", cameras=[])
    assert started.success, started.message
    realtime.begin()
    wait_for(lambda: realtime.states and realtime.states[-1].frames > 3, 20.0, "frames")
    assert realtime.states[-1].state == EpisodeState.RECORDING
    assert realtime.order(RecordEpisode.Request.DISCARD).success
    realtime.begin()
    realtime.states.clear()
    wait_for(lambda: realtime.states and realtime.states[-1].frames > 3, 20.0, "frames")
    assert "1 episodes saved, 1 not kept" in realtime.stop().message
    assert verify(tmp_path / "data", expected=1).is_good


LEROBOT_RECORD = """
import sys
import lerobot_robot_strands
from lerobot.scripts.lerobot_record import main
sys.argv = ["lerobot-record", *sys.argv[1:]]
main()
"""


@pytest.mark.long
@pytest.mark.timeout(300)
def test_lerobot_record_works_on_the_graph_through_the_plug_in(realtime: RecordedGraph, tmp_path: Path) -> None:
    options = [
        "--robot.type=strands",
        "--robot.robot=so101",
        '--robot.graph_cameras={"wrist": [480, 640]}',
        "--robot.id=sim",
    ]
    options += [
        "--teleop.type=strands_leader",
        "--teleop.robot=so101",
        "--teleop.follow=command_applied",
        "--teleop.id=leader",
    ]
    options += ["--dataset.repo_id=test/plugin", f"--dataset.root={tmp_path / 'data'}", "--dataset.single_task=wave"]
    options += [
        "--dataset.num_episodes=1",
        "--dataset.episode_time_s=3",
        "--dataset.reset_time_s=0",
        "--dataset.fps=10",
    ]
    options += ["--dataset.push_to_hub=false", "--dataset.streaming_encoding=true", "--play_sounds=false"]
    plugin = Path(__file__).resolve().parents[2] / "src" / "lerobot_robot_strands"
    environment = {**realtime.environment, "PYTHONPATH": f"{plugin}:{realtime.environment.get('PYTHONPATH', '')}"}
    command = [sys.executable, "-c", LEROBOT_RECORD, *options]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=250)
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    info = read_info(tmp_path / "data")
    assert info.episodes == 1 and info.frames > 10
    assert info.names("action")[0] == "shoulder_pan.pos" and info.robot_type == "strands"
