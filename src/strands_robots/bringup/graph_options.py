"""What people choose about any graph, simulated or real, and options given as texts."""

from __future__ import annotations

import dataclasses
import re
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from strands_robots.bringup import agent as agents
from strands_robots.bringup import teleop as leaders
from strands_robots.bringup.buttons import parse_buttons
from strands_robots.core.errors import ConfigurationError, UnknownNameError
from strands_robots.core.text import printable

LOG_LEVELS = ("debug", "info", "warn", "error", "fatal")

_ROS_NAMESPACE = re.compile(r"/?([A-Za-z][A-Za-z0-9_]*(/[A-Za-z][A-Za-z0-9_]*)*)?/?")


def option(default: Any, description: str, choices: tuple[str, ...] = (), *, is_file: bool = False) -> Any:
    """Return a dataclass field that is an option of a command and an argument of a launch file.

    Args:
        default: Its value when none is given; its type is the option's.
        description: What it is, with its unit.
        choices: The valid strings; empty for any.
        is_file: Whether it is the path of a file, which must exist.
    """
    return field(default=default, metadata={"description": description, "choices": choices, "is_file": is_file})


def option_fields(kind: type) -> dict[str, dataclasses.Field[Any]]:
    """Return the options of a class by name; those of every graph last."""
    fields = sorted(dataclasses.fields(kind), key=lambda entry: bool(entry.kw_only))
    return {entry.name: entry for entry in fields if entry.metadata}


def describe_option(kind: type, name: str) -> str:
    """Return what an option of a class means."""
    return str(option_fields(kind)[name].metadata["description"])


@dataclass(frozen=True, kw_only=True)
class GraphOptions:
    """What a person may choose about every graph.

    Raises:
        ConfigurationError: If a value is not valid; the message says what is.
    """

    resident: bool = option(
        True, "Keep a process that runs commands of this machine (state, move, grip, render, graph) at once."
    )
    rviz: bool = option(False, "Start RViz as well; needs a ROS installation with rviz2.")
    foxglove: bool = option(False, "Serve the graph to Foxglove on this machine; needs foxglove-sdk.")
    foxglove_port: int = option(8765, "Port of 127.0.0.1 for Foxglove; 0 for a free one, which the log names.")
    console: bool = option(
        False, "Serve the console to browsers on this machine; its address is printed, and works once."
    )
    console_port: int = option(8780, "Port of 127.0.0.1 for the console; the next one is its stop's own.")
    params_file: str = option(
        "", "ROS parameter file for every node; what it says wins over everything else.", is_file=True
    )
    namespace: str = option("", "Namespace of the whole graph.")
    log_level: str = option("info", "Level of every node's log: debug, info, warn, error or fatal.", LOG_LEVELS)
    keyring: str = option(
        "", "Keyring of the operators who may resume and approve; empty: resumes are not signed.", is_file=True
    )
    recorder: bool = option(False, "Start recorder_node, which records LeRobot datasets; needs make setup-learning.")
    approvals: bool = option(False, "Start approval_node, where people decide about requests of agents.")
    agent: str = option("", agents.DESCRIPTION)
    teleop: str = option("", leaders.DESCRIPTION)
    incidents: bool = option(True, "Start incident_node, which writes the last 30 s before a stop as an MCAP file.")
    stop_button: str = option(
        "",
        "Input device whose keys stop the graph: /dev/input/event<number> or its name, as <name>=<device> when there "
        "are several, between semicolons. The graph then starts stopped, and is stopped while the button is not read.",
    )
    stop_gpio: str = option(
        "", "The same for GPIO lines: gpiochip<number>:<line>, closed at rest unless a parameter file says otherwise."
    )
    run_id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def __post_init__(self) -> None:
        agents.check_agent(self.agent)
        leaders.parse_teleop(self.teleop)
        parse_buttons(self.stop_button, self.stop_gpio)
        for name, entry in option_fields(type(self)).items():
            value = getattr(self, name)
            if entry.metadata["choices"] and value not in entry.metadata["choices"]:
                raise UnknownNameError(name, value, entry.metadata["choices"])
            if entry.metadata["is_file"] and value and not Path(value).expanduser().is_file():
                raise ConfigurationError(
                    f"{name} '{printable(value)}' does not exist; valid: the path of a file, or nothing"
                )
        if not 0 <= self.foxglove_port <= 65535:
            raise ConfigurationError(f"foxglove_port is {self.foxglove_port}; valid: 0 to 65535")
        if not 1 <= self.console_port <= 65534:
            raise ConfigurationError(f"console_port is {self.console_port}; valid: 1 to 65534")
        if not _ROS_NAMESPACE.fullmatch(self.namespace):
            raise ConfigurationError(
                f"namespace '{printable(self.namespace)}' cannot be used on ROS; "
                "valid: names of letters, digits and _ joined by /"
            )


def values_from_text(kind: type, given: Mapping[str, str], others: Iterable[str] = ()) -> dict[str, Any]:
    """Return the texts of a launch file's arguments as values of options.

    Args:
        kind: The class of options.
        given: Text by name.
        others: Names of other arguments, not of this class's options; they are left out.

    Raises:
        UnknownNameError: If a name is no option.
        ConfigurationError: If a text is not valid for its option; the message says what is.
    """
    fields, others = option_fields(kind), tuple(others)
    values = {}
    for name, text in given.items():
        if name in others:
            continue
        if name not in fields:
            raise UnknownNameError("argument", name, [*others, *fields])
        values[name] = _from_text(name, text, type(fields[name].default))
    return values


def as_text(value: object) -> str:
    """Return an option's value as the text of a launch argument."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def resolved(path: str) -> str:
    """Return a path as a node in another folder needs it; empty stays empty."""
    return str(Path(path).expanduser().resolve()) if path else ""


def _from_text(name: str, text: str, kind: type) -> bool | int | float | str:
    if kind is bool:
        if text.lower() not in ("true", "false"):
            raise ConfigurationError(f"{name} is '{printable(text)}'; valid: true or false")
        return text.lower() == "true"
    try:
        return kind(text)  # type: ignore[no-any-return]
    except ValueError:
        raise ConfigurationError(f"{name} is '{printable(text)}'; valid: a number ({kind.__name__})") from None
