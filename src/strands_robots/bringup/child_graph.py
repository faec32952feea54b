"""A graph as a child of this process: `strands-robots sim` or `real`, which ends with it, however it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from strands_robots.bringup.environment import end_with_parent_prefix
from strands_robots.bringup.graph import Graph, NodeSpec
from strands_robots.bringup.real import RealOptions
from strands_robots.bringup.robots import BringupRobot, parse_robot, parse_robots
from strands_robots.bringup.sim import SimOptions
from strands_robots.core.errors import ConfigurationError, UnknownNameError

END_TIMEOUT = 15.0
START_TIMEOUT = 30.0
LINES_KEPT = 200
LINES_SHOWN = 6

_NOT_OPTIONS = frozenset({"namespace", "run_id", "robot", "mode"})
"""Fields that Robot() fills in itself, or that would make another kind of graph of it."""


class Child:
    """A process that was started here and does not outlive this one. `end` ends it.

    The kernel ends it with the thread that started it (prctl(2), PR_SET_PDEATHSIG), not with the process. So that thread is
    its own, and lives until the child's output is over.

    Args:
        command: Program and arguments.
        environment: Variables on top of this process's.

    Raises:
        ConfigurationError: If it cannot be started.
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
        self._last: deque[str] = deque(maxlen=LINES_KEPT)
        self._command = [*end_with_parent_prefix(), *command]
        self._environment = {**os.environ, **(environment or {})}
        self._process: subprocess.Popen[str] | None = None
        self._problem = ""
        self._is_started = threading.Event()
        self._keeper = threading.Thread(target=self._keep, name="keeper of a child", daemon=True)
        self._keeper.start()
        if not self._is_started.wait(START_TIMEOUT) or self._process is None:
            raise ConfigurationError(f"{command[0]} cannot be started: {self._problem or 'no answer'}")

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process is not None
        return self._process.pid

    def log(self) -> str:
        """Return the last lines of its output, those that tell of errors or of the graph's end where there are any."""
        lines = list(self._last)
        telling = [line for line in lines if "error" in line.lower() or line.startswith("[graph]")]
        return " | ".join((telling or lines)[-LINES_SHOWN:])

    def end(self) -> str:
        """End it and return the last lines of its output."""
        assert self._process is not None
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(END_TIMEOUT)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait()
        self._keeper.join(1.0)
        return self.log()

    def _keep(self) -> None:
        try:
            self._process = subprocess.Popen(
                self._command, env=self._environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, text=True, errors="replace", start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            self._problem = str(error)
        finally:
            self._is_started.set()
        if self._process is not None and self._process.stdout is not None:
            for line in self._process.stdout:
                self._last.append(line.rstrip())
            self._process.wait()


class StartedGraph(Child):
    """A graph that was started here.

    Args:
        command: Words after `strands-robots`.
        namespace: Namespace of the graph.
        robots: Its robots.
    """

    def __init__(self, command: Sequence[str], namespace: str, robots: Sequence[BringupRobot]) -> None:
        self.namespace = namespace
        self.robots = tuple(robots)
        self._recorder: Child | None = None
        super().__init__([sys.executable, "-m", "strands_robots.cli.entry", *command, "--namespace", namespace])

    def start_recorder(self, run_id: str) -> None:
        """Start recorder_node for the graph's robots, unless it runs.

        Args:
            run_id: Run of the graph, for the datasets' provenance.

        Raises:
            ConfigurationError: If it is not installed.
        """
        if self._recorder is not None and self._recorder.is_running:
            return
        from strands_robots.bringup.prepare import command_of, complete

        names = tuple(str(robot) for robot in self.robots)
        spec = NodeSpec(
            "recorder_node", "recorder_node", parameters={"run_id": run_id, "robots": names, "use_sim_time": True}
        )
        graph = complete(Graph((spec,), namespace=self.namespace))
        prefix = len(end_with_parent_prefix())
        self._recorder = Child(command_of(spec, graph)[prefix:], graph.environment)

    def end(self) -> str:
        """End the graph and return the last lines of its log."""
        if self._recorder is not None:
            self._recorder.end()
        return super().end()


def start_simulation(robot: str, namespace: str, options: Mapping[str, Any]) -> StartedGraph:
    """Start a simulation.

    Args:
        robot: The robot, as --robot takes it; not used when the options have `robots`.
        namespace: Namespace of the graph.
        options: Options of `strands-robots sim`: `robots` and fields of SimOptions.

    Raises:
        UnknownNameError: If there is no such robot or option.
        ConfigurationError: If a value is not valid.
    """
    robots = simulated_robots(robot, options)
    given = {name: value for name, value in options.items() if name != "robots"}
    given = _checked(given, SimOptions)
    SimOptions(robots, namespace=namespace, **given)
    command = ["sim", *(word for entry in robots for word in ("--robot", str(entry))), "--no-state", *_words(given)]
    return StartedGraph(command, namespace, robots)


def simulated_robots(robot: str, options: Mapping[str, Any]) -> tuple[BringupRobot, ...]:
    """Return the robots of a simulation; raises as `start_simulation`."""
    return parse_robots(robot, str(options.get("robots", "")))


def start_real(robot: str, namespace: str, options: Mapping[str, Any]) -> StartedGraph:
    """Start the graph of a real robot. It holds its position, stopped, until a person resumes.

    Args:
        robot: The robot, as `strands-robots real --robot` takes it.
        namespace: Namespace of the graph.
        options: Options of `strands-robots real`, fields of RealOptions; the port has no default.

    Raises:
        UnknownNameError: If there is no such robot or option.
        ConfigurationError: If a value is missing or not valid.
    """
    given = _checked(options, RealOptions)
    if not given.keys() & {"port", "controllers"}:
        raise ConfigurationError(
            "no port is given; valid: the arm's serial port, as port='/dev/ttyACM0', or controllers='ur'"
        )
    RealOptions(robot=robot, namespace=namespace, **given)
    return StartedGraph(["real", "--robot", robot, *_words(given)], namespace, (parse_robot(robot),))


def _checked(given: Mapping[str, Any], kind: type[SimOptions] | type[RealOptions]) -> dict[str, Any]:
    """Return options whose names and types fit."""
    known = {entry.name: type(entry.default) for entry in fields(kind) if entry.metadata}
    valid = known.keys() - _NOT_OPTIONS
    checked = {}
    for name, value in given.items():
        if name not in valid:
            raise UnknownNameError("option", name, valid)
        plain = str(value) if isinstance(value, Path) else value
        is_number = known[name] is float and isinstance(plain, int) and not isinstance(plain, bool)
        if type(plain) is not known[name] and not is_number:
            raise ConfigurationError(f"{name} is {ascii(value)[:80]}; valid: {known[name].__name__}")
        checked[name] = plain
    return checked


def _words(options: Mapping[str, Any]) -> list[str]:
    """Return options as words of the command line."""
    words: list[str] = []
    for name, value in options.items():
        flag = name.replace("_", "-")
        words += [f"--{flag}" if value else f"--no-{flag}"] if isinstance(value, bool) else [f"--{flag}", str(value)]
    return words
