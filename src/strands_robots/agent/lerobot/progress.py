"""What the output of LeRobot's commands says about their progress, and what they leave as a result. No lerobot."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

_BAR = re.compile(r"(?:^|\s)(\d{1,3})%\|[^|]*\|\s*(\d+)/(\d+)\s*\[([^\]]*)\]")
_BAR_TITLE = re.compile(r"^\s*([A-Za-z][\w .\-]{0,60}?):?\s+\d{1,3}%\|")
_METRICS = re.compile(r"\bstep:(\d+(?:\.\d+)?)([KMBT]?)\b.*?\bloss:")
_PAIR = re.compile(r"\b([a-z_]{2,24}):(-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)(?=\s|$)")
_EVENTS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], dict[str, Any]]], ...] = (
    (re.compile(r"Checkpoint policy after step (\d+)"), lambda found: {"checkpoint": int(found[1])}),
    (re.compile(r"Recording episode (\d+)"), lambda found: {"episode": int(found[1])}),
    (
        re.compile(r"step (\d+): eval_loss=(-?\d+(?:\.\d+)?)"),
        lambda found: {"eval_step": int(found[1]), "eval_loss": float(found[2])},
    ),
)
_MOST_METRICS = 12
_LARGEST_RESULT = 1 << 20


def read_progress(line: str) -> tuple[Mapping[str, Any], str]:
    """Return what a line says about progress, and what of it belongs to the log.

    A progress bar of tqdm belongs to no log, but whatever is logged next begins on its line.
    """
    bar = _BAR.search(line)
    told = _bar(line, bar) if bar is not None else {}
    rest = line[bar.end() :] if bar is not None else line
    if _METRICS.search(rest):
        pairs = list(_PAIR.findall(rest))[:_MOST_METRICS]
        return told | {"metrics": {name: float(value) for name, value in pairs}}, ""
    for pattern, make in _EVENTS:
        found = pattern.search(rest)
        if found is not None:
            told |= make(found)
    return told, rest


def _bar(line: str, bar: re.Match[str]) -> dict[str, Any]:
    told: dict[str, Any] = {"done": int(bar[2]), "of": int(bar[3]), "percent": int(bar[1])}
    title = _BAR_TITLE.search(line)
    left = re.search(r"<([\d:]+)", bar[4])
    rate = re.search(r"running_success_rate=([\d.]+)%", bar[4])
    told |= {"doing": title[1].strip()} if title else {}
    told |= {"left": left[1]} if left else {}
    return told | ({"success_percent": float(rate[1])} if rate else {})


def read_result(output: Path | None) -> dict[str, Any]:
    """Return what a command left in its folder: checkpoints of a training, figures of an evaluation, size of a dataset."""
    if output is None or not output.is_dir():
        return {}
    result: dict[str, Any] = {"folder": str(output)}
    checkpoints = sorted(path.parent.parent for path in output.glob("checkpoints/*/pretrained_model/model.safetensors"))
    if checkpoints:
        kept = [path for path in checkpoints if not path.is_symlink()] or checkpoints
        result["checkpoints"] = [path.name for path in kept][-8:]
        result["policy"] = str(kept[-1] / "pretrained_model")
    figures = _json(output / "eval_info.json").get("overall")
    if isinstance(figures, dict):
        result["evaluation"] = {
            name: value
            for name, value in figures.items()
            if isinstance(value, (int, float)) and not isinstance(value, bool)
        }
    info = _json(output / "meta" / "info.json")
    result |= {
        name: info[f"total_{name}"] for name in ("episodes", "frames") if isinstance(info.get(f"total_{name}"), int)
    }
    return result


def _json(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            value = json.loads(file.read(_LARGEST_RESULT))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}
