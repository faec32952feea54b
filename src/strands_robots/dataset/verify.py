"""Whether a dataset is what a training run may trust: counts, lengths, times, alignment, videos, ranges, frozen frames, provenance."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from strands_robots.dataset import files
from strands_robots.dataset.check import EpisodeCheck
from strands_robots.dataset.errors import DatasetError
from strands_robots.dataset.manifest import read_manifest, read_progress
from strands_robots.dataset.provenance import check_provenance
from strands_robots.dataset.schema import ACTION, STATE, Schema
from strands_robots.dataset.table import (
    EpisodeRow,
    Info,
    read_account,
    read_episodes,
    read_info,
    read_pictures,
    read_schema,
    read_vectors,
)

TIME_TOLERANCE = 1e-4
"""LeRobot's own tolerance of timestamps [s]."""

RANGE_TOLERANCE = 0.02
"""A measured position may be this part of the joint's way outside its limits."""

LARGEST_LAG = 10
"""Frames by which the action may lead the state before that is reported."""

FROZEN = 10
"""Equal pictures in a row, while the robot moves, that are reported."""


@dataclass
class DatasetVerdict:
    """What was found.

    Attributes:
        root: The dataset.
        episodes, frames: What it has.
        errors: What makes it unusable or untrue, one line each.
        warnings: What a person should know.
        lag: For each episode, by how many frames the state follows the action; None where the robot hardly moved.
    """

    root: str
    episodes: int = 0
    frames: int = 0
    errors: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    lag: list[int | None] = field(default_factory=list)

    @property
    def is_good(self) -> bool:
        """True when nothing is wrong."""
        return not self.errors

    def to_json(self) -> dict[str, Any]:
        """Return it for --json."""
        return {**asdict(self), "good": self.is_good}


def verify(root: Path, expected: int | None = None, pictures: bool = True) -> DatasetVerdict:
    """Check a dataset.

    Args:
        root: Folder of the dataset.
        expected: Episodes that it must have; None for any number.
        pictures: Whether to decode the videos for frozen pictures; the slow part.

    Raises:
        DatasetError: If the folder holds no readable dataset at all.
    """
    verdict = DatasetVerdict(str(root))
    info = read_info(root)
    try:
        rows = read_episodes(root, info)
    except DatasetError as error:
        verdict.errors.append(f"{error}; valid: `strands-robots dataset recover {root}`")
        return verdict
    verdict.episodes, verdict.frames = len(rows), sum(row.length for row in rows)
    _check_counts(root, info, rows, expected, verdict)
    schema = read_schema(root)
    if schema is None:
        verdict.warnings.append("made by another recorder: no units, limits or provenance to check against")
    check = EpisodeCheck(root, info)
    for row in rows:
        problems = check.problems(row)
        verdict.errors += [f"episode {row.index}: {problem}" for problem in problems]
        if not problems:
            _check_episode(root, info, row, schema, pictures, verdict)
    verdict.errors += check.video_surplus(rows)
    return verdict


def _check_counts(
    root: Path, info: Info, rows: list[EpisodeRow], expected: int | None, verdict: DatasetVerdict
) -> None:
    if expected is not None and len(rows) != expected:
        verdict.errors.append(f"{len(rows)} episodes; expected {expected}")
    if info.episodes != len(rows) or info.frames != verdict.frames:
        verdict.errors.append(
            f"{files.INFO} claims {info.episodes} episodes and {info.frames} frames; there are {len(rows)} and {verdict.frames}"
        )
    if [row.index for row in rows] != list(range(len(rows))):
        verdict.errors.append(f"episodes are numbered {[row.index for row in rows]}; valid: 0 to {len(rows) - 1}")
    start = 0
    for row in rows:
        if row.start != start:
            verdict.errors.append(f"episode {row.index} begins at frame {row.start}; expected {start}")
        start = row.start + row.length
    manifest = read_manifest(root)
    if manifest is not None and manifest.episodes != len(rows):
        verdict.errors.append(f"the manifest has {manifest.episodes} completed episodes; the table {len(rows)}")
    episode, frames = read_progress(root)
    if episode >= len(rows):
        verdict.warnings.append(f"episode {episode} was being recorded and is not here: {frames} frames")
    verdict.warnings += [f"temporary folder {folder.name} was left behind" for folder in files.temporary_folders(root)]


def _check_episode(
    root: Path, info: Info, row: EpisodeRow, schema: Schema | None, pictures: bool, verdict: DatasetVerdict
) -> None:
    columns = [STATE, ACTION, "timestamp", "frame_index", "index"]
    try:
        data = read_vectors(root, row, columns)
    except DatasetError as error:
        verdict.errors.append(f"episode {row.index}: {error}")
        return
    found = _time_problems(data, row, info)
    state, action = data[STATE].astype(np.float64), data[ACTION].astype(np.float64)
    for name, values in ((STATE, state), (ACTION, action)):
        if not np.isfinite(values).all():
            found.append(f"{name} holds NaN or infinity in frame {int(np.argwhere(~np.isfinite(values))[0][0])}")
    lag = _lag(state, action) if state.shape == action.shape else None
    verdict.lag.append(lag)
    if lag is not None and lag < 0:
        found.append(f"the state leads the action by {-lag} frames: action_k must be the answer to observation_k")
    elif lag is not None and lag > LARGEST_LAG:
        verdict.warnings.append(f"episode {row.index}: the state follows the action after {lag} frames")
    account = read_account(root, row.index) if schema is not None else None
    if schema is not None:
        found += _range_problems(account, schema, state, action)
        found += check_provenance(account)
        verdict.warnings += _account_warnings(account, row.index)
    frozen = _longest_repeat(state)
    if frozen >= FROZEN and np.ptp(action, axis=0).max() > 0 and _moves(action, frozen):
        verdict.warnings.append(
            f"episode {row.index}: the state does not change for {frozen} frames while the action does"
        )
    if pictures and not found:
        for key in info.video_keys:
            verdict.warnings += _picture_warnings(root, info, row, key, state)
    verdict.errors += [f"episode {row.index}: {problem}" for problem in found]


def _time_problems(data: dict[str, NDArray[Any]], row: EpisodeRow, info: Info) -> list[str]:
    found = []
    wanted = np.arange(row.length) / info.fps
    if np.abs(data["timestamp"].astype(np.float64) - wanted).max() > TIME_TOLERANCE:
        worst = int(np.abs(data["timestamp"] - wanted).argmax())
        found.append(
            f"frame {worst} is at {data['timestamp'][worst]:.6f} s; {info.fps} frames a second put it at {wanted[worst]:.6f} s"
        )
    if not (data["frame_index"] == np.arange(row.length)).all():
        found.append("frame_index is not 0, 1, 2, ...")
    if not (data["index"] == np.arange(row.start, row.start + row.length)).all():
        found.append(f"index does not run from {row.start} to {row.start + row.length - 1}")
    return found


def _lag(state: NDArray[np.float64], action: NDArray[np.float64]) -> int | None:
    """Return by how many frames the state follows the action: the shift at which they differ least.

    None where that says nothing: an episode that is short, or a robot that hardly moved.
    """
    length = len(state)
    if length < 4 * LARGEST_LAG or np.ptp(action, axis=0).max() < 1e-3:
        return None
    span = 2 * LARGEST_LAG
    core = action[span : length - span] if length > 3 * span else action[LARGEST_LAG : length - LARGEST_LAG]
    begin = span if length > 3 * span else LARGEST_LAG
    reach = min(begin, span)
    costs = {
        shift: float(np.abs(state[begin + shift : begin + shift + len(core)] - core).mean())
        for shift in range(-reach, reach + 1)
    }
    best = min(costs, key=lambda shift: (costs[shift], abs(shift)))
    if costs[best] > 0.9 * costs[0]:
        return 0
    return best


def _range_problems(
    account: dict[str, Any] | None, schema: Schema, state: NDArray[np.float64], action: NDArray[np.float64]
) -> list[str]:
    robots = ((account or {}).get("provenance") or {}).get("robots") or {}
    found = []
    for what, vectors in (("state", state), ("action", action)):
        for name, values in schema.split(vectors).items():
            limits = (robots.get(name) or {}).get("limits") or {}
            part = next(robot for robot in schema.robots if robot.name == name)
            for i, joint in enumerate(part.codec.names):
                if joint not in limits:
                    continue
                lower, upper = limits[joint]["lower"], limits[joint]["upper"]
                margin = RANGE_TOLERANCE * (upper - lower)
                low, high = float(values[:, i].min()), float(values[:, i].max())
                if low < lower - margin or high > upper + margin:
                    found.append(
                        f"{what} of {name}/{joint} goes from {low:.4f} to {high:.4f}; its limits are {lower:.4f} to {upper:.4f}"
                    )
    return found


def _account_warnings(account: dict[str, Any] | None, index: int) -> Iterable[str]:
    if account is None:
        return []
    found = []
    for topic, count in account.get("streams", {}).items():
        bad = [f"{count[name]} {name}" for name in ("lost", "stale", "late") if count.get(name)]
        if bad:
            found.append(f"episode {index}: {topic}: {', '.join(bad)}")
    if account.get("dropped"):
        found.append(f"episode {index}: {account['dropped']} frames were dropped for stale streams")
    return found


def _longest_repeat(values: NDArray[Any]) -> int:
    """Return the longest run of equal rows."""
    longest = current = 1
    for same in (values[1:] == values[:-1]).all(axis=1):
        current = current + 1 if same else 1
        longest = max(longest, current)
    return longest


def _moves(action: NDArray[np.float64], window: int) -> bool:
    return bool(len(action) > window and np.abs(action[window:] - action[:-window]).max() > 1e-3)


def _picture_warnings(root: Path, info: Info, row: EpisodeRow, key: str, state: NDArray[np.float64]) -> list[str]:
    """Return that a camera stood still while the robot moved."""
    longest = current = 1
    before: NDArray[np.uint8] | None = None
    start = end = 0
    for number, picture in enumerate(read_pictures(root, info, row, key)):
        small = picture[::8, ::8]
        current = current + 1 if before is not None and np.array_equal(small, before) else 1
        if current > longest:
            longest, start, end = current, number - current + 1, number
        before = small.copy()
    moved = float(np.ptp(state[start : end + 1], axis=0).max()) if end > start else 0.0
    if longest >= FROZEN and moved > 0.02 * max(float(np.ptp(state, axis=0).max()), 1e-6):
        return [f"episode {row.index}: {key} shows the same picture in frames {start} to {end} while the robot moves"]
    return []
