"""The live view of `strands-robots sim` in a pseudo-terminal: space stops though nobody reads the screen, q ends everything."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from graph import Graph, wait_for
from strands_robots.msg import SafetyState

from strands_robots.ros.messages import qos

from .simulation import PATIENT


def is_alive(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return False


class View:
    """The command on a terminal of its own. Its output is read only when the test asks for it."""

    def __init__(self, graph: Graph, folder: Path) -> None:
        parameters = folder / "parameters.yaml"
        parameters.write_text(PATIENT, encoding="utf-8")
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 140, 0, 0))
        environment = {**graph.environment, "TERM": "xterm", "ROS_HOME": str(folder)}
        environment.pop("NO_COLOR", None)
        words = ["sim", "--no-cameras", "--params-file", str(parameters)]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "strands_robots.cli.entry", *words],
            env=environment, stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
        )  # fmt: skip
        os.close(slave)
        self.folder = folder
        self._used: list[str] = []
        self._used_at = 0.0

    def press(self, key: str) -> None:
        os.write(self._master, key.encode())

    def read(self, duration: float) -> str:
        """Return what comes within the time [s], without the sequences that move the cursor."""
        data, end = b"", time.monotonic() + duration
        while (left := end - time.monotonic()) > 0:
            if select.select([self._master], [], [], left)[0]:
                try:
                    data += os.read(self._master, 65536)
                except OSError:
                    break
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", data.decode("ascii", "replace"))

    def read_until(self, words: str, timeout: float) -> str:
        """Return what comes until these words have come, or fail."""
        text, end = "", time.monotonic() + timeout
        while words not in text:
            assert time.monotonic() < end, f"'{words}' did not come within {timeout} s: {text[-2000:]}"
            text += self.read(0.5)
        return text

    def hangs(self) -> bool:
        """Return whether the drawing thread has used no processor for three seconds."""
        used = (
            Path(f"/proc/{self.process.pid}/task/{self.process.pid}/stat").read_text().rpartition(")")[2].split()[11:13]
        )
        if used != self._used:
            self._used, self._used_at = used, time.monotonic()
        return time.monotonic() - self._used_at > 3.0

    def nodes(self) -> list[int]:
        """Return the process ids of the nodes: the children of the child."""
        found = []
        for child in _children(self.process.pid):
            found += [child, *_children(child)]
        return found

    def close(self) -> None:
        self.process.kill()
        self.process.wait(10)
        os.close(self._master)


def _children(pid: int) -> list[int]:
    return list(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))


@pytest.fixture(scope="module")
def graph_of_module() -> Iterator[Graph]:
    with Graph() as graph:
        yield graph


@pytest.fixture
def view(graph_of_module: Graph, tmp_path: Path) -> Iterator[View]:
    made = View(graph_of_module, tmp_path)
    yield made
    made.close()


def test_space_stops_while_the_screen_hangs_and_q_ends_every_node(view: View, graph_of_module: Graph) -> None:
    client = graph_of_module.client()
    states = client.listen(SafetyState, "safety/state", qos.SAFETY)
    wait_for(lambda: states and states[-1].robots and states[-1].state == SafetyState.ARMED, 60.0, "ARMED")
    for words in ("ARMED", "so101", "real-time factor"):
        view.read_until(words, 15.0)
    # From here on nobody reads: the terminal's buffer fills up and the view hangs in a write.
    wait_for(view.hangs, 60.0, "a view that hangs in a write")
    view.press(" ")
    wait_for(lambda: states[-1].state == SafetyState.STOPPED, 5.0, "STOPPED")
    assert states[-1].stop_source.startswith("operator/") and "space" in states[-1].stop_reason
    view.read_until("STOPPED", 15.0)  # the line "STOP sent" passes, and what came of the stop may overtake it
    nodes = view.nodes()
    assert len(nodes) >= 5
    view.press("q")
    view.read_until("log of this run: ", 15.0)
    assert view.process.wait(5) == 0
    assert not any(map(is_alive, nodes))
    (log,) = (view.folder / "strands_robots" / "log").iterdir()
    assert "stopped by 'operator/" in log.read_text()


@pytest.mark.long
def test_killed_view_leaves_no_node(view: View) -> None:
    wait_for(lambda: len(view.nodes()) >= 5, 30.0, "the nodes")
    nodes = view.nodes()
    view.process.kill()
    wait_for(lambda: not any(map(is_alive, nodes)), 8.0, "the end of every node")


@pytest.mark.long
def test_end_of_sim_node_ends_the_view_with_its_name_and_status(view: View) -> None:
    wait_for(lambda: len(view.nodes()) >= 5, 30.0, "the nodes")
    sim = next(pid for pid in view.nodes() if "__node:=sim_node" in Path(f"/proc/{pid}/cmdline").read_text())
    os.kill(sim, signal.SIGKILL)
    text = view.read(10.0)
    assert view.process.wait(5) == 1
    assert "sim_node was killed by SIGKILL; the graph ends" in text and "log of this run: " in text
