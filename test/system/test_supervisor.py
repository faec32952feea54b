"""The process supervisor with real child processes: output, restarts, ends, and no orphan."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

SLEEP = "import time; time.sleep(60)"
IGNORE = "import signal, time; [signal.signal(n, signal.SIG_IGN) for n in (2, 15)]"
DEAF = f"{IGNORE}; print('deaf', flush=True); time.sleep(60)"

HEAD = """
import sys
from strands_robots.bringup.environment import end_with_parent_prefix
from strands_robots.bringup.graph import OnExit
from strands_robots.bringup.supervisor import ProcessSpec, supervise

def child(name, code, on_exit=OnExit.RESTART, delays=(0.01, 0.02, 0.03)):
    return ProcessSpec(name, (*end_with_parent_prefix(), sys.executable, "-S", "-c", code), on_exit, delays)

"""


class Supervised:
    """A process that supervises, and what it has written so far."""

    def __init__(self, folder: Path, body: str) -> None:
        self.folder = folder
        self._output = folder / "output"
        with self._output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-c", HEAD + body],
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=folder,
                start_new_session=True,
            )

    @property
    def output(self) -> str:
        return self._output.read_text(encoding="utf-8")

    def wait_for(self, words: str) -> None:
        wait_until(lambda: words in self.output, f"'{words}' in the output:\n{self.output}")

    def pid(self, name: str) -> int:
        """Return the process id that a child wrote into a file."""
        path = self.folder / name
        wait_until(lambda: path.is_file() and path.read_text().endswith("\n"), f"a file {name}\n{self.output}")
        return int(path.read_text())


def wait_until(condition: Callable[[], bool], what: str, timeout: float = 15.0) -> None:
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


def noting(name: str, then: str = SLEEP) -> str:
    """Return the code of a child that writes its process id into a file."""
    return f"import os; open({name!r}, 'w').write(str(os.getpid()) + chr(10)); {then}"


def test_output_has_the_name_of_its_process(start: Callable[[str], Supervised]) -> None:
    code = "import sys; print('out'); print('err', file=sys.stderr); sys.stdout.write('no end of line')"
    supervised = start(f"sys.exit(supervise([child('talker', {code!r}, OnExit.IGNORE)], {{}}))")
    supervised.process.wait(15)
    assert {"[talker] out", "[talker] err", "[talker] no end of line"} <= set(supervised.output.splitlines())


def test_a_node_that_keeps_failing_is_restarted_three_times_and_then_ends_the_graph(
    start: Callable[[str], Supervised],
) -> None:
    supervised = start(
        f"sys.exit(supervise([child('flaky', 'print(1); raise SystemExit(3)'), child('other', {SLEEP!r})], {{}}))"
    )
    assert supervised.process.wait(15) == 1
    lines = supervised.output.splitlines()
    assert lines.count("[flaky] 1") == 4
    assert "restart 3 of 3" in supervised.output
    assert lines[-1].startswith("[graph] flaky ended with exit code 3; the graph ends")


def test_restarts_wait_longer_each_time(start: Callable[[str], Supervised]) -> None:
    began = time.monotonic()
    supervised = start("sys.exit(supervise([child('flaky', 'raise SystemExit(3)', delays=(0.1, 0.3, 0.6))], {}))")
    assert supervised.process.wait(15) == 1
    assert time.monotonic() - began >= 1.0
    assert [f"in {wait} s" in supervised.output for wait in ("0.1", "0.3", "0.6")] == [True] * 3


def test_the_end_of_a_robot_node_ends_the_graph_and_is_named(start: Callable[[str], Supervised]) -> None:
    supervised = start(
        f"sim = child('sim_node', {noting('sim')!r}, OnExit.END_GRAPH)\n"
        f"sys.exit(supervise([sim, child('other', {noting('other')!r})], {{}}))"
    )
    other = supervised.pid("other")
    os.kill(supervised.pid("sim"), signal.SIGKILL)
    assert supervised.process.wait(15) == 1
    assert "sim_node was killed by SIGKILL" in supervised.output.splitlines()[-1]
    assert not is_alive(other)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_everything_with_status_zero(start: Callable[[str], Supervised], number: signal.Signals) -> None:
    supervised = start(
        f"sys.exit(supervise([child('a', {noting('a')!r}, OnExit.END_GRAPH), child('b', {noting('b')!r})], {{}}))"
    )
    pids = [supervised.pid(name) for name in "ab"]
    supervised.process.send_signal(number)
    assert supervised.process.wait(15) == 0
    assert not any(is_alive(pid) for pid in pids)


def test_a_child_that_ignores_signals_and_its_own_child_are_gone_within_three_seconds(
    start: Callable[[str], Supervised],
) -> None:
    parent = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {noting('grandchild', DEAF)!r}]); {DEAF}"
    supervised = start(f"sys.exit(supervise([child('deaf', {parent!r})], {{}}))")
    grandchild = supervised.pid("grandchild")
    supervised.wait_for("[deaf] deaf\n[deaf] deaf")
    began = time.monotonic()
    supervised.process.send_signal(signal.SIGINT)
    assert supervised.process.wait(15) == 0
    assert time.monotonic() - began < 3.0
    assert not is_alive(grandchild)


def test_a_signal_during_the_wait_before_a_restart_ends_the_graph_at_once(start: Callable[[str], Supervised]) -> None:
    supervised = start("sys.exit(supervise([child('flaky', 'raise SystemExit(3)', delays=(60.0,))], {}))")
    supervised.wait_for("restart 1 of 1")
    supervised.process.send_signal(signal.SIGINT)
    assert supervised.process.wait(5) == 0


def test_kill_of_the_supervisor_leaves_no_orphan(start: Callable[[str], Supervised]) -> None:
    supervised = start(f"sys.exit(supervise([child('a', {noting('a')!r})], {{}}))")
    pid = supervised.pid("a")
    supervised.process.kill()
    wait_until(lambda: not is_alive(pid), "the end of the child", 5.0)


def test_a_program_that_cannot_be_started_ends_the_graph(start: Callable[[str], Supervised]) -> None:
    supervised = start("sys.exit(supervise([ProcessSpec('gone', ('/no/such/program',), OnExit.RESTART)], {}))")
    assert supervised.process.wait(15) == 1
    assert "gone cannot be started" in supervised.output


def test_a_very_long_line_does_not_stop_the_output(start: Callable[[str], Supervised]) -> None:
    supervised = start(
        """sys.exit(supervise([child('talker', "print('x' * 300000); print('after')", OnExit.IGNORE)], {}))"""
    )
    supervised.process.wait(15)
    assert "[talker] after" in supervised.output.splitlines()


def test_the_end_of_the_reader_ends_the_graph(tmp_path: Path) -> None:
    body = (
        "sys.exit(supervise([child('talker', 'import time\\nwhile True: print(1, flush=True); time.sleep(0.01)')], {}))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", HEAD + body], stdout=subprocess.PIPE, cwd=tmp_path, start_new_session=True
    )
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(15) != 0


def test_last_line_has_the_error_of_the_process_that_ended_the_graph(start: Callable[[str], Supervised]) -> None:
    refusal = "import sys; print('error: robot x: no such file', file=sys.stderr); sys.exit(2)"
    supervised = start(
        f"sys.exit(supervise([child('mover', {refusal!r}, OnExit.END_GRAPH), child('other', {SLEEP!r})], {{}}))"
    )
    assert supervised.process.wait(15) == 1
    last = supervised.output.splitlines()[-1]
    assert last.startswith("[graph] mover ended with exit code 2; the graph ends") and "robot x: no such file" in last


def test_last_line_has_the_end_of_a_traceback(start: Callable[[str], Supervised]) -> None:
    supervised = start("sys.exit(supervise([child('mover', 'raise ValueError(7)', OnExit.END_GRAPH)], {}))")
    assert supervised.process.wait(15) == 1
    assert supervised.output.splitlines()[-1].endswith("without mover: ValueError: 7")


SLOW_END = (
    "import signal, time; end = lambda *a: (time.sleep(0.5), print('done', flush=True), exit());"
    "signal.signal(2, end); signal.signal(15, end)"
)


def test_processes_end_in_their_stages_and_have_the_time_that_their_work_needs(
    start: Callable[[str], Supervised],
) -> None:
    code = f"{SLOW_END}; print('up', flush=True); time.sleep(60)"
    slower = code.replace("0.5", "1.8")
    supervised = start(
        f"""
import dataclasses
log = dataclasses.replace(child("log", {slower!r}), end_stage=2, end_patience=5.0)
mover = dataclasses.replace(child("mover", {code!r}), end_stage=1, end_patience=5.0)
sys.exit(supervise([log, mover, child("planner", {code!r})], {{}}))"""
    )
    for name in ("log", "mover", "planner"):
        supervised.wait_for(f"[{name}] up")
    supervised.process.send_signal(signal.SIGINT)
    assert supervised.process.wait(15) == 0
    assert [line for line in supervised.output.splitlines() if line.endswith("done")] == [
        "[planner] done", "[mover] done", "[log] done",
    ]  # fmt: skip


def test_process_of_a_later_stage_that_ends_by_itself_holds_nobody_up(start: Callable[[str], Supervised]) -> None:
    short = "import time; print('up', flush=True); time.sleep(0.3)"
    supervised = start(
        f"""
import dataclasses
log = dataclasses.replace(child("log", {short!r}, OnExit.IGNORE), end_stage=2)
sys.exit(supervise([log, child("planner", {SLEEP!r})], {{}}))"""
    )
    supervised.wait_for("exit code 0")
    began = time.monotonic()
    supervised.process.send_signal(signal.SIGINT)
    assert supervised.process.wait(15) == 0 and time.monotonic() - began < 2.0
