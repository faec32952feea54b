"""Which robots a graph has: how a person writes them, and what is checked before anything starts."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from strands_robots.core.errors import ConfigurationError, UnknownNameError
from strands_robots.core.names import GRAPH_NAME_RULE, is_graph_name
from strands_robots.core.text import printable
from strands_robots.description.model_suffixes import MODEL_FILES, is_model_file

ROBOT_FILES = (".yaml", ".yml", *MODEL_FILES)
_NUMBER = r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?"
_POSE = re.compile(rf"{_NUMBER}(,{_NUMBER}){{2,3}}")
_BETWEEN_ROBOTS = re.compile(r"([;\s]+|,(?![-+.\d]))")
"""Between two robots; a comma before a number belongs to a pose."""


@dataclass(frozen=True)
class BringupRobot:
    """One robot of the graph.

    Attributes:
        name: Name on the graph, its namespace.
        model: Name in config/robots, or a path to a .yaml, .xml (MJCF) or .urdf file; of a robot of a collection, its file.
        pose: Where its base stands in the world, "x,y,z" or "x,y,z,yaw" [m, rad]; empty for sim_node's choice.
        origin: Collection, licence and file of a robot of a collection, to be shown to the person who starts it.
    """

    name: str
    model: str
    pose: str = ""
    origin: str = ""

    def __str__(self) -> str:
        return f"{self.name}={self.model}" + (f"@{self.pose}" if self.pose else "")


def parse_robot(text: str) -> BringupRobot:
    """Return the robot that a person wrote as "<name>:=<model>@<x>,<y>,<z>,<yaw>".

    "=" does for ":=", and only the model is needed.

    Raises:
        ConfigurationError: If the name is no name of ROS or there is no model; says what is valid.
        UnknownNameError: If the model is neither a known robot nor an existing file.
    """
    given, at, pose = text.strip().rpartition("@")
    if not at or "/" in pose:
        given, at, pose = text.strip(), "", ""
    if at and not _POSE.fullmatch(pose):
        raise ConfigurationError(
            f"pose '{printable(pose)}' cannot be read; valid: <x>,<y>,<z> or <x>,<y>,<z>,<yaw> in m and rad"
        )
    name, separator, model = given.partition(":=" if ":=" in given else "=")
    if not separator:
        model = given
        name = re.sub(r"[^a-z0-9_]", "_", Path(model).stem.lower()) if is_file(model) else model.rpartition(":")[2]
    if not model:
        raise ConfigurationError(
            f"robot '{printable(given)}' names no model; valid: a robot, or <name>:=<robot or path of a file>"
        )
    model, origin = _known_model(model)
    if not is_graph_name(name):
        raise ConfigurationError(f"robot name '{printable(name)}' cannot be used on ROS; valid: {GRAPH_NAME_RULE}")
    return BringupRobot(name, model, pose, origin)


def is_file(model: str) -> bool:
    """Return whether a model is meant as a path and not as the name of a robot."""
    return is_model_file(model) or "/" in model or model.lower().endswith(ROBOT_FILES)


def _known_model(model: str) -> tuple[str, str]:
    """Return the model as nodes take it, and where it came from."""
    from strands_robots.core.share import robot_names
    from strands_robots.description.robot_sources import find_model, is_collection_reference

    if is_collection_reference(model):
        found = find_model(model)
        return str(found.path), str(found)
    if is_file(model):
        path = Path(model).expanduser()
        if not model.lower().endswith(ROBOT_FILES) or not path.is_file():
            raise ConfigurationError(
                f"robot file '{printable(model)}' cannot be used; valid: an existing file {', '.join(ROBOT_FILES)}"
            )
        return str(path.resolve()), ""
    names = robot_names()
    if model not in names:
        raise UnknownNameError("robot", model, names)
    return model, ""


def parse_robots(robot: str, robots: str) -> tuple[BringupRobot, ...]:
    """Return the robots of the arguments `robot` (one) and `robots` (several); `robots` wins when both are given.

    Raises:
        ConfigurationError: If one cannot be read, two have the same name, or there is none.
    """
    texts = _split_robots(robots) or ([robot] if robot.strip() else [])
    return check_robots(parse_robot(text) for text in texts)


def _split_robots(robots: str) -> list[str]:
    """Return each robot's text. A blank or comma in the path of an existing file belongs to the path."""
    pieces = _BETWEEN_ROBOTS.split(robots)
    texts, start = [], 0
    while start < len(pieces):
        # From the longest on, so that "my robots/arm.urdf" is not cut where a folder or file "my" is as well.
        ends = [end for end in range(len(pieces), start + 1, -2) if _names_a_file("".join(pieces[start:end]))]
        end = ends[0] if ends else start + 1
        texts.append("".join(pieces[start:end]))
        start = end + 1
    return [text for text in texts if text]


def _names_a_file(text: str) -> bool:
    path = text.rpartition("@")[0] if _POSE.fullmatch(text.rpartition("@")[2]) else text
    name, separator, model = path.partition(":=" if ":=" in path else "=")
    if separator and is_graph_name(name.strip()):
        path = model
    return path.lower().endswith(ROBOT_FILES) and os.path.isfile(os.path.expanduser(path))


def check_robots(given: Iterable[BringupRobot]) -> tuple[BringupRobot, ...]:
    """Return the robots after a check that there is one and that no name comes twice."""
    robots = tuple(given)
    names = [robot.name for robot in robots]
    twice = sorted({name for name in names if names.count(name) > 1})
    if not robots or twice:
        problem = f"robot names {', '.join(twice)} are given twice" if twice else "no robot is given"
        raise ConfigurationError(f"{problem}; valid: one or more <name>:=<model>, every name once")
    return robots
