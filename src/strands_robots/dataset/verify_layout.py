"""Whether a dataset's metadata say what is there: counts, splits, tasks, features, names, files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from strands_robots.dataset import files
from strands_robots.dataset.errors import DatasetError
from strands_robots.dataset.manifest import read_manifest, read_progress
from strands_robots.dataset.schema import ACTION, STATE, Schema
from strands_robots.dataset.statistics import BOOKKEEPING
from strands_robots.dataset.table import EpisodeRow, Info, read_tasks
from strands_robots.dataset.verdict import DatasetVerdict

_ADDED = {
    "timestamp": "float32",
    "frame_index": "int64",
    "episode_index": "int64",
    "index": "int64",
    "task_index": "int64",
}
"""Features that LeRobot adds, and their types."""

_PICTURES = ("video", "image")


def check_counts(
    root: Path, info: Info, rows: Sequence[EpisodeRow], expected: int | None, verdict: DatasetVerdict
) -> None:
    """Compare the numbers of episodes and frames that different files name."""
    if expected is not None and len(rows) != expected:
        verdict.errors.append(f"{len(rows)} episodes; expected {expected}")
    if not rows and expected != 0:
        verdict.errors.append("there is no episode: LeRobot cannot open it; valid: at least one")
    if info.episodes != len(rows) or info.frames != verdict.frames:
        verdict.errors.append(
            f"{files.INFO} claims {info.episodes} episodes and {info.frames} frames; "
            f"there are {len(rows)} and {verdict.frames}"
        )
    if [row.index for row in rows] != list(range(len(rows))):
        verdict.errors.append(f"episodes are numbered {[row.index for row in rows]}; valid: 0 to {len(rows) - 1}")
    start = 0
    for row in rows:
        if row.start != start:
            verdict.errors.append(f"episode {row.index} begins at frame {row.start}; expected {start}")
        if row.end != row.start + row.length:
            verdict.errors.append(
                f"episode {row.index} ends at frame {row.end}; expected {row.start + row.length}, for it has {row.length}"
            )
        start = row.start + row.length
    verdict.errors += _split_problems(info, len(rows))
    manifest = read_manifest(root)
    if manifest is not None and manifest.episodes != len(rows):
        verdict.errors.append(f"the manifest has {manifest.episodes} completed episodes; the table {len(rows)}")
    episode, frames = read_progress(root)
    if episode >= len(rows):
        verdict.warnings.append(f"episode {episode} was being recorded and is not here: {frames} frames")
    verdict.warnings += [f"temporary folder {folder.name} was left behind" for folder in files.temporary_folders(root)]


def check_tasks(root: Path, info: Info, verdict: DatasetVerdict) -> list[str]:
    """Check the table of tasks and return it; nothing where it cannot be read."""
    try:
        tasks = read_tasks(root)
    except DatasetError as error:
        verdict.errors.append(f"{error}; valid: `strands-robots dataset recover {root}`")
        return []
    if info.tasks != len(tasks):
        verdict.errors.append(f"{files.INFO} claims {info.tasks} tasks; {files.TASKS} has {len(tasks)}")
    if len(set(tasks)) != len(tasks):
        verdict.errors.append(f"{files.TASKS} has a task twice; valid: each once")
    if any(not task.strip() for task in tasks):
        verdict.warnings.append(
            f"{files.TASKS} has an empty task; a policy that takes its task in words learns nothing from it"
        )
    return tasks


def check_features(root: Path, info: Info, schema: Schema | None, verdict: DatasetVerdict) -> None:
    """Compare the features that the info names with LeRobot's and with what the recorder wrote down."""
    for name, dtype in _ADDED.items():
        given = info.features.get(name)
        if given is None or given.get("dtype") != dtype:
            verdict.errors.append(f"{files.INFO}: feature {name} must be of type {dtype}; it is {_of(given, 'dtype')}")
    for needed in (ACTION, STATE):
        if needed not in info.features:
            verdict.errors.append(f"{files.INFO} has no feature {needed}; it has {', '.join(info.features)}")
    for name, feature in info.features.items():
        verdict.errors += [f"{files.INFO}: {problem}" for problem in _feature_problems(name, feature)]
    if schema is not None:
        verdict.errors += [f"{files.INFO}: {problem}" for problem in _schema_problems(info, schema)]
    verdict.warnings += _file_warnings(root, info)


def check_unlisted(root: Path, rows: Sequence[EpisodeRow], verdict: DatasetVerdict) -> None:
    """Name files of vectors and pictures that belong to no episode: LeRobot loads every file of vectors that it finds."""
    known = {row.data for row in rows} | {part.path for row in rows for part in row.videos.values()}
    for path in files.payload_files(root):
        if path in known or path.parts[0] == "meta":
            continue
        if path.parts[0] == "data":
            verdict.errors.append(f"{path} belongs to no episode, and LeRobot would load it")
        else:
            verdict.warnings.append(f"{path} belongs to no episode")


def check_account_names(account: Mapping[str, Any] | None, schema: Schema) -> list[str]:
    """Return where the joints of the schema are not those, in order, of the robot that was recorded."""
    robots = ((account or {}).get("provenance") or {}).get("robots") or {}
    found = []
    for part in schema.robots:
        joints = list((robots.get(part.name) or {}).get("limits") or {})
        if joints and joints != list(part.codec.names):
            found.append(
                f"{part.name} was recorded with the joints {', '.join(joints)}; the schema names {', '.join(part.codec.names)}"
            )
    return found


def _split_problems(info: Info, episodes: int) -> list[str]:
    """Return where the splits are not ranges that cover every episode once."""
    covered: list[int] = []
    for name, text in info.splits.items():
        ends = str(text).split(":")
        if len(ends) != 2 or not all(end.strip().isdigit() for end in ends):
            return [f"{files.INFO}: split {name} is '{text}'; valid: '<first>:<end>', as '0:{episodes}'"]
        covered += range(int(ends[0]), int(ends[1]))
    if sorted(covered) != list(range(episodes)):
        return [f"{files.INFO}: the splits are {dict(info.splits)}; valid: every episode of 0:{episodes} once"]
    return []


def _feature_problems(name: str, feature: Mapping[str, Any]) -> list[str]:
    shape, names = feature.get("shape"), feature.get("names")
    if not isinstance(shape, (list, tuple)) or not shape or not all(isinstance(n, int) and n > 0 for n in shape):
        return [f"feature {name} has the shape {shape}; valid: whole numbers above 0"]
    if feature.get("dtype") in _PICTURES:
        return (
            [] if len(shape) == 3 else [f"feature {name} has the shape {list(shape)}; valid: [height, width, channels]"]
        )
    if isinstance(names, (list, tuple)) and len(shape) == 1:
        if len(names) != shape[0]:
            return [f"feature {name} has {len(names)} names for {shape[0]} numbers"]
        if len(set(names)) != len(names):
            return [f"feature {name} has a name twice: {', '.join(map(str, names))}"]
    return []


def _schema_problems(info: Info, schema: Schema) -> list[str]:
    found = []
    if info.fps != schema.fps:
        found.append(f"fps is {info.fps}; the recorder wrote {schema.fps}")
    wanted = schema.features()
    for name, feature in wanted.items():
        given = info.features.get(name)
        if given is None:
            found.append(f"feature {name} is missing; the recorder wrote it")
            continue
        for what in ("dtype", "shape", "names"):
            right, there = feature[what], given.get(what)
            if _listed(right) != _listed(there):
                found.append(f"{what} of {name}: {_listed(there)}; the recorder wrote {_listed(right)}")
    extra = [name for name in info.features if name not in wanted and name not in BOOKKEEPING]
    # What LeRobot's own tools add is known to LeRobot; our recorder did not write it.
    return found + [
        f"feature {name} is a video that the recorder did not write" for name in extra if name in info.video_keys
    ]


def _file_warnings(root: Path, info: Info) -> list[str]:
    found = []
    for folder, wanted in (("data", info.data_path), ("videos", info.video_path)):
        if wanted and "chunk-{chunk_index:03d}/file-{file_index:03d}" not in wanted:
            found.append(
                f"{files.INFO}: files of {folder} are named {wanted}; LeRobot's tools expect chunk-NNN/file-NNN"
            )
    return found


def _of(feature: Mapping[str, Any] | None, what: str) -> str:
    return "missing" if feature is None else str(feature.get(what))


def _listed(value: Any) -> Any:
    return list(value) if isinstance(value, (list, tuple)) else value
