"""recorder_node on real processes: what is published is in the dataset, twice the same in lockstep, and accounted for in real time."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from graph import Graph, wait_for
from sensor_msgs.msg import Image
from strands_robots.msg import EpisodeState, Variation
from strands_robots.srv import RecordEpisode
from system.policy_goals import SWING
from unique_identifier_msgs.msg import UUID

from strands_robots.dataset.depth import finite_depth, read_depths
from strands_robots.dataset.table import read_account, read_episodes, read_info, read_pictures, read_vectors
from strands_robots.dataset.verify import verify
from strands_robots.ros.messages import qos
from strands_robots.ros.messages.images import depth_from_msg

from .recorded_graph import RecordedGraph

TWO = ["left=so101@0,0.4,0", "right=so101@0,-0.4,0"]


@pytest.fixture(scope="module")
def lockstep(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RecordedGraph]:
    with Graph() as graph:
        # Periods of which 1/30 s holds a whole number.
        periods = {"timestep": 1 / 480, "control_period": 1 / 120}
        yield RecordedGraph(graph, tmp_path_factory.mktemp("latch"), "lockstep", robots=TWO, **periods)


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
    refused = lockstep.start(tmp_path / "d", cameras=[], fps=31)
    assert not refused.success and "valid in lockstep: 10, 15, 20, 30, 40, 60" in refused.message
    wait_for(lambda: lockstep.states and lockstep.states[-1].state == EpisodeState.IDLE, 10.0, "an idle recorder")


def test_data_set_that_cannot_be_closed_is_said_and_the_next_one_is_recorded(
    lockstep: RecordedGraph, tmp_path: Path
) -> None:
    assert lockstep.start(tmp_path / "gone", cameras=[]).success
    shutil.rmtree(tmp_path / "gone")
    (tmp_path / "gone").write_text("a file where the folder was")
    stopped = lockstep.order(RecordEpisode.Request.STOP)
    assert not stopped.success and "did not close in order" in stopped.message, stopped.message
    started = lockstep.start(tmp_path / "next", cameras=[])
    assert started.success, started.message
    refused = lockstep.order(RecordEpisode.Request.END)
    assert not refused.success and refused.state.state == EpisodeState.READY, "a refusal does not look like no data set"
    assert lockstep.order(RecordEpisode.Request.STOP).success


@pytest.mark.timeout(300)
def test_lockstep_records_two_robots_and_three_cameras_without_loss_and_twice_the_same(
    lockstep: RecordedGraph, tmp_path: Path
) -> None:
    root = tmp_path / "data"
    cameras = ["left/wrist", "right/wrist", "overhead"]
    lockstep.randomize(Variation(quantity="joint", low=-0.1, high=0.1), Variation(quantity="light", low=0.8, high=1.2))
    started = lockstep.start(root, cameras=cameras, with_effort=True)
    assert started.success, started.message
    for _ in range(2):
        lockstep.reset(3)
        lockstep.begin()
        result = lockstep.goals.run(robot="left", policy="sine", duration=0.5, rate=30.0, lockstep=True)
        assert result.success, result.message
        ended = lockstep.end(outcome=RecordEpisode.Request.SUCCEEDED)
        assert ended.success and ended.frames == 15, ended.message
        for count in ended.state.streams:
            assert (count.lost, count.stale, count.late, count.gaps) == (0, 0, 0, 0), count
            assert (count.used, count.repeated) == (15, 0), count
    assert "2 episodes saved, 0 not kept" in lockstep.stop().message
    verdict = verify(root, expected=2)
    assert verdict.is_good, verdict.errors
    info = read_info(root)
    assert info.names("action")[:2] == ["left_shoulder_pan.pos", "left_shoulder_lift.pos"]
    assert set(info.video_keys) == {f"observation.images.{name}" for name in ("left_wrist", "right_wrist", "overhead")}
    _assert_equal(root, info)
    account: Any = read_account(root, 1)
    assert account["outcome"] == "succeeded" and account["sources"] == ["policy/sine"]
    provenance = account["provenance"]
    assert provenance["world"]["seed"] == 3 and len(provenance["world"]["model_sha256"]) == 64
    randomization = provenance["world"]["randomization"]
    assert [entry["quantity"] for entry in randomization["variations"]] == ["joint", "light"]
    assert any(line.startswith("joint left/shoulder_pan ") for line in randomization["drawn"]), randomization
    (policy,) = provenance["policies"]
    assert (policy["robot"], policy["policy"]) == ("left", "sine") and policy["goal"]
    assert provenance["robots"]["left"]["calibration"] is None


def test_depth_is_loaded_back_within_the_stated_quantisation(lockstep: RecordedGraph, tmp_path: Path) -> None:
    root, topic = tmp_path / "data", "left/wrist/depth"
    lockstep.randomize()
    published = lockstep.client.listen(Image, f"{topic}/image_raw", qos.IMAGE)
    near, far, codes = 0.05, 2.0, 4095
    settings = f"{{depth: {{depth_min: {near}, depth_max: {far}, use_log: false}}}}"
    started = lockstep.start(root, cameras=["left/wrist", topic], encoder_settings=settings)
    assert started.success, started.message
    lockstep.reset(5)
    lockstep.begin()
    lockstep.play("left", "policy/x", np.linspace(0.0, 0.4, 12)[:, None], 1 / 30, steps=60)
    ended = lockstep.end()
    assert ended.success and ended.frames > 10, ended.message
    lockstep.stop()
    info = read_info(root)
    (key,) = info.depth_keys
    about = info.features[key]["info"]
    assert key == "observation.images.left_wrist_depth"
    assert (about["video.depth_min"], about["video.depth_max"], about["video.use_log"]) == (near, far, False)
    (row,) = read_episodes(root, info)
    truth = [np.clip(finite_depth(depth_from_msg(message), far)[..., 0], near, far) for message in published]
    step = (far - near) / codes
    for frame, loaded in enumerate(read_depths(root, info, row, key)):
        error = min(float(np.abs(loaded - one).max()) for one in truth)
        assert error <= 0.51 * step + 1e-6, f"frame {frame}: {error} m"
    assert np.ptp([one.mean() for one in truth]) > step, "the arm moved, so the pictures differ"


def test_recording_ends_with_its_owner_and_keeps_what_was_saved(lockstep: RecordedGraph, tmp_path: Path) -> None:
    root, identity = tmp_path / "data", uuid.uuid4()
    lockstep.randomize()
    refused = lockstep.start(root, cameras=[], owner="me")
    assert not refused.success and "owner is 'me'; valid: 32 digits of 0-9a-f" in refused.message
    alive = lockstep.client.create_publisher(UUID, "goals/alive", qos.STATE)
    timer = lockstep.client.create_timer(0.1, lambda: alive.publish(UUID(uuid=list(identity.bytes))))
    assert lockstep.start(root, cameras=[], owner=identity.hex).success
    lockstep.reset(7)
    lockstep.begin()
    lockstep.play("left", "policy/x", np.full((12, 1), 0.1), 1 / 30, steps=40)
    assert lockstep.end().success
    lockstep.begin()
    lockstep.play("left", "policy/x", np.full((12, 1), -0.1), 1 / 30, steps=40)
    assert lockstep.order(RecordEpisode.Request.STATE).state.state == EpisodeState.RECORDING
    timer.cancel()
    wait_for(lambda: lockstep.states[-1].state == EpisodeState.IDLE, 20.0, "the end of the recording")
    assert "no dataset is open" in lockstep.order(RecordEpisode.Request.END).message
    assert "1 episodes saved" in lockstep.states[-1].message
    assert verify(root, expected=1).is_good


def test_frames_in_which_a_hand_has_the_robot_are_marked_as_lerobot_marks_interventions(
    lockstep: RecordedGraph, tmp_path: Path
) -> None:
    root = tmp_path / "data"
    lockstep.randomize()
    assert lockstep.start(root, cameras=[], with_intervention=True).success
    lockstep.reset(7)
    lockstep.begin()
    for source, angle in (("policy/x", 0.1), ("teleop/hand", -0.1)):
        lockstep.play("left", source, np.full((12, 1), angle), 1 / 30, steps=40)
    ended = lockstep.end()
    assert ended.success and ended.frames == 20, ended.message
    lockstep.stop()
    (row,) = read_episodes(root, read_info(root))
    marks = read_vectors(root, row, ["intervention"])["intervention"].ravel().tolist()
    assert marks == [False] * 10 + [True] * 10
    assert verify(root, expected=1).is_good
    account: Any = read_account(root, 0)
    assert account["sources"] == ["policy/x", "teleop/hand"]


@pytest.mark.timeout(300)
@pytest.mark.long
def test_replayed_episode_is_tracked_in_lockstep_and_put_exactly(lockstep: RecordedGraph, tmp_path: Path) -> None:
    root = tmp_path / "data"
    lockstep.randomize()
    assert lockstep.start(root, cameras=[]).success
    lockstep.reset(5)
    lockstep.begin()
    assert lockstep.goals.run(robot="left", policy="sine", duration=2.0, rate=30.0, lockstep=True).success
    assert lockstep.end().success
    lockstep.stop()
    lockstep.reset(5)
    result = lockstep.replay(root, lockstep=True, source="operator/anna")
    assert result.success and result.frames == 60, result.message
    assert result.rms_error < 0.02 and result.max_error < 0.1, result
    assert result.max_error_joint.partition("/")[0] == "left"
    lockstep.reset(0)
    put = lockstep.replay(root, exact=True, speed=2.0)
    assert put.success and put.max_error < 1e-4, put
    refused = lockstep.replay(root, episode=3)
    assert (refused.success, refused.termination_reason) == (False, "refused") and "valid: 0 to 0" in refused.message


@pytest.mark.timeout(300)
@pytest.mark.long
def test_condition_of_the_record_command_is_reward_done_and_success_of_its_episodes(
    lockstep: RecordedGraph, tmp_path: Path
) -> None:
    lockstep.randomize()
    options = ["--robot", "left", "--lockstep", "--fps", "30", "--rate", "30", "--policy", "sine", "--config", SWING]
    for name, above, outcome in (("done", 0.2, "succeeded"), ("not_done", 2.0, "failed")):
        condition = f"{{joint: shoulder_pan, above: {above}}}"
        done = record(lockstep, tmp_path / name, *options, "--duration", "2", "--success-when", condition)
        assert done.returncode == 0, done.stdout + done.stderr
        info = read_info(tmp_path / name)
        (row,) = read_episodes(tmp_path / name, info)
        values = read_vectors(tmp_path / name, row, ["next.reward", "next.done", "next.success"])
        succeeded = outcome == "succeeded"
        assert values["next.done"].tolist() == [False] * (row.length - 1) + [True]
        assert values["next.success"].tolist() == [False] * (row.length - 1) + [succeeded]
        assert values["next.reward"].sum() == float(succeeded)
        assert (row.length < 60) == succeeded
        account: Any = read_account(tmp_path / name, 0)
        assert account["outcome"] == outcome and account["provenance"]["policy"] == "sine"


@pytest.mark.timeout(300)
@pytest.mark.long
def test_killed_recorder_goes_on_with_the_completed_episodes_and_names_the_lost_one(
    lockstep: RecordedGraph, tmp_path: Path
) -> None:
    root = tmp_path / "data"
    lockstep.randomize()
    assert lockstep.start(root, cameras=["left/wrist"]).success
    for is_ended in (True, False):
        lockstep.reset(1)
        lockstep.begin()
        assert lockstep.goals.run(robot="left", duration=0.5, rate=30.0, lockstep=True).success
        if is_ended:
            assert lockstep.end().success
    wait_for(lambda: lockstep.states[-1].frames >= 10, 20.0, "frames of the second episode")
    lockstep.restart_recorder(signal.SIGKILL)
    resumed = lockstep.start(root, cameras=["left/wrist"], mode=1)
    assert resumed.success and resumed.episodes == 1, resumed.message
    assert any("episode 1, which was not ended" in line for line in resumed.repaired), resumed.repaired
    lockstep.reset(1)
    lockstep.begin()
    assert lockstep.goals.run(robot="left", duration=0.5, rate=30.0, lockstep=True).success
    assert lockstep.end().episode == 1
    lockstep.stop()
    verdict = verify(root, expected=2)
    assert verdict.is_good, verdict.errors


def _assert_equal(root: Path, info: Any) -> None:
    """Both episodes have the same numbers and the same decoded pictures, and the arm moved."""
    first, second = read_episodes(root, info)
    columns = ["observation.state", "observation.velocity", "observation.effort", "action", "timestamp"]
    one, two = read_vectors(root, first, columns), read_vectors(root, second, columns)
    for name in columns:
        assert one[name].tobytes() == two[name].tobytes(), name
    assert np.ptp(one["observation.state"][:, 0]) > 5.0
    # A chunk is recorded as it was played, tick by tick: no two frames have the same set-point.
    assert (np.diff(one["action"][:, 0]) != 0.0).all()
    for key in info.video_keys:
        pairs = list(zip(read_pictures(root, info, first, key), read_pictures(root, info, second, key)))
        assert len(pairs) == 15 and all(np.array_equal(a, b) for a, b in pairs), key


@pytest.mark.timeout(300)
@pytest.mark.long
def test_record_command_saves_episodes_of_a_policy_in_real_time_and_accounts_for_every_sample(
    realtime: RecordedGraph, tmp_path: Path
) -> None:
    root = tmp_path / "data"
    realtime.reset(1)
    options = ["--episodes", "2", "--duration", "1.5", "--fps", "20", "--camera", "so101/wrist"]
    done = record(realtime, root, *options, "--policy", "sine", "--config", SWING)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 episodes saved, 0 not kept" in done.stdout
    verdict = verify(root, expected=2, pictures=False)
    assert verdict.is_good, verdict.errors
    for episode in range(2):
        account: Any = read_account(root, episode)
        assert account["frames"] >= 25 and account["sources"] == ["policy/sine"]
        assert 0.0 <= account["delay"]["p50"] <= account["delay"]["max"]
        for topic, count in account["streams"].items():
            assert count["lost"] == 0, f"{topic}: {count}"
            assert count["used"] + count["repeated"] == account["frames"], f"{topic}: {count}"


def record(graph: RecordedGraph, root: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run strands-robots record."""
    command = [sys.executable, "-m", "strands_robots.cli.entry", "record", str(root), "--task", "wave", *options]
    return subprocess.run(command, env=graph.environment, capture_output=True, text=True, timeout=200)


@pytest.mark.timeout(300)
@pytest.mark.long
def test_episode_is_replayed_in_real_time_through_the_gate(realtime: RecordedGraph, tmp_path: Path) -> None:
    root = tmp_path / "data"
    realtime.reset(1)
    assert realtime.start(root, cameras=[]).success
    realtime.begin()
    assert realtime.goals.run(duration=2.0).success
    assert realtime.end().success
    realtime.stop()
    realtime.applied.clear()
    result = realtime.replay(root, source="operator/anna", approach_speed=0.5)
    assert result.success and result.termination_reason == "completed", result.message
    assert result.frames >= 40 and result.rms_error < 0.05, result
    sources = {message.source for message in realtime.applied}
    assert "operator/anna" in sources, sources
    refused = realtime.replay(root, lockstep=True)
    assert (refused.success, refused.termination_reason) == (False, "refused") and "mode realtime" in refused.message


@pytest.mark.long
def test_discarded_and_silent_episodes_are_not_kept(realtime: RecordedGraph, tmp_path: Path) -> None:
    started = realtime.start(tmp_path / "data", cameras=[])
    assert started.success, started.message
    realtime.states.clear()
    wait_for(lambda: len(realtime.states) >= 4, 10.0, "a state twice a second while nothing happens")
    assert {state.state for state in realtime.states} == {EpisodeState.READY}
    realtime.begin()
    wait_for(lambda: realtime.states and realtime.states[-1].frames > 3, 20.0, "frames")
    assert realtime.states[-1].state == EpisodeState.RECORDING
    assert realtime.order(RecordEpisode.Request.DISCARD).success
    realtime.begin()
    realtime.states.clear()
    wait_for(lambda: realtime.states and realtime.states[-1].frames > 3, 20.0, "frames")
    assert "1 episodes saved, 1 not kept" in realtime.stop().message
    assert verify(tmp_path / "data", expected=1).is_good
