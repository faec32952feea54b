"""A whole graph as the command starts it, with two arms that swing, and its audit log; to break things in."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

from graph import Client, wait_for
from strands_robots.msg import StopRequest

from strands_robots.audit.audit_key import load_or_create_keys
from strands_robots.audit.log.layout import default_key_folder, default_log_folder
from strands_robots.audit.log.record import Record
from strands_robots.audit.read.findings import Report
from strands_robots.audit.read.query import Query, records
from strands_robots.audit.read.reader import FolderReader
from strands_robots.audit.read.verify import VerifyKeys, verify
from strands_robots.ros.messages import qos

from .simulation import Simulation
from .two_arms import TwoArms

HEARTBEAT_TIMEOUT = 1.0
"""Longer than by default, so that a busy test machine is not taken for a dead one; test_faults.py tests the default."""
SLACK = 0.25
"""For a busy test machine and for the way from the gate to this process; benchmarks measure the real figure."""
LONGEST_BRAKE = 0.6
"""From the first braking set-point to the report of 0.1 s of rest [s]."""
FAULTS = f"""\
/**/sim_node:
  ros__parameters:
    heartbeat_timeout: {HEARTBEAT_TIMEOUT}
    stall_timeout: {HEARTBEAT_TIMEOUT}
/**/safety_node:
  ros__parameters:
    gate_state_timeout: 2.0
    settle_time: 0.2
    audit_wait: 2.0
"""

Recorder = Callable[[str, object], None]


class FaultBench:
    """A graph with two arms, a client, and the audit log of the graph."""

    def __init__(self, folder: Path, *options: str, **environment: str) -> None:
        robots = ("--robots", "left:=so101 right:=so101@0,0.5,0,0", "--approvals")
        self.simulation = Simulation(folder, *robots, *options, parameters=FAULTS, **environment)
        self.client = Client(self.simulation.domain)
        self.stops = self.client.create_publisher(StopRequest, "safety/stop_request", qos.SAFETY)
        self.arms = TwoArms(self.client)
        self.log = default_log_folder(self.simulation.environment, "")
        self.keys = default_key_folder(self.simulation.environment)

    def kill(self, name: str) -> float:
        """Kill a node with SIGKILL; return when [s, steady]."""
        pid = wait_for(lambda: self.simulation.nodes().get(name), 20.0, name)
        begin = time.monotonic()
        os.kill(pid, signal.SIGKILL)
        return begin

    def records(self, *kinds: str) -> list[Record]:
        return [record for record, _ in records(FolderReader(self.log), Query(kinds=kinds))]

    def verify(self) -> Report:
        keys = load_or_create_keys(self.keys, create=False)
        return verify(FolderReader(self.log), VerifyKeys(keys.mac, keys.signing.public))

    def report(self) -> str:
        return self.simulation.output

    def close(self) -> None:
        self.client.close()
        self.simulation.close()


def rested(record_property: Recorder, bench: FaultBench, begin: float) -> float:
    """Return the time from `begin` [s, steady] until both arms reported rest [s].

    It is kept for --junitxml; docs/explanation/safety.md shows it.
    """
    seconds = bench.arms.time_to_rest(begin)
    record_property("time_to_rest", f"{seconds:.2f} s")
    return seconds
