"""Robots of installed collections: robot_descriptions and example-robot-data. ROS-free.

A robot of a collection is written "<collection>:<name>", for example "example_robot_data:panda". Neither collection comes with this
package, and every robot in them has a licence of its own, which is told with the file.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from strands_robots.core.errors import ConfigurationError, UnknownNameError

NOT_STATED = "no licence stated"
_LICENCE_LINE = re.compile(r"^\W*license\W*:\W*(\S.*?)\W*$", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True)
class FoundModel:
    """A robot of a collection.

    Attributes:
        reference: "<collection>:<name>".
        path: Its MJCF or URDF file.
        licence: SPDX name or the words of its folder.
        collection: Collection and version, for people.
    """

    reference: str
    path: Path
    licence: str
    collection: str

    def __str__(self) -> str:
        return f"{self.reference}: {self.licence}, from {self.collection} ({self.path})"


@dataclass(frozen=True)
class Collection:
    """A collection as one can ask for it.

    Attributes:
        name: Its name before the colon.
        package: What to install.
        is_installed: Whether it is.
        robots: Robot name -> licence, empty when it is not installed.
    """

    name: str
    package: str
    is_installed: bool
    robots: dict[str, str]


def is_collection_reference(model: str) -> bool:
    """Return whether a model is written as "<collection>:<name>"."""
    return model.partition(":")[0] in _COLLECTIONS


def find_model(reference: str) -> FoundModel:
    """Return the model file of a robot of a collection.

    robot_descriptions clones the repository of a robot that it has not cached yet, so this may take minutes the first time.

    Raises:
        ConfigurationError: If the collection is not installed, or has no file that can be used; says what to install.
        UnknownNameError: If the collection has no such robot.
    """
    collection, _, name = reference.partition(":")
    if collection not in _COLLECTIONS:
        raise UnknownNameError("collection of robots", collection, _COLLECTIONS)
    return _COLLECTIONS[collection](name)


def collections() -> list[Collection]:
    """Return what the collections have, without loading a model or using the network."""
    data = _data_robots(_data_folders())
    module = _descriptions_module()
    descriptions = {} if module is None else _description_licences(module)
    return [
        Collection("example_robot_data", "example-robot-data", bool(_data_folders()), data),
        Collection("robot_descriptions", "robot_descriptions", module is not None, descriptions),
    ]


def _require(name: str, package: str) -> ConfigurationError:
    return ConfigurationError(f"collection '{name}' is not installed; install it with: pip install {package}")


# --- example-robot-data: files below share/example-robot-data/robots ------------------------------------------------------


def _data_folders() -> list[Path]:
    prefixes = [Path(prefix) for prefix in os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep) if prefix]
    cmeel = importlib.util.find_spec("cmeel")
    if cmeel is not None and cmeel.origin is not None:
        prefixes.append(Path(cmeel.origin).parents[1] / "cmeel.prefix")
    folders = [prefix / "share" / "example-robot-data" / "robots" for prefix in prefixes]
    return [folder for folder in folders if folder.is_dir()]


def _data_files(folders: Iterable[Path]) -> dict[str, Path]:
    """Return robot name -> URDF; the first folder wins."""
    files: dict[str, Path] = {}
    for folder in folders:
        for path in sorted(folder.rglob("*.urdf")):
            files.setdefault(path.stem, path)
    return files


def _data_robots(folders: Iterable[Path]) -> dict[str, str]:
    return {name: _folder_licence(path) for name, path in sorted(_data_files(folders).items())}


def _folder_licence(path: Path) -> str:
    """Return what a robot's folder says of its licence: its README's line, else the first words of its licence file."""
    folder = next((parent for parent in path.parents if parent.parent.name == "robots"), path.parent)
    for file in sorted(folder.glob("README*")):
        found = _LICENCE_LINE.search(file.read_text(encoding="utf-8", errors="replace"))
        if found:
            return found[1]
    for file in sorted(folder.glob("LICEN[CS]E*")):
        lines = file.read_text(encoding="utf-8", errors="replace").split("\n")
        words = [line.strip() for line in lines if line.strip()]
        if words:
            return " ".join(words[:2])
    return NOT_STATED


def _find_data(name: str) -> FoundModel:
    folders = _data_folders()
    if not folders:
        raise _require("example_robot_data", "example-robot-data")
    files = _data_files(folders)
    if name not in files:
        raise UnknownNameError("robot of example_robot_data", name, files)
    path = files[name]
    return FoundModel(f"example_robot_data:{name}", path, _folder_licence(path), "example-robot-data")


# --- robot_descriptions: one module a robot, which clones the robot's repository when it is imported ----------------------------


def _descriptions_module() -> ModuleType | None:
    if importlib.util.find_spec("robot_descriptions") is None:
        return None
    return importlib.import_module("robot_descriptions")


def _short(module: str) -> str:
    """Return the robot's name of a module's: "ur5e_mj_description" is "ur5e_mj", "ur5e_description" is "ur5e"."""
    return module.removesuffix("_description")


def _description_licences(module: ModuleType) -> dict[str, str]:
    known = getattr(module, "DESCRIPTIONS", {})
    return {
        _short(name): getattr(entry, "license_spdx", None) or NOT_STATED
        for name, entry in sorted(known.items())
        if getattr(entry, "has_mjcf", False) or getattr(entry, "has_urdf", False)
    }


def _find_description(name: str) -> FoundModel:
    collection = _descriptions_module()
    if collection is None:
        raise _require("robot_descriptions", "robot_descriptions")
    licences = _description_licences(collection)
    candidates = [short for short in (f"{name}_mj", name) if short in licences]
    if not candidates:
        raise UnknownNameError("robot of robot_descriptions", name, licences)
    refused = []
    for short in candidates:
        module = _import_description(short)
        for attribute in ("MJCF_PATH", "URDF_PATH"):
            path = Path(getattr(module, attribute, "") or ".")
            if path.is_file():
                version = getattr(collection, "__version__", "")
                return FoundModel(
                    f"robot_descriptions:{name}", path, licences[short], f"robot_descriptions {version}".strip()
                )
        refused.append(short)
    raise ConfigurationError(
        f"robot_descriptions has no MJCF or URDF file of '{name}' (looked at {', '.join(refused)}; it may be a xacro); "
        f"valid: another of its robots, or the path of a file"
    )


def _import_description(short: str) -> ModuleType:
    foreseen: tuple[type[Exception], ...] = (ImportError, OSError, RuntimeError, *_git_errors())
    try:
        return importlib.import_module(f"robot_descriptions.{short}_description")
    except foreseen as error:
        raise ConfigurationError(
            f"robot_descriptions cannot give '{short}': {error}; it clones the robot's repository the first time, "
            "which needs git and the network"
        ) from error


def _git_errors() -> tuple[type[Exception], ...]:
    if importlib.util.find_spec("git") is None:
        return ()
    return (importlib.import_module("git").exc.GitError,)


_COLLECTIONS = {"example_robot_data": _find_data, "robot_descriptions": _find_description}
