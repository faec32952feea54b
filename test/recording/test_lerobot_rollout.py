"""lerobot-rollout through the plug-in: each of LeRobot's five strategies drives a simulated robot of the graph through its gate."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from graph import Graph, wait_for

from strands_robots.dataset.table import read_episodes, read_info, read_vectors

from .recorded_graph import RecordedGraph
from .test_plugin_node import CAMERA, COMMAND, LEADER, PLUGIN, ROBOT, save_policy

pytestmark = [pytest.mark.long, pytest.mark.learning, pytest.mark.timeout(300)]

SOURCE = "teleop/lerobot"


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RecordedGraph]:
    with Graph() as processes:
        yield RecordedGraph(processes, tmp_path_factory.mktemp("latch"), "realtime")


class _LeRobotRollout:
    """lerobot-rollout with a terminal of its own, whose keys its strategies take."""

    def __init__(self, graph: RecordedGraph, folder: Path, strategy: str, *options: str) -> None:
        self.root = folder / "data"
        save_policy(folder / "policy")
        graph.applied.clear()
        self._graph = graph
        environment = {**graph.environment, "PYTHONPATH": f"{PLUGIN}:{graph.environment.get('PYTHONPATH', '')}"}
        environment.pop("DISPLAY", None)
        words = [
            *ROBOT, *CAMERA, f"--policy.path={folder / 'policy'}", f"--strategy.type={strategy}", "--fps=10", "--task=wave",
            "--return_to_initial_position=false", "--device=cpu", "--play_sounds=false", *options,
        ]  # fmt: skip
        if strategy != "base":
            words += [
                "--dataset.repo_id=local/rollout_test", f"--dataset.root={self.root}", "--dataset.push_to_hub=false",
                "--dataset.streaming_encoding=true", "--dataset.single_task=wave", "--dataset.fps=10",
            ]  # fmt: skip
        self._ours, theirs = pty.openpty()
        self._log = (folder / "log").open("w+")
        self._process = subprocess.Popen(
            [sys.executable, "-c", COMMAND, "lerobot.scripts.lerobot_rollout", *words], stdin=theirs, stdout=self._log,
            stderr=self._log, env=environment,
        )  # fmt: skip
        os.close(theirs)

    @property
    def text(self) -> str:
        self._log.seek(0)
        return self._log.read()

    def press(self, key: bytes) -> None:
        os.write(self._ours, key)

    def wait_for_words(self, words: str) -> None:
        def is_there() -> bool:
            assert self._process.poll() is None, self.text[-3000:]
            return words in self.text

        wait_for(is_there, 120.0, f"'{words}' in the log of lerobot-rollout")

    def wait_for_commands(self, more: int) -> None:
        """Return once so many more ticks of the robot obeyed LeRobot."""
        begin = self._commands()
        wait_for(lambda: self._commands() >= begin + more, 60.0, "commands through the gate")

    def end(self) -> None:
        try:
            assert self._process.wait(120.0) == 0, self.text[-4000:]
        finally:
            self._process.kill()
            os.close(self._ours)
        assert self._commands() > 10, "LeRobot moved nothing through the gate"

    def _commands(self) -> int:
        return sum(message.source == SOURCE for message in self._graph.applied)


def test_base_runs_the_policy_and_records_nothing(graph: RecordedGraph, tmp_path: Path) -> None:
    rollout = _LeRobotRollout(graph, tmp_path, "base", "--duration=3")
    rollout.end()
    assert not rollout.root.exists()


def test_sentry_records_all_the_time(graph: RecordedGraph, tmp_path: Path) -> None:
    rollout = _LeRobotRollout(graph, tmp_path, "sentry", "--duration=8")
    rollout.end()
    info = read_info(rollout.root)
    # A machine that is busy with other tests gives LeRobot's loop a fraction of its 10 rounds a second.
    assert info.episodes == 1 and info.frames >= 10


def test_highlight_saves_the_last_seconds_on_a_key(graph: RecordedGraph, tmp_path: Path) -> None:
    rollout = _LeRobotRollout(graph, tmp_path, "highlight", "--duration=60", "--strategy.ring_buffer_seconds=2")
    rollout.wait_for_words("Highlight strategy recording started")
    rollout.wait_for_commands(300)
    rollout.press(b"s")
    rollout.wait_for_words("starting live recording")
    rollout.wait_for_commands(100)
    rollout.press(b"s")
    rollout.wait_for_words("Episode saved")
    rollout.end()
    assert read_info(rollout.root).episodes >= 1 and read_info(rollout.root).frames >= 15


def test_episodic_records_episodes(graph: RecordedGraph, tmp_path: Path) -> None:
    rollout = _LeRobotRollout(
        graph,
        tmp_path,
        "episodic",
        "--dataset.num_episodes=2",
        "--dataset.episode_time_s=4",
        "--dataset.reset_time_s=0",
    )
    rollout.end()
    assert read_info(rollout.root).episodes == 2


def test_dagger_records_a_correction_by_a_leader(graph: RecordedGraph, tmp_path: Path) -> None:
    rollout = _LeRobotRollout(
        graph,
        tmp_path,
        "dagger",
        *LEADER,
        "--dataset.num_episodes=1",
        "--strategy.smooth_handover=false",
        "--duration=90",
    )
    rollout.wait_for_words("DAgger corrections-only recording started")
    rollout.wait_for_commands(100)
    rollout.press(b" ")
    rollout.wait_for_words("Phase transition: autonomous -> paused")
    rollout.press(b"\t")
    rollout.wait_for_words("Phase transition: paused -> correcting")
    rollout.wait_for_commands(150)
    rollout.press(b"\t")
    rollout.end()
    info = read_info(rollout.root)
    (row,) = read_episodes(rollout.root, info)
    assert row.length >= 8
    assert read_vectors(rollout.root, row, ["intervention"])["intervention"].all()
