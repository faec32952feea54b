"""The report of a pipeline: one page with plots, which needs no network. Writes a file."""

from __future__ import annotations

import base64
import io
import os
import time
from collections.abc import Callable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from strands_robots.evaluation.results_file import NAME, read_results
from strands_robots.learning.pipeline.journal import last
from strands_robots.learning.pipeline.pipeline_status import StageStatus, pipeline_status

REPORT = "report.html"
_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;margin:2em auto;max-width:62em;padding:0 1em;color:#1f2933}"
    "table{border-collapse:collapse;margin:1em 0}td,th{padding:3px 10px;border-bottom:1px solid #d8dee4;text-align:left;"
    "vertical-align:top}img{max-width:100%}.bad{color:#b3261e;font-weight:600}code{font-size:85%}"
)


def write_report(folder: Path, records: Sequence[Mapping[str, Any]]) -> Path:
    """Write the page whole or not at all, and return its file.

    Args:
        folder: The pipeline's folder.
        records: Its journal.
    """
    known = [dict(record) for record in records]
    stages = pipeline_status(known)
    parts = [
        f"<!doctype html><meta charset=utf-8><title>{escape(str(known[0]['name']))}</title><style>{_STYLE}</style>",
        f"<h1>Pipeline {escape(str(known[0]['name']))}</h1>",
        f"<p>Written {time.strftime('%Y-%m-%d %H:%M UTC', time.gmtime())}. Id <code>{escape(str(known[0]['id']))}</code>.</p>",
        _stages(stages), _plots(folder, known), _evaluation(known), _approvals(known),
    ]  # fmt: skip
    path = folder / REPORT
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.write_text("\n".join(part for part in parts if part) + "\n", encoding="utf-8")
    partial.replace(path)
    return path


def _stages(stages: Sequence[StageStatus]) -> str:
    rows = [
        [one.stage, one.state, f"{one.elapsed:.1f}" if one.elapsed else "",
         " ".join(f"{name} {digest[:12]}" for name, digest in one.outputs.items()), one.words]
        for one in stages
    ]  # fmt: skip
    bad = {number for number, one in enumerate(stages) if one.state in ("failed", "waits")}
    return _table(["stage", "state", "time [s]", "outputs (SHA-256)", ""], rows, bad)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], bad: set[int] | None = None) -> str:
    cells = ["<tr>" + "".join(f"<th>{escape(cell)}</th>" for cell in head) + "</tr>"]
    for number, row in enumerate(rows):
        style = ' class="bad"' if number in (bad or set()) else ""
        cells.append(f"<tr{style}>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>")
    return "<table>" + "".join(cells) + "</table>"


def _plots(folder: Path, records: list[dict[str, Any]]) -> str:
    pictures = []
    train = last(records, kind="done", stage="train")
    if train is not None and train["facts"].get("losses"):
        pictures.append(_picture("Loss of the training", lambda axes: _draw_losses(axes, train["facts"]["losses"])))
    rated = [one for one in records if one["kind"] == "done" and one["stage"] == "evaluate"]
    if rated:
        pictures.append(_picture("Success rates, with 95 % intervals", lambda axes: _draw_rates(axes, rated)))
    gate = last(records, kind="done", stage="evaluate")
    results = folder / "evaluate" / gate["key"][:16] / "results" / NAME if gate is not None else None
    if results is not None and results.is_file():
        times = [(one.time, one.success) for one in read_results(results).results.values() if not one.is_error]
        pictures.append(_picture("Length of the episodes", lambda axes: _draw_times(axes, times)))
    elapsed = [one for one in pipeline_status(records) if one.elapsed]
    if elapsed:
        pictures.append(_picture("Time of the stages", lambda axes: _draw_elapsed(axes, elapsed)))
    return "\n".join(pictures)


def _picture(title: str, draw: Callable[[Any], None]) -> str:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.0, 2.8), layout="constrained")
    axes = figure.add_subplot()
    draw(axes)
    axes.set_title(title, loc="left", fontsize=11)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=100)
    return f'<img alt="{escape(title)}" src="data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}">'


def _draw_losses(axes: Any, losses: Sequence[float]) -> None:
    axes.plot(losses, color="#3f51b5")
    axes.set_yscale("log")
    axes.set_xlabel("line of the trainer's log")
    axes.set_ylabel("loss")


def _draw_rates(axes: Any, rated: Sequence[Mapping[str, Any]]) -> None:
    for number, one in enumerate(rated):
        facts = one["facts"]
        ends = [[facts["rate"] - facts["lower"]], [facts["upper"] - facts["rate"]]]
        axes.errorbar([number], [facts["rate"]], yerr=ends, fmt="o", color="#3f51b5", capsize=4)
    axes.set_xticks(range(len(rated)), [one["outputs"]["evaluation"][:8] for one in rated], fontsize=8)
    axes.set_ylim(-0.05, 1.05)


def _draw_times(axes: Any, times: Sequence[tuple[float, bool]]) -> None:
    groups = [[time for time, success in times if success is wanted] for wanted in (True, False)]
    axes.hist(groups, bins=20, stacked=True, label=["succeeded", "failed"], color=["#3f51b5", "#b3261e"])
    axes.set_xlabel("s")
    axes.legend(fontsize=8)


def _draw_elapsed(axes: Any, stages: Sequence[StageStatus]) -> None:
    axes.barh([one.stage for one in stages], [one.elapsed for one in stages], color="#3f51b5")
    axes.invert_yaxis()
    axes.set_xlabel("s")


def _evaluation(records: list[dict[str, Any]]) -> str:
    found = last(records, kind="done", stage="evaluate")
    compared = last(records, kind="done", stage="compare")
    if found is None:
        return ""
    facts = found["facts"]
    text = f"{facts['successes']} of {facts['episodes']} episodes succeeded, {facts['errors']} could not be judged."
    if compared is not None:
        text += (
            f" The policy is {compared['facts']['words']}." if compared["facts"]["best"] else " It is the first one."
        )
    return f"<h2>Evaluation</h2><p>{escape(text)}</p>"


def _approvals(records: list[dict[str, Any]]) -> str:
    rows = [
        [one["at"], one["name"], one["digest"][:16], one["decided_by"] or "no person needed", one["rule"]]
        for one in records if one["kind"] == "allowed"
    ]  # fmt: skip
    return "<h2>Approvals</h2>" + _table(["at", "what", "request", "decided by", "rule"], rows) if rows else ""
