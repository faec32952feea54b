"""The command line without a graph: what it accepts, what it asks bringup for, what it says."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from strands_robots.bringup.graph import Graph
from strands_robots.bringup.sim import LAUNCH_ARGUMENTS
from strands_robots.cli import main, sim
from strands_robots.cli.commands import COMMANDS
from strands_robots.cli.safety import stop_lines
from strands_robots.cli.state import state_table

HEAVY = ("rclpy", "numpy", "mujoco", "pydantic", "yaml", "asyncio", "launch")
OF_NO_GRAPH = ("rclpy", "numpy", "mujoco", "cryptography", "scipy")
"""What a command that needs no graph must not load: each of them costs more than the command may take."""


def run(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(main.app, list(words))
    return result.exit_code, result.output + (str(result.exception) if result.exception else "")


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Graph]:
    graphs: list[Graph] = []

    def record(graph: Graph) -> int:
        graphs.append(graph)
        return 7

    monkeypatch.setattr(sim, "run", record)
    return graphs


def test_help_loads_nothing_heavy() -> None:
    code = f"import sys, strands_robots.cli.main; print([name for name in {HEAVY} if name in sys.modules])"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
    )


def loaded_by(words: list[str], names: tuple[str, ...]) -> list[str]:
    """Return which modules a command loaded in a process of its own."""
    code = (
        f"import sys; sys.argv[1:] = {words!r}\nfrom strands_robots.cli.entry import main\n"
        f"end = main(); print(end, *[name for name in {names} if name in sys.modules], file=sys.stderr)"
    )
    end, *found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stderr.split()
    assert end == "0"
    return found


def test_list_of_commands_loads_no_command() -> None:
    commands = tuple(f"strands_robots.cli.{entry.module}" for entry in COMMANDS.values())
    assert loaded_by(["--help"], (*HEAVY, *commands)) == []


@pytest.mark.parametrize(
    "words", ["robots list", "robots --help", "dataset --help", "sim --help", "policy list", "doctor -h"]
)
def test_command_that_needs_no_graph_loads_no_ros(words: str) -> None:
    assert loaded_by(words.split(), OF_NO_GRAPH) == []


def test_table_of_commands_says_what_each_command_says_of_itself() -> None:
    for entry in COMMANDS.values():
        text = main.load_command(entry.name).help or ""
        assert " ".join(text.strip().split("\n\n")[0].split()) == entry.help


def test_mistyped_command_is_answered_with_the_nearest() -> None:
    code, output = run("stat")
    assert code == 2 and "Did you mean 'state'" in output


def test_help_lists_the_commands() -> None:
    code, output = run("--help")
    assert code == 0
    for name in ("sim", "estop", "resume", "state", "render", "policy"):
        assert re.search(rf"^ +{name} ", output, re.MULTILINE)


def test_sim_takes_every_argument_of_the_launch_file() -> None:
    assert LAUNCH_ARGUMENTS.keys() <= inspect.signature(sim.sim).parameters.keys()


def test_sim_without_options_starts_the_graph_of_the_launch_file(started: list[Graph]) -> None:
    assert run("sim") == (7, "7")
    nodes = {spec.name: spec for spec in started[0].nodes}
    assert {"sim_node", "safety_node", "policy_node", "state"} <= nodes.keys()
    assert nodes["sim_node"].parameters["robots"] == ("so101=so101",)


def test_sim_options_reach_the_graph(started: list[Graph]) -> None:
    words = "sim --robot a:=so101 --robot b:=so101 --mode fast --no-cameras --namespace cell --log-level warn"
    words += " --seed 3 --no-state"
    assert run(*words.split())[0] == 7
    nodes = {spec.name: spec.parameters for spec in started[0].nodes}
    assert "state" not in nodes
    assert nodes["sim_node"]["robots"] == ("a=so101", "b=so101")
    assert (nodes["sim_node"]["mode"], nodes["sim_node"]["cameras"], nodes["sim_node"]["seed"]) == ("fast", False, 3)
    assert (started[0].namespace, started[0].log_level) == ("cell", "warn")


@pytest.mark.parametrize(("words", "expected"), [
    ("sim --robot so10", "did you mean 'so101'"), ("sim --mode turbo", "valid: fast, lockstep, realtime"),
    ("sim --namespace a-b", "valid"), ("render cam --file x.jpg", "png"),
    ("render cam --file /no/such/x.png", "existing folder"), ("render cam --file x.png --depth --fine", "one, or none"),
    ("policy run sine", "--robot"), ("stop", "No such command"),
])  # fmt: skip
def test_what_cannot_be_used_is_refused_with_what_is_valid(words: str, expected: str, started: list[Graph]) -> None:
    code, output = run(*words.split())
    assert code != 0 and expected in output and not started


def test_an_error_is_one_line_and_an_exit_code() -> None:
    result = subprocess.run(
        [sys.executable, "-m", "strands_robots.cli.entry", "sim", "--robot", "so10\u00e9"],
        capture_output=True,
        text=True,
    )
    assert result.returncode == 1 and result.stdout == ""
    assert result.stderr.startswith("error: unknown robot 'so10\\xe9'; valid: ") and result.stderr.count("\n") == 1


def stopped(**changes: Any) -> Any:
    robot = SimpleNamespace(
        name="so101",
        is_heard=True,
        is_latched=True,
        latch_reason="stop: x",
        is_at_rest=True,
        max_velocity=0.0,
        note="",
    )
    report = SimpleNamespace(
        supervisor_answered=True,
        supervisor_latched=False,
        problem="",
        stop_id=3,
        message="said",
        robots=(robot,),
        is_latched=True,
        is_at_rest=True,
        is_audited=True,
    )
    for name, value in changes.items():
        setattr(robot if hasattr(robot, name) and name not in ("is_latched", "is_at_rest") else report, name, value)
    return report


def test_stop_lines_say_the_verdict_first() -> None:
    assert stop_lines(stopped())[0] == "STOPPED and latched (stop 3)"
    assert "REST IS NOT CONFIRMED" in stop_lines(stopped(is_at_rest=False))[0]
    assert stop_lines(stopped(is_latched=False))[0].startswith("NOT STOPPED")


def test_stop_lines_say_when_only_the_robots_were_told_or_nobody_heard() -> None:
    assert any("told directly" in line for line in stop_lines(stopped(supervisor_answered=False)))
    nobody = stop_lines(stopped(supervisor_answered=False, robots=(), is_latched=False))
    assert "nothing confirmed" in nobody[0] and "ROS_DOMAIN_ID" in nobody[1]
    assert stop_lines(stopped(is_heard=False))[-1] == "  so101: NO ANSWER"


def snapshot(**changes: Any) -> Any:
    robot = SimpleNamespace(
        name="so101",
        is_heard=True,
        is_latched=False,
        latch_reason="",
        is_at_rest=False,
        max_velocity=0.5,
        lease_holder="policy/a",
        refused=2,
        joint_rate=100.0,
        joint_names=("pan", "lift"),
        position=(0.1, -0.2),
        velocity=(0.0, 0.5),
        effort=(),
    )
    safety = SimpleNamespace(state="ARMED", arm_epoch=4, stop_id=1, source="", reason="", rate=20.0)
    return SimpleNamespace(**{"safety": safety, "robots": (robot,), **changes})


def test_state_table_has_a_row_for_each_joint(capsys: pytest.CaptureFixture[str]) -> None:
    from rich.console import Console

    Console(width=160).print(state_table(snapshot()))
    output = capsys.readouterr().out
    assert re.search(r"so101 .*armed.* 2 .*100\.0 .*pan .*0\.1000", output)
    assert re.search(r"lift .*-0\.2000 .*0\.5000", output)


def test_every_option_has_a_description(tmp_path: Path) -> None:
    from typer.main import get_command

    for name, command in get_command(main.app).commands.items():  # type: ignore[attr-defined]
        assert command.help, name
        for parameter in command.params:
            assert getattr(parameter, "help", ""), f"{name} {parameter.name}"


@pytest.mark.parametrize(
    "words", [["--certificate", "a.pem"], ["--key", "a.pem"], ["--listen", "::", "--key", "a.pem"]]
)
def test_a_console_is_not_started_with_half_of_what_other_machines_need(words: list[str]) -> None:
    code, output = run("console", *words)
    assert code != 0 and "belong together" in output
