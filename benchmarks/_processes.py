"""Processor time and memory of processes, as the kernel counts them."""

from __future__ import annotations

import resource
import statistics
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

import psutil


def command_seconds(command: Sequence[str], repetitions: int) -> tuple[float, float]:
    """Return the median processor time and the median wall time of a command, its children's included [s]."""
    spent, waited = [], []
    for _ in range(repetitions):
        before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
        subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        waited.append(time.monotonic() - began)
        spent.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return statistics.median(spent), statistics.median(waited)


def family(pid: int) -> list[psutil.Process]:
    """Return a process and all below it."""
    head = psutil.Process(pid)
    return [head, *head.children(recursive=True)]


def processor_seconds(processes: Sequence[psutil.Process]) -> dict[str, float]:
    """Return the processor time of each process so far, by its name [s]."""
    return {process.name(): sum(process.cpu_times()[:2]) for process in processes}


def proportional_bytes(processes: Sequence[psutil.Process]) -> int:
    """Return the memory of processes, where a page that several share counts once in all. Source: proc_pid_smaps(5), Pss."""
    total = 0
    for process in processes:
        for line in Path(f"/proc/{process.pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
            if line.startswith("Pss:"):
                total += 1024 * int(line.split()[1])
    return total
