"""A node's process ends as it should: signals, errors, and the death of its parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from graph import Graph, Process, wait_for

NODE = str(Path(__file__).with_name("node_under_test.py"))


def _start(graph: Graph, behaviour: str, *ros_args: str, **variables: str) -> Process:
    arguments = ["--ros-args", *ros_args] if ros_args else []
    process = Process([sys.executable, NODE, behaviour, *arguments], {**graph.environment, **variables})
    graph.processes.append(process)
    return process


def _wait_for_text(process: Process, text: str) -> None:
    wait_for(lambda: text in process.text or process.exit_code is not None, 20.0, f"'{text}'")
    assert text in process.text


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_ends_the_node_cleanly_within_a_second(graph: Graph, number: int) -> None:
    process = _start(graph, "runs")
    _wait_for_text(process, "ready")
    begin = time.monotonic()
    process.send(number)
    assert process.wait(5.0) == 0
    assert time.monotonic() - begin < 1.0
    assert process.text.endswith("destroyed\n")


def test_second_signal_changes_nothing(graph: Graph) -> None:
    process = _start(graph, "runs")
    _wait_for_text(process, "ready")
    for _ in range(3):
        process.send(signal.SIGINT)
    assert process.wait(5.0) == 0
    assert process.text.count("destroyed") == 1


def test_signal_during_the_start_ends_the_process(graph: Graph) -> None:
    process = _start(graph, "starts slowly")
    _wait_for_text(process, "starting")
    process.send(signal.SIGTERM)
    assert process.wait(5.0) == 0


@pytest.mark.parametrize("behaviour", ["hangs at the end", "leaves a thread"])
def test_node_that_cannot_end_leaves_within_the_grace(graph: Graph, behaviour: str) -> None:
    process = _start(graph, behaviour)
    _wait_for_text(process, "ready")
    begin = time.monotonic()
    process.send(signal.SIGTERM)
    assert process.wait(5.0) == 1
    assert time.monotonic() - begin < 1.5
    assert "forced exit" in process.text


def test_configuration_error_is_one_line_and_exit_code_2(graph: Graph) -> None:
    process = _start(graph, "is misconfigured")
    assert process.wait(20.0) == 2
    # A middleware may have said something of its own before.
    assert process.text.splitlines()[-1] == "error: first line; second line \\xe9"
    assert "Traceback" not in process.text


@pytest.mark.parametrize("behaviour", ["fails in the constructor", "fails later"])
def test_unexpected_error_is_a_traceback_and_exit_code_1(graph: Graph, behaviour: str) -> None:
    process = _start(graph, behaviour)
    assert process.wait(20.0) == 1
    assert "Traceback" in process.text
    assert "ValueError: surprise" in process.text


def test_given_parameters_reach_the_node(graph: Graph) -> None:
    process = _start(
        graph, "runs", "-p", "rate:=5", "-p", "robots:=['one', two]", "-p", "gains:=[1.0]", "-p", "is_on:=false"
    )
    _wait_for_text(process, "ready")
    assert "rate=5.0, count=3, mode='slow', robots=('one', 'two'), gains=(1.0,), is_on=False" in process.text


def test_empty_list_is_the_default(graph: Graph) -> None:
    process = _start(graph, "runs", "-p", "robots:=[]")
    _wait_for_text(process, "ready")
    assert "robots=()" in process.text


@pytest.mark.parametrize(
    ("rule", "answer"),
    [
        (
            "rat:=5.0",
            "unknown parameter of node_under_test 'rat'; valid: count, gains, is_on, mode, rate, robots; "
            "did you mean 'rate'?",
        ),
        ("rate:=0.5", "parameter 'rate' (rate [Hz]) is 0.5; valid: a number >= 1 <= 100"),
        ("rate:=.nan", "parameter 'rate' (rate [Hz]) is nan; valid: a number >= 1 <= 100"),
        ("count:=-1", "parameter 'count' (count) is -1; valid: a whole number >= 0"),
        ("count:=1.5", "parameter 'count' (count) is 1.5; valid: a whole number >= 0"),
        ("mode:=quick", "parameter 'mode' (mode) is 'quick'; valid: slow, fast"),
        ("is_on:=1", "parameter 'is_on' (switch) is 1; valid: true or false"),
        ("robots:=[1, 2]", "parameter 'robots' (names) is [1, 2]; valid: a list of strings"),
    ],
)
def test_wrong_parameter_is_refused_with_what_is_valid(graph: Graph, rule: str, answer: str) -> None:
    process = _start(graph, "runs", "-p", rule)
    assert process.wait(20.0) == 2
    assert process.text.strip() == f"error: {answer}"


def test_node_ends_when_its_parent_is_killed(graph: Graph, tmp_path: Path) -> None:
    log, pid = tmp_path / "log", tmp_path / "pid"
    code = (
        "import os, subprocess, sys, time\n"
        "environment = {**os.environ, 'STRANDS_ROBOTS_PARENT_PID': str(os.getpid())}\n"
        f"child = subprocess.Popen([sys.executable, {NODE!r}, 'runs'], env=environment,"
        f" stdout=open({str(log)!r}, 'w'))\n"
        f"open({str(pid)!r}, 'w').write(f'{{child.pid}}\\n')\n"
        "time.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], env=graph.environment)
    try:
        wait_for(lambda: pid.exists() and pid.read_text().endswith("\n"), 20.0, "the process id")
        child = int(pid.read_text())
        wait_for(lambda: log.exists() and "ready" in log.read_text(), 20.0, "the node")
    finally:
        parent.kill()
        parent.wait()
    wait_for(lambda: not _is_running(child), 3.0, "the end of the node")
    assert "destroyed" in log.read_text()


def test_node_whose_parent_is_gone_already_does_not_start(graph: Graph) -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    process = _start(graph, "runs", STRANDS_ROBOTS_PARENT_PID=str(gone.pid))
    assert process.wait(20.0) == 2
    assert "does not exist" in process.text


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
