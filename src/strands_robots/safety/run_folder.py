"""The folder of a graph's run: which processes with a gate are there, and where each takes stops. Standard library only.

    <ROS_HOME>/strands_robots/runs/<run>/<node>-<pid>.json   domain, namespace, run, process, robots
    <ROS_HOME>/strands_robots/runs/<run>/<node>-<pid>.stop   datagram socket: whatever arrives there stops
    <ROS_HOME>/strands_robots/runs/<run>/graph.environment   how its processes find each other (safety/graph_file.py)

A folder, file or socket that is a link, or belongs to another user, is left alone: it is neither read nor written to.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from strands_robots.core.ros_home import ros_home

SOCKET = ".stop"
RECORD = ".json"
LARGEST_RECORD = 65536

_SAFE_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,63}", re.ASCII)
_FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True)
class RunRecord:
    """One process with a gate, as its file in the run's folder says.

    Attributes:
        run: Run of the graph.
        node: Name of the node.
        pid: Its process.
        domain: ROS domain; -1 where the file cannot be read.
        namespace: Namespace of the graph, without slashes at its ends; empty for the root.
        robots: Names of its robots.
        is_supervisor: True for safety_node, which has no gate of its own.
    """

    run: str
    node: str
    pid: int
    domain: int = -1
    namespace: str = ""
    robots: tuple[str, ...] = ()
    is_supervisor: bool = False

    @property
    def stem(self) -> str:
        """Name of its files in the folder, without their ending."""
        return f"{self.node}-{self.pid}"

    @property
    def graph(self) -> str:
        """The graph in words."""
        domain = "domain unknown" if self.domain < 0 else f"domain {self.domain}"
        return f"{domain}, namespace /{self.namespace}" if self.namespace else domain


def runs_folder(environment: Mapping[str, str]) -> Path:
    """Return the folder of all runs: strands_robots/runs in $ROS_HOME or ~/.ros."""
    return ros_home(environment) / "strands_robots" / "runs"


def run_name(run: str) -> str:
    """Return the name of a run's folder: the run itself, or its hash when it cannot be the name of a file."""
    return run if _SAFE_NAME.fullmatch(run) else hashlib.sha256(run.encode("utf-8", "replace")).hexdigest()[:32]


class RunFolder:
    """A run's folder, held by its descriptor, so that a link that is put in its place later changes nothing.

    Args:
        runs: The folder of all runs.
        name: Name of the run's folder.
        create: Make it, with mode 0700, where it is missing.

    Raises:
        OSError: If it cannot be opened, is a link, belongs to another user, or others may write to it.
    """

    def __init__(self, runs: Path, name: str, create: bool = False) -> None:
        self.path = runs / name
        self.descriptor = _made(self.path) if create else os.open(self.path, _FOLDER_FLAGS)
        status = os.fstat(self.descriptor)
        if status.st_uid != os.geteuid() or status.st_mode & 0o022:
            self.close()
            raise PermissionError(
                f"'{self.path}' belongs to user {status.st_uid}, mode {stat.S_IMODE(status.st_mode):04o}; "
                f"valid: user {os.geteuid()}, not writable by others (chmod 700)"
            )

    def close(self) -> None:
        """Let go of the folder."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1

    def address(self, name: str) -> str:
        """Return a path of a socket in the folder that fits into a socket address, however long the folder's own is.

        Source: unix(7), 108 bytes; proc(5), /proc/self/fd.
        """
        return f"/proc/self/fd/{self.descriptor}/{name}"

    def names(self) -> list[str]:
        """Return the names in the folder."""
        return sorted(os.listdir(self.descriptor))

    def write(self, record: RunRecord) -> None:
        """Write a process's file anew; raises OSError, also for a full disk."""
        self.write_file(record.stem + RECORD, json.dumps(asdict(record)).encode("ascii"))

    def write_file(self, name: str, data: bytes) -> None:
        """Write a file anew, whole or not at all; raises OSError."""
        temporary = f".{name}"
        self.remove(temporary)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(temporary, flags, 0o600, dir_fd=self.descriptor)
        try:
            os.write(descriptor, data)
        finally:
            os.close(descriptor)
        os.rename(temporary, name, src_dir_fd=self.descriptor, dst_dir_fd=self.descriptor)

    def read(self, stem: str) -> RunRecord:
        """Return what a process's file says; with nothing but the names of run and node where it cannot be read."""
        node, _, pid = stem.rpartition("-")
        plain = RunRecord(self.path.name, node or stem, int(pid) if pid.isdigit() and len(pid) < 10 else 0)
        try:
            given = json.loads(self.read_file(stem + RECORD))
            return replace(
                plain, run=str(given["run"]), domain=int(given["domain"]), namespace=str(given["namespace"]),
                robots=tuple(map(str, given["robots"])), is_supervisor=bool(given["is_supervisor"]),
            )  # fmt: skip
        except (OSError, ValueError, TypeError, KeyError, RecursionError):
            return plain

    def read_file(self, name: str) -> bytes:
        """Return the beginning of a file, empty for what is no plain file; never follows a link; raises OSError."""
        descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=self.descriptor)
        try:
            return os.read(descriptor, LARGEST_RECORD) if stat.S_ISREG(os.fstat(descriptor).st_mode) else b""
        finally:
            os.close(descriptor)

    def is_own_socket(self, name: str) -> bool:
        """Return whether a name in the folder is a socket of this user, and no link."""
        try:
            status = os.stat(name, dir_fd=self.descriptor, follow_symlinks=False)
        except OSError:
            return False
        return stat.S_ISSOCK(status.st_mode) and status.st_uid == os.geteuid()

    def remove(self, *names: str) -> None:
        """Remove files; those that are not there are no error."""
        for name in names:
            with contextlib.suppress(OSError):
                os.unlink(name, dir_fd=self.descriptor)


def _made(path: Path) -> int:
    """Return a folder's descriptor, made where it is missing; a process of the run that ends may just take it away."""
    for _ in range(3):
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            return os.open(path, _FOLDER_FLAGS)
    return os.open(path, _FOLDER_FLAGS)


def opened_runs(runs: Path) -> Iterator[RunFolder]:
    """Yield each run's folder that is this user's own, newest first; each is closed when the next is asked for."""
    try:
        status = os.lstat(runs)
        if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
            return
        with os.scandir(runs) as entries:
            names = [(entry.stat(follow_symlinks=False).st_mtime, entry.name) for entry in entries]
    except OSError:
        return
    for _, name in sorted(names, reverse=True):
        try:
            folder = RunFolder(runs, name)
        except OSError:
            continue
        try:
            yield folder
        finally:
            folder.close()
