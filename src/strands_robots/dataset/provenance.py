"""Where a recording comes from: the package, the robots' models and limits. ROS-free; the node adds the world and the log."""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import strands_robots
from strands_robots.description.robot_config import RobotConfig

_WANTED = ("package", "version", "commit", "robots", "clock", "world", "audit_head", "units")
_OF_ROBOT = ("model_sha256", "limits", "calibration")
_OF_WORLD = ("seed", "model_sha256", "randomization")


def package_provenance() -> dict[str, Any]:
    """Return version and commit of this package; the commit is empty where it is not run from a checkout."""
    return {"package": "strands_robots", "version": strands_robots.__version__, "commit": _commit()}


def robot_provenance(config: RobotConfig) -> dict[str, Any]:
    """Return what identifies a robot: its description, the hashes of its model files, its limits and their hash.

    Calibration is None for a robot that has none, as a simulated one; `with_calibrations` adds it.
    """
    limits = {name: joint.model_dump() for name, joint in config.joints.items()}
    supervision = config.supervision.model_dump(mode="json")
    every = json.dumps({"joints": limits, "supervision": supervision}, sort_keys=True)
    return {
        "robot": config.name,
        "model_sha256": {
            path.name: hashlib.sha256(path.read_bytes()).hexdigest()
            for path in (config.mjcf, config.urdf)
            if path is not None
        },
        "limits": limits,
        "supervision": supervision,
        "limits_sha256": hashlib.sha256(every.encode()).hexdigest(),
        "calibration": None,
    }


def with_calibrations(
    robots: Mapping[str, Mapping[str, Any]], calibrations: Mapping[str, Mapping[str, str]]
) -> dict[str, dict[str, Any]]:
    """Return robots, by name, with the calibration that each one's driver uses: its file, hash and date."""
    return {
        name: {**robot, "calibration": dict(calibrations[name]) if name in calibrations else None}
        for name, robot in robots.items()
    }


def check_provenance(account: Mapping[str, Any] | None) -> list[str]:
    """Return what an episode's provenance lacks; nothing when it is complete."""
    if account is None:
        return ["there is no account beside it"]
    if account.get("foreign"):
        return []  # Another recorder made it; `dataset adopt` said so.
    given = account.get("provenance")
    if not isinstance(given, dict):
        return ["its account has no provenance"]
    lacking = [name for name in _WANTED if name not in given]
    for name, robot in (given.get("robots") or {}).items():
        lacking += [f"{what} of robot {name}" for what in _OF_ROBOT if what not in robot]
    world = given.get("world")
    if world is not None:
        lacking += [f"{what} of the world" for what in _OF_WORLD if what not in world]
    return [f"its provenance lacks {name}" for name in lacking]


def _commit() -> str:
    folder = Path(__file__).resolve().parent
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), "rev-parse", "HEAD"], capture_output=True, text=True, timeout=5.0, check=False
        )
        changed = subprocess.run(
            ["git", "-C", str(folder), "status", "--porcelain", "--untracked-files=no", "--", str(folder.parent)],
            capture_output=True,
            text=True,
            timeout=5.0,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    if done.returncode != 0:
        return ""
    return done.stdout.strip() + ("+changes" if changed.stdout.strip() else "")
