"""`strands-robots record` in a terminal: ended early, recorded again and stopped, by key and by service; and a recorder that dies."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from graph import Graph, wait_for
from strands_robots.msg import EpisodeState
from strands_robots.srv import RecordEpisode

from strands_robots.dataset.table import read_account, read_episodes, read_info
from strands_robots.dataset.verify import verify

from .recorded_graph import RecordedGraph

pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]  # each test takes a minute or more of real recording

RIGHT, LEFT, ESCAPE = b"\x1b[C", b"\x1bOD", b"\x1b"
SINE = ["--policy", "sine", "--config", "{joints: {shoulder_pan: [{amplitude: 0.3, frequency: 0.5}]}}"]


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RecordedGraph]:
    with Graph() as processes:
        yield RecordedGraph(processes, tmp_path_factory.mktemp("latch"), "realtime", cameras=False)


class Record:
    """`strands-robots record` with a terminal of its own."""

    def __init__(self, graph: RecordedGraph, root: Path, *options: str) -> None:
        self._ours, theirs = pty.openpty()
        self._graph = graph
        command = [
            sys.executable,
            "-m",
            "strands_robots.cli.entry",
            "record",
            str(root),
            "--task",
            "wave",
            "--fps",
            "20",
        ]
        self._output = (root.parent / "output").open("w+")
        self._process = subprocess.Popen(
            [*command, "--duration", "100", *SINE, *options], stdin=theirs, stdout=self._output, stderr=self._output,
            env=graph.environment,
        )  # fmt: skip
        os.close(theirs)

    @property
    def text(self) -> str:
        self._output.seek(0)
        return self._output.read()

    def press(self, keys: bytes) -> None:
        os.write(self._ours, keys)

    def wait_for_frames(self, episode: int, least: int = 8) -> None:
        """Return once an episode has frames."""

        def has() -> bool:
            assert self._process.poll() is None, self.text
            state = self._graph.states[-1] if self._graph.states else EpisodeState()
            return state.state == EpisodeState.RECORDING and state.episode == episode and state.frames >= least

        wait_for(has, 90.0, f"frames of episode {episode}")

    def wait_for_words(self, words: str, times: int = 1) -> None:
        wait_for(lambda: self.text.count(words) >= times, 90.0, f"'{words}'")

    def end(self, code: int) -> str:
        try:
            assert self._process.wait(90.0) == code, self.text
        finally:
            self._process.kill()
            os.close(self._ours)
        return self.text


def test_keys_end_an_episode_record_it_again_and_stop(graph: RecordedGraph, tmp_path: Path) -> None:
    record = Record(graph, tmp_path / "data", "--episodes", "5", "--reset-time", "100")
    record.wait_for_frames(0)
    record.press(LEFT)
    record.wait_for_words("episode 0: it is recorded again")
    record.wait_for_words("put the scene back")
    record.press(RIGHT)
    record.wait_for_frames(0)
    record.press(RIGHT)
    record.wait_for_words("episode 0 saved")
    record.wait_for_words("put the scene back", 2)
    record.press(LEFT)  # It turns out bad while the scene is put back.
    record.wait_for_words("episode 0 was taken out of the dataset")
    record.wait_for_frames(0)
    record.press(b"n")
    record.wait_for_words("episode 0 saved", 2)
    record.wait_for_words("put the scene back", 3)
    record.press(b"n")
    record.wait_for_frames(1)
    record.press(ESCAPE)
    text = record.end(1)
    assert "2 episodes saved" in text, text
    verdict = verify(tmp_path / "data", expected=2)
    assert verdict.is_good, verdict.errors
    assert all(row.length < 600 for row in read_episodes(tmp_path / "data", read_info(tmp_path / "data")))
    account: Any = read_account(tmp_path / "data", 1)
    assert account["provenance"]["seed"] == 1, "an episode that is recorded again has its seed"


def test_services_do_the_same(graph: RecordedGraph, tmp_path: Path) -> None:
    record = Record(graph, tmp_path / "data", "--episodes", "5", "--reset-time", "100", "--no-keys")
    record.wait_for_frames(0)
    assert graph.order(RecordEpisode.Request.DISCARD).success
    record.wait_for_words("was not kept: discarded")
    record.wait_for_words("put the scene back")
    assert graph.order(RecordEpisode.Request.BEGIN).success
    record.wait_for_frames(0)
    assert graph.order(RecordEpisode.Request.END).success
    record.wait_for_words("episode 0 saved")
    record.wait_for_words("put the scene back", 2)
    assert graph.order(RecordEpisode.Request.BEGIN).success
    record.wait_for_frames(1)
    assert graph.order(RecordEpisode.Request.STOP).success
    text = record.end(1)
    assert "2 episodes saved" in text, text
    assert verify(tmp_path / "data", expected=2).is_good


def test_recorder_that_was_killed_says_resume(graph: RecordedGraph, tmp_path: Path) -> None:
    record = Record(graph, tmp_path / "data", "--episodes", "3")
    record.wait_for_frames(0)
    record.press(RIGHT)
    record.wait_for_frames(1)
    graph.restart_recorder(signal.SIGKILL)
    text = record.end(1)
    assert "valid: the same command with --resume" in text and "no dataset is open" not in text, text
    again = Record(graph, tmp_path / "data", "--episodes", "1", "--resume")
    again.wait_for_frames(1)
    again.press(RIGHT)
    again.end(0)
    assert verify(tmp_path / "data", expected=2).is_good
