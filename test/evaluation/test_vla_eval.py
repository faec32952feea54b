"""Both of our ends of vla-eval against vla-eval itself: its orchestrator, its websocket, its files."""

from __future__ import annotations

import json
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

pytest.importorskip("vla_eval", reason="needs pip install -r requirements/vla_eval.txt")

from vla_eval.model_servers.base import SessionContext

from strands_robots.core.errors import ConfigurationError, PolicyError, UnknownNameError
from strands_robots.evaluation.compare.outcomes import read_outcomes
from strands_robots.evaluation.episode_result import PolicyChoice
from strands_robots.evaluation.harness.vla_eval_benchmark import StrandsBenchmark
from strands_robots.evaluation.harness.vla_eval_server import ServedColumns, StrandsModelServer, serve_policy

pytestmark = pytest.mark.timeout(180)

WAYPOINTS = "{model: so101, waypoints: [{position: [0.15, 0.1, 0.1]}, {pause: 2.0}]}"
"""What the expert of `reach` does."""


@contextmanager
def served(*words: str) -> Iterator[int]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = ["strands-robots", "benchmark", "serve", *words, "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        end = time.monotonic() + 60.0
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5.0):
                    break
            except OSError:
                assert process.poll() is None and time.monotonic() < end, "the server did not start"
                time.sleep(0.1)
        yield port
    finally:
        process.terminate()
        process.wait(10.0)


def run(folder: Path, port: int, **params: Any) -> Path:
    entry = {
        "benchmark": "strands_robots.evaluation.harness.vla_eval_benchmark:StrandsBenchmark", "episodes_per_task": 2,
        "params": params,
    }  # fmt: skip
    config = folder / "run.yaml"
    config.write_text(
        yaml.safe_dump({"server": {"url": f"ws://127.0.0.1:{port}"}, "output_dir": str(folder), "benchmarks": [entry]})
    )
    command = ["vla-eval", "run", "--no-docker", "--config", str(config)]
    subprocess.run(command, check=True, capture_output=True, timeout=120.0)
    return folder / "StrandsBenchmark_aggregate.json"


def test_our_policy_does_our_task_through_vla_eval_and_compare_reads_what_it_wrote(tmp_path: Path) -> None:
    with served("scripted", "--config", WAYPOINTS, "--robot", "so101") as port:
        found = run(tmp_path, port, task="reach", rate=20)
    (task,) = json.loads(found.read_text())["tasks"]
    assert [one["metrics"]["success"] for one in task["episodes"]] == [True, True]
    assert all(one["steps"] < 40 for one in task["episodes"]), "each ended when its condition held"
    assert [one.success for one in read_outcomes(found).episodes.values()] == [True, True]


def _context(name: str) -> SessionContext:
    return SessionContext(name, "episode")


def _server(**given: Any) -> StrandsModelServer:
    return StrandsModelServer(PolicyChoice("hold"), ServedColumns(**{"robot": "so101", **given}))


async def _begin(server: StrandsModelServer, name: str) -> SessionContext:
    context = _context(name)
    await server.on_episode_start({}, context)
    return context


def test_a_second_harness_is_refused_while_the_first_is_in_an_episode() -> None:
    import anyio

    async def both() -> None:
        server = _server()
        first = await _begin(server, "first")
        with pytest.raises(PolicyError, match="one model server for each shard"):
            await _begin(server, "second")
        await server.on_episode_end({}, first)
        await _begin(server, "second")

    anyio.run(both)


def test_an_observation_that_is_not_what_was_declared_is_refused_with_what_is() -> None:
    import anyio

    server = _server()
    with pytest.raises(PolicyError, match="episode_start first"):
        server.predict({"state": np.zeros(6)}, _context("none"))
    context = anyio.run(_begin, server, "one")
    for state in (np.zeros(5), np.full(6, np.nan)):
        with pytest.raises(PolicyError, match="valid: 6 finite ones, shoulder_pan"):
            server.predict({"state": state}, context)
    rows = server.predict({"state": np.full(6, 10.0)}, context)["actions"]
    np.testing.assert_allclose(rows, 10.0, atol=1e-4)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "valid: one of them"),
        ({"robot": "so101", "action": ("dx",)}, "valid: one of them"),
        ({"robot": "so101", "state": ("x",)}, "no names of a state"),
        ({"robot": "so101", "rate": 0.0}, "above 0"),
        ({"robot": "so101", "rows": -1}, "valid: 0 to"),
    ],
)
def test_columns_that_cannot_be_are_refused(given: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        ServedColumns(**given)


def test_policy_that_is_not_there_ends_the_server_before_it_listens() -> None:
    with pytest.raises(UnknownNameError, match="unknown policy 'holt'"):
        serve_policy(PolicyChoice("holt"), ServedColumns(robot="so101"), "127.0.0.1", 0)


def test_rows_of_a_benchmark_come_in_its_order_and_at_its_rate() -> None:
    server = StrandsModelServer(PolicyChoice("hold"), ServedColumns(action=("dx", "dy"), state=("x",), rate=20.0))
    rows = server._rows(("dy", "dx"), np.array([[0.0, 1.0], [1.0, 1.0], [2.0, 1.0], [3.0, 1.0], [4.0, 1.0]]), 0.02)
    np.testing.assert_allclose(rows, [[1.0, 0.0], [1.0, 2.5]])
    with pytest.raises(PolicyError, match="lacks dy; valid: dx, dy"):
        server._rows(("dx",), np.zeros((1, 1)), 0.05)


def test_our_benchmark_says_what_it_is_and_holds_where_the_robot_is() -> None:
    benchmark = StrandsBenchmark("lift_cube", bodies=["cube"])
    (task,) = benchmark.get_tasks()
    seen = benchmark.make_obs(benchmark.reset({**task, "episode_idx": 4}), task)
    assert seen["task_description"] == "lift the red cube"
    assert (seen["state"].shape, seen["environment_state"].shape) == ((6,), (4,))
    assert benchmark.get_metadata() == {"max_steps": 240, "action_dim": 6}
    again = benchmark.make_obs(benchmark.reset({**task, "episode_idx": 4}), task)
    np.testing.assert_array_equal(seen["environment_state"], again["environment_state"])
    assert not benchmark.step({"actions": seen["state"]}).done
    with pytest.raises(PolicyError, match=r"the action has shape \(7,\); valid: \(6,\)"):
        benchmark.step({"actions": np.zeros(7)})
    benchmark.cleanup()


def test_a_suite_of_two_robots_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="one entry for each robot"):
        StrandsBenchmark("tabletop")
