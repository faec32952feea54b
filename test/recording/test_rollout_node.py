"""`strands-robots rollout` on real processes: sentry, highlight and dagger on one graph, through the gate."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from graph import Graph, wait_for
from std_msgs.msg import Empty
from strands_robots.msg import EpisodeState, GateState, JointCommand, LanguageRow

from strands_robots.dataset.language import read_language
from strands_robots.dataset.language_rows import said
from strands_robots.dataset.table import read_account, read_episodes, read_info, read_vectors
from strands_robots.dataset.verify import verify
from strands_robots.ros.messages import qos
from strands_robots.ros.messages.stamps import to_duration

from .recorded_graph import RecordedGraph

pytestmark = [pytest.mark.long, pytest.mark.learning, pytest.mark.timeout(300)]

WAVE = "{joints: {shoulder_pan: [{amplitude: 0.3, frequency: 0.5}], wrist_roll: [{amplitude: 0.3, frequency: 0.4}]}}"
SINE = [
    "sine",
    "--config",
    WAVE,
    "--task",
    "wave",
    "--fps",
    "20",
]


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RecordedGraph]:
    with Graph() as processes:
        yield RecordedGraph(processes, tmp_path_factory.mktemp("latch"), "realtime", cameras=False)


class _Rollout:
    """`strands-robots rollout` as a process."""

    def __init__(self, graph: RecordedGraph, *options: str) -> None:
        command = [sys.executable, "-m", "strands_robots.cli.entry", "rollout", *SINE, *options]
        self._process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=graph.environment
        )

    def end(self) -> str:
        try:
            text, _ = self._process.communicate(timeout=120.0)
        finally:
            self._process.kill()
        assert self._process.returncode == 0, text
        return text


class _Hand:
    """A hand: commands of class teleop at 50 Hz, each 2 mrad beside the last one, from the robot's set-point on."""

    def __init__(self, graph: RecordedGraph) -> None:
        self._graph = graph
        self._publisher = graph.client.create_publisher(JointCommand, "so101/command", qos.COMMAND)

    def correct(self, seconds: float) -> None:
        end, sequence = time.monotonic() + seconds, time.time_ns()
        newest: JointCommand = self._graph.applied[-1]
        values = np.array(newest.values)
        while time.monotonic() < end:
            sequence += 1
            values[0] += 0.002
            message = JointCommand(
                source="teleop/hand", sequence=sequence, lifetime=to_duration(0.5), joint_names=list(newest.joint_names),
                values=values.tolist(),
            )  # fmt: skip
            message.header.stamp = self._graph.applied[-1].header.stamp
            self._publisher.publish(message)
            threading.Event().wait(0.02)


def _recording(graph: RecordedGraph, root: Path, frames: int, episode: int = 0) -> None:
    def is_recorded() -> bool:
        state = graph.states[-1]
        return state.root == str(root) and state.state == EpisodeState.RECORDING and (state.episode, state.frames) >= (
            episode, frames,
        )  # fmt: skip

    wait_for(is_recorded, 120.0, f"{frames} frames of episode {episode} in {root}")


def _is_whole(root: Path, episodes: int) -> bool:
    """Return whether a dataset is good; LeRobot's deviation of a joint that stands still all the time is rounding, and is let pass."""
    return all(": std of " in error for error in verify(root, expected=episodes).errors)


def _columns(root: Path, episode: int, *names: str) -> dict[str, Any]:
    return read_vectors(root, read_episodes(root, read_info(root))[episode], list(names))


def test_dagger_records_the_attempt_with_its_corrections_and_the_policy_goes_on_from_where_the_hand_left(
    graph: RecordedGraph, tmp_path: Path
) -> None:
    root = tmp_path / "dagger"
    graph.applied.clear()
    rollout = _Rollout(graph, "--strategy", "dagger", "--root", str(root), "--duration", "8", "--language")
    words = graph.client.create_publisher(LanguageRow, "recorder/language", qos.COMMAND)
    _recording(graph, root, 20)
    words.publish(LanguageRow(role="assistant", style="", content="I wave"))
    words.publish(LanguageRow(role="assistant", style="subtask", content="swing to the left"))
    _Hand(graph).correct(2.0)
    text = rollout.end()
    assert "the policy goes on when the hand lets go" in text
    assert _is_whole(root, 1)
    columns = _columns(root, 0, "intervention", "action")
    marks = columns["intervention"].ravel().astype(bool)
    changes = np.flatnonzero(np.diff(marks.astype(int)))
    assert not marks[0] and not marks[-1] and len(changes) == 2, "".join(str(int(mark)) for mark in marks)
    assert 1.0 < (changes[1] - changes[0]) / 20.0 < 4.0
    account = read_account(root, 0)
    assert account is not None and account["sources"] == ["policy/sine", "teleop/hand"]
    assert len(account["provenance"]["policies"]) == 2, "the policy was not started anew"
    applied = np.array([message.values for message in graph.applied])
    stamps = np.array([m.header.stamp.sec + 1e-9 * m.header.stamp.nanosec for m in graph.applied])
    speed = np.abs(np.diff(applied[:, 0])) / np.maximum(np.diff(stamps), 0.005)
    assert speed.max() < 6.0, "the set-point jumped"
    rows = read_language(root)[0]
    assert said(rows) == ["I wave"]
    contents = [row["content"] for row in rows if row["content"]]
    assert contents == ["swing to the left", "a hand corrects the policy", "the hand gives the robot back"]
    from lerobot.datasets.lerobot_dataset import LeRobotDataset

    loaded = LeRobotDataset("local/rollout", root=root)
    assert loaded.meta.has_language_columns
    assert [one["content"] for one in loaded[0]["language_persistent"]] == ["swing to the left"]


def test_sentry_cuts_what_the_policy_does_into_episodes_without_a_frame_between(
    graph: RecordedGraph, tmp_path: Path
) -> None:
    root = tmp_path / "sentry"
    _Rollout(graph, "--strategy", "sentry", "--root", str(root), "--duration", "2", "--episodes", "3").end()
    assert _is_whole(root, 3)
    accounts = [read_account(root, episode) for episode in range(3)]
    for before, after in pairwise(accounts):
        assert before is not None and after is not None
        gap = after["began_ns"] - (before["began_ns"] + before["frames"] * 10**9 // 20)
        assert abs(gap) < 1_000_000, f"{gap / 1e9:.3f} s between two episodes"


def test_highlight_on_a_topic_has_the_seconds_before_it(graph: RecordedGraph, tmp_path: Path) -> None:
    root = tmp_path / "highlight"
    options = ["--strategy", "highlight", "--root", str(root), "--duration", "14", "--ring-seconds", "3"]
    rollout = _Rollout(graph, *options)
    pointed = graph.client.create_publisher(Empty, "recorder/highlight", qos.COMMAND)
    gates = graph.client.listen(GateState, "so101/gate_state")
    wait_for(lambda: gates and gates[-1].lease_holder == "policy/sine", 60.0, "the policy")
    begin = len(graph.applied)
    wait_for(lambda: len(graph.applied) - begin >= 400, 60.0, "four seconds of the policy")
    pointed.publish(Empty())
    _recording(graph, root, 70)
    pointed.publish(Empty())
    wait_for(lambda: graph.states[-1].saved == 1, 30.0, "the highlight")
    rollout.end()
    assert _is_whole(root, 1)
    account = read_account(root, 0)
    assert account is not None and account["frames"] >= 70 and account["skipped"] == 0
    assert account["sources"] == ["policy/sine"]
    assert (account["ended_ns"] - account["began_ns"]) / 1e9 > 3.4
