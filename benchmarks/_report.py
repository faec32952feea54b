"""Printing and keeping the figures of a benchmark."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import time
from collections.abc import Mapping
from pathlib import Path

RESULTS = Path(__file__).resolve().parent / "results"


def _processor_ticks() -> tuple[int, int]:
    """Return the machine's processor time so far, all of it and what was stolen by its host. Source: proc_stat(5)."""
    stat = Path("/proc/stat")
    if not stat.is_file():
        return 0, 0
    ticks = [int(word) for word in stat.read_text(encoding="ascii").split("\n", 1)[0].split()[1:9]]
    return sum(ticks), ticks[7]


_LOAD, _TICKS = os.getloadavg()[0], _processor_ticks()
"""When the benchmark began."""

Figure = float | str


def report(
    name: str, figures: Mapping[str, Figure], reference: Mapping[str, Figure], goals: Mapping[str, str] | None = None
) -> Path:
    """Print a benchmark's figures and write them to results/<name>.json, with the machine that they were measured on.

    Args:
        name: Name of the benchmark.
        figures: What was measured; the unit is part of each name, for example "step_rate_hz" or "latency_p99_ms".
        reference: What to compare with: the same work done without this package in the same run, or the target.
        goals: What a figure shall be, such as "at least 0.9", by the figure's name; printed beside it.

    Returns:
        The file written.
    """
    print(name)
    for title, values in (("measured", figures), ("reference", reference)):
        for key, value in values.items():
            shown = f"{value:.4g}" if isinstance(value, float) and abs(value) < 1000.0 else f"{value}"
            goal = f"   goal: {goals[key]}" if goals and values is figures and key in goals else ""
            print(f"  {title:<9} {key:<42} {shown}{goal}")
    machine = _machine()
    print(
        f"  load before {float(machine['load_before']):.1f}, stolen processor time {100 * float(machine['stolen_share']):.1f} %"
    )
    record = {"name": name, "figures": dict(figures), "reference": dict(reference), "machine": machine}
    if goals:
        record["goals"] = dict(goals)
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps(record, indent=2) + "\n", encoding="ascii")
    return path


def _machine() -> dict[str, Figure]:
    return {
        "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "system": platform.platform(),
        "processor": _processor(),
        "cores": float(os.cpu_count() or 0),
        "load_before": _LOAD,
        "stolen_share": _stolen_share(),
        "python": platform.python_version(),
        "mujoco": importlib.metadata.version("mujoco"),
        "numpy": importlib.metadata.version("numpy"),
    }


def _stolen_share() -> float:
    """Return the share of the machine's processor time that its host took since the benchmark began."""
    now = _processor_ticks()
    return (now[1] - _TICKS[1]) / max(now[0] - _TICKS[0], 1)


def _processor() -> str:
    """Return the processor's name as the system gives it."""
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor()
