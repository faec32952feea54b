"""`strands-robots graph` beside a program of somebody else: lists, hears, publishes, calls, sends and cancels goals by name."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from graph import Graph, Process, wait_for

STRANGER = str(Path(__file__).with_name("stranger.py"))


class Rig:
    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.stranger = Process([sys.executable, STRANGER], graph.environment)
        graph.processes.append(self.stranger)
        wait_for(lambda: "ready" in self.stranger.text, 20.0, "the stranger")

    def words(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "strands_robots.cli.entry", "graph", *words]

    def run(self, *words: str) -> tuple[int, str]:
        done = subprocess.run(
            self.words(*words),
            env=self.graph.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
        )
        return done.returncode, done.stdout

    def complete(self, *words: str) -> list[str]:
        """Return what a shell would offer for the last word."""
        environment = {
            **self.graph.environment,
            "_STRANDS_ROBOTS_COMPLETE": "complete_bash",
            "COMP_WORDS": " ".join(["strands-robots", "graph", *words]),
            "COMP_CWORD": str(len(words) + 1),
        }
        code = "import sys; sys.argv[0] = 'strands-robots'; from strands_robots.cli.main import main; main()"
        done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60)
        return done.stdout.split("\n")


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    with Graph() as graph:
        yield Rig(graph)


def test_overview_shows_nodes_topics_with_rate_and_qos_services_and_actions(rig: Rig) -> None:
    code, output = rig.run()
    assert code == 0, output
    rows = {line.split()[0]: line.split(None, 1)[-1] for line in output.splitlines() if line.startswith("  ")}
    assert "/stranger" in rows
    assert rows["/switch"].startswith("std_srvs/srv/SetBool") and rows["/grip"].startswith(
        "strands_robots/action/SetGripper"
    )
    kind, publishers, subscribers, rate, *qos = rows["/numbers"].split()
    assert (kind, publishers, subscribers, " ".join(qos)) == ("std_msgs/msg/Float32", "1", "0", "reliable, volatile")
    assert 30.0 < float(rate) < 70.0
    assert rows["/words"].split()[1:3] == ["0", "1"]
    assert not any("_action" in name or "parameter" in name for name in rows)


def test_echo_prints_messages_as_yaml(rig: Rig) -> None:
    code, output = rig.run("echo", "numbers", "--count", "2")
    assert code == 0 and list(filter(None, yaml.safe_load_all(output))) == [{"data": 0.5}, {"data": 0.5}]
    assert rig.run("echo", "numbers", "--once", "--field", "data") == (0, "0.5\n---\n")
    code, output = rig.run("echo", "words", "--wait", "0.3")
    assert code == 1 and "silent for 0.3 s" in output


def test_hz_measures_the_rate(rig: Rig) -> None:
    code, output = rig.run("hz", "/numbers", "--count", "1")
    assert code == 0 and 40.0 < float(output.split()[0]) < 60.0, output


def test_pub_reaches_the_listener(rig: Rig) -> None:
    assert rig.run("pub", "words", "{data: hello}") == (0, "published to 1 listeners\n")
    wait_for(lambda: "heard hello" in rig.stranger.text, 5.0, "the word")
    code, output = rig.run("pub", "nobody", "{data: x}", "--type", "std_msgs/String")
    assert code == 1 and "0 listeners" in output


def test_call_prints_the_answer_and_false_is_a_failure(rig: Rig) -> None:
    assert rig.run("call", "switch", "{data: true}") == (0, "success: true\nmessage: data is True\n")
    assert rig.run("call", "/refuse") == (1, "success: false\nmessage: not today\n")


@pytest.mark.parametrize(("words", "expected"), [
    (("call", "swich"), "unknown service '/swich'; valid: "),
    (("call", "switch", "{datum: true}"), "did you mean 'data'"),
    pytest.param(("call", "switch", "{data: 1}"), "data is 1; valid: true or false", marks=pytest.mark.long),
    pytest.param(("echo", "nothing"), "unknown topic '/nothing'; valid: ", marks=pytest.mark.long),
    pytest.param(("send", "grip", "{robot: 3}"), "robot is 3; valid: a text", marks=pytest.mark.long),
    pytest.param(("show", "std_srvs/Triger"), "did you mean 'std_srvs/srv/Trigger'", marks=pytest.mark.long),
])  # fmt: skip
def test_what_is_wrong_is_named_with_what_is_valid(rig: Rig, words: tuple[str, ...], expected: str) -> None:
    code, output = rig.run(*words)
    assert code == 1 and output.startswith("error: ") and expected in output


def test_send_prints_the_result_and_how_it_ended(rig: Rig) -> None:
    code, output = rig.run("send", "grip", "{robot: quick}")
    shown = yaml.safe_load(output)
    assert code == 0 and (shown["state"], shown["result"]["message"]) == ("succeeded", "done")
    code, output = rig.run("send", "grip", "{robot: broken}")
    assert code == 1 and yaml.safe_load(output)["state"] == "aborted"


def test_ctrl_c_cancels_the_goal_and_shows_the_result(rig: Rig) -> None:
    process = Process(rig.words("send", "grip", "{robot: slow}"), rig.graph.environment)
    rig.graph.processes.append(process)
    wait_for(lambda: "feedback: " in process.text, 20.0, "feedback")
    process.send(signal.SIGINT)
    assert process.wait(20.0) == 130
    assert "state: cancelled" in process.text and "let go" in process.text


def test_shell_completes_names_types_and_requests_from_the_running_graph(rig: Rig) -> None:
    assert "switch" in rig.complete("call", "sw")
    assert "/numbers" in rig.complete("echo", "/nu")
    assert "std_srvs/srv/Trigger" in rig.complete("show", "std_srvs/srv/Tr")
    assert "{data: false}" in rig.complete("call", "switch", "")
