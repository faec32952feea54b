"""The world as MJCF text."""

from __future__ import annotations

from xml.etree import ElementTree

from strands_robots.core.errors import ModelError
from strands_robots.description.closed_model import FILE_ATTRIBUTES, origins
from strands_robots.sim.world.world import World


def export_mjcf(world: World) -> str:
    """Return the MJCF of the world as it is described, not its state. Files have the absolute paths where they came from.

    Raises:
        ModelError: If MuJoCo cannot write it; the message has its own words.
    """
    with world.lock:
        try:
            text, came_from = world.spec.to_xml(), origins(world.spec)
        except ValueError as error:
            raise ModelError(f"the world cannot be written; MuJoCo says: {' '.join(str(error).split())}") from error
    root = ElementTree.fromstring(text)
    _drop_repeated_classes(root)
    for element in root.iter():
        for key in FILE_ATTRIBUTES:
            if element.get(key, "") in came_from:
                element.set(key, came_from[element.get(key, "")])
    return str(ElementTree.tostring(root, encoding="unicode"))


def held_files(world: World) -> dict[str, bytes]:
    """Return the contents of the files that a world holds, by the path where each came from."""
    with world.lock:
        return {path: world.spec.assets[name] for name, path in origins(world.spec).items()}


def _drop_repeated_classes(root: ElementTree.Element) -> None:
    """Drop the default classes that a removed robot left behind and another one of its name has brought again."""
    seen: set[str] = set()
    # The newest definition comes last.
    for parent in reversed(list(root.iter("default"))):
        for child in reversed(parent.findall("default")):
            name = child.get("class", "")
            if name in seen:
                parent.remove(child)
            seen.add(name)
