"""`strands-robots` in processes of its own, and a simulation that it started."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

from graph import Client, claim_domain, wait_for
from strands_robots.msg import SafetyState

from strands_robots.ros.messages import qos

STARTED = "listening to robot "
PATIENT = """\
/**/sim_node:
  ros__parameters:
    heartbeat_timeout: 5.0
    stall_timeout: 5.0
/**/safety_node:
  ros__parameters:
    gate_state_timeout: 5.0
    settle_time: 0.2
"""
"""So that a loaded machine is not taken for a dead one; these tests are not about the time-outs."""


class Command:
    """`strands-robots` in a process of its own, on a ROS domain of its own."""

    def __init__(self, folder: Path, domain: int) -> None:
        self.environment = {
            **os.environ,
            "ROS_DOMAIN_ID": str(domain),
            "ROS_HOME": str(folder),
            # As the setup.bash of a ROS installation sets them; the graph stays on this machine all the same.
            "ROS_AUTOMATIC_DISCOVERY_RANGE": "SUBNET",
            "ROS_LOCALHOST_ONLY": "0",
        }
        self.output_file = folder / "output"

    def words(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "strands_robots.cli.entry", *words]

    def run(self, *words: str) -> tuple[int, str]:
        """Return the exit code and everything that a short command printed."""
        result = subprocess.run(
            self.words(*words),
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
        )
        return result.returncode, result.stdout

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        with self.output_file.open("wb") as output:
            return subprocess.Popen(
                self.words(*words),
                env=self.environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def output(self) -> str:
        return self.output_file.read_text(encoding="utf-8")


class Simulation(Command):
    """A simulation that the command started; `process` is the command."""

    def __init__(self, folder: Path, *options: str, parameters: str = PATIENT, **environment: str) -> None:
        self.domain, self._lock = claim_domain()
        super().__init__(folder, self.domain)
        self.environment.update(environment)
        file = folder / "parameters.yaml"
        file.write_text(parameters, encoding="utf-8")
        self._watch: Client | None = None
        self.process = self.start("sim", "--no-cameras", "--no-state", "--params-file", str(file), *options)
        self.started = time.monotonic()
        wait_for(lambda: STARTED in self.output or self.process.poll() is not None, 60.0, "the start of the simulation")
        assert self.process.poll() is None, self.output

    def nodes(self) -> dict[str, int]:
        """Return the process id of each node."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        found = {}
        for pid in children:
            match = re.search(r"__node:=(\w+)", Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " "))
            if match:
                found[match.group(1)] = int(pid)
        return found

    def arm(self) -> None:
        """Make sure that the robots are armed, whatever the test before did."""
        if self._watch is None:
            self._watch = Client(self.domain, "test_watch")
            self._safety = self._watch.listen(SafetyState, "safety/state", qos.SAFETY, keep=1)
        self._safety.clear()
        wait_for(self._is_armed, 60.0, "the arming of the robots")

    def _is_armed(self) -> bool:
        if not self._safety:
            return False
        state = self._safety[-1]
        if state.state in (SafetyState.STOPPED, SafetyState.STOP_NOT_CONFIRMED):
            self.run("resume")
            self._safety.clear()
        return bool(
            state.state == SafetyState.ARMED and state.robots and not any(robot.latched for robot in state.robots)
        )

    def close(self) -> None:
        if self._watch is not None:
            self._watch.close()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(10)
        self._lock.close()
