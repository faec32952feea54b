"""A checkpoint that a server loads, looked at from here: LeRobot's server loads laxly and says nothing of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from strands_robots.policies.check.statistics import ModelStatistics
from strands_robots.policies.lerobot.checkpoint import read_checkpoint
from strands_robots.policies.lerobot.lerobot_options import LerobotOptions
from strands_robots.policies.lerobot.loading import ACTION, STATE, load
from strands_robots.policies.lerobot.temporal import TrainingData, check_order, check_rate

UNSEEN = (
    "the checkpoint is not on this machine: its weights, normalisation, statistics and rate were not checked; "
    "policy check on the machine that has it does so"
)
OLD = "lerobot here is older than the checkpoint's: only its files were checked, not its weights and statistics"


@dataclass(frozen=True)
class SeenCheckpoint:
    """What a checkpoint says.

    Attributes:
        statistics: Of its training data; None where it was not opened.
        trained_on: What is known of that data; None where it was not opened.
        notes: What is not used, and what was not checked.
    """

    statistics: ModelStatistics | None = None
    trained_on: TrainingData | None = None
    notes: tuple[str, ...] = ()

    def check(self, state: Sequence[str], action: Sequence[str], rate: float) -> tuple[str, ...]:
        """Return the notes, once order and rate are those of the training data as far as it is known.

        Raises:
            ConfigurationError: If they are not.
        """
        if self.trained_on is None:
            return self.notes
        check_order("state", state, self.trained_on.names.get(STATE))
        check_order("action", action, self.trained_on.names.get(ACTION))
        return (*self.notes, *check_rate(rate, self.trained_on))


def look_at(path: str, kind: str, margin: float) -> SeenCheckpoint:
    """Return what a checkpoint says where it is a folder of this machine; it is opened as the policy "lerobot" does, and closed.

    Args:
        path: Folder or hub id, as the server finds it.
        kind: LeRobot's name of the kind.
        margin: See `LerobotOptions.statistics_margin`.

    Raises:
        ConfigurationError: If the policy "lerobot" would refuse it.
    """
    folder = Path(path).expanduser()
    if not folder.is_dir():
        return SeenCheckpoint(notes=(UNSEEN,))
    if not _is_current():
        read_checkpoint(folder)
        return SeenCheckpoint(notes=(OLD,))
    loaded = load(LerobotOptions(path=path, type=kind, device="cpu", statistics_margin=margin))
    return SeenCheckpoint(loaded.statistics, loaded.trained_on, loaded.notes)


def _is_current() -> bool:
    """Return whether lerobot keeps the normalisation in processors, as from 0.5 on it does in the form that is read here."""
    try:
        major, minor = (int(part) for part in version("lerobot").split(".")[:2])
    except (PackageNotFoundError, ValueError):
        return False
    return (major, minor) >= (0, 5)
