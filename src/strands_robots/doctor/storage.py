"""Room for logs, datasets and the audit trail, and the shared memory that carries pictures."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from strands_robots.doctor.machine import Machine
from strands_robots.doctor.result import Result, failed, ok, warning

MEGABYTE = 1 << 20
LEAST_FREE = 500 * MEGABYTE
ENOUGH_FREE = 5000 * MEGABYTE
LEAST_SHARED = 128 * MEGABYTE

FreeBytes = Callable[[Path], int]


def _free(path: Path) -> int:
    return shutil.disk_usage(path).free


def check_disk(machine: Machine, free: FreeBytes = _free) -> Result:
    """Free space where logs, the audit trail, incidents and recordings go, and whether a file can be written there."""
    home = machine.ros_home()
    folder = next((path for path in (home, *home.parents) if path.is_dir()), Path("/"))
    try:
        with tempfile.NamedTemporaryFile(dir=folder) as file:
            file.write(b"x" * 65536)
            file.flush()
    except OSError as error:
        return failed(
            "disk",
            f"{folder} cannot be written: {error.strerror}",
            f"make room there, or give the folder back to yourself: sudo chown -R $USER {home}",
            "or choose another: export ROS_HOME=<folder>",
        )
    megabytes = free(folder) // MEGABYTE
    if megabytes < ENOUGH_FREE // MEGABYTE:
        make = failed if megabytes < LEAST_FREE // MEGABYTE else warning
        return make(
            "disk",
            f"{megabytes} MB free in {folder}; {ENOUGH_FREE // MEGABYTE} MB are comfortable, below "
            f"{LEAST_FREE // MEGABYTE} MB the audit trail is in danger",
            f"look at what fills it: du -sh {home}/strands_robots/* {home}/log",
            "or choose another disk: export ROS_HOME=<folder>",
        )
    return ok("disk", f"{megabytes} MB free in {folder}")


def check_shared_memory(machine: Machine, free: FreeBytes = _free) -> Result:
    """/dev/shm, through which Fast DDS carries pictures: 32 MB for each process that has some."""
    folder = machine.root / "dev" / "shm"
    remedy = (
        "in a container: docker run --shm-size=1g (or --ipc=host)",
        "else: sudo mount -o remount,size=1g /dev/shm",
    )
    if not folder.is_dir():
        return warning("shared_memory", f"{folder} is missing; pictures take the slower way", *remedy)
    megabytes = free(folder) // MEGABYTE
    if megabytes < LEAST_SHARED // MEGABYTE:
        return warning("shared_memory", f"{megabytes} MB free in {folder}; pictures are lost or slow", *remedy)
    return ok("shared_memory", f"{megabytes} MB free in {folder}")
