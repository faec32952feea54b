"""What a dataset's numbers mean, when LeRobot's own tools, or another recorder, wrote it.

LeRobot's tools make a new dataset of what they keep, without the folder of this package. The dataset that it was made from is found
again by its data: an episode with the same states and actions, bit for bit, in a folder beside it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from strands_robots.core.errors import ConfigurationError
from strands_robots.core.share import robot_names
from strands_robots.dataset import files
from strands_robots.dataset.errors import DatasetError
from strands_robots.dataset.robot_type import lerobot_name
from strands_robots.dataset.schema import (
    ACTION,
    DEPTH,
    EFFORTS,
    ENVIRONMENT,
    IMAGES,
    INTERVENTION,
    REWARD,
    STATE,
    VELOCITIES,
    CameraPart,
    RobotPart,
    Schema,
)
from strands_robots.dataset.table import SCHEMA, EpisodeRow, Info, read_episodes, read_info, read_schema
from strands_robots.dataset.vectors import Vectors
from strands_robots.description.lerobot_units import POSITION, robot_codec
from strands_robots.description.robot_config import load_robot

MOST_FOLDERS = 200
"""Folders beside a dataset in which its original is looked for."""

MARGIN = 0.1
"""Part of a joint's way by which numbers of another recorder may be outside its limits and still be in LeRobot's units."""


@dataclass(frozen=True)
class Origin:
    """Where the meaning of a dataset's numbers comes from.

    Attributes:
        schema: What is known; None where nothing is.
        is_recorded: True where the recorder's own notes lie in the dataset.
        folder: The dataset from which this one was made by an edit; None otherwise.
        notes: What a person should know of it.
    """

    schema: Schema | None
    is_recorded: bool
    folder: Path | None = None
    notes: list[str] = field(default_factory=list)


def find_origin(root: Path, info: Info, rows: Sequence[EpisodeRow], source: Path | None = None) -> Origin:
    """Return where the meaning of a dataset's numbers comes from.

    Args:
        root: Folder of the dataset.
        info: Its info.
        rows: Its episodes.
        source: The dataset from which it was made; None looks for it.

    Raises:
        ConfigurationError: If `source` is given and shares no episode with it.
    """
    schema = read_schema(root)
    if schema is not None:
        return Origin(schema, True)
    folder = _original(root, info, rows, [source] if source is not None else list(_beside(root)))
    if source is not None and folder is None:
        raise ConfigurationError(f"{source} has no episode of {root}; valid: the dataset from which it was made")
    if folder is not None:
        kept = read_schema(folder)
        assert kept is not None
        note = f"edited by another tool; made from {folder}: `strands-robots dataset adopt {root}` takes its accounts along"
        return Origin(_fitted(kept, info), False, folder, [note])
    schema = _by_convention(root, info)
    if schema is None:
        return Origin(None, False, None, ["made by another recorder: no units, limits or provenance to check against"])
    note = f"made by another recorder: units are taken as LeRobot writes them for {info.robot_type}; there is no provenance"
    return Origin(schema, False, None, [note])


def known_schema(root: Path) -> Schema | None:
    """Return what is known of a dataset's numbers; None where nothing is."""
    schema = read_schema(root)
    if schema is not None:
        return schema
    info = read_info(root)
    return find_origin(root, info, read_episodes(root, info)).schema


def require_known_schema(root: Path, by_convention: bool = True) -> Schema:
    """Return what is known of a dataset's numbers.

    Args:
        root: Folder of the dataset.
        by_convention: Whether it is enough that robot_type and names are those of lerobot-record for a robot that is known here.
            Not where a robot moves by the numbers: then a person says so first, with `dataset adopt`.

    Raises:
        ConfigurationError: If nothing is known.
    """
    schema = read_schema(root)
    if schema is not None:
        return schema
    info = read_info(root)
    origin = find_origin(root, info, read_episodes(root, info))
    if origin.schema is not None and (by_convention or origin.folder is not None):
        return origin.schema
    raise ConfigurationError(
        f"{root} was made by another recorder: its units are not known; valid: a dataset of strands_robots, one that LeRobot's tools "
        "made of such a dataset, or one of lerobot-record in degrees, of a robot that is known here; the last two after "
        f"`strands-robots dataset adopt {root}` (--source names the original)"
    )


def twins(
    root: Path, info: Info, rows: Sequence[EpisodeRow], other: Path, other_info: Info, other_rows: Sequence[EpisodeRow]
) -> dict[int, int]:
    """Return the episodes of another dataset that have the same states and actions, by episode of this one."""
    lengths = {row.length for row in rows}
    vectors = Vectors(other, other_info)
    known = {_digest(vectors, row): row.index for row in other_rows if row.length in lengths}
    vectors = Vectors(root, info)
    found = {row.index: known.get(_digest(vectors, row)) for row in rows}
    return {index: twin for index, twin in found.items() if twin is not None}


def _beside(root: Path) -> Iterator[Path]:
    """Give the datasets of our recorder beside a dataset, and beside its folder; LeRobot's backup of it first."""
    yield root.with_name(root.name + "_old")
    parent = root.absolute().parent
    for folder in (parent, parent.parent):
        try:
            found = sorted(path for path in folder.iterdir() if path.is_dir())[:MOST_FOLDERS]
        except OSError:
            continue
        yield from (path for path in found if path != root.absolute())


def _original(root: Path, info: Info, rows: Sequence[EpisodeRow], folders: Sequence[Path]) -> Path | None:
    if not rows:
        return None
    for folder in folders:
        if not (folder / SCHEMA).is_file() or not (folder / files.INFO).is_file():
            continue
        try:
            other = read_info(folder)
            is_alike = other.fps == info.fps and other.names(ACTION) == info.names(ACTION)
            if is_alike and twins(root, info, rows[:1], folder, other, read_episodes(folder, other)):
                return folder
        except (DatasetError, KeyError, OSError):
            continue  # Another dataset that is not whole is none that this one was made from.
    return None


def _digest(vectors: Vectors, row: EpisodeRow) -> bytes:
    data = vectors.episode(row)
    return hashlib.sha256(data[STATE].tobytes() + data[ACTION].tobytes()).digest()


def _fitted(schema: Schema, info: Info) -> Schema:
    """Return a schema with what an edit left of its features."""
    cameras = tuple(camera for camera in schema.cameras if schema.keys[camera.name] in info.features)
    return replace(
        schema,
        cameras=cameras,
        with_velocity=VELOCITIES in info.features,
        with_effort=EFFORTS in info.features,
        with_outcome=REWARD in info.features,
        with_intervention=INTERVENTION in info.features,
        environment=schema.environment if ENVIRONMENT in info.features else (),
        robot_type=info.robot_type,
    )


def _by_convention(root: Path, info: Info) -> Schema | None:
    """Return the schema of a dataset that lerobot-record made of a robot that is known here."""
    if ACTION not in info.features or STATE not in info.features:
        return None
    for name in sorted(robot_names(), reverse=True):  # The SO-101 before the SO-100: the two have one robot_type.
        config = load_robot(name)
        keys = [joint + POSITION for joint in config.joints]
        is_one = config.hardware is not None and info.robot_type == lerobot_name(config)
        if not is_one or info.names(ACTION) != keys or info.names(STATE) != keys:
            continue
        cameras = tuple(
            CameraPart(f"{name}/{_camera_name(key, info)}", *info.features[key]["shape"][:2])
            for key in info.video_keys
            if key.startswith(IMAGES)
        )
        schema = Schema(
            info.fps, (RobotPart(name, robot_codec(config)),), cameras, with_velocity=VELOCITIES in info.features,
            with_effort=EFFORTS in info.features, with_outcome=REWARD in info.features, robot_type=info.robot_type,
            with_intervention=INTERVENTION in info.features,
        )  # fmt: skip
        return schema if _is_within(root, schema, config.limits()) else None
    return None


def _camera_name(key: str, info: Info) -> str:
    """Return the name of a camera by its feature; the depth of a camera ends with "/depth"."""
    name = key.removeprefix(IMAGES)
    return name.removesuffix("_depth") + DEPTH if key in info.depth_keys and name.endswith("_depth") else name


def _is_within(root: Path, schema: Schema, limits: Any) -> bool:
    """Return whether the measured positions, by the dataset's statistics, can be this robot's in these units."""
    try:
        stats: Mapping[str, Any] = files.read_json(root / files.STATS)[STATE]
        ends = np.array([stats["min"], stats["max"]], dtype=np.float64)
    except (DatasetError, KeyError, TypeError, ValueError):
        return False
    if ends.shape != (2, len(limits.names)) or not np.isfinite(ends).all():
        return False
    ((_, positions),) = schema.split(ends).items()
    margin = MARGIN * (limits.upper - limits.lower)
    return bool((positions >= limits.lower - margin).all() and (positions <= limits.upper + margin).all())
