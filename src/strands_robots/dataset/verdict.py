"""What a check of a dataset found."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass
class DatasetVerdict:
    """What was found.

    Attributes:
        root: The dataset.
        episodes, frames: What it has.
        errors: What LeRobot cannot open, or would train on wrongly; one line each.
        warnings: What a person should know, and may be meant.
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
