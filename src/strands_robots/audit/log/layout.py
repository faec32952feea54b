"""Names and sizes of the files of a log."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from strands_robots.core.ros_home import ros_home

HEAD_FILE = "HEAD"
LOCK_FILE = "LOCK"
HEAD_BYTES = 1024

_SEGMENT = re.compile(r"([0-9]{6,12})\.jsonl")


def segment_name(number: int) -> str:
    """Return the file name of a segment."""
    return f"{number:06d}.jsonl"


def segment_numbers(names: Iterable[str]) -> list[int]:
    """Return the sorted numbers of the segments among file names."""
    found = (_SEGMENT.fullmatch(name) for name in names)
    return sorted(int(match.group(1)) for match in found if match)


def default_log_folder(environment: Mapping[str, str], namespace: str) -> Path:
    """Return where a graph's log is by default: two graphs of a machine never share it.

    Args:
        environment: Environment variables: ROS_HOME, ROS_DOMAIN_ID.
        namespace: Namespace of the graph.
    """
    domain = environment.get("ROS_DOMAIN_ID", "") or "0"
    parts = [part for part in namespace.split("/") if part]
    return _home(environment) / "audit" / "_".join([f"domain{domain}", *parts])


def default_key_folder(environment: Mapping[str, str]) -> Path:
    """Return where the keys are by default: beside the logs, not in them."""
    return _home(environment) / "audit_keys"


def _home(environment: Mapping[str, str]) -> Path:
    return ros_home(environment) / "strands_robots"
