"""Every example runs, says how to run it, and is in docs/tutorials/examples.md. A script plays the model; nobody sits at the terminal."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from graph import Graph
from system.simulation import Simulation

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = sorted(path for path in (ROOT / "examples").glob("*.py") if not path.name.startswith("_"))
PATIENT = Path(__file__).with_name("patient.py")
PAGE = ROOT / "docs" / "tutorials" / "examples.md"
TIMEOUT = 150.0

RUNNING_GRAPH = {
    "hello_robot": ("graph '/', armed", "reached: ", "shoulder_pan is 0.4"),
    "swap_policy": ("hold: completed", "sine: completed", "scripted: completed"),
    "sim_to_real": ("turned and reached ", "0.00 rad again"),
    "wave": ("the wrist moved by",),
}
"""Examples that use a graph which runs, and what they print."""

OWN_GRAPH = {
    "two_arms": ("at the same time: reached, reached", "shoulder_pan: left", "Both arms look ahead again."),
    "approval": ("set_gripper needs a person", "a person runs: strands-robots approvals", "The gripper is open."),
    "woken_by_stop": ("stopped: ", "tool_call describe_robot", "the turn ended: answered"),
    "record_by_talking": ("I recorded one episode", ": verified"),
    "sim_to_real bus": ("own real graph, stopped", "a person runs: strands-robots resume", "turned and reached"),
}
"""Examples, with arguments, that start a graph of their own, and what they print."""

WITH_LEROBOT = ("record_by_talking", "sim_to_real bus")
NEED_MORE = {
    "tabletop": "its own world, in which one arm stands at table height",
    "sim_or_real": "a graph with a recorder; test/recording/test_real_robot_node.py does the same",
    "critique_loop": "no graph; test/critic/test_loop.py runs it",
}
"""Examples that are run elsewhere, or by hand, and what they need."""

pytestmark = pytest.mark.timeout(400)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulation]:
    simulation = Simulation(tmp_path_factory.mktemp("running"), "--cameras")
    yield simulation
    simulation.close()


def run(name: str, environment: Mapping[str, str], folder: Path) -> str:
    """Return what an example printed; fail when it did not end well."""
    words = name.split()
    done = subprocess.run(
        [sys.executable, str(PATIENT), str(ROOT / "examples" / f"{words[0]}.py"), *words[1:]],
        cwd=folder,
        env={**environment, "ROS_HOME": str(folder), "NO_COLOR": "1", "STRANDS_ROBOTS_MODEL": ""},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    assert done.returncode == 0, f"{name}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


@pytest.mark.long
@pytest.mark.flaky(reruns=2)  # a busy machine can stall the simulated robot, which then stops
@pytest.mark.parametrize("name", RUNNING_GRAPH)
def test_example_on_a_graph_that_runs_prints_what_it_did(running: Simulation, name: str, tmp_path: Path) -> None:
    running.arm()
    printed = run(name, running.environment, tmp_path)
    assert [words for words in RUNNING_GRAPH[name] if words not in printed] == [], printed


@pytest.mark.long
@pytest.mark.flaky(reruns=2)
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.learning] if name in WITH_LEROBOT else []) for name in OWN_GRAPH]
)
def test_example_that_starts_a_graph_prints_what_it_did(name: str, tmp_path: Path) -> None:
    if "sim_to_real" not in name:
        pytest.importorskip("strands")
    with Graph() as graph:
        printed = run(name, graph.environment, tmp_path)
    assert [words for words in OWN_GRAPH[name] if words not in printed] == [], printed


def test_every_example_is_run_or_says_why_not() -> None:
    known = {name.split()[0] for name in (*RUNNING_GRAPH, *OWN_GRAPH, *NEED_MORE)}
    assert known == {path.stem for path in EXAMPLES}


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example_says_what_it_shows_and_how_to_run_it_and_is_on_the_page(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    words = ast.get_docstring(ast.parse(text)) or ""
    assert text.isascii() and words.split("\n")[0].endswith("."), "the first line says what it shows"
    assert f"python examples/{path.name}" in words
    assert f"`examples/{path.name}`" in PAGE.read_text(encoding="utf-8")


def test_examples_import_only_what_is_there() -> None:
    pytest.importorskip("strands")
    code = f"import sys; sys.path.insert(0, {str(ROOT / 'examples')!r}); import {', '.join(path.stem for path in EXAMPLES)}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=os.environ, timeout=60)
    assert done.returncode == 0, done.stderr
