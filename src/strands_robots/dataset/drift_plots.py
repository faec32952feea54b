"""A picture of how two datasets differ: the distribution of every element of state and action, and the cameras."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from strands_robots.dataset.drift import ACTION, STATE, Drift, Sample, take_sample

COLUMNS = 3
BINS = 40


def write_plots(path: Path, first: Path, second: Path, found: Drift) -> None:
    """Write the picture as .png, .svg or .pdf.

    Args:
        path: File to write.
        first, second: Folders of the datasets.
        found: What differs between them.

    Raises:
        DatasetError: If a dataset cannot be read.
    """
    from matplotlib.figure import Figure

    samples = take_sample(first), take_sample(second)
    cells = [(element.feature, element.name) for element in found.elements]
    rows = max(1, -(-(len(cells) + bool(found.cameras)) // COLUMNS))
    figure = Figure(figsize=(4.2 * COLUMNS, 2.3 * rows + 0.6), layout="constrained")
    axes = figure.subplots(rows, COLUMNS, squeeze=False).ravel()
    for axis, (feature, name) in zip(axes, cells, strict=False):
        _draw_element(axis, feature, name, samples, (first.name, second.name))
    if found.cameras:
        _draw_cameras(axes[len(cells)], found)
    for axis in axes[len(cells) + bool(found.cameras) :]:
        axis.axis("off")
    if cells:
        axes[0].legend(fontsize=8)
    figure.suptitle("no drift" if found.is_good else f"{len(found.problems)} problems", fontsize=11)
    figure.savefig(path, dpi=110)


def _draw_element(axis: Any, feature: str, name: str, samples: tuple[Sample, Sample], names: tuple[str, str]) -> None:
    i = samples[0].info.names(feature).index(name)
    values = [sample.vectors[feature][:, i] for sample in samples]
    edges = np.linspace(min(map(np.min, values)) - 1e-6, max(map(np.max, values)) + 1e-6, BINS + 1)
    for given, label in zip(values, names, strict=True):
        axis.hist(given, bins=edges, density=True, alpha=0.55, label=label)
    short = {STATE: "state", ACTION: "action"}[feature]
    axis.set_title(f"{short}: {name}", fontsize=9)
    axis.tick_params(labelsize=7)
    axis.set_yticks([])


def _draw_cameras(axis: Any, found: Drift) -> None:
    keys = list(found.cameras)
    places = np.arange(len(keys))
    for shift, which in ((-0.2, 0), (0.2, 1)):
        axis.bar(places + shift, [found.cameras[key][which].brightness for key in keys], width=0.38)
    axis.set_xticks(places, [key.rpartition(".")[2] for key in keys], fontsize=7)
    axis.set_ylim(0.0, 1.0)
    axis.set_title("brightness of cameras", fontsize=9)
