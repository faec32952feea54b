"""Commands that run for minutes or days beside the agent: their output, progress, end and cancellation. No lerobot, no ROS.

A job is a process group under `job_runner.py`. It ends when it is cancelled, when `Jobs.close` is called, and when this process
dies in whatever way. Its whole output goes to a log file up to a bound; the last lines are kept here.
"""

from __future__ import annotations

import os
import re
import select
import subprocess
import sys
import threading
import time
import uuid
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from io import FileIO
from pathlib import Path
from typing import Any

from strands_robots.core.errors import ConfigurationError, UnknownNameError

MOST_RUNNING = 2
MOST_KEPT = 32
KEPT_LINES = 200
LONGEST_LINE = 1000
LONGEST_LOG = 32 << 20
"""Longest log file of a job [bytes]; what comes after is not written to it."""

PATIENCE = 10.0
"""How long a job that was interrupted may take to end before it is killed [s]."""

_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
_BREAKS = re.compile(rb"[\r\n]")


@dataclass(frozen=True)
class JobSpec:
    """What a job runs.

    Attributes:
        name: For people, as "train".
        command: Program and arguments; no shell sees them.
        folder: Folder that it runs in.
        environment: All its variables.
        read_line: Takes a line of output and returns the progress that it tells, and what of it belongs to the log.
        replies: Lines that it may be sent.
        moves: Whether it may move something; then it ends with the agent's turn.
    """

    name: str
    command: tuple[str, ...]
    folder: Path
    environment: Mapping[str, str]
    read_line: Callable[[str], tuple[Mapping[str, Any], str]] = lambda line: ({}, line)
    replies: tuple[str, ...] = ()
    moves: bool = False


@dataclass
class Job:
    """A job that runs or has ended; `ended` is set once that is final and told. `control` is -1 once it is closed."""

    job_id: str
    spec: JobSpec
    log: Path
    process: subprocess.Popen[bytes]
    control: int
    started: float
    progress: dict[str, Any] = field(default_factory=dict)
    lines: deque[str] = field(default_factory=lambda: deque(maxlen=KEPT_LINES))
    partial: str = ""
    elapsed: float = 0.0
    exit_code: int | None = None
    is_cancelled: bool = False
    ended: threading.Event = field(default_factory=threading.Event)

    @property
    def state(self) -> str:
        """One of running, cancelling, succeeded, failed, cancelled."""
        if self.exit_code is None:
            return "cancelling" if self.is_cancelled else "running"
        if self.exit_code == 0:
            return "succeeded"
        return "cancelled" if self.is_cancelled else "failed"

    def tail(self, most: int) -> list[str]:
        """Return the last lines, and what was written without an end of line, as a question to a person."""
        lines = list(self.lines)[-most:] if most > 0 else []
        return [*lines, self.partial] if self.partial and most > 0 else lines


class Jobs:
    """Starts, watches and ends jobs. May be used by several threads.

    Args:
        folder: Folder of the log files, made when missing.
        on_end: Called with each job that has ended, from a thread of its own; the job counts as ended when it returns.
        patience: How long an interrupted job may take to end [s].
    """

    def __init__(
        self, folder: Path, on_end: Callable[[Job], None] = lambda job: None, patience: float = PATIENCE
    ) -> None:
        self._folder = folder
        self._on_end = on_end
        self._patience = patience
        self._jobs: OrderedDict[str, Job] = OrderedDict()
        self._lock = threading.Lock()

    def start(self, spec: JobSpec) -> Job:
        """Start a job.

        Raises:
            ConfigurationError: If too many run, or it cannot be started.
        """
        with self._lock:
            running = [job.job_id for job in self._jobs.values() if not job.ended.is_set()]
            if len(running) >= MOST_RUNNING:
                raise ConfigurationError(
                    f"{len(running)} jobs run ({', '.join(running)}); valid: at most {MOST_RUNNING}; wait for one or cancel it"
                )
            job = self._open(spec)
            self._jobs[job.job_id] = job
            done = [known for known, entry in self._jobs.items() if entry.ended.is_set()]
            for known in done[: max(len(self._jobs) - MOST_KEPT, 0)]:
                del self._jobs[known]
        threading.Thread(target=self._read, args=(job,), daemon=True, name=f"job {job.job_id}").start()
        return job

    def all(self) -> list[Job]:
        """Return the jobs that are known, the oldest first."""
        with self._lock:
            return list(self._jobs.values())

    def find(self, job_id: str) -> Job:
        """Return a job; raises UnknownNameError."""
        with self._lock:
            if job_id not in self._jobs:
                raise UnknownNameError("job", job_id[:40], self._jobs)
            return self._jobs[job_id]

    def reply(self, job: Job, text: str) -> None:
        """Send a line to a job that asks for one.

        Raises:
            UnknownNameError: If it takes no such reply.
            ConfigurationError: If it has ended.
        """
        if text not in job.spec.replies:
            raise UnknownNameError(f"reply to '{job.spec.name}'", text[:40], job.spec.replies)
        try:
            assert job.process.stdin is not None
            job.process.stdin.write(b"\n" if text == "enter" else text.encode("ascii") + b"\n")
            job.process.stdin.flush()
        except (OSError, ValueError) as error:
            raise ConfigurationError(f"job {job.job_id} has ended and takes no reply") from error

    def cancel(self, job: Job) -> None:
        """Interrupt a job; it is killed when it has not ended in time."""
        with self._lock:
            if job.control >= 0:
                job.is_cancelled = True
                _close_control(job)

    def cancel_moving(self) -> None:
        """Interrupt every job that may move something."""
        for job in self.all():
            if job.spec.moves:
                self.cancel(job)

    def close(self) -> None:
        """Cancel every job and wait for its end."""
        jobs = self.all()
        for job in jobs:
            self.cancel(job)
        deadline = time.monotonic() + self._patience + 5.0
        for job in jobs:
            job.ended.wait(max(deadline - time.monotonic(), 0.0))

    def _open(self, spec: JobSpec) -> Job:
        job_id = f"{spec.name}-{uuid.uuid4().hex[:8]}"
        log = self._folder / f"{job_id}.log"
        theirs, ours = os.pipe()
        runner = [sys.executable, "-m", "strands_robots.agent.jobs.job_runner", str(theirs), str(self._patience)]
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            log.touch(mode=0o600, exist_ok=False)
            process = subprocess.Popen(
                [*runner, *spec.command], cwd=spec.folder, env=dict(spec.environment), stdin=subprocess.PIPE,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, pass_fds=(theirs,), start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            os.close(ours)
            raise ConfigurationError(f"'{spec.name}' cannot be started: {error.strerror}: {error.filename}") from error
        finally:
            os.close(theirs)
        return Job(job_id, spec, log, process, ours, time.monotonic())

    def _read(self, job: Job) -> None:
        """Read the output to its end, then keep how the job ended."""
        assert job.process.stdout is not None
        rest, room = b"", LONGEST_LOG
        with job.log.open("wb", buffering=0) as log:
            while chunk := _next_chunk(job.process):
                room = _kept(log, chunk[:room], room)
                *lines, rest = _BREAKS.split(rest + chunk)
                for line in lines:
                    _take(job, line)
                rest = rest[-LONGEST_LINE:]
                job.partial = _text(rest)
        _take(job, rest)
        job.partial = ""
        exit_code = job.process.wait()
        job.elapsed = time.monotonic() - job.started
        with self._lock:
            _close_control(job)
            job.exit_code = exit_code
        job.process.stdout.close()
        if job.process.stdin is not None:
            try:
                job.process.stdin.close()
            except OSError:
                pass  # A reply that the command did not read.
        try:
            self._on_end(job)
        finally:
            job.ended.set()


def _close_control(job: Job) -> None:
    """Tell the job's runner, once, that the job is not wanted any more."""
    if job.control >= 0:
        os.close(job.control)
        job.control = -1


def _next_chunk(process: subprocess.Popen[bytes]) -> bytes:
    """Return output as it comes; nothing at its end, also when a process that left the group still holds it open."""
    assert process.stdout is not None
    descriptor = process.stdout.fileno()
    while not select.select([descriptor], [], [], 0.5)[0]:
        if process.poll() is not None:
            return b""
    return os.read(descriptor, 65536)


def _kept(log: FileIO, data: bytes, room: int) -> int:
    """Write to the log file and return how much may still follow; a full disk ends the file and not the job."""
    try:
        return room - log.write(data)
    except OSError:
        return 0


def _take(job: Job, line: bytes) -> None:
    text = _text(line)
    if not text.strip():
        return
    told, kept = job.spec.read_line(text)
    job.progress |= told
    if kept.strip():
        job.lines.append(kept)


def _text(line: bytes) -> str:
    return _ESCAPES.sub("", line[:LONGEST_LINE].decode("utf-8", "replace")).rstrip()
