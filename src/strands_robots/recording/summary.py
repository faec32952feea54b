"""What a dataset holds, for a person: episodes, tasks, features, and the sum of the accounts."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

from strands_robots.dataset import files
from strands_robots.dataset.adopt import read_edits
from strands_robots.dataset.origin import known_schema
from strands_robots.dataset.table import read_account, read_episodes, read_info
from strands_robots.recording.stream import StreamCount


def summarize(root: Path) -> dict[str, Any]:
    """Return what a dataset holds, as JSON.

    Raises:
        DatasetError: If it cannot be read.
    """
    info = read_info(root)
    rows = read_episodes(root, info)
    schema = known_schema(root)
    accounts = [account for row in rows if (account := read_account(root, row.index)) is not None]
    sums: dict[str, StreamCount] = {}
    for account in accounts:
        for topic, count in account.get("streams", {}).items():
            sums[topic] = sums.get(topic, StreamCount()) + StreamCount(**count)
    size = sum(path.stat().st_size for path in root.rglob("*") if path.is_file())
    return {
        "root": str(root),
        "version": info.version,
        "robot_type": info.robot_type,
        "fps": info.fps,
        "episodes": len(rows),
        "frames": sum(row.length for row in rows),
        "seconds": sum(row.length for row in rows) / info.fps,
        "bytes": size,
        "tasks": dict(Counter(task for row in rows for task in row.tasks)),
        "outcomes": dict(Counter(account.get("outcome", "unknown") for account in accounts)),
        "features": {
            name: {"dtype": feature["dtype"], "shape": list(feature["shape"]), "names": feature.get("names")}
            for name, feature in info.features.items()
        },
        "units": schema.units if schema is not None else None,
        "cameras": list(info.video_keys),
        "streams": {topic: asdict(count) for topic, count in sums.items()},
        "marked": sum(len(account.get("marked", [])) for account in accounts),
        "dropped": sum(account.get("dropped", 0) for account in accounts),
        "edits": read_edits(root),
        "lost_files": sum(1 for path in (root / files.OURS / files.LOST).rglob("*") if path.is_file()),
    }
