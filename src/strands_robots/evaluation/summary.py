"""Results of several tasks as lines of text: by task, and as the mean over tasks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from strands_robots.evaluation.compare.tests import bootstrap_mean
from strands_robots.evaluation.digests import results_digest
from strands_robots.evaluation.episode_result import EpisodeResult
from strands_robots.evaluation.runner import rate_text


def task_lines(results: Sequence[EpisodeResult]) -> list[str]:
    """Return one line for each task, the mean over tasks with its interval, and the digest of all results."""
    by_task: dict[str, list[EpisodeResult]] = {}
    for result in results:
        by_task.setdefault(result.task, []).append(result)
    lines = []
    for task, own in by_task.items():
        counts = rate_text(sum(one.success for one in own), len(own), sum(one.is_error for one in own))
        progress = float(np.mean([one.progress for one in own]))
        lines.append(f"{task}: {counts}; progress {progress:.2f}")
    if len(by_task) > 1:
        rates = [np.array([float(one.success) for one in own]) for own in by_task.values()]
        mean, lower, upper = bootstrap_mean(rates)
        lines.append(
            f"mean over {len(by_task)} tasks: {100.0 * mean:.1f} % (95 % bootstrap interval {100.0 * lower:.1f} to "
            f"{100.0 * upper:.1f} %)"
        )
    return [*lines, f"digest {results_digest(results)}"]
