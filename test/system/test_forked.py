"""Processes forked from one that has imported: the same to a person, to signals and to the graph as programs of their own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

SCRIPT = """#!{python}
import json, os, signal, sys, time

def tell(name, **values):
    with open(name + ".tmp", "w") as file:
        json.dump(values, file)
    os.rename(name + ".tmp", name)

if __name__ == "__main__":
    preloaded = "strands_robots.nodes.audit.node" in sys.modules
    {body}
    if not preloaded:
        from strands_robots.nodes.audit.node import main
"""

STAY = """
    tell(sys.argv[1], pid=os.getpid(), parent=os.getppid(), session=os.getsid(0), words=sys.argv[1:], preloaded=preloaded,
         added=os.environ.get("ADDED"), comm=open("/proc/self/comm").read().strip(), shown=open("/proc/self/cmdline").read(),
         files=sorted(int(name) for name in os.listdir("/proc/self/fd"))[:-1], input=sys.stdin.read())
    print("up", flush=True)
    time.sleep(60)
"""

HEAD = """
import sys
from strands_robots.bringup.graph import OnExit
from strands_robots.bringup.forked import node_script
from strands_robots.bringup.supervisor import ProcessSpec, supervise

def script(name, path, on_exit=OnExit.RESTART):
    command = (path, name)
    assert node_script(command)
    return ProcessSpec(name, command, on_exit, (0.05, 0.05, 0.05), script=command)

"""


def make_script(folder: Path, name: str, body: str) -> str:
    path = folder / name
    path.write_text(SCRIPT.format(python=sys.executable, body=body.strip()), encoding="utf-8")
    path.chmod(0o755)
    return str(path)


class Supervised:
    def __init__(self, folder: Path, body: str) -> None:
        self.folder, self._log = folder, folder / "log"
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", HEAD + body],
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=folder,
                start_new_session=True,
            )

    @property
    def output(self) -> str:
        return self._log.read_text(encoding="utf-8")

    def told(self, name: str) -> dict[str, Any]:
        path = self.folder / name
        wait_until(lambda: path.exists() or self.process.poll() is not None, f"{name}: {self.output}")
        assert path.exists(), self.output
        return dict(json.loads(path.read_text(encoding="utf-8")))


def wait_until(condition: Callable[[], bool], what: str, timeout: float = 30.0) -> None:
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, f"not seen within {timeout} s: {what}"
        time.sleep(0.01)


def is_alive(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[str], Supervised]]:
    started: list[Supervised] = []

    def make(body: str) -> Supervised:
        started.append(Supervised(tmp_path, body))
        return started[-1]

    yield make
    for supervised in started:
        if supervised.process.poll() is None:
            supervised.process.terminate()
            supervised.process.wait(10)


def test_forked_processes_have_all_their_own_and_each_can_be_killed_alone(
    start: Callable[[str], Supervised], tmp_path: Path
) -> None:
    path = make_script(tmp_path, "stay_node", STAY)
    supervised = start(f"sys.exit(supervise([script('a', {path!r}), script('b', {path!r})], {{'ADDED': 'yes'}}))")
    first, other = supervised.told("a"), supervised.told("b")
    for said in (first, other):
        assert said["preloaded"], "the module was there before the script"
        assert said["parent"] == supervised.process.pid and said["session"] == said["pid"]
        assert (said["added"], said["input"], said["files"]) == ("yes", "", [0, 1, 2])
        assert said["comm"] == "stay_node" and said["shown"].rstrip("\0").startswith(f"{path} ")
    assert (first["words"], other["words"]) == (["a"], ["b"])
    (tmp_path / "a").unlink()
    os.kill(first["pid"], signal.SIGKILL)
    again = supervised.told("a")
    assert again["pid"] != first["pid"] and again["preloaded"]
    assert "a was killed by SIGKILL; restart 1 of 3" in supervised.output
    assert is_alive(other["pid"])
    supervised.process.send_signal(signal.SIGINT)
    assert supervised.process.wait(15) == 0
    assert not is_alive(again["pid"]) and not is_alive(other["pid"])
    assert "[b] up" in supervised.output.splitlines()


def test_kill_of_the_supervisor_leaves_no_forked_orphan(start: Callable[[str], Supervised], tmp_path: Path) -> None:
    supervised = start(f"sys.exit(supervise([script('a', {make_script(tmp_path, 'stay_node', STAY)!r})], {{}}))")
    pid = supervised.told("a")["pid"]
    supervised.process.kill()
    wait_until(lambda: not is_alive(pid), "the end of the forked process")


def test_end_of_a_forked_process_is_told_as_that_of_a_program(
    start: Callable[[str], Supervised], tmp_path: Path
) -> None:
    code = make_script(tmp_path, "code_node", "print('error: no such arm', file=sys.stderr); sys.exit(2)")
    supervised = start(f"sys.exit(supervise([script('code', {code!r}, OnExit.END_GRAPH)], {{}}))")
    assert supervised.process.wait(30) == 1
    assert supervised.output.splitlines()[-1].startswith("[graph] code ended with exit code 2; the graph ends")
    assert "no such arm" in supervised.output.splitlines()[-1]
    fault = make_script(tmp_path, "fault_node", "raise ValueError(7)")
    supervised = start(f"sys.exit(supervise([script('fault', {fault!r}, OnExit.END_GRAPH)], {{}}))")
    assert supervised.process.wait(30) == 1
    assert supervised.output.splitlines()[-1].endswith("without fault: ValueError: 7")


def test_script_of_another_python_is_started_as_a_program(tmp_path: Path) -> None:
    from strands_robots.bringup.forked import node_script

    path = Path(make_script(tmp_path, "other_node", "pass"))
    assert node_script((str(path),)) == path
    path.write_text(path.read_text().replace(sys.executable, "/usr/bin/another-python"), encoding="utf-8")
    assert node_script((str(path),)) is None
    assert node_script((sys.executable, "-c", "pass")) is None
