"""Keeps what must not be late in memory: a heartbeat shall not wait for the disk, nor for the garbage collector."""

from __future__ import annotations

import ctypes
import gc
import mmap
import resource
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

_MCL_CURRENT, _MCL_FUTURE, _MCL_ONFAULT = 1, 2, 4
_MADV_POPULATE_READ = 22
_CAP_IPC_LOCK = 14


@dataclass(frozen=True)
class Resident:
    """What could be done.

    Attributes:
        is_locked: Pages that are in memory stay there.
        programs: Bytes of programs and libraries that were read into memory.
        frozen: Objects that the garbage collector passes over from now on.
    """

    is_locked: bool
    programs: int
    frozen: int


def stay_resident() -> Resident:
    """Read this process's programs and libraries into memory, lock what is there where that is allowed, and freeze its objects.

    Call it when everything is loaded and nothing is armed yet. A page of a library that was never touched is read from the disk at its
    first use, which takes as long as the disk is busy; a full collection of all objects of a node holds the interpreter for a tenth
    of a second, which all its threads wait for. Locking needs CAP_IPC_LOCK or no limit of locked memory (memlock in limits.conf).

    Source: mlockall(2), MCL_ONFAULT; madvise(2), MADV_POPULATE_READ; Python's gc.freeze.
    """
    gc.collect()
    gc.freeze()
    library = ctypes.CDLL(None, use_errno=True)
    try:
        maps = Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace")
    except OSError:
        maps = ""
    return Resident(_lock(library), _read_in(library, program_mappings(maps.splitlines())), gc.get_freeze_count())


def program_mappings(lines: Iterable[str]) -> Iterator[tuple[int, int]]:
    """Yield begin and length of each mapping of a file that is executed.

    Args:
        lines: Lines of /proc/self/maps. Source: proc_pid_maps(5).
    """
    for line in lines:
        parts = line.split(None, 5)
        if len(parts) == 6 and "x" in parts[1] and parts[5].startswith("/"):
            begin, _, end = parts[0].partition("-")
            yield int(begin, 16), int(end, 16) - int(begin, 16)


def _read_in(library: ctypes.CDLL, mappings: Iterable[tuple[int, int]]) -> int:
    """Return how many bytes of these mappings are in memory now; none on kernels before 5.14."""
    read = 0
    for begin, length in mappings:
        whole = -(-length // mmap.PAGESIZE) * mmap.PAGESIZE
        if library.madvise(ctypes.c_void_p(begin), ctypes.c_size_t(whole), _MADV_POPULATE_READ) == 0:
            read += whole
    return read


def _lock(library: ctypes.CDLL) -> bool:
    # With a limit that is reached later, memory could not be allocated any more: then nothing is locked.
    limit, _ = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    if limit != resource.RLIM_INFINITY and not _may_lock():
        return False
    return bool(library.mlockall(_MCL_CURRENT | _MCL_FUTURE | _MCL_ONFAULT) == 0)


def _may_lock() -> bool:
    """Return whether this process has CAP_IPC_LOCK. Source: capabilities(7), proc_pid_status(5)."""
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return False
    for line in status.splitlines():
        if line.startswith("CapEff:"):
            return bool(int(line.split()[1], 16) >> _CAP_IPC_LOCK & 1)
    return False
