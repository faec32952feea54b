"""Which stop buttons a graph has: how a person writes them, and the node of each."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from strands_robots.bringup.graph import NodeSpec, OnExit, ParameterValue
from strands_robots.core.errors import ConfigurationError
from strands_robots.core.text import printable

_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")


@dataclass(frozen=True)
class ButtonSpec:
    """One button: its name, and the parameter of stop_button_node (`device` or `gpio`) that says where it is."""

    name: str
    parameter: str
    value: str


def parse_buttons(devices: str, lines: str) -> tuple[ButtonSpec, ...]:
    """Return the buttons of the options `stop_button` and `stop_gpio`.

    Args:
        devices: Input devices, each as "<name>=<path or name of the device>" or without a name, between semicolons.
        lines: GPIO lines, each as "<name>=gpiochip<number>:<line>" or without a name, between semicolons.

    Raises:
        ConfigurationError: If a name cannot be used or comes twice.
    """
    found = [_parse(text, "device", "usb") for text in devices.split(";") if text.strip()]
    found += [_parse(text, "gpio", "gpio") for text in lines.split(";") if text.strip()]
    names = [button.name for button in found]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ConfigurationError(
            f"stop buttons {', '.join(twice)} come twice; valid: <name>=<device>;<name>=<device>, every name once"
        )
    return tuple(found)


def _parse(text: str, parameter: str, default: str) -> ButtonSpec:
    name, separator, value = text.strip().partition("=")
    if not separator:
        name, value = default, name
    if not _NAME.fullmatch(name) or not value.strip():
        raise ConfigurationError(
            f"stop button '{printable(text.strip())}' cannot be read; valid: <device> or <name>=<device>, "
            "the name of lower-case letters, digits and _, at most 32"
        )
    return ButtonSpec(name, parameter, value.strip())


def button_node(button: ButtonSpec, run_id: str, files: tuple[Path, ...]) -> NodeSpec:
    """Return the node of a button. It is started again when it ends; safety_node keeps the graph stopped meanwhile."""
    parameters: dict[str, ParameterValue] = {
        "run_id": run_id,
        "name": button.name,
        button.parameter: button.value,
        "use_sim_time": False,
    }
    return NodeSpec(
        "stop_button_node",
        f"stop_button_{button.name}",
        parameters=parameters,
        parameter_files=files,
        on_exit=OnExit.RESTART,
    )
