"""Whether a second dataset shows the same robot in the same surroundings as the first: what moved, by how much, and whether it matters.

A policy that was trained on the first is judged by frames like the second's, so every limit is in units of the first one's own spread.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from strands_robots.dataset.drift_pictures import CameraLook, look_at_cameras
from strands_robots.dataset.errors import DatasetError
from strands_robots.dataset.table import EpisodeRow, Info, read_account, read_episodes, read_info
from strands_robots.dataset.vectors import Vectors

STATE, ACTION = "observation.state", "action"
MOST_FRAMES = 20_000
"""Longer datasets are thinned evenly."""
SMALLEST_SPREAD = 1e-3
"""Spread below which an element counts as one that does not move, in its own unit."""


@dataclass(frozen=True)
class DriftLimits:
    """What is still the same.

    Attributes:
        mean: Largest shift of an element's mean, in standard deviations of the first dataset.
        spread: Largest ratio of an element's standard deviations, either way.
        outside: Largest share of frames outside the first one's range of an element.
        coverage: Least share of states that lie near states of the first dataset.
        exposure: Largest change of a camera's mean brightness, of 1.
        sharpness: Largest ratio of a camera's sharpness, either way.
    """

    mean: float = 0.5
    spread: float = 2.0
    outside: float = 0.05
    coverage: float = 0.9
    exposure: float = 0.1
    sharpness: float = 2.0


@dataclass(frozen=True)
class ElementDrift:
    """What became of one element of a vector.

    Attributes:
        feature, name: Of the element.
        shift: Of the mean, in standard deviations of the first.
        spread: Standard deviation of the second over that of the first.
        distance: Kolmogorov-Smirnov distance of the two distributions, 0 to 1.
        outside: Share of the second's frames outside the first's range.
    """

    feature: str
    name: str
    shift: float
    spread: float
    distance: float
    outside: float


@dataclass(frozen=True)
class Drift:
    """What differs between two datasets.

    Attributes:
        problems: What a policy trained on the first would suffer from, one sentence each; empty where there is no drift.
        notes: What differs and may be meant.
        elements: Of state and action.
        coverage: Share of the second's states that lie near states of the first.
        cameras: Of the first and the second, by key.
    """

    problems: tuple[str, ...]
    notes: tuple[str, ...]
    elements: tuple[ElementDrift, ...] = ()
    coverage: float = float("nan")
    cameras: Mapping[str, tuple[CameraLook, CameraLook]] = field(default_factory=dict)

    @property
    def is_good(self) -> bool:
        """Whether the second is like the first."""
        return not self.problems

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {"is_good": self.is_good, **asdict(self)}


@dataclass(frozen=True)
class Sample:
    """Frames of a dataset.

    Attributes:
        info: Of the dataset.
        rows: Its episodes.
        vectors: Frames (N, D) by feature, thinned to at most MOST_FRAMES.
        episode: Episode of each of these frames (N,).
    """

    info: Info
    rows: Sequence[EpisodeRow]
    vectors: Mapping[str, NDArray[np.float64]]
    episode: NDArray[np.int64]


def find_drift(first: Path, second: Path, limits: DriftLimits, pictures: bool = True) -> Drift:
    """Return what differs between two datasets.

    Args:
        first: Folder of the one that a policy was, or will be, trained on.
        second: Folder of the one that is held against it.
        limits: What is still the same.
        pictures: Whether videos are decoded.

    Raises:
        DatasetError: If one cannot be read or is empty.
    """
    before, after = take_sample(first), take_sample(second)
    problems, notes = _schema_problems(before.info, after.info), _provenance_notes(first, second, before, after)
    shared = [
        key
        for key in (STATE, ACTION)
        if _names(before.info, key) and _names(before.info, key) == _names(after.info, key)
    ]
    elements = [element for key in shared for element in _elements(key, before, after)]
    problems += [sentence for element in elements for sentence in _element_problems(element, limits)]
    coverage = float("nan")
    if STATE in shared:
        coverage = _coverage(before, after)
        if coverage < limits.coverage:
            problems.append(
                f"{100.0 * (1.0 - coverage):.0f} percent of the states are far from every state of the first dataset; "
                f"valid: at most {100.0 * (1.0 - limits.coverage):.0f}"
            )
    cameras: dict[str, tuple[CameraLook, CameraLook]] = {}
    if pictures:
        keys = [key for key in before.info.video_keys if key in after.info.video_keys]
        looks = [
            look_at_cameras(root, sample.info, sample.rows, keys) for root, sample in ((first, before), (second, after))
        ]
        cameras = {key: (looks[0][key], looks[1][key]) for key in keys}
        problems += [sentence for key, pair in cameras.items() for sentence in _camera_problems(key, *pair, limits)]
    return Drift(tuple(problems), tuple(notes), tuple(elements), coverage, cameras)


def take_sample(root: Path) -> Sample:
    """Return frames of a dataset, spread evenly over all of it.

    Raises:
        DatasetError: If it cannot be read or is empty.
    """
    info = read_info(root)
    rows = read_episodes(root, info)
    if not rows or not info.frames:
        raise DatasetError(f"{root} has no episodes; valid: a dataset with at least one")
    step = max(1, -(-info.frames // MOST_FRAMES))
    reader = Vectors(root, info)
    parts: dict[str, list[NDArray[np.float64]]] = {key: [] for key in (STATE, ACTION) if key in info.features}
    episodes = []
    for row in rows:
        values = reader.episode(row)
        for key in parts:
            parts[key].append(
                np.asarray(values[key], dtype=np.float64)[::step].reshape(-1, info.features[key]["shape"][0])
            )
        episodes.append(np.full(-(-row.length // step), row.index))
    return Sample(info, rows, {key: np.concatenate(found) for key, found in parts.items()}, np.concatenate(episodes))


def _names(info: Info, key: str) -> list[str]:
    return info.names(key) if key in info.features else []


def _schema_problems(before: Info, after: Info) -> list[str]:
    found = []
    for what in ("fps", "robot_type"):
        one, other = getattr(before, what), getattr(after, what)
        if one != other:
            found.append(f"{what} is {other!r}; the first has {one!r}")
    for key in sorted({*before.features, *after.features}):
        if key not in after.features or key not in before.features:
            found.append(f"only the {'first' if key in before.features else 'second'} has {key}")
            continue
        for part in ("dtype", "shape", "names"):
            one, other = before.features[key].get(part), after.features[key].get(part)
            if one != other:
                found.append(f"{part} of {key} is {other}; the first has {one}")
    return found


def _elements(key: str, before: Sample, after: Sample) -> list[ElementDrift]:
    from scipy.stats import ks_2samp

    found = []
    for i, name in enumerate(_names(before.info, key)):
        one, other = before.vectors[key][:, i], after.vectors[key][:, i]
        spread = max(float(one.std()), SMALLEST_SPREAD)
        low, high = float(one.min()) - 0.05 * spread, float(one.max()) + 0.05 * spread
        found.append(
            ElementDrift(
                key, name, float(other.mean() - one.mean()) / spread, max(float(other.std()), SMALLEST_SPREAD) / spread,
                float(ks_2samp(one, other).statistic), float(np.mean((other < low) | (other > high))),
            )
        )  # fmt: skip
    return found


def _element_problems(element: ElementDrift, limits: DriftLimits) -> list[str]:
    name = f"{element.name} of {element.feature}"
    found = []
    if abs(element.shift) > limits.mean:
        found.append(
            f"mean of {name} moved by {element.shift:+.2f} standard deviations; valid: at most {limits.mean:g}"
        )
    if not 1.0 / limits.spread <= element.spread <= limits.spread:
        found.append(
            f"spread of {name} is {element.spread:.2f} times the first's; valid: at most {limits.spread:g} either way"
        )
    if element.outside > limits.outside:
        found.append(
            f"{100.0 * element.outside:.0f} percent of {name} lie outside the first's range; valid: at most {100.0 * limits.outside:g}"
        )
    return found


def _coverage(before: Sample, after: Sample) -> float:
    """Return the share of the second's states as near to the first's as those of its own episodes are to each other."""
    from scipy.spatial import cKDTree

    one, other = before.vectors[STATE], after.vectors[STATE]
    scale = np.maximum(one.std(axis=0), SMALLEST_SPREAD)
    one, other = one / scale, other / scale
    numbers = np.unique(before.episode)
    is_held = np.isin(before.episode, numbers[1::2]) if len(numbers) > 1 else np.arange(len(one)) >= len(one) // 2
    if not is_held.any() or is_held.all():
        raise DatasetError("the first dataset has a single frame; valid: at least two")
    near = float(np.percentile(cKDTree(one[~is_held]).query(one[is_held])[0], 99))
    return float(np.mean(cKDTree(one).query(other)[0] <= near + 1e-9))


def _camera_problems(key: str, one: CameraLook, other: CameraLook, limits: DriftLimits) -> list[str]:
    found = []
    if abs(other.brightness - one.brightness) > limits.exposure:
        found.append(
            f"{key} has brightness {other.brightness:.2f}, {one.brightness:.2f} before; valid: a change of at most {limits.exposure:g}"
        )
    ratio = other.sharpness / max(one.sharpness, 1e-9)
    if not 1.0 / limits.sharpness <= ratio <= limits.sharpness:
        found.append(f"{key} is {ratio:.2f} times as sharp as before; valid: at most {limits.sharpness:g} either way")
    return found


def _provenance_notes(first: Path, second: Path, before: Sample, after: Sample) -> list[str]:
    """Return how the two differ in what was written down about robots, calibration, limits, software and world."""
    facts = [_facts(root, sample.rows) for root, sample in ((first, before), (second, after))]
    notes = []
    for key in sorted({*facts[0], *facts[1]}):
        one, other = (sorted(entry.get(key, {"nothing"})) for entry in facts)
        if one != other:
            notes.append(f"{key}: {', '.join(other)[:200]}; the first has {', '.join(one)[:200]}")
    return notes


def _facts(root: Path, rows: Sequence[EpisodeRow]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for row in rows:
        account = read_account(root, row.index)
        provenance = (account or {}).get("provenance") or {}
        found.setdefault("version", set()).add(
            f"{provenance.get('version', 'not known')} {provenance.get('commit') or ''}".strip()
        )
        found.setdefault("task", set()).update(row.tasks)
        world = provenance.get("world") or {}
        found.setdefault("randomization", set()).add("yes" if world.get("randomization") else "no")
        for name, robot in (provenance.get("robots") or {}).items():
            found.setdefault(f"limits of {name}", set()).add(str(robot.get("limits_sha256", ""))[:12])
            calibration = robot.get("calibration") or {}
            found.setdefault(f"calibration of {name}", set()).add(str(calibration.get("sha256", "none"))[:12])
    return found
