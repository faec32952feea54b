"""The rules for names, one for each kind of thing; everything that takes a name asks here."""

from __future__ import annotations

import re

GRAPH_NAME = r"[a-z][a-z0-9_]{0,62}"
"""Robots, cameras, leaders and tasks: part of a topic or a parameter on ROS, so without capitals."""
GRAPH_NAME_RULE = "a lower-case letter, then up to 62 of a-z 0-9 _"
OBJECT_NAME_RULE = "a letter, then up to 62 of a-z A-Z 0-9 _ . -"
FILE_NAME_RULE = "a letter or digit, then up to 63 of a-z A-Z 0-9 _ . -"

_GRAPH_NAME = re.compile(GRAPH_NAME)
_OBJECT_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,62}")
_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_HUB_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}", re.ASCII)


def is_graph_name(name: str) -> bool:
    """Whether a robot, a camera, a leader or a task may have this name."""
    return _GRAPH_NAME.fullmatch(name) is not None


def is_object_name(name: str) -> bool:
    """Whether an object of the simulated world may have this name; MuJoCo's models use capitals, dots and hyphens."""
    return _OBJECT_NAME.fullmatch(name) is not None


def is_file_name(name: str) -> bool:
    """Whether a file of ours, such as an arm's calibration, may have this name."""
    return _FILE_NAME.fullmatch(name) is not None


def is_hub_repository(name: str) -> bool:
    """Whether this is <owner>/<name> as on the Hugging Face Hub."""
    return _HUB_REPOSITORY.fullmatch(name) is not None
