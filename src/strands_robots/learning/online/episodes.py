"""What the environment noted of each episode of a run of online learning. Reads the file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from strands_robots.core.errors import ConfigurationError


@dataclass(frozen=True)
class OnlineEpisode:
    """One episode, see lerobot_env_strands.online_env.

    Attributes:
        seed: Its seed.
        steps: Actions in it.
        total: Sum of its rewards.
        is_success: Whether the task was done.
        interventions: Steps in which a hand had the robot.
        reason: Why it ended.
    """

    seed: int
    steps: int
    total: float
    is_success: bool
    interventions: int
    reason: str


def read_online_episodes(path: Path) -> list[OnlineEpisode]:
    """Return the episodes that were noted; a last line that is half written is left out, and a file that is not there has none.

    Raises:
        ConfigurationError: If a line before the last is no episode.
    """
    if not path.is_file():
        return []
    text = path.read_text(encoding="utf-8")
    lines = text[: text.rfind("\n") + 1].splitlines()
    try:
        return [
            OnlineEpisode(
                row["seed"], row["steps"], row["return"], row["is_success"], row["interventions"], row["reason"]
            )
            for row in map(json.loads, lines)
        ]
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigurationError(f"{path} has a line that is no episode: {error!r}") from error


def mean_return(episodes: Sequence[OnlineEpisode]) -> float:
    """Return the mean sum of rewards; NaN for none."""
    return sum(one.total for one in episodes) / len(episodes) if episodes else float("nan")
