"""The interface files that are installed: their names, and their text with every comment. No ROS import.

Source: design.ros2.org, "Interface definition"; the ament index, resource type "rosidl_interfaces".
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterator
from pathlib import Path

from strands_robots.core.errors import UnknownNameError

KINDS = ("msg", "srv", "action")

_INDEX = Path("share") / "ament_index" / "resource_index" / "rosidl_interfaces"
_FIELD = re.compile(r"^\s*(?P<type>[A-Za-z]\w*(/[A-Za-z]\w*)?)(<=\d+)?(\[[^\]]*\])?\s+\w+")
_PRIMITIVES = frozenset(
    {"bool", "byte", "char", "string", "wstring", "float32", "float64"}
    | {f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)}
)


def prefixes() -> list[Path]:
    """Return the folders of AMENT_PREFIX_PATH."""
    return [Path(part) for part in os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep) if part]


def interface_names() -> list[str]:
    """Return the full names of every installed interface, as "std_srvs/srv/Trigger"."""
    found = set()
    for index in (prefix / _INDEX for prefix in prefixes()):
        for package in index.glob("*"):
            for line in package.read_text(encoding="utf-8").split():
                path = Path(line)
                # Humble lists the halves of a service as messages: srv/Trigger_Request.msg.
                if path.suffix.lstrip(".") == str(path.parent) in KINDS:
                    found.add(f"{package.name}/{path.parent}/{path.stem}")
    return sorted(found)


def full_name(given: str, kind: str = "") -> str:
    """Return the full name of an interface given as "std_srvs/srv/Trigger" or as "std_srvs/Trigger".

    Args:
        given: What a person wrote.
        kind: "msg", "srv" or "action" when only that will do.

    Raises:
        UnknownNameError: If none is installed, or two fit; the message names those that are near.
    """
    names = [name for name in interface_names() if not kind or name.split("/")[1] == kind]
    words = given.strip("/").split("/")
    fitting = [name for name in names if words in (name.split("/"), [name.split("/")[0], name.split("/")[2]])]
    if len(fitting) == 1:
        return fitting[0]
    near = fitting or difflib.get_close_matches("/".join(words), names, n=5, cutoff=0.5)
    raise UnknownNameError("interface", given, near or sorted({name.split("/")[0] + "/..." for name in names}))


def interface_text(name: str) -> str:
    """Return the text of an interface's file.

    Args:
        name: Its full name.

    Raises:
        UnknownNameError: If the file is not installed.
    """
    package, kind, stem = name.split("/")
    for prefix in prefixes():
        path = prefix / "share" / package / kind / f"{stem}.{kind}"
        if path.is_file():
            return path.read_text(encoding="utf-8")
    raise UnknownNameError("interface file", f"share/{package}/{kind}/{stem}.{kind}", interface_names())


def expanded_lines(name: str, depth: int = 0) -> Iterator[str]:
    """Yield the lines of an interface; below a field of another interface stand that one's lines, further right.

    Comments are kept at the top level, and constants everywhere.

    Args:
        name: Full name.
        depth: How far right the lines begin.
    """
    package = name.split("/")[0]
    for line in interface_text(name).splitlines():
        if depth and not line.partition("#")[0].strip():
            continue
        yield "    " * depth + (line if depth == 0 else line.partition("#")[0].rstrip())
        match = _FIELD.match(line)
        if match is None or match["type"] in _PRIMITIVES or "=" in line.partition("#")[0].replace("<=", ""):
            continue
        owner, _, stem = match["type"].rpartition("/")
        owner = owner or ("std_msgs" if stem == "Header" else package)
        yield from expanded_lines(f"{owner}/msg/{stem}", depth + 1)
