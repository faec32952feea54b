"""Which collector a user's word means."""

from __future__ import annotations

from strands_robots.core.errors import ConfigurationError
from strands_robots.evaluation.collect.processes import ProcessCollector
from strands_robots.evaluation.collect.unit import Collector


def make_collector(on: str, workers: int) -> Collector:
    """Return what runs episodes.

    Args:
        on: Empty for processes of this machine; "ray" to start a Ray on loopback; "ray://host:port" to join one.
        workers: Episodes at once.

    Raises:
        ConfigurationError: If the word is unknown, or Ray is not installed.
    """
    if not on:
        return ProcessCollector(workers)
    if on == "ray" or on.startswith("ray://"):
        from strands_robots.evaluation.collect.ray_pool import RayCollector

        return RayCollector(on.removeprefix("ray").removeprefix("://"), workers)
    raise ConfigurationError(f"episodes cannot run on '{on}'; valid: nothing (processes), ray, ray://host:port")
