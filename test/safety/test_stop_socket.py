"""The stop past the middleware: a datagram socket in the run's folder, and who asks there."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from graph import wait_for

from strands_robots.safety.local_stop import LocalStop, find_targets, is_suspended, local_stop
from strands_robots.safety.run_folder import RunFolder, RunRecord, run_name, runs_folder
from strands_robots.safety.stop_socket import StopSocket
from strands_robots.safety.stop_words import StopWords, stop_words

WORDS = stop_words("operator/test", "a hand")


class Arm:
    """A process's only robot, with a socket."""

    def __init__(
        self, home: Path, run: str = "run", node: str = "sim_node", domain: int = 7, namespace: str = ""
    ) -> None:
        self.stops, self.heard, self.is_latched = 0, list[StopWords](), False
        self.refuses = False
        record = RunRecord(run, node, os.getpid(), domain, namespace, ("arm",))
        self.socket = StopSocket(runs_folder({"ROS_HOME": str(home)}), record, self.stop, self.heard.append, self.state)

    def stop(self) -> None:
        self.stops += 1
        self.is_latched = not self.refuses

    def state(self) -> dict[str, Any]:
        return {"robots": [{"name": "arm", "latched": self.is_latched, "at_rest": self.is_latched, "reason": "stop"}]}


@pytest.fixture
def arm(tmp_path: Path) -> Iterator[Arm]:
    made = Arm(tmp_path)
    yield made
    made.socket.close()


def environment(home: Path, domain: str = "7") -> dict[str, str]:
    return {"ROS_HOME": str(home), "ROS_DOMAIN_ID": domain}


@contextlib.contextmanager
def asked(home: Path, domain: str = "7", namespace: str | None = None, **how: Any) -> Iterator[LocalStop]:
    with contextlib.closing(local_stop(environment(home, domain), namespace, **how)) as stop:
        yield stop


def test_stop_is_made_answered_and_says_who(arm: Arm, tmp_path: Path) -> None:
    with asked(tmp_path) as stop:
        assert stop.run(WORDS, 2.0) and stop.is_latched
        assert [(robot.name, robot.is_latched) for robot in stop.targets[0].robots or ()] == [("arm", True)]
    assert arm.heard[0] == WORDS


@pytest.mark.guarantee("Stop", "a datagram of any content stops", "safety/stop_socket.py")
@pytest.mark.parametrize("data", [b"", b"\xff" * 100, b"{}", b"null", b"x" * 100_000, b"[" * 4096])
def test_datagram_of_any_content_stops(arm: Arm, data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(arm.socket.path.parent)  # the whole path may be longer than an address may be
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.sendto(data, arm.socket.path.name)
    wait_for(lambda: arm.is_latched, 2.0, "the stop")
    wait_for(lambda: arm.heard, 2.0, "words")


def test_socket_and_its_folder_are_for_this_user_alone(arm: Arm) -> None:
    path = arm.socket.path
    assert path.stat().st_mode & 0o777 == 0o600 and path.parent.stat().st_mode & 0o777 == 0o700


def test_stop_that_fails_once_leaves_the_socket_stopping(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arm = Arm(tmp_path)
    failing = [RuntimeError("first")]

    def stop() -> None:
        if failing:
            raise failing.pop()
        arm.is_latched = True

    arm.socket._stop = stop
    try:
        with asked(tmp_path) as asking:
            assert asking.run(WORDS, 2.0)
    finally:
        arm.socket.close()
    assert "first" in capsys.readouterr().err


@pytest.mark.guarantee(
    "Stop",
    "a stop is repeated until each gate is latched; dead and suspended processes delay no other",
    "safety/local_stop.py",
)
def test_request_is_repeated_until_the_gate_is_latched(arm: Arm, tmp_path: Path) -> None:
    arm.refuses = True
    release = threading.Timer(0.3, lambda: setattr(arm, "refuses", False))
    release.start()
    with asked(tmp_path) as stop:
        assert stop.run(WORDS, 5.0)
    assert arm.stops > 1


def test_silent_process_is_not_waited_for_longer_than_asked(tmp_path: Path) -> None:
    arm = Arm(tmp_path)
    arm.socket._answer = lambda sender: None  # type: ignore[method-assign]
    try:
        with asked(tmp_path) as stop:
            started = time.monotonic()
            assert not stop.run(WORDS, 0.2) and not stop.is_heard
            assert time.monotonic() - started < 2.0
    finally:
        arm.socket.close()


def test_folder_with_a_long_path_works(tmp_path: Path) -> None:
    home = tmp_path / ("x" * 100) / ("y" * 100)
    arm = Arm(home)
    with asked(home) as stop:
        assert stop.run(WORDS, 2.0)
    arm.socket.close()


def test_run_that_is_no_file_name_stays_in_the_folder(tmp_path: Path) -> None:
    assert run_name("a") == "a" and "/" not in run_name("../../etc") and run_name("..") != ".."
    arm = Arm(tmp_path, run="../../../escape")
    assert arm.socket.path.is_relative_to(tmp_path / "strands_robots" / "runs")
    with asked(tmp_path) as stop:
        assert stop.targets[0].record.run == "../../../escape" and stop.run(WORDS, 2.0)
    arm.socket.close()


def test_own_domain_is_meant_and_others_are_left_alone(arm: Arm, tmp_path: Path) -> None:
    other = Arm(tmp_path, run="other", domain=8)
    with asked(tmp_path) as stop:
        assert stop.run(WORDS, 2.0)
    assert arm.is_latched and not other.is_latched
    other.socket.close()


def test_namespace_is_one_graph_of_the_domain(arm: Arm, tmp_path: Path) -> None:
    other = Arm(tmp_path, run="other", namespace="cell/left")
    with asked(tmp_path, namespace="/cell/left/") as stop:
        assert stop.run(WORDS, 2.0)
    assert other.is_latched and not arm.is_latched
    with asked(tmp_path) as stop:
        assert len(stop.targets) == 2
    other.socket.close()


def test_without_a_graph_of_the_domain_every_one_is_meant_and_it_is_said(arm: Arm, tmp_path: Path) -> None:
    other = Arm(tmp_path, run="other", domain=8)
    with asked(tmp_path, "9", widens=True) as stop:
        assert stop.is_widened and stop.run(WORDS, 2.0)
        assert {target.record.graph for target in stop.targets} == {"domain 7", "domain 8"}
    assert arm.is_latched and other.is_latched
    with asked(tmp_path, "9") as stop:
        assert not stop.targets
    with asked(tmp_path, "7", everything=True) as stop:
        assert len(stop.targets) == 2 and not stop.is_widened
    other.socket.close()


def test_domain_that_is_no_number_means_every_graph(arm: Arm, tmp_path: Path) -> None:
    with asked(tmp_path, "seven", widens=True) as stop:
        assert stop.is_widened and stop.run(WORDS, 2.0)


@pytest.mark.parametrize("content", ["", "{", "null", '{"domain": "x"}', '{"run": "r"}'])
def test_process_whose_file_cannot_be_read_is_meant_all_the_same(arm: Arm, tmp_path: Path, content: str) -> None:
    arm.socket.path.with_suffix(".json").write_text(content)
    with asked(tmp_path, "55") as stop:
        assert stop.run(WORDS, 2.0)


def suspend(pid: int) -> None:
    os.kill(pid, signal.SIGSTOP)
    wait_for(lambda: is_suspended(pid), 5.0, "the suspended process")


CHILD = """
import sys, time
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from strands_robots.safety.run_folder import RunRecord, runs_folder
from strands_robots.safety.stop_socket import StopSocket
import os
record = RunRecord("child", "sim_node", os.getpid(), 7, "", ("arm",))
StopSocket(runs_folder({"ROS_HOME": sys.argv[2]}), record, lambda: None, print, lambda: {"robots": []})
print("ready", flush=True)
time.sleep(60)
"""


@pytest.fixture
def child(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    source = Path(__file__).resolve().parents[2] / "src"
    process = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(source), str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None and process.stdout.readline() == "ready\n"
    yield process
    process.kill()
    process.wait()


def test_killed_process_is_recognised_and_not_waited_for(child: subprocess.Popen[str], tmp_path: Path) -> None:
    assert len(find_targets(runs_folder(environment(tmp_path)))) == 1
    child.kill()
    child.wait()
    assert list(tmp_path.rglob("*.stop"))
    with asked(tmp_path) as stop:
        assert not stop.targets
    arm = Arm(tmp_path, run="child", node="driver_node")
    assert len(list(tmp_path.rglob("*.stop"))) == 1, (
        "what the dead process left is taken away by the next one of the run"
    )
    arm.socket.close()


def test_process_that_ends_while_it_is_asked_is_not_waited_for(child: subprocess.Popen[str], tmp_path: Path) -> None:
    suspend(child.pid)
    with asked(tmp_path) as stop:
        assert not stop.run(WORDS, 0.2) and not stop.targets[0].is_gone
        child.kill()
        child.wait()
        started = time.monotonic()
        assert stop.run(WORDS, 5.0) and stop.targets[0].is_gone
        assert time.monotonic() - started < 2.0


@pytest.mark.guarantee(
    "Stop",
    "a stop is repeated until each gate is latched; dead and suspended processes delay no other",
    "safety/local_stop.py",
)
def test_suspended_process_keeps_no_other_from_stopping(child: subprocess.Popen[str], arm: Arm, tmp_path: Path) -> None:
    suspend(child.pid)
    with asked(tmp_path) as stop:
        for _ in range(1000):  # its queue is full long before
            stop._asked = float("-inf")
            stop.ask(WORDS)
        stop.collect(1.0)
    assert arm.is_latched


@pytest.mark.guarantee("Stop", "a stop follows no link and writes to nothing of another user", "safety/run_folder.py")
def test_links_are_not_followed(arm: Arm, tmp_path: Path) -> None:
    runs = runs_folder(environment(tmp_path))
    (runs / "linked").symlink_to(arm.socket.path.parent)
    trap = runs / "trap"
    trap.mkdir(mode=0o700)
    (trap / "sim_node-1.stop").symlink_to(arm.socket.path)
    (trap / "sim_node-2.stop").write_text("no socket")
    found = find_targets(runs)
    assert [target.record.run for target in found] == ["run"]
    for target in found:
        target.close()
    moved = tmp_path / "elsewhere"
    runs.rename(moved)
    runs.symlink_to(moved)
    assert find_targets(runs) == []


def test_link_in_the_place_of_the_record_is_not_read(arm: Arm, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text('{"run": "x", "domain": 3, "namespace": "", "robots": ["secret"], "is_supervisor": false}')
    record = arm.socket.path.with_suffix(".json")
    record.unlink()
    record.symlink_to(secret)
    target = find_targets(runs_folder(environment(tmp_path)))[0]
    assert target.record.robots == () and target.record.domain == -1
    target.close()


def test_folder_that_others_may_write_to_is_not_used(arm: Arm, tmp_path: Path) -> None:
    arm.socket.path.parent.chmod(0o777)
    assert find_targets(runs_folder(environment(tmp_path))) == []
    with pytest.raises(PermissionError, match="chmod 700"):
        Arm(tmp_path, node="driver_node")
    arm.socket.path.parent.chmod(0o700)


@pytest.mark.guarantee("Stop", "a stop follows no link and writes to nothing of another user", "safety/run_folder.py")
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_folder_and_socket_of_another_user_are_not_used(arm: Arm, tmp_path: Path) -> None:
    runs = runs_folder(environment(tmp_path))
    os.chown(arm.socket.path, 12345, 12345)
    assert find_targets(runs) == []
    os.chown(arm.socket.path, os.geteuid(), os.getegid())
    os.chown(arm.socket.path.parent, 12345, 12345)
    assert find_targets(runs) == []
    os.chown(arm.socket.path.parent, os.geteuid(), os.getegid())
    assert len(find_targets(runs)) == 1


def test_end_of_a_process_leaves_nothing_behind(tmp_path: Path) -> None:
    arm = Arm(tmp_path)
    folder = arm.socket.path.parent
    (folder / "process_ends.jsonl").write_text("{}")
    arm.socket.close()
    assert [path.name for path in folder.iterdir()] == ["process_ends.jsonl"]


def test_folder_that_cannot_be_made_is_an_error_and_leaves_no_descriptor(tmp_path: Path) -> None:
    (tmp_path / "strands_robots").write_text("a file in the way")
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(OSError):
        Arm(tmp_path)
    assert len(os.listdir("/proc/self/fd")) == before


def test_record_that_is_written_anew_is_never_half(arm: Arm, tmp_path: Path) -> None:
    folder = RunFolder(runs_folder(environment(tmp_path)), "run")
    end = time.monotonic() + 0.3
    names = tuple(f"robot{index}" for index in range(200))

    def write() -> None:
        while time.monotonic() < end:
            arm.socket.rename_robots(RunRecord("run", "sim_node", os.getpid(), 7, "", names))

    writer = threading.Thread(target=write)
    writer.start()
    while time.monotonic() < end:
        assert folder.read(f"sim_node-{os.getpid()}").domain == 7
    writer.join()
    folder.close()


def test_import_of_the_way_loads_nothing_heavy() -> None:
    code = (
        f"import sys; sys.path.insert(0, {str(Path(__file__).resolve().parents[2] / 'src')!r})\n"
        "import strands_robots.cli.entry, strands_robots.cli.first_stop\n"
        "print([name for name in ('rclpy', 'numpy', 'typer', 'pydantic', 'asyncio') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"
