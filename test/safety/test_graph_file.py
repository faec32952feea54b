"""How a graph is found stands in its run's folder, and commands in other shells do the same."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from strands_robots.safety.graph_file import NAME, join_graph, running_graphs, write_graph_file
from strands_robots.safety.run_folder import runs_folder

CYCLONE = {"RMW_IMPLEMENTATION": "rmw_cyclonedds_cpp", "ROS_LOCALHOST_ONLY": "1", "PATH": "/bin"}


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    return {"ROS_HOME": str(tmp_path)}


def test_shell_that_was_not_sourced_uses_what_the_graph_uses(home: dict[str, str]) -> None:
    write_graph_file(runs_folder(home) / "run", "", {**CYCLONE, "ROS_DOMAIN_ID": "7"})
    shell = {**home, "ROS_DOMAIN_ID": "7"}
    assert join_graph(shell) == []
    assert shell == {
        **home,
        "ROS_DOMAIN_ID": "7",
        "RMW_IMPLEMENTATION": "rmw_cyclonedds_cpp",
        "ROS_LOCALHOST_ONLY": "1",
    }
    other = {**home, "ROS_DOMAIN_ID": "8"}
    assert join_graph(other) == [] and other == {**home, "ROS_DOMAIN_ID": "8"}


def test_what_the_shell_had_otherwise_is_said(home: dict[str, str]) -> None:
    write_graph_file(runs_folder(home) / "run", "", CYCLONE)
    profile = "/ws/share/strands_robots/config/fastdds_local.xml"
    shell = {**home, "RMW_IMPLEMENTATION": "rmw_fastrtps_cpp", "FASTDDS_DEFAULT_PROFILES_FILE": profile}
    told = join_graph(shell)
    assert len(told) == 1 and "'rmw_fastrtps_cpp' in this shell; the graph has 'rmw_cyclonedds_cpp'" in told[0]
    assert "FASTDDS_DEFAULT_PROFILES_FILE" not in shell


def test_of_two_graphs_the_one_with_the_namespace_counts(home: dict[str, str]) -> None:
    for name, peers in (("left", "10.0.0.1"), ("right", "10.0.0.2")):
        write_graph_file(runs_folder(home) / name, f"/{name}", {"ROS_STATIC_PEERS": peers})
    shell = dict(home)
    join_graph(shell, "left")
    assert shell["ROS_STATIC_PEERS"] == "10.0.0.1"


def test_graph_that_has_ended_is_not_joined_and_leaves_nothing(home: dict[str, str]) -> None:
    code = (
        "import sys; from pathlib import Path; from strands_robots.safety.graph_file import write_graph_file;"
        "write_graph_file(Path(sys.argv[1]), '', {'RMW_IMPLEMENTATION': 'x'}); sys.stdin.read()"
    )
    folder = runs_folder(home) / "run"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    for is_killed in (True, False):
        process = subprocess.Popen(
            [sys.executable, "-c", code, str(folder)], stdin=subprocess.PIPE, env=environment, text=True
        )
        while not running_graphs(home):
            assert process.poll() is None
        if is_killed:
            process.kill()
        process.communicate()
        assert running_graphs(home) == [] and folder.exists() is is_killed


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", '{"pid": "x"}', "\x00"])
def test_file_that_cannot_be_read_is_passed_over(home: dict[str, str], text: str) -> None:
    folder = runs_folder(home) / "run"
    folder.mkdir(parents=True, mode=0o700)
    (folder / NAME).write_text(text)
    assert join_graph(dict(home)) == []


def test_only_names_of_the_graph_are_taken(home: dict[str, str]) -> None:
    write_graph_file(runs_folder(home) / "run", "", CYCLONE)
    path = runs_folder(home) / "run" / NAME
    said = json.loads(path.read_text())
    said["variables"]["LD_PRELOAD"] = "/tmp/evil.so"
    path.write_text(json.dumps(said))
    shell = dict(home)
    join_graph(shell)
    assert "LD_PRELOAD" not in shell
