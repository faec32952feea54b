"""The fault table of docs/explanation/safety.md, continued: what surrounds the graph breaks: the disk, the clock, a thread."""

from __future__ import annotations

import shutil
import stat
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("rclpy")

from graph import Graph, wait_for
from small_disk import mounted
from strands_robots.msg import AuditState, SafetyState
from strands_robots.srv import StopGraph

from .fault_bench import LONGEST_BRAKE, SLACK, FaultBench, Recorder, rested
from .moving_arm import MovingArm

HANGING_ROBOT_NODE = """\
#!{python}
import pathlib, time
from strands_robots.nodes.sim import node
from strands_robots.sim.world.world import World
step = World.step
def hang(self, count=1):
    while pathlib.Path({flag!r}).exists():
        time.sleep(0.01)
    step(self, count)
World.step = hang
raise SystemExit(node.main())
"""
"""sim_node whose physics thread hangs as long as a file exists."""


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    with mounted(tmp_path, "4m") as disk:
        yield disk


@pytest.mark.long
def test_full_disk_keeps_no_stop_from_stopping_and_the_log_names_the_gap(
    small_disk: Path, record_property: Recorder
) -> None:
    bench = FaultBench(small_disk)
    try:
        states = bench.client.listen(AuditState, "audit/state", keep=1)
        bench.arms.arm()
        bench.arms.swing()
        ballast = small_disk / "ballast"
        with ballast.open("wb", buffering=0) as file:
            _fill(file)
        begin = time.monotonic()
        request = StopGraph.Request(source="operator/test", reason="on a full disk")
        answer = bench.client.call(StopGraph, "safety/stop", request)
        assert answer.success and not answer.audited, answer.message
        assert rested(record_property, bench, begin) <= LONGEST_BRAKE + SLACK
        bench.arms.wait_stopped()
        wait_for(lambda: states and states[-1].alarm, 10.0, "the alarm of audit_node")
        ballast.unlink()
        wait_for(lambda: not states[-1].alarm, 20.0, "the end of the alarm")
        wait_for(lambda: "on a full disk" in str([record.details for record in bench.records()]), 10.0, "the record")
        assert not bench.verify().is_broken
    finally:
        bench.close()


def _fill(file: object) -> None:
    """Write until nothing fits any more."""
    size = 1 << 16
    while size:
        try:
            file.write(bytes(size))  # type: ignore[attr-defined]
        except OSError:
            size //= 2


@pytest.fixture
def shifted_clock(tmp_path: Path) -> tuple[Path, Path]:
    """The library that shifts the wall clock of a process, and the file that says by how much."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None or not sys.platform.startswith("linux"):
        pytest.skip("shifting the wall clock of processes needs a C compiler and Linux")
    library, shift = tmp_path / "shifted_clock.so", tmp_path / "shift"
    source = Path(__file__).with_name("shifted_clock.c")
    subprocess.run([compiler, "-shared", "-fPIC", "-o", str(library), str(source), "-ldl"], check=True)
    shift.write_bytes(struct.pack("<q", 0))
    return library, shift


@pytest.mark.long
def test_wall_clock_set_back_an_hour_changes_no_motion_and_is_recorded(
    tmp_path: Path, shifted_clock: tuple[Path, Path], record_property: Recorder
) -> None:
    library, shift = shifted_clock
    bench = FaultBench(tmp_path, LD_PRELOAD=str(library), SHIFTED_CLOCK_FILE=str(shift))
    try:
        bench.arms.arm()
        bench.arms.swing()
        with shift.open("r+b") as file:
            file.write(struct.pack("<q", -3600))
        bench.arms.assert_swinging(1.5)
        stamp = bench.arms.state.header.stamp.sec
        assert abs(time.time() - 3600 - stamp) < 5.0, "the clock of safety_node was not shifted"
        begin = time.monotonic()
        answer = bench.client.call(
            StopGraph, "safety/stop", StopGraph.Request(source="operator/test", reason="in the past", wait_for_rest=3.0)
        )
        assert answer.success and answer.at_rest and answer.audited, answer.message
        assert rested(record_property, bench, begin) <= LONGEST_BRAKE + SLACK
        bench.arms.arm()
        bench.arms.swing()
        jumps = wait_for(lambda: bench.records("clock_jump"), 10.0, "a record of the jump")
        assert -3601.0 < jumps[-1].details["seconds"] < -3599.0  # type: ignore[operator]
        assert not bench.verify().is_broken
    finally:
        bench.close()


def test_robot_node_whose_physics_thread_hangs_is_named_and_does_not_go_on(graph: Graph, tmp_path: Path) -> None:
    flag, program = tmp_path / "hang", tmp_path / "hanging_robot_node"
    program.write_text(HANGING_ROBOT_NODE.format(python=sys.executable, flag=str(flag)), encoding="utf-8")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    arm = MovingArm(graph, tmp_path, robot_node=str(program))
    arm.swing()
    flag.touch()
    wait_for(lambda: arm.state.state != SafetyState.ARMED, 3.0, "the supervisor to notice")
    assert "so101" in arm.state.stop_reason
    flag.unlink()
    wait_for(lambda: arm.gate.latched, 5.0, "latched")
    arm.wait_rest()
    arm.assert_still(0.3)
