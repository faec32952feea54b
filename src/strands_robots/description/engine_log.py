"""MuJoCo's warnings, sent to Python's logging instead of standard error and a file MUJOCO_LOG.TXT in the working directory."""

from __future__ import annotations

import logging

import mujoco

_log = logging.getLogger("strands_robots.sim.mujoco")


def log_warnings() -> None:
    """Install the handler, unless the program has one of its own."""
    if mujoco.get_mju_user_warning() is None:
        mujoco.set_mju_user_warning(_log_warning)


def _log_warning(message: str) -> None:
    _log.warning(" ".join(message.split()))
