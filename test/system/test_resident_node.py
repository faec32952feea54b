"""Commands that the graph's resident client carries out: at once, as they would do it themselves, and never needed."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from graph import wait_for
from strands_robots.msg import GateState

from strands_robots.cli.resident.words import GO, REFUSED, SOCKET, STREAMS, Request, code_stamp, send_request
from strands_robots.ros.messages import qos

from .simulation import PATIENT, Simulation

MOVE = ("move", "shoulder_pan=0.6", "--robot", "so101", "--speed", "0.1")


class Graph(Simulation):
    """A simulation whose shell says nothing about discovery, as a person's does not."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, parameters=PATIENT)
        self.environment.pop("ROS_AUTOMATIC_DISCOVERY_RANGE")
        self.environment.pop("ROS_LOCALHOST_ONLY")
        runs = folder / "strands_robots" / "runs"
        self.socket = Path(wait_for(lambda: next(runs.glob(f"*/{SOCKET}"), None), 30.0, "the resident client"))
        self.waiting()

    def resident(self) -> psutil.Process:
        return next(
            child for child in psutil.Process(self.process.pid).children() if "strands_robots.cli.resident.serve" in child.cmdline()
        )  # fmt: skip

    def waiting(self) -> psutil.Process:
        """Return the process that waits for the next command."""
        return wait_for(lambda: next(reversed(self.resident().children()), None), 20.0, "a process that waits")

    def connected(self) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(10.0)
        folder = os.open(self.socket.parent, os.O_RDONLY)
        try:
            connection.connect(f"/proc/self/fd/{folder}/{self.socket.name}")  # A socket's address has 108 bytes.
        finally:
            os.close(folder)
        return connection

    def request(self, *words: str, stamp: str = "") -> Request:
        return Request(words, "strands-robots", "/", self.environment, "utf-8", stamp or code_stamp(), 0o022)


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Graph]:
    started = Graph(tmp_path_factory.mktemp("g"))
    yield started
    started.close()


def test_command_is_carried_out_by_the_process_that_waits(graph: Graph) -> None:
    graph.arm()
    before = graph.waiting().pid
    code, output = graph.run("state")
    assert code == 0 and "armed, at rest" in output, output
    assert graph.waiting().pid != before


def test_errors_and_exit_codes_are_those_of_the_command(graph: Graph) -> None:
    before = graph.waiting().pid
    results = [graph.run("move", "elbow=1"), graph.run("move", "elbow=1", "--robot", "none")]
    assert graph.waiting().pid != before
    os.environ["STRANDS_ROBOTS_RESIDENT"] = graph.environment["STRANDS_ROBOTS_RESIDENT"] = "0"
    try:
        assert [graph.run("move", "elbow=1"), graph.run("move", "elbow=1", "--robot", "none")] == results
    finally:
        del os.environ["STRANDS_ROBOTS_RESIDENT"], graph.environment["STRANDS_ROBOTS_RESIDENT"]
    assert results[0][0] == 2 and results[1][0] == 1, results


def test_output_goes_where_the_shell_sends_it_and_files_lie_where_it_stands(graph: Graph, tmp_path: Path) -> None:
    command = graph.words("render", "overhead", "--file", "here.png")
    done = subprocess.run(command, env=graph.environment, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done
    assert (tmp_path / "here.png").read_bytes().startswith(b"\x89PNG") and "here.png" in done.stdout


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_interrupted_or_killed_command_stops_its_motion(graph: Graph, number: signal.Signals) -> None:
    graph.arm()
    assert graph._watch is not None
    gates = graph._watch.listen(GateState, "so101/gate_state", qos.STATE, keep=1)
    before = graph.waiting().pid
    process = subprocess.Popen(graph.words(*MOVE), env=graph.environment, stdout=subprocess.PIPE, text=True)
    wait_for(lambda: gates and not gates[-1].at_rest, 30.0, "a motion")
    assert graph.waiting().pid != before
    process.send_signal(number)
    output, _ = process.communicate(timeout=20)
    assert process.returncode == (130 if number == signal.SIGINT else -signal.SIGKILL), output
    wait_for(lambda: gates[-1].at_rest and not gates[-1].lease_holder, 5.0, "rest")
    assert not gates[-1].latched


def test_hung_or_killed_resident_client_is_done_without(graph: Graph) -> None:
    hung = graph.waiting()
    hung.suspend()
    try:
        assert graph.run("state")[0] == 0
    finally:
        hung.kill()
    graph.waiting().kill()
    assert graph.run("state")[0] == 0


def test_command_that_began_to_do_it_itself_is_not_done_twice(graph: Graph) -> None:
    before = graph.waiting()
    with graph.connected() as connection:
        send_request(connection, graph.request("state"))
        assert connection.recv(1) not in (b"", REFUSED)
        # No GO: the command has waited too long, and does it itself.
    before.wait(10.0)  # Raises while it is there; the exit code of a process that is no child is not known.


@pytest.mark.parametrize("wrong", ["stamp", "words", "bytes"])
def test_what_is_no_command_of_this_program_is_refused(graph: Graph, wrong: str) -> None:
    with graph.connected() as connection:
        if wrong == "bytes":
            connection.sendall(b"\xff" * 64)
        else:
            words = ("estop",) if wrong == "words" else ("state",)
            send_request(connection, graph.request(*words, stamp="another" if wrong == "stamp" else ""))
        with suppress(ConnectionResetError):
            assert connection.recv(1) in (b"", REFUSED)
        with pytest.raises(OSError), connection:
            connection.sendall(GO)
            connection.sendall(GO)
            assert connection.recv(STREAMS) == b""
            raise ConnectionResetError
    assert graph.run("state")[0] == 0


def test_socket_is_private_and_goes_with_the_graph(tmp_path_factory: pytest.TempPathFactory) -> None:
    graph = Graph(tmp_path_factory.mktemp("own"))
    try:
        assert graph.socket.stat().st_mode & 0o777 == 0o600 and graph.socket.parent.stat().st_mode & 0o777 == 0o700
        resident = graph.resident()
        others = [resident, graph.waiting()]
        assert not re.search(r"resident .*(Traceback|error)", graph.output)
    finally:
        graph.close()
    wait_for(lambda: not any(process.is_running() for process in others), 5.0, "the end of its processes")
    assert not graph.socket.exists()
