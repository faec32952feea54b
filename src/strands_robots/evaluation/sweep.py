"""Success against latency: the same episodes with more and more time for each inference, as numbers and as a picture."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from strands_robots.core.errors import ConfigurationError
from strands_robots.evaluation.episode_result import EpisodeResult
from strands_robots.evaluation.latency import latency_text
from strands_robots.evaluation.runner import Evaluation, EvaluationConfig, evaluate


@dataclass(frozen=True)
class LatencyPoint:
    """What one latency gave.

    Attributes:
        latency: Time of each inference [s], or `latency.MEASURED`.
        rate, lower, upper: Success rate with its 95 % interval.
        stale_share: Mean share of control periods without a row to play.
    """

    latency: float
    rate: float
    lower: float
    upper: float
    stale_share: float


def sweep(
    config: EvaluationConfig,
    latencies: Sequence[float],
    on_result: Callable[[EpisodeResult], None] = lambda result: None,
) -> list[LatencyPoint]:
    """Evaluate with each latency and return what they gave; each one has its own folder with a results.jsonl.

    Raises:
        StrandsRobotsError: As `evaluate`.
    """
    points = []
    for latency in latencies:
        folder = None if config.output_folder is None else config.output_folder / f"latency_{latency_text(latency)}"
        found = evaluate(replace(config, latency=latency, output_folder=folder), on_result)
        points.append(_point(latency, found))
    if config.output_folder is not None:
        text = json.dumps([vars(point) for point in points], indent=1)
        (config.output_folder / "latency.json").write_text(text + "\n", encoding="utf-8")
    return points


def draw(points: Sequence[LatencyPoint], title: str, path: Path) -> None:
    """Draw success and stale share against latency, as a picture by its file's suffix.

    Raises:
        ConfigurationError: If matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ConfigurationError(f"the picture needs matplotlib ({error}); valid: pip install matplotlib") from error
    figure = Figure(figsize=(6.4, 4.0), layout="constrained")
    axes = figure.add_subplot(xlabel="latency of an inference [s]", ylabel="share", title=title, ylim=(-0.03, 1.03))
    known = [point for point in points if point.latency >= 0.0]
    times = [point.latency for point in known]
    errors = [[max(one.rate - one.lower, 0.0) for one in known], [max(one.upper - one.rate, 0.0) for one in known]]
    axes.errorbar(times, [one.rate for one in known], errors, marker="o", capsize=3, label="success, 95 % interval")
    axes.plot(times, [one.stale_share for one in known], marker="s", linestyle="--", label="stale control periods")
    axes.legend()
    figure.savefig(path, dpi=120)


def _point(latency: float, found: Evaluation) -> LatencyPoint:
    lower, upper = found.interval
    shares = [one.stale_share for one in found.results]
    return LatencyPoint(latency, found.rate, lower, upper, sum(shares) / len(shares) if shares else 0.0)
