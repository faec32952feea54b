"""Where a recording comes from: the package, the robots' models and limits. ROS-free; the node adds the world and the log."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import strands_robots
from strands_robots.robot_config import RobotConfig


def package_provenance() -> dict[str, Any]:
    """Return version and commit of this package; the commit is empty where it is not run from a checkout."""
    return {"package": "strands_robots", "version": strands_robots.__version__, "commit": _commit()}


def robot_provenance(config: RobotConfig) -> dict[str, Any]:
    """Return what identifies a robot: its description, the hashes of its model files, and its limits.

    Calibration is None for a robot that has none, as a simulated one.
    """
    limits = {name: joint.model_dump() for name, joint in config.joints.items()}
    return {
        "robot": config.name,
        "model_sha256": {
            path.name: hashlib.sha256(path.read_bytes()).hexdigest()
            for path in (config.mjcf, config.urdf)
            if path is not None
        },
        "limits": limits,
        "calibration": None,
    }


def check_provenance(account: Mapping[str, Any] | None) -> list[str]:
    """Return what an episode's provenance lacks; nothing when it is complete."""
    if account is None:
        return ["there is no account beside it"]
    given = account.get("provenance")
    if not isinstance(given, dict):
        return ["its account has no provenance"]
    wanted = ("package", "version", "commit", "robots", "clock", "world", "audit_head", "units")
    return [f"its provenance lacks {name}" for name in wanted if name not in given]


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
