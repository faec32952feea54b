"""A stop past the middleware: a datagram to the socket of each process with a gate, again until each is latched. Standard library only."""

from __future__ import annotations

import contextlib
import json
import select
import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from strands_robots.safety.run_folder import SOCKET, RunRecord, opened_runs, runs_folder
from strands_robots.safety.stop_words import StopWords

PERIOD = 0.05
"""Time between two requests to a process that is not latched and at rest [s]."""

_LARGEST_ANSWER = 65536


@dataclass(frozen=True)
class LocalRobot:
    """What a process said of one of its robots; `max_velocity` in [rad/s] or [m/s]."""

    name: str
    is_latched: bool
    is_at_rest: bool
    reason: str = ""
    max_velocity: float = 0.0


@dataclass
class Target:
    """One process that takes stops.

    Attributes:
        record: What is known of it.
        robots: What it said last of its robots; None before its first answer.
        is_supervised: For safety_node, whether it said that the graph is latched.
        is_gone: True once the process has ended.
    """

    record: RunRecord
    _socket: socket.socket
    robots: tuple[LocalRobot, ...] | None = None
    is_supervised: bool = False
    is_gone: bool = False

    @property
    def is_latched(self) -> bool:
        """True when it said that nothing may move its robots."""
        if self.robots is None:
            return False
        return self.is_supervised if self.record.is_supervisor else all(robot.is_latched for robot in self.robots)

    @property
    def is_settled(self) -> bool:
        """True when nothing is left to ask: it is latched and at rest, or gone."""
        return self.is_gone or (self.is_latched and all(robot.is_at_rest for robot in self.robots or ()))

    def send(self, data: bytes) -> None:
        """Ask once; never waits. A queue that is full has requests of ours already."""
        try:
            self._socket.send(data, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        except OSError:
            self.is_gone = True

    def receive(self) -> bool:
        """Take the answers that have come; returns whether there were any."""
        is_heard = False
        while True:
            try:
                data = self._socket.recv(_LARGEST_ANSWER, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return is_heard
            except OSError:
                self.is_gone = True
                return is_heard
            with contextlib.suppress(ValueError, TypeError, AttributeError, KeyError):
                self._read(json.loads(data))
                is_heard = True

    def fileno(self) -> int:
        """For select."""
        return self._socket.fileno()

    def close(self) -> None:
        """Hear nothing any more."""
        self._socket.close()

    def _read(self, said: Mapping[str, Any]) -> None:
        self.robots = tuple(
            LocalRobot(
                str(robot["name"])[:64], robot["latched"] is True, robot["at_rest"] is True,
                str(robot.get("reason", ""))[:256], float(robot.get("max_velocity", 0.0)),
            )
            for robot in said["robots"]
        )  # fmt: skip
        self.is_supervised = said.get("latched") is True


@dataclass
class LocalStop:
    """A stop at sockets of this machine. Used by one thread, or by one at a time. `close` it.

    Attributes:
        targets: The processes that are asked.
        is_widened: True when none belonged to the graph that was meant, so that every graph of this machine is asked.
    """

    targets: Sequence[Target]
    is_widened: bool = False
    _asked: float = field(default=float("-inf"), init=False)

    @property
    def is_heard(self) -> bool:
        """True when a process with a gate, or safety_node, has answered."""
        return any(target.robots is not None for target in self.targets)

    @property
    def is_settled(self) -> bool:
        """True when every process said that it is latched and at rest, or is gone."""
        return all(target.is_settled for target in self.targets)

    @property
    def is_latched(self) -> bool:
        """True when every process with a gate that is still there said that it is latched."""
        return all(target.is_latched or target.is_gone or target.record.is_supervisor for target in self.targets)

    def ask(self, words: StopWords) -> None:
        """Ask every process that is not settled, at most every PERIOD."""
        now = time.monotonic()
        if now - self._asked < PERIOD:
            return
        self._asked = now
        data = words.to_bytes()
        for target in self.targets:
            if not target.is_settled:
                target.send(data)

    def collect(self, wait: float) -> None:
        """Take answers; waits at most so long for the first [s]."""
        waiting = [target for target in self.targets if not target.is_gone]
        if not waiting:
            time.sleep(wait)
            return
        ready, _, _ = select.select(waiting, [], [], wait)
        for target in ready:
            target.receive()

    def run(self, words: StopWords, timeout: float) -> bool:
        """Ask until every process is latched and at rest; returns whether all are in time [s]."""
        deadline = time.monotonic() + timeout
        while True:
            self.ask(words)
            left = deadline - time.monotonic()
            if self.is_settled or left <= 0.0:
                return self.is_settled
            self.collect(min(left, PERIOD))

    def close(self) -> None:
        """Let go of the sockets."""
        for target in self.targets:
            target.close()


def find_targets(runs: Path) -> list[Target]:
    """Return every process of this user that takes stops, in all runs. What a dead process left is passed over.

    Args:
        runs: The folder of all runs.
    """
    found = []
    for folder in opened_runs(runs):
        for name in folder.names():
            if not name.endswith(SOCKET) or not folder.is_own_socket(name):
                continue
            end = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
            try:
                end.bind("")  # a name of the kernel's choice, to which the answer comes; needs no disk
                end.connect(folder.address(name))
            except OSError:
                end.close()
                continue
            found.append(Target(folder.read(name.removesuffix(SOCKET)), end))
    return found


def local_stop(
    environment: Mapping[str, str], namespace: str | None, *, everything: bool = False, widens: bool = False
) -> LocalStop:
    """Return a stop for the graph that an environment means.

    Args:
        environment: ROS_DOMAIN_ID and ROS_HOME.
        namespace: Namespace of the graph; None for all of the domain.
        everything: Take every graph of this machine.
        widens: Take every graph of this machine where there is none in that domain and namespace.
    """
    targets = find_targets(runs_folder(environment))
    domain = domain_of(environment)
    own = [target for target in targets if _is_meant(target.record, domain, namespace)]
    if everything or (widens and not own):
        return LocalStop(targets, is_widened=bool(targets) and not everything)
    for target in targets:
        if target not in own:
            target.close()
    return LocalStop(own)


def domain_of(environment: Mapping[str, str]) -> int:
    """Return ROS_DOMAIN_ID; 0 where it is not set, -1 where it is no number and so no graph's."""
    given = environment.get("ROS_DOMAIN_ID", "") or "0"
    try:
        return int(given)
    except ValueError:
        return -1


def is_suspended(pid: int) -> bool:
    """Return whether a process is stopped by a signal, so that it cannot answer. Source: proc_pid_stat(5)."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stat:
            return stat.read().rpartition(")")[2].split()[0] in "Tt"
    except (OSError, IndexError):
        return False


def _is_meant(record: RunRecord, domain: int, namespace: str | None) -> bool:
    """A process whose file cannot be read is always meant: better one stop too many."""
    is_own = record.domain in (domain, -1)
    return is_own and (namespace is None or record.domain < 0 or record.namespace == namespace.strip("/"))
