"""Every way of asking for a stop, against a real graph whose middleware, supervisor or disk cannot be relied on."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from graph import Client, claim_domain, wait_for
from strands_robots.msg import GateState

from strands_robots.clients.stop import GraphStop, stop_result
from strands_robots.ros.messages import qos
from strands_robots.safety.graph_file import NAME
from strands_robots.safety.local_stop import local_stop
from strands_robots.safety.run_folder import runs_folder
from strands_robots.safety.stop_words import stop_words

from .simulation import Command, Simulation

ODD: list[Any] = [None, 5, "x" * 1_000_000, "\ud800", b"\xff", {"why": "it burns"}]


@pytest.fixture(scope="module")
def simulation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulation]:
    started = Simulation(tmp_path_factory.mktemp("stops"))
    yield started
    started.close()


@pytest.fixture
def armed(simulation: Simulation) -> Simulation:
    simulation.arm()
    return simulation


@contextlib.contextmanager
def unknown_graph(simulation: Simulation) -> Iterator[None]:
    """Take away what tells commands in other shells how the graph is found; they use their shell's own environment then."""
    files = list(runs_folder(simulation.environment).glob(f"*/{NAME}"))
    assert files
    kept = {file: file.with_name("kept") for file in files}
    for file, aside in kept.items():
        file.rename(aside)
    try:
        yield
    finally:
        for file, aside in kept.items():
            aside.rename(file)


@contextlib.contextmanager
def suspended(simulation: Simulation, *names: str) -> Iterator[None]:
    nodes = simulation.nodes()
    for name in names:
        os.kill(nodes[name], signal.SIGSTOP)
    try:
        yield
    finally:
        for name in names:
            os.kill(nodes[name], signal.SIGCONT)


def estop(simulation: Simulation, *words: str, **environment: str) -> tuple[int, str]:
    """Return exit code and output of estop in a second terminal with another environment."""
    done = subprocess.run(
        simulation.words("estop", *words), env={**simulation.environment, **environment}, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, timeout=60,
    )  # fmt: skip
    return done.returncode, done.stdout


def is_latched(simulation: Simulation) -> bool:
    with contextlib.closing(local_stop(simulation.environment, None)) as found:
        assert found.targets
    client = simulation._watch
    assert client is not None
    heard = client.listen(GateState, "so101/gate_state", qos.HEARTBEAT_READER, keep=1)
    wait_for(lambda: heard, 5.0, "the gate's state")
    return bool(heard[-1].latched)


@pytest.mark.guarantee(
    "Stop",
    "a stop from this machine needs no middleware, router or discovery ([ADR 9](../adr/0009-a-stop-needs-no-middleware.md))",
    "safety/stop_socket.py; safety/local_stop.py",
)
@pytest.mark.parametrize(
    "environment",
    [
        {"ROS_AUTOMATIC_DISCOVERY_RANGE": "OFF"},
        {"RMW_IMPLEMENTATION": "rmw_that_is_not_there"},
        {"AMENT_PREFIX_PATH": "/nowhere"},
    ],
    ids=lambda value: next(iter(value)),
)
def test_estop_without_middleware_or_discovery_stops_and_says_who_confirmed(
    armed: Simulation, environment: dict[str, str]
) -> None:
    with unknown_graph(armed):
        code, output = estop(armed, "--wait", "2", **environment)
    assert code == 0, output
    assert "STOPPED and latched" in output
    # ROS may be loaded without the index of packages, and Humble and Zenoh know no range: then the robot confirms over ROS as well.
    has_ros = "RMW_IMPLEMENTATION" not in environment and "  so101: latched" in output
    assert has_ros or "confirmed on this machine by sim_node" in output
    assert is_latched(armed)


def test_estop_from_another_domain_stops_every_graph_here_and_names_it(armed: Simulation) -> None:
    domain, lock = claim_domain()
    with lock:
        code, output = estop(armed, ROS_DOMAIN_ID=str(domain))
    assert code == 0, output
    assert "EVERY GRAPH ON THIS MACHINE WAS ASKED" in output and f"so101 (domain {armed.domain}): latched" in output
    assert is_latched(armed)


@pytest.mark.guarantee("Stop", "wrong words after `estop` keep no stop from being made", "cli/estop_words.py")
@pytest.mark.parametrize(
    "words", [["it", "burns"], ["--reson", "x"], ["--wait", "soon"], ["--reason"], ["--wait", "99"]]
)
def test_estop_with_wrong_words_stops(armed: Simulation, words: list[str]) -> None:
    code, output = estop(armed, *words)
    assert code == 0 and "STOPPED and latched" in output, output


def test_estop_while_every_node_but_the_robots_hangs_stops_and_ends(armed: Simulation) -> None:
    others = [name for name in armed.nodes() if name != "sim_node"]
    with suspended(armed, *others):
        code, output = estop(armed, "--wait", "3")
    assert code == 0, output
    assert "so101: latched" in output


def test_estop_says_loudly_that_a_hanging_robot_node_did_not_confirm(armed: Simulation) -> None:
    with suspended(armed, "sim_node"):
        code, output = estop(armed, "--wait", "1")
    assert code == 1, output
    assert "NO ANSWER" in output and "is suspended" in output and "USE THE STOP BUTTON" in output


@pytest.mark.guarantee(
    "Stop",
    "`estop` says after half a second that no answer came, and fails loudly when none comes",
    "cli/first_stop.py",
)
def test_estop_that_reaches_nothing_says_so_after_half_a_second_and_fails(tmp_path: Path) -> None:
    domain, lock = claim_domain()
    with lock:
        command = Command(tmp_path, domain)
        process = command.start("estop", "--wait", "3")
        wait_for(lambda: "NO ANSWER AFTER 0.5 s; still asking" in command.output, 30.0, "the complaint")
        assert process.poll() is None, "it goes on asking"
        assert process.wait(30) == 1
    assert "NOT STOPPED" in command.output and "NOT CONFIRMED" in command.output


def test_stop_at_the_socket_is_recorded_with_its_way(armed: Simulation) -> None:
    with contextlib.closing(local_stop(armed.environment, "")) as stop:
        assert stop.run(stop_words("operator/socket", "a hand"), 10.0)
    code, output = armed.run("audit", "tail", "-n", "200", "--json")
    if code == 2:
        code, output = armed.run("audit", "tail", "-n", "200")
    assert code == 0 and "operator/socket" in output, output[-2000:]


@pytest.fixture
def stopper(armed: Simulation) -> Iterator[GraphStop]:
    client = Client(armed.domain, "test_stopper")
    stop = GraphStop(client)
    wait_for(lambda: stop.listeners() >= 2, 10.0, "robots and supervisor that hear a stop")
    yield stop
    stop.close()
    client.close()


@pytest.mark.guarantee("Stop", "no argument refuses a stop", "agent/stop/stop_call.py; safety/stop_words.py")
@pytest.mark.parametrize("reason", ODD, ids=lambda value: ascii(value)[:20])
def test_stop_with_any_reason_stops(stopper: GraphStop, armed: Simulation, reason: Any) -> None:
    result = stop_result(stopper.stop("operator/test", reason, 5.0))
    assert result.is_at_rest and result.stop_id
    assert is_latched(armed)


def test_stop_over_ros_alone_stops(stopper: GraphStop, armed: Simulation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROS_HOME", "/nowhere")
    report = stopper.stop("operator/test", "no socket is found", 5.0)
    assert report.is_at_rest and not any(robot.note for robot in report.robots)


def test_stop_while_safety_node_hangs_returns_with_the_robots_own_word(stopper: GraphStop, armed: Simulation) -> None:
    with suspended(armed, "safety_node"):
        started = time.monotonic()
        report = stopper.stop("operator/test", "a hand", 5.0)
        elapsed = time.monotonic() - started
    assert report.is_at_rest and not report.supervisor_answered
    assert elapsed < 3.0


def test_many_threads_stop_at_once(stopper: GraphStop) -> None:
    reports: list[Any] = []
    threads = [
        threading.Thread(target=lambda: reports.append(stopper.stop("operator/test", "a hand", 5.0))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20.0)
    assert len(reports) == 8 and all(report.is_latched for report in reports)
