"""Runs the processes of a graph where `launch` is not installed: prefixes, restarts, and an end without orphans.

Made of asyncio's subprocesses. honcho ends everything when one process ends and cannot restart; circus limits
restarts only in a plug-in process of its own and looks for dead processes once a second; supervisor is a daemon whose
exit code does not say why it ended.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from strands_robots.bringup.end_cause import cause_in
from strands_robots.bringup.exit_journal import EndJournal
from strands_robots.bringup.forked import ForkedProcess, can_fork, preload
from strands_robots.bringup.graph import (
    END_PATIENCE,
    RESTART_DELAYS,
    EndGraph,
    ExitRule,
    OnExit,
    Restart,
)

HARD_STEPS = ((signal.SIGTERM, 1.0), (signal.SIGKILL, 0.4))
"""Signals to a process that SIGINT did not end within its patience, and how long each may take [s]."""

YOUNG = 10.0
"""A process that was started less than this ago may still be importing [s]; nodes end by SIGTERM as by SIGINT."""

TURN = 0.02
"""Time between two looks whether the turn of a process to end has come [s]."""

LONGEST_LINE = 65536
"""A line of output is cut after this many bytes."""


@dataclass(frozen=True)
class ProcessSpec:
    """One process.

    Attributes:
        name: Prefix of its output.
        command: Program and arguments.
        on_exit: What its end means.
        restart_delays: Wait before each restart [s].
        start_delay: Wait before the first start [s].
        end_stage: It is told to end when every process of a lower stage has ended.
        end_patience: Time that its end may take after SIGINT [s].
        script: The script of this package, with its arguments, that the command starts; empty for another program.
    """

    name: str
    command: tuple[str, ...]
    on_exit: OnExit
    restart_delays: tuple[float, ...] = RESTART_DELAYS
    start_delay: float = 0.0
    end_stage: int = 0
    end_patience: float = END_PATIENCE
    script: tuple[str, ...] = ()


def _tell_nobody(name: str, returncode: int, text: str) -> None:
    """Ignore the ends of processes."""


class ProcessSupervisor:
    """Starts processes all at once and keeps them until a signal, or until the end of one ends the graph.

    Args:
        processes: The processes; names are unique.
        environment: Their whole environment.
        write: Takes each line of output, without the line's end.
        tell: Takes the name of each process that ended unasked, its exit code and what happens now, in words.
    """

    def __init__(
        self,
        processes: Sequence[ProcessSpec],
        environment: Mapping[str, str],
        write: Callable[[str], None],
        tell: Callable[[str, int, str], None] = _tell_nobody,
    ) -> None:
        self._processes = list(processes)
        self._environment = dict(environment)
        self._write = write
        self._running: Counter[int] = Counter()  # processes by their stage
        self._causes: dict[str, str] = {}
        self._tell = tell
        self._stopping = asyncio.Event()
        self._failure = ""
        self._is_interrupted = False

    async def run(self) -> int:
        """Run until the graph ends.

        Returns:
            0 after SIGINT, SIGTERM or SIGHUP; 1 when the end of a process ended the graph, or when no process is left.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._interrupt, number)
        tasks = [asyncio.create_task(self._keep(process)) for process in self._processes]
        try:
            await asyncio.gather(*tasks)
        finally:
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                loop.remove_signal_handler(number)
        if not self._failure and not self._is_interrupted:
            self._failure = "no process is left"
        if self._failure:
            self._say(self._failure)
        return 1 if self._failure else 0

    def end(self, failure: str = "") -> None:
        """End the graph; with a failure, its status is not zero."""
        if not self._stopping.is_set():
            self._failure = failure
            self._stopping.set()

    def _interrupt(self, number: signal.Signals) -> None:
        if not self._is_interrupted:
            self._is_interrupted = True
            self._say(f"{number.name}: ending the graph")
        self.end()

    async def _keep(self, spec: ProcessSpec) -> None:
        """Start a process, and start it again as its rule says, until the graph ends."""
        rule = ExitRule(spec.name, spec.on_exit, spec.restart_delays, tell=self._tell)
        await self._wait(spec.start_delay)
        while not self._stopping.is_set():
            try:
                returncode = await self._run_once(spec)
            except OSError as error:
                self.end(f"{spec.name} cannot be started: {error}")
                return
            if self._stopping.is_set():
                return
            decision = rule.process_ended(returncode, self._causes.pop(spec.name, ""))
            if isinstance(decision, EndGraph):
                self.end(decision.text)
                return
            self._say(decision.text)
            if not isinstance(decision, Restart):
                return
            await self._wait(decision.delay)

    async def _wait(self, delay: float) -> None:
        """Wait for `delay` [s], or until the graph ends."""
        if delay > 0.0:
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), delay)

    async def _run_once(self, spec: ProcessSpec) -> int:
        """Run a process to its end and return its exit code; end it when the graph ends."""
        process = await self._start(spec)
        assert process.stdout is not None
        began = time.monotonic()
        self._running[spec.end_stage] += 1
        relay = asyncio.create_task(self._relay(spec.name, process.stdout))
        ended = asyncio.create_task(process.wait())
        stop = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait((ended, stop), return_when=asyncio.FIRST_COMPLETED)
            if not ended.done():
                await self._stop(spec, process, ended, began)
        finally:
            stop.cancel()
            self._running[spec.end_stage] -= 1
            # What it started itself must not outlive it.
            _signal_group(process.pid, signal.SIGKILL)
        await asyncio.wait((relay,), timeout=0.5)
        relay.cancel()
        return await ended

    async def _start(self, spec: ProcessSpec) -> asyncio.subprocess.Process | ForkedProcess:
        """Start a process: forked from this one where it is a script of this package, else as a program."""
        if spec.script and can_fork() and preload(Path(spec.script[0])):
            forked = ForkedProcess(spec.script, self._environment)
            await forked.connect()
            return forked
        return await asyncio.create_subprocess_exec(
            *spec.command,
            env=self._environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )

    async def _stop(
        self,
        spec: ProcessSpec,
        process: asyncio.subprocess.Process | ForkedProcess,
        ended: asyncio.Task[int],
        began: float,
    ) -> None:
        """End a process when its turn has come: the log outlives what it logs, and an arm's driver those who command it."""
        while not ended.done() and any(self._running[stage] for stage in list(self._running) if stage < spec.end_stage):
            await asyncio.wait((ended,), timeout=TURN)
        # An interpreter that is interrupted while it still starts prints a traceback, which hides what others said.
        is_young = time.monotonic() - began < YOUNG
        first = signal.SIGTERM if is_young else signal.SIGINT
        for number, patience in ((first, spec.end_patience), *HARD_STEPS):
            _signal_group(process.pid, number)
            await asyncio.wait((ended,), timeout=patience)
            if ended.done():
                return

    async def _relay(self, name: str, stream: asyncio.StreamReader) -> None:
        rest = b""
        while chunk := await stream.read(LONGEST_LINE):
            *lines, rest = (rest + chunk).split(b"\n")
            if len(rest) > LONGEST_LINE:
                lines, rest = [*lines, rest], b""
            for line in lines:
                self._relay_line(name, line)
        if rest:
            self._relay_line(name, rest)

    def _relay_line(self, name: str, line: bytes) -> None:
        text = line.decode("utf-8", "replace").rstrip()
        if cause := cause_in(text):
            self._causes[name] = cause
        self._print(f"[{name}] {text}")

    def _say(self, text: str) -> None:
        self._print(f"[graph] {text}")

    def _print(self, line: str) -> None:
        try:
            self._write(line)
        except BrokenPipeError:
            # The reader of the output is gone: no person watches the graph any more.
            self._write = lambda line: None
            self.end("the reader of the output is gone")


def _signal_group(pid: int, number: signal.Signals) -> None:
    """Send a signal to every process of the session that a process leads."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def write_line(line: str) -> None:
    """Write a line to the standard output at once, in ASCII where the output knows nothing else."""
    encoding = sys.stdout.encoding or "ascii"
    sys.stdout.write(line.encode(encoding, "backslashreplace").decode(encoding) + "\n")
    sys.stdout.flush()


def supervise(processes: Sequence[ProcessSpec], added: Mapping[str, str], journal: Path | None = None) -> int:
    """Run processes until the graph ends and return the exit code.

    Args:
        processes: The processes.
        added: Variables on top of this process's environment.
        journal: Where ends of processes are written for audit_node; None for nowhere.
    """
    tell = EndJournal(journal).write if journal is not None else _tell_nobody

    async def run() -> int:
        return await ProcessSupervisor(processes, {**os.environ, **added}, write_line, tell=tell).run()

    return asyncio.run(run())
