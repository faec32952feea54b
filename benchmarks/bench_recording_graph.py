"""Recording from a running graph: what was lost, how far behind the frames were, whether the encoders kept up, and what it cost.

`lockstep`: two SO-101 and three cameras of 640x480, 30 frames a second; the world waits for its readers. `realtime`: one SO-101 and two
cameras of 640x480 at 30 Hz, rendered, encoded and recorded on this machine. CPU is that of recorder_node alone, in cores; in lockstep
for each simulated second as well.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from _report import report

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "test"))

from graph import Graph, wait_for
from recording.recorded_graph import RecordedGraph
from strands_robots.srv import RecordEpisode

from strands_robots.dataset.table import read_account
from strands_robots.dataset.verify import verify

FPS = 30
TWO = ["left=so101@0,0.4,0", "right=so101@0,-0.4,0"]


def cpu_seconds(pid: int) -> float:
    """Return the CPU time of a process so far [s]."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Recording:
    """One episode, and what became of it."""

    def __init__(self, graph: RecordedGraph, root: Path, cameras: list[str], duration: float) -> None:
        self._graph, self._root, self._cameras, self._duration = graph, root, cameras, duration

    def run(self, **goal: Any) -> dict[str, float]:
        graph, cameras, duration = self._graph, self._cameras, self._duration
        started = graph.start(self._root, cameras=cameras, fps=FPS)
        assert started.success, started.message
        graph.begin()
        graph.states.clear()
        begin, cpu = time.perf_counter(), cpu_seconds(graph.recorder.pid)
        result = graph.goals.send(policy="sine", duration=duration, **goal).result(300.0)
        elapsed, cpu = time.perf_counter() - begin, cpu_seconds(graph.recorder.pid) - cpu
        assert result.success, result.message
        begin = time.perf_counter()
        ended = graph.end(outcome=RecordEpisode.Request.SUCCEEDED)
        saving = time.perf_counter() - begin
        assert ended.success, ended.message
        queued = max((state.queued for state in graph.states), default=0)
        graph.stop()
        verdict = verify(self._root, expected=1)
        assert verdict.is_good, verdict.errors
        account: Any = read_account(self._root, 0)
        streams = account["streams"]
        pictures = [count for topic, count in streams.items() if topic.endswith("/image_raw")]
        delay = account["delay"] or {}
        return {
            "frames": float(account["frames"]),
            "pictures_received": float(sum(count["received"] for count in pictures)),
            "lost": float(sum(count["lost"] for count in streams.values())),
            "late": float(sum(count["late"] for count in streams.values())),
            "stale": float(sum(count["stale"] for count in streams.values())),
            "pictures_repeated": float(sum(count["repeated"] for count in pictures)),
            "pictures_not_made": float(sum(count["gaps"] for count in pictures)),
            "wall_s_per_s": elapsed / duration,
            "recorder_cores": cpu / elapsed,
            "recorder_cpu_s_per_s": cpu / duration,
            "queued_frames_max": float(queued),
            "save_s": saving,
            **{f"frame_delay_{name}_ms": 1e3 * value for name, value in delay.items()},
        }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--duration", type=float, default=10.0, help="length of each episode, ROS time [s]")
    duration = parser.parse_args().duration
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        with Graph() as processes:
            graph = RecordedGraph(
                processes, place / "latch", "lockstep", robots=TWO, timestep=1 / 480, control_period=1 / 120
            )
            graph.reset(1)
            recording = Recording(graph, place / "lockstep", ["left/wrist", "right/wrist", "overhead"], duration)
            for name, value in recording.run(robot="left", rate=30.0, lockstep=True).items():
                figures[f"lockstep_{name}"] = value
        with Graph() as processes:
            graph = RecordedGraph(processes, place / "realtime_latch", "realtime")
            wait_for(lambda: graph.goals.run(duration=0.2).success, 60.0, "an armed robot")
            recording = Recording(graph, place / "realtime", ["so101/wrist", "overhead"], duration)
            for name, value in recording.run().items():
                figures[f"realtime_{name}"] = value
    assert figures["lockstep_lost"] == figures["realtime_lost"] == 0.0, figures
    frames = duration * FPS
    report(
        "recording_graph",
        figures,
        {"lockstep_frames_target": frames, "realtime_frames_target": frames, "lost_target": 0.0},
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
