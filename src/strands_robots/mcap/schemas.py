"""Message definitions as MCAP wants them: the .msg text of a type, followed by those of all types it contains."""

from __future__ import annotations

import re
from collections.abc import Callable

from strands_robots.core.errors import ConfigurationError

_SEPARATOR = "=" * 80
_FIELD = re.compile(r"^(?P<type>[A-Za-z][A-Za-z0-9_/]*)(?:<=\d+)?(?:\[[<=\d]*\])?\s+[A-Za-z]")
_PRIMITIVE = re.compile(r"bool|byte|char|float(32|64)|u?int(8|16|32|64)|w?string")

Find = Callable[[str, str], str]
"""Returns the text of a message file, given its package and name; raises LookupError when there is none."""


def message_definition(type_name: str, find: Find) -> str:
    """Return the definition of a type with all its dependencies.

    Args:
        type_name: For example "sensor_msgs/msg/JointState".
        find: Gives the text of one message file.

    Raises:
        ConfigurationError: If a type's file is not there.

    Source: https://mcap.dev/spec/registry, schema encoding "ros2msg".
    """
    package, name = _split(type_name, "")
    texts: list[str] = []
    waiting, seen = [(package, name)], {(package, name)}
    while waiting:
        package, name = waiting.pop(0)
        try:
            text = find(package, name)
        except LookupError as error:
            raise ConfigurationError(f"the definition of {package}/msg/{name} is not installed: {error}") from error
        texts.append(text if not texts else f"{_SEPARATOR}\nMSG: {package}/{name}\n{text}")
        for dependency in _dependencies(text, package):
            if dependency not in seen:
                seen.add(dependency)
                waiting.append(dependency)
    return "\n".join(texts)


def _dependencies(text: str, package: str) -> list[tuple[str, str]]:
    matches = (_FIELD.match(line.strip()) for line in text.splitlines())
    names = (match["type"] for match in matches if match)
    return [_split(name, package) for name in names if not _PRIMITIVE.fullmatch(name)]


def _split(type_name: str, package: str) -> tuple[str, str]:
    """Return package and name of "package/msg/Name", "package/Name" or "Name"."""
    parts = type_name.split("/")
    return (parts[0], parts[-1]) if len(parts) > 1 else (package, type_name)
