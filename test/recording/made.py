"""Datasets made without ROS: known trajectories through the recorder's own parts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from strands_robots.dataset.provenance import package_provenance, robot_provenance
from strands_robots.dataset.schema import CameraPart, RobotPart, Schema
from strands_robots.description.lerobot_units import robot_codec
from strands_robots.description.robot_config import load_robot

CONFIG = load_robot("so101")
JOINTS = tuple(CONFIG.joints)
LIMITS = CONFIG.limits()
WORLD = {"seed": 1, "model_sha256": "0" * 64, "randomization": None}
MIDDLE = 0.5 * (LIMITS.lower + LIMITS.upper)


def make_schema(cameras: int = 1, fps: int = 30, robots: tuple[str, ...] = ("so101",), **options: Any) -> Schema:
    parts = tuple(RobotPart(name, robot_codec(CONFIG)) for name in robots)
    pictures = tuple(CameraPart(f"{robots[0]}/camera{i}", 48, 64) for i in range(cameras))
    return Schema(fps, parts, pictures, **options)


def picture(k: int) -> np.ndarray:
    """Return a picture that says which frame it belongs to: a bright bar that moves with k."""
    pixels = np.full((48, 64, 3), 30, np.uint8)
    pixels[:, (2 * k) % 60 : (2 * k) % 60 + 4] = 220
    return pixels


def command(k: float, fps: int = 30) -> np.ndarray:
    """Return the set-points (D,) that answer observation k [rad]."""
    return MIDDLE + 0.3 * np.sin(2.0 * np.pi * 0.7 * k / fps + np.arange(len(JOINTS)))


def state(k: float, fps: int = 30) -> np.ndarray:
    """Return the joints (D,) at observation k [rad]: they follow the commands by two frames."""
    return command(k - 2, fps)


def values(schema: Schema, k: int) -> dict[str, Any]:
    """Return frame k as LeRobot takes it."""
    number = len(schema.robots)
    frame: dict[str, Any] = {
        "observation.state": schema.vector([state(k, schema.fps)] * number),
        "action": schema.vector([command(k, schema.fps)] * number),
    }
    for camera in schema.cameras:
        frame[schema.keys[camera.name]] = picture(k)
    return frame


def account(schema: Schema, episode: int, frames: int) -> dict[str, Any]:
    """Return an account such as the recorder stores."""
    return {
        "format": 1, "episode": episode, "task": "wave", "frames": frames, "outcome": "unknown", "reward": 0.0, "began_ns": 0,
        "ended_ns": 0, "began_wall": 0.0, "skipped": 0, "dropped": 0, "marked": [], "sources": ["policy/test"], "streams": {},
        "provenance": {
            **package_provenance(), "units": "lerobot", "clock": "simulated time", "world": dict(WORLD), "audit_head": "",
            "robots": {robot.name: robot_provenance(CONFIG) for robot in schema.robots},
        },
    }  # fmt: skip


def make_dataset(root: Path, lengths: tuple[int, ...] = (50, 45), cameras: int = 1, **options: Any) -> Schema:
    """Write a dataset of known trajectories with the recorder's store."""
    from strands_robots.dataset.store import EncoderConfig, LeRobotStore

    schema = make_schema(cameras, **options)
    store = LeRobotStore(root, "test/data", schema, EncoderConfig())
    store.create()
    for episode, length in enumerate(lengths):
        for k in range(length):
            store.add(values(schema, k), "wave")
        store.save(account(schema, episode, length))
    store.close()
    return schema
