"""What the output of LeRobot's commands says about their progress, and what they leave as a result. No lerobot."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_BAR = re.compile(r"(?:^|\s)(\d{1,3})%\|[^|]*\|\s*(\d+)/(\d+)\s*\[([^\]]*)\]")
_BAR_TITLE = re.compile(r"^\s*([A-Za-z][\w .\-]{0,60}?):?\s+\d{1,3}%\|")
_METRICS = re.compile(r"\bstep:(\d+(?:\.\d+)?)([KMBT]?)\b.*?\bloss:")
_PAIR = re.compile(r"\b([a-z_]{2,24}):(-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)(?=\s|$)")
_CHECKPOINT = re.compile(r"Checkpoint policy after step (\d+)")
_EPISODE = re.compile(r"Recording episode (\d+)")
_LOSS = re.compile(r"step (\d+): eval_loss=(-?\d+(?:\.\d+)?)")
_MOST_METRICS = 12
_LARGEST_RESULT = 1 << 20


def read_progress(line: str) -> Mapping[str, Any] | None:
    """Return what a line says about progress; None for a line that belongs to the log.

    Progress bars of tqdm are no part of the log; lines with metrics are read and kept by the caller as progress alone.
    """
    bar = _BAR.search(line)
    if bar is not None:
        title = _BAR_TITLE.search(line)
        told: dict[str, Any] = {"done": int(bar[2]), "of": int(bar[3]), "percent": int(bar[1])}
        left = re.search(r"<([\d:]+)", bar[4])
        if left is not None:
            told["left"] = left[1]
        rate = re.search(r"running_success_rate=([\d.]+)%", bar[4])
        if rate is not None:
            told["success_percent"] = float(rate[1])
        return told | ({"doing": title[1].strip()} if title else {})
    if _METRICS.search(line):
        pairs = list(_PAIR.findall(line))[:_MOST_METRICS]
        return {"metrics": {name: float(value) for name, value in pairs}}
    for pattern, make in (
        (_CHECKPOINT, lambda found: {"checkpoint": int(found[1])}),
        (_EPISODE, lambda found: {"episode": int(found[1])}),
        (_LOSS, lambda found: {"eval_step": int(found[1]), "eval_loss": float(found[2])}),
    ):
        found = pattern.search(line)
        if found is not None:
            return make(found)
    return None


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
