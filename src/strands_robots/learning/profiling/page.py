"""A page with what was profiled: one file, which needs no network."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from strands_robots.learning.profiling.comparison import Comparison
from strands_robots.learning.profiling.profile_policy import TOTAL, Profile

_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;margin:2em auto;max-width:62em;padding:0 1em;color:#1f2933}"
    "table{border-collapse:collapse;margin:1em 0}td,th{padding:3px 10px;border-bottom:1px solid #d8dee4;text-align:right}"
    "td:first-child,th:first-child{text-align:left}img{max-width:100%}.bad{color:#b3261e;font-weight:600}code{font-size:90%}"
)
_COLUMNS = ("count", "mean", "median", "p95", "low", "high")


def write_page(
    path: Path, profiles: Sequence[Profile], failures: Mapping[str, str], comparison: Comparison | None = None
) -> None:
    """Write the page.

    Args:
        path: File, .html.
        profiles: What was measured, in order.
        failures: Policies that could not be profiled, and why.
        comparison: Of the first profile with the second.
    """
    parts = [f"<!doctype html><meta charset=utf-8><title>Profile</title><style>{_STYLE}</style><h1>Profile</h1>"]
    if comparison is not None:
        parts.append(_comparison(comparison))
    parts += [f'<p class="bad">{escape(name)}: {escape(why)}</p>' for name, why in failures.items()]
    if profiles:
        parts.append(_matrix(profiles))
        parts.append(_picture(_draw_sections, profiles, "Median time of each section"))
        parts.append(_picture(_draw_memory, profiles, "Memory over time"))
    parts += [_details(profile) for profile in profiles]
    path.write_text("\n".join(parts) + "\n", encoding="utf-8")


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    cells = ["<tr>" + "".join(f"<th>{escape(cell)}</th>" for cell in head) + "</tr>"]
    cells += ["<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows]
    return "<table>" + "".join(cells) + "</table>"


def _matrix(profiles: Sequence[Profile]) -> str:
    names = list(profiles[0].sections)
    rows = [
        [
            profile.name,
            profile.kind,
            f"{profile.parameters:,}",
            f"{max(profile.memory.values(), default=0) / 2**20:,.0f}",
        ]
        + [f"{1e3 * profile.sections[name]['median']:.2f}" for name in names]
        for profile in profiles
    ]
    return _table(["policy", "kind", "parameters", "peak MiB", *(f"{name} [ms]" for name in names)], rows)


def _details(profile: Profile) -> str:
    rows = [
        [name, str(entry["count"]), *(f"{1e3 * entry[column]:.3f}" for column in _COLUMNS[1:])]
        for name, entry in profile.sections.items()
    ]
    seen = profile.fingerprint
    settings = ", ".join(
        f"{key} {value}"
        for key, value in {**profile.versions, **profile.settings}.items()
        if value != "" and key != "policy"
    )
    parts = [
        f"<h2>{escape(profile.name)}</h2><p>{escape(settings)}</p>",
        _table(["section", "count", *(f"{column} [ms]" for column in _COLUMNS[1:])], rows),
        f"<p>Operators <code>{seen.operators[:16]}</code> ({seen.operator_count}), outputs <code>{seen.outputs[:16]}</code>: "
        + (
            "deterministic"
            if seen.is_deterministic
            else f'<span class="bad">not deterministic</span> {escape(seen.trouble)}'
        )
        + "</p>",
    ]
    if profile.operators:
        operators = [
            [row["name"], str(row["count"]), f"{1e3 * row['self_time']:.2f}", f"{1e3 * row['time']:.2f}"]
            for row in profile.operators[:20]
        ]
        parts.append(_table(["operator", "count", "own time [ms]", "with callees [ms]"], operators))
    return "\n".join(parts)


def _comparison(found: Comparison) -> str:
    verdict = "The same, and not slower." if found.is_good else "Slower, or computed differently."
    rows = [[name, f"{ratio:.3f}", "slower" if name in found.slower else ""] for name, ratio in found.ratios.items()]
    parts = [f"<h2>Comparison</h2><p{'' if found.is_good else ' class=bad'}>{verdict}</p>"]
    parts += [f'<p class="bad">{escape(change)}</p>' for change in found.changes]
    parts += [f"<p>Note: {escape(warning)}</p>" for warning in found.warnings]
    parts.append(_table(["section", "second over first", ""], rows))
    grown = [[name, f"{1e3 * old:.3f}", f"{1e3 * new:.3f}"] for name, old, new in found.operators[:10] if new > old]
    if grown:
        parts.append(_table(["operator that grew", "before [ms a step]", "after [ms a step]"], grown))
    return "\n".join(parts)


def _picture(draw: Any, profiles: Sequence[Profile], title: str) -> str:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.0, 1.2 + 0.5 * max(len(profiles), 4)), layout="constrained")
    axes = figure.add_subplot()
    draw(axes, profiles)
    axes.set_title(title, loc="left", fontsize=11)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    return f'<img alt="{escape(title)}" src="data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}">'


def _draw_sections(axes: Any, profiles: Sequence[Profile]) -> None:
    left = [0.0] * len(profiles)
    for section in [name for name in profiles[0].sections if name != TOTAL]:
        widths = [1e3 * profile.sections.get(section, {"median": 0.0})["median"] for profile in profiles]
        axes.barh([profile.name for profile in profiles], widths, left=left, label=section, height=0.6)
        left = [start + width for start, width in zip(left, widths, strict=True)]
    axes.set_xlabel("ms a step")
    axes.invert_yaxis()
    axes.legend(fontsize=8, ncols=5, loc="upper center", bbox_to_anchor=(0.5, -0.25))


def _draw_memory(axes: Any, profiles: Sequence[Profile]) -> None:
    for profile in profiles:
        axes.plot(
            [entry[0] for entry in profile.timeline],
            [entry[2] / 2**20 for entry in profile.timeline],
            label=profile.name,
        )
    axes.set_xlabel("s since the first step")
    axes.set_ylabel("MiB")
    axes.legend(fontsize=8)
