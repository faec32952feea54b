"""What a run was: versions, hashes, machine and command line, so that it can be repeated and compared. Reads files; no ROS."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import platform
import sys
import time
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from strands_robots.core.share import config_text
from strands_robots.dataset.provenance import package_provenance, robot_provenance
from strands_robots.description.robot_config import load_robot
from strands_robots.evaluation.digests import files_sha256, text_sha256
from strands_robots.evaluation.episode_result import PolicyChoice
from strands_robots.evaluation.task import TaskConfig
from strands_robots.policies.provider import settings_from_text

FORMAT = 1
_PACKAGES = ("mujoco", "numpy", "scipy", "torch", "lerobot")


@functools.cache
def versions() -> dict[str, str]:
    """Return the versions that decide about results; packages that are not installed are left out."""
    package = package_provenance()
    found = {"python": platform.python_version(), "strands_robots": package["version"], "commit": package["commit"]}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def machine() -> dict[str, Any]:
    """Return what this machine is."""
    return {
        "host": platform.node(),
        "system": platform.platform(),
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)),
    }


def task_identity(task: TaskConfig) -> dict[str, Any]:
    """Return the task with the hashes of its text, its world and its robot.

    Raises:
        StrandsRobotsError: If the world cannot be made.
    """
    from strands_robots.evaluation.scene import make_world

    written = task.model_dump(mode="json", by_alias=True)
    robot = robot_provenance(load_robot(task.robot))
    return {
        "task": written,
        "task_sha256": text_sha256(json.dumps(written, sort_keys=True)),
        "scene_sha256": make_world(task).model_sha256,
        "robot": {name: robot[name] for name in ("robot", "model_sha256", "limits_sha256")},
    }


def policy_identity(choice: PolicyChoice) -> dict[str, Any]:
    """Return the policy with the hashes of its adapter and of every file or folder that its settings name.

    Raises:
        StrandsRobotsError: If settings or adapter cannot be read.
    """
    files = {path: files_sha256(Path(path)) for path in _paths(settings_from_text(choice.config))}
    adapter = config_text("adapter", "adapters", choice.adapter) if choice.adapter.strip() else ""
    return {
        "name": choice.policy,
        "config": choice.config,
        "adapter": choice.adapter,
        "adapter_sha256": text_sha256(adapter) if adapter else "",
        "files_sha256": files,
    }


def run_record(tasks: Mapping[str, Mapping[str, Any]], about: Mapping[str, Any]) -> dict[str, Any]:
    """Return the first line of results.jsonl.

    Args:
        tasks: Name of each task -> `task_identity` and, as "policy", `policy_identity`.
        about: What else was asked for, for example episodes and first seed.
    """
    return {
        "kind": "run",
        "format": FORMAT,
        "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "command": [Path(sys.argv[0]).name, *sys.argv[1:]],
        "versions": versions(),
        "machine": machine(),
        **about,
        "tasks": {name: dict(task) for name, task in tasks.items()},
    }


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Return what differs between two runs that decides about results, as "what: before X, now Y"; nothing when they are alike."""
    found = _unlike("versions", before.get("versions", {}), now.get("versions", {}))
    for name in sorted({*before.get("tasks", {}), *now.get("tasks", {})}):
        found += _unlike(name, before.get("tasks", {}).get(name, {}), now.get("tasks", {}).get(name, {}))
    found += _unlike("", {"latency": before.get("latency", 0.0)}, {"latency": now.get("latency", 0.0)})
    return found


def identity_sha256(record: Mapping[str, Any]) -> str:
    """Return the hash of all that decides about results in a run's record."""
    about = {name: record.get(name) for name in ("versions", "tasks", "latency")}
    return hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()


def _unlike(what: str, before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    found: list[str] = []
    for name in sorted({*before, *now}):
        old, new = before.get(name), now.get(name)
        where = f"{what} {name}".strip()
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            found += _unlike(where, old, new)
        elif old != new:
            found.append(f"{where}: before {_brief(old)}, now {_brief(new)}")
    return found


def _brief(value: Any) -> str:
    text = "nothing" if value is None else json.dumps(value)
    return text if len(text) <= 80 else text[:77] + "..."


def _paths(value: Any) -> list[str]:
    """Return the existing files and folders among the texts of settings."""
    if isinstance(value, Mapping):
        return sorted({path for part in value.values() for path in _paths(part)})
    if isinstance(value, list):
        return sorted({path for part in value for path in _paths(part)})
    is_path = isinstance(value, str) and "/" in value and "://" not in value and len(value) < 4096
    return [value] if is_path and Path(value).exists() else []


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())
