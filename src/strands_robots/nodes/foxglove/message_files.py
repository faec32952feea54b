"""Message classes and definitions by the name of their type, as far as they are installed."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

from ament_index_python.packages import PackageNotFoundError, get_package_share_directory

from strands_robots.mcap.schemas import message_definition


def message_class(type_name: str) -> Any:
    """Return the class of a message type; None when its package is not installed here.

    Args:
        type_name: For example "sensor_msgs/msg/JointState".
    """
    package, _, name = type_name.split("/")
    try:
        return getattr(importlib.import_module(f"{package}.msg"), name, None)
    except ImportError:
        return None


def installed_definition(type_name: str) -> str:
    """Return the definition of a message type with all types it contains.

    Raises:
        ConfigurationError: If a file of them is not installed.
    """
    return message_definition(type_name, _find)


def _find(package: str, name: str) -> str:
    try:
        return (Path(get_package_share_directory(package)) / "msg" / f"{name}.msg").read_text(encoding="utf-8")
    except (PackageNotFoundError, OSError) as error:
        raise LookupError(str(error)) from error
