"""Two policies on the same episodes: which is better, by how much, and how sure that is. No I/O."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from strands_robots.core.errors import ConfigurationError
from strands_robots.evaluation.compare.outcomes import Outcome, Outcomes
from strands_robots.evaluation.compare.tests import EarlyStop, barnard, bootstrap_mean, holm, mcnemar_exact

Key = tuple[str, int]


@dataclass(frozen=True)
class TaskRow:
    """One task's part of a comparison.

    Attributes:
        task: Name.
        pairs: Episodes of both that were judged.
        first, second: Successes of each.
        wins, losses: Pairs in which only the second, or only the first, succeeded.
        p_value: Of equal policies, corrected for the number of tasks.
    """

    task: str
    pairs: int
    first: int
    second: int
    wins: int
    losses: int
    p_value: float


@dataclass(frozen=True)
class Comparison:
    """What the pairs say.

    Attributes:
        rows: By task.
        pairs, first, second, wins, losses: Over all tasks.
        p_value: Of equal policies: exact McNemar of the pairs, or Barnard where episodes are not paired.
        early: Evidence pair by pair.
        mean, lower, upper: Mean over tasks of the second's success rate minus the first's, with its 95 % interval.
        left_out: Episodes of both that at least one side could not judge.
        alone: Episodes that only one side has.
        alpha: Level of the verdict.
        is_paired: Whether the episodes were the same.
        is_sequential: Whether the run could stop at any pair, so that only evidence that holds at any time may decide.
        notes: What must be known.
    """

    rows: tuple[TaskRow, ...]
    pairs: int
    first: int
    second: int
    wins: int
    losses: int
    p_value: float
    early: EarlyStop
    mean: float
    lower: float
    upper: float
    left_out: int
    alone: int
    alpha: float
    is_paired: bool = True
    is_sequential: bool = False
    notes: tuple[str, ...] = ()

    @property
    def verdict(self) -> int:
        """1 when the second policy is better, -1 when the first one is, 0 when that cannot be told."""
        if self.is_sequential:
            return self.early.verdict
        is_sure = self.p_value < self.alpha and self.first != self.second
        return 0 if not is_sure else 1 if self.second > self.first else -1


def compare(
    first: Outcomes, second: Outcomes, alpha: float = 0.05, *, is_paired: bool = True, is_sequential: bool = False
) -> Comparison:
    """Return what two sets of outcomes say.

    Args:
        first, second: The outcomes; the first is what the second is held against.
        alpha: Level of the tests.
        is_paired: False for episodes that were not the same.
        is_sequential: True when the run could stop at any pair.

    Raises:
        ConfigurationError: If they have no episode in common, or episodes of one name did not begin alike.
    """
    if not 0.0 < alpha < 0.5:
        raise ConfigurationError(f"alpha is {alpha}; valid: above 0 and below 0.5")
    if not is_paired:
        return _unpaired(first, second, alpha)
    common = sorted(first.episodes.keys() & second.episodes.keys(), key=lambda key: (key[1], key[0]))
    if not common:
        raise ConfigurationError(
            f"{first.name} ({_tasks(first)}) and {second.name} ({_tasks(second)}) have no episode in common; "
            "valid: results of the same tasks and indices, or --unpaired"
        )
    _check_alike(first, second, common)
    pairs = {
        key: (first.episodes[key].success, second.episodes[key].success)
        for key in common
        if first.episodes[key].is_judged and second.episodes[key].is_judged
    }
    early = EarlyStop(alpha)
    for one, other in pairs.values():
        early.take(one, other)
    notes = ["pairs go by their place in the files; they are the same episodes only where both runs had the same seed"]
    alone = len(first.episodes) + len(second.episodes) - 2 * len(common)
    found = _judge(
        pairs, early, len(common) - len(pairs), alone, alpha,
        tuple(notes if first.is_positional or second.is_positional else ()),
    )  # fmt: skip
    return replace(found, is_sequential=is_sequential)


def _judge(
    pairs: dict[Key, tuple[bool, bool]],
    early: EarlyStop,
    left_out: int,
    alone: int,
    alpha: float,
    notes: tuple[str, ...],
) -> Comparison:
    tasks = sorted({task for task, _ in pairs})
    if not tasks:
        raise ConfigurationError(f"none of {left_out} pairs could be judged; valid: results without errors")
    by_task = {task: np.array([pair for key, pair in pairs.items() if key[0] == task], dtype=float) for task in tasks}
    rows = [_row(task, by_task[task]) for task in tasks]
    corrected = holm([row.p_value for row in rows])
    rows = [TaskRow(**{**vars(row), "p_value": p}) for row, p in zip(rows, corrected)]
    mean, lower, upper = bootstrap_mean([one[:, 1] - one[:, 0] for one in by_task.values()])
    wins, losses = sum(row.wins for row in rows), sum(row.losses for row in rows)
    return Comparison(
        tuple(rows), len(pairs), sum(row.first for row in rows), sum(row.second for row in rows), wins, losses,
        mcnemar_exact(wins, losses), early, mean, lower, upper, left_out, alone, alpha, notes=notes,
    )  # fmt: skip


def _row(task: str, pairs: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> TaskRow:
    first, second = pairs[:, 0] > 0.5, pairs[:, 1] > 0.5
    wins, losses = int((second & ~first).sum()), int((first & ~second).sum())
    return TaskRow(task, len(pairs), int(first.sum()), int(second.sum()), wins, losses, mcnemar_exact(wins, losses))


def _unpaired(first: Outcomes, second: Outcomes, alpha: float) -> Comparison:
    judged = [[one for one in side.episodes.values() if one.is_judged] for side in (first, second)]
    if not all(judged):
        raise ConfigurationError("a side has no episode that was judged; valid: results of both")
    (n_first, n_second), counts = (len(side) for side in judged), [sum(one.success for one in side) for side in judged]
    p_value = barnard((counts[0], counts[1]), (n_first, n_second))
    difference = counts[1] / n_second - counts[0] / n_first
    left_out = len(first.episodes) + len(second.episodes) - n_first - n_second
    return Comparison(
        (), min(n_first, n_second), counts[0], counts[1], 0, 0, p_value, EarlyStop(alpha), difference, float("nan"),
        float("nan"), left_out, 0, alpha, is_paired=False,
        notes=(f"unpaired: {counts[0]} of {n_first} against {counts[1]} of {n_second}",),
    )  # fmt: skip


def _check_alike(first: Outcomes, second: Outcomes, common: list[Key]) -> None:
    """Raise when episodes that have the same name are known not to be the same."""
    unlike = [key for key in common if not _is_alike(first.episodes[key], second.episodes[key])]
    if unlike:
        task, index = unlike[0]
        raise ConfigurationError(
            f"{len(unlike)} of {len(common)} episodes did not begin alike, for example {task} {index} (seed or state at the "
            "start differ): they are no pairs; valid: the same task, seeds and simulator for both, or --unpaired"
        )


def _is_alike(one: Outcome, other: Outcome) -> bool:
    is_same_seed = one.seed is None or other.seed is None or one.seed == other.seed
    return is_same_seed and (not one.start or not other.start or one.start == other.start)


def _tasks(outcomes: Outcomes) -> str:
    names = sorted({task for task, _ in outcomes.episodes})
    return ", ".join(names[:4]) + (", ..." if len(names) > 4 else "") if names else "nothing"
