"""Two profiles of one policy: what got slower, in which operator, and whether it still computes the same."""

from __future__ import annotations

from dataclasses import dataclass

from strands_robots.learning.profiling.profile_policy import Profile

SHORTEST = 1e-4
"""Sections that take less than this are noise [s]."""


@dataclass(frozen=True)
class Comparison:
    """What differs.

    Attributes:
        ratios: Median time of each section, the second profile's over the first's.
        slower: Sections whose ratio is above the limit.
        operators: Operators by growth of their own time per step [s], largest growth first: name, before, after.
        changes: Sentences about what is computed differently; empty where it is the same.
        warnings: What makes the comparison doubtful.
    """

    ratios: dict[str, float]
    slower: tuple[str, ...]
    operators: tuple[tuple[str, float, float], ...]
    changes: tuple[str, ...]
    warnings: tuple[str, ...]

    @property
    def is_good(self) -> bool:
        """Whether nothing is slower and nothing is computed differently."""
        return not self.slower and not self.changes


def compare(before: Profile, after: Profile, slowest: float) -> Comparison:
    """Return what differs between two profiles.

    Args:
        before: The first.
        after: The second.
        slowest: Largest ratio of medians that is accepted.
    """
    ratios = {
        name: after.sections[name]["median"] / max(entry["median"], 1e-12)
        for name, entry in before.sections.items()
        if name in after.sections
    }
    slower = tuple(
        name
        for name, ratio in ratios.items()
        if ratio > slowest and max(after.sections[name]["median"], before.sections[name]["median"]) > SHORTEST
    )
    return Comparison(ratios, slower, _operators(before, after), _changes(before, after), _warnings(before, after))


def _operators(before: Profile, after: Profile) -> tuple[tuple[str, float, float], ...]:
    each = [
        {row["name"]: row["self_time"] / max(profile.settings.get("steps", 1), 1) for row in profile.operators}
        for profile in (before, after)
    ]
    if not all(each):
        return ()
    rows = [(name, each[0].get(name, 0.0), each[1].get(name, 0.0)) for name in {**each[0], **each[1]}]
    return tuple(sorted(rows, key=lambda row: row[1] - row[2]))


def _changes(before: Profile, after: Profile) -> tuple[str, ...]:
    first, second = before.fingerprint, after.fingerprint
    if not (first.is_deterministic and second.is_deterministic):
        return ()
    changes = []
    if first.operators != second.operators:
        changes.append(f"other operators run: {first.operator_count} before, {second.operator_count} after")
    if first.outputs != second.outputs:
        changes.append("the outputs of the same inputs differ")
    return tuple(changes)


def _warnings(before: Profile, after: Profile) -> tuple[str, ...]:
    found = []
    for key in ("machine", "processor", "torch", "lerobot"):
        values = [profile.versions.get(key, "") for profile in (before, after)]
        if values[0] != values[1]:
            found.append(f"{key} is '{values[0]}' before and '{values[1]}' after")
    for key in ("device", "threads", "batch_size", "workers", "dataset", "mode"):
        settings = [profile.settings.get(key) for profile in (before, after)]
        if settings[0] != settings[1]:
            found.append(f"{key} is {settings[0]!r} before and {settings[1]!r} after")
    for profile, when in ((before, "before"), (after, "after")):
        if not profile.fingerprint.is_deterministic:
            found.append(
                f"what it computes cannot be compared: two passes {when} differed {profile.fingerprint.trouble}".strip()
            )
    return tuple(found)
