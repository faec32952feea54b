"""Eight episodes of lift_cube with its expert: our evaluation and Ray against a bare loop of MuJoCo, in the same run.

bare       one process: MuJoCo steps with the set-points of the same episodes, no gate, no policy, no conditions
in_process the episodes by EpisodeRunner in this process, one after the other
ours       `evaluate` with two workers and a results.jsonl, processes started anew
ray        the same on Ray, started on loopback for the run; left out where Ray is not installed

The processor's seconds of this process are compared for the first two, the clock's for the others, which have processes of their own.
Once a worker is there, an episode costs `*_s_per_episode`: time between the first and the last result, by two workers.
"""

from __future__ import annotations

import importlib.util
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import strands_robots.sim  # chooses the OpenGL backend, so before mujoco  # noqa: F401

# isort: split
import mujoco
import numpy as np
from _report import report

from strands_robots.control.gate import GateReport, Setpoint
from strands_robots.core.arrays import FloatArray
from strands_robots.evaluation.digests import results_digest
from strands_robots.evaluation.episode import EpisodeRunner
from strands_robots.evaluation.episode_result import EpisodeResult, PolicyChoice
from strands_robots.evaluation.runner import EvaluationConfig, evaluate
from strands_robots.evaluation.scene import begin_episode, make_world
from strands_robots.evaluation.task import load_task

EPISODES = 8
WORKERS = 2
TASK = "lift_cube"
EXPERT = PolicyChoice("expert")


class _Applied:
    """Keeps the set-points of one episode."""

    def __init__(self) -> None:
        self.rows: list[FloatArray] = []

    def publish_state(self, stamp: float, position: FloatArray, velocity: FloatArray, effort: FloatArray) -> None:
        """Forget it."""

    def publish_applied(self, stamp: float, setpoint: Setpoint) -> None:
        """Keep it."""
        self.rows.append(setpoint.target.copy())

    def publish_gate(self, stamp: float, report: GateReport) -> None:
        """Forget it."""


def main() -> None:
    task, applied = load_task(TASK), _Applied()
    runner = EpisodeRunner(task, EXPERT, port=applied)
    runner.run(EPISODES)  # the first one makes the policy
    shown: list[FloatArray] = []
    mine = 0.0
    results: list[EpisodeResult] = []
    for seed in range(EPISODES):
        begin = time.process_time()
        results.append(runner.run(seed, on_begin=applied.rows.clear))
        mine += time.process_time() - begin
        shown.append(np.array(applied.rows))
    runner.close()
    bare = _bare(shown)
    figures: dict[str, float | str] = {
        "episodes": float(EPISODES),
        "succeeded": float(sum(result.success for result in results)),
        "in_process_cpu_s_per_episode": mine / EPISODES,
        "overhead_cpu_s_per_episode": (mine - bare) / EPISODES,
        "simulated_s_per_episode": sum(result.time for result in results) / EPISODES,
    }
    digest = results_digest(results)
    ways = {"ours": ""} | ({"ray": "ray"} if importlib.util.find_spec("ray") is not None else {})
    for name, on in ways.items():
        figures |= {f"{name}_{key}": value for key, value in _many(on, digest).items()}
    report("evaluation", figures, {"bare_cpu_s_per_episode": bare / EPISODES})


def _bare(shown: list[FloatArray]) -> float:
    """Return the processor's time [s] of MuJoCo alone on the same episodes: every reset, settling and step."""
    task = load_task(TASK)
    world = make_world(task)
    (robot,) = world.robots.values()
    steps = round(task.control_period / task.timestep)
    order = [world.model.actuator(robot.prefix + name).id for name in robot.joint_names]
    begin = time.process_time()
    for seed, rows in enumerate(shown):
        begin_episode(world, task, seed)
        for row in rows:
            world.data.ctrl[order] = row
            mujoco.mj_step(world.model, world.data, nstep=steps)
    return time.process_time() - begin


def _many(on: str, digest: str) -> dict[str, float]:
    """Return the clock's times [s] of an evaluation."""
    came: list[float] = []
    take: Callable[[Any], None] = lambda result: came.append(time.monotonic())  # noqa: E731
    with tempfile.TemporaryDirectory() as folder:
        begin = time.monotonic()
        config = EvaluationConfig(TASK, EXPERT, EPISODES, workers=WORKERS, output_folder=Path(folder), on=on)
        found = evaluate(config, take)
        total = time.monotonic() - begin
    assert results_digest(found.results) == digest, "the same episodes gave other results"
    return {
        "total_s": total,
        "first_result_s": came[0] - begin,
        "s_per_episode": (came[-1] - came[0]) / (EPISODES - 1),
    }


if __name__ == "__main__":
    main()
