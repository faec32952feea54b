"""A whole fleet on this machine for trials: authority, router, simulated members in processes, one operator. No robot."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from strands_robots.core.errors import ConfigurationError, NoAnswerError
from strands_robots.fleet.authority import create_authority
from strands_robots.fleet.faults import Fault, FaultPlan
from strands_robots.fleet.fleet_file import RouterEntry
from strands_robots.fleet.member import MemberKind, Right
from strands_robots.fleet.member_folder import MemberFolder, accept_grant, make_request_files

OPERATOR = "operator"
MOST = 1000


class TrialFleet:
    """Makes the fleet and starts its processes; `close` ends them.

    Args:
        folder: An empty folder for keys and rosters.
        robots: Number of simulated robots.
        endpoint: Where the router listens, "tls/127.0.0.1:<port>".
        processes: Processes that the members without STALL share.
        plan: Faults; members with STALL share one process, which `stall` suspends.

    Raises:
        ConfigurationError: If the numbers do not fit, or the folder cannot be used.
    """

    def __init__(
        self, folder: Path, robots: int, endpoint: str, processes: int = 4, plan: FaultPlan | None = None
    ) -> None:
        if not 1 <= robots <= MOST:
            raise ConfigurationError(f"{robots} robots; valid: 1 to {MOST}")
        self.folder, self.plan = folder, plan or FaultPlan()
        self.names = [f"sim{number:04d}" for number in range(1, robots + 1)]
        self.faults = self.plan.assign(self.names)
        self._endpoint = endpoint
        self._enrol()
        self._router = _Child("router", str(folder / "authority" / "router.json"))
        stalled = self.faults.get(Fault.STALL, ())
        well = [name for name in self.names if name not in stalled]
        shares = [well[start::processes] for start in range(processes)]
        self._groups: list[_Child] = []
        try:
            self._stalled = [self._start(stalled)] if stalled else []
            self._groups = [*(self._start(share) for share in shares if share), *self._stalled]
            for child in (self._router, *self._groups):
                child.ask({"do": "hello"})
        except NoAnswerError:
            self.close()
            raise

    def __enter__(self) -> TrialFleet:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def operator(self) -> MemberFolder:
        """The operator's folder; it may stop, resume and tell."""
        return MemberFolder(self.folder / OPERATOR)

    def arm(self) -> None:
        """Arm every graph that is not suspended, as operators beside the robots do."""
        self._each({"do": "arm"})

    def begin_faults(self) -> None:
        """Suspend, cut and set back what the plan names. Slow links are slow from the start."""
        self._each({"do": "cut", "names": list(self.faults.get(Fault.PARTITION, ())), "is_cut": True})
        self._each({"do": "clock_back", "names": list(self.faults.get(Fault.CLOCK_BACK, ()))})
        for child in self._stalled:
            child.send_signal(signal.SIGSTOP)

    def end_faults(self) -> None:
        """Let suspended processes go on, and mend links."""
        for child in self._stalled:
            child.send_signal(signal.SIGCONT)
        self._each({"do": "cut", "names": self.names, "is_cut": False})

    def latched_times(self, stop: str) -> dict[str, float]:
        """Return when each graph of the processes that run was latched by a stop, steady clock [s]."""
        found: dict[str, float] = {}
        for answer in self._each({"do": "times", "stop": stop}):
            found |= answer["times"]
        return found

    def restart_router(self) -> None:
        """Kill the router and start it again."""
        self._router.kill()
        self._router = _Child("router", str(self.folder / "authority" / "router.json"))
        self._router.ask({"do": "hello"})

    def processor_times(self) -> dict[str, float]:
        """Return the processor time of the router and of all members [s]."""
        return {
            "router": self._router.ask({"do": "hello"})["processor"],
            "members": sum(answer["processor"] for answer in self._each({"do": "hello"})),
        }

    def close(self) -> None:
        """End every process."""
        for child in (*self._groups, self._router):
            child.close()

    def _enrol(self) -> None:
        place = RouterEntry(listen=self._endpoint, connect=self._endpoint, name="127.0.0.1")
        authority = create_authority(self.folder / "authority", "trial", place)
        kinds: list[tuple[str, MemberKind, tuple[Right, ...]]] = [(name, MemberKind.SIM, ()) for name in self.names]
        kinds.append((OPERATOR, MemberKind.OPERATOR, (Right.TELL, Right.RESUME)))
        requests = [(make_request_files(self.folder / name, name), kind, "", may) for name, kind, may in kinds]
        for grant in authority.enrol_all(requests):
            accept_grant(self.folder / grant["name"], json.dumps(grant))

    def _start(self, names: Sequence[str]) -> _Child:
        slow = [name for name in self.faults.get(Fault.DELAY, ()) if name in names]
        folders = [str(self.folder / name) for name in names]
        return _Child("members", json.dumps({"folders": folders, "slow": slow, "delay": self.plan.delay}))

    def _each(self, request: dict[str, Any]) -> list[dict[str, Any]]:
        asked = [child for child in self._groups if not child.is_suspended]
        for child in asked:
            child.put(request)
        return [child.take() for child in asked]


class _Child:
    """A process of trial_process.py that answers requests in lines of JSON."""

    def __init__(self, *arguments: str) -> None:
        command = [sys.executable, "-m", "strands_robots.fleet.trial_process", *arguments]
        # A child that outlives its parent reads the end of its input and ends.
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        self.is_suspended = False

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        self.put(request)
        return self.take()

    def put(self, request: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
        except OSError as error:
            raise NoAnswerError(f"a process of the trial has ended with {self._process.poll()}") from error

    def take(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise NoAnswerError(f"a process of the trial has ended with {self._process.wait(10.0)}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def send_signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)
        self.is_suspended = number is signal.SIGSTOP

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        self._close_pipes()

    def close(self) -> None:
        if self.is_suspended:
            self.send_signal(signal.SIGCONT)
        self._close_pipes()
        try:
            self._process.wait(15.0)
        except subprocess.TimeoutExpired:
            self.kill()

    def _close_pipes(self) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
