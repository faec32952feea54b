"""A data set of many frames, written as LeRobotDataset v3 lays it out, without pictures."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

JOINTS = ("shoulder_pan", "shoulder_lift", "elbow_flex", "wrist_flex", "wrist_roll", "gripper")
FPS = 30


def write_large_set(root: Path, episodes: int = 400, length: int = 500, per_file: int = 100_000) -> Path:
    """Write a data set of `episodes` of `length` frames and return its folder."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    frames = episodes * length
    names = [f"{name}.pos" for name in JOINTS]
    vector = {"dtype": "float32", "shape": [len(names)], "names": names}
    features = {
        "observation.state": vector,
        "action": vector,
        "intervention": {"dtype": "bool", "shape": [1], "names": None},
    }
    for name in ("timestamp", "frame_index", "episode_index", "index", "task_index"):
        features[name] = {"dtype": "float32" if name == "timestamp" else "int64", "shape": [1], "names": None}
    info = {
        "codebase_version": "v3.0", "robot_type": "so101", "total_episodes": episodes, "total_frames": frames, "total_tasks": 1,
        "fps": FPS, "splits": {"train": f"0:{episodes}"}, "data_path": "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet",
        "video_path": None, "features": features, "chunks_size": 1000,
    }  # fmt: skip
    for folder in ("meta/episodes/chunk-000", "data/chunk-000"):
        (root / folder).mkdir(parents=True)
    (root / "meta/info.json").write_text(json.dumps(info))
    index = np.arange(frames)
    state = np.sin(0.01 * index[:, None] + np.arange(len(names))).astype(np.float32)
    listed = pa.list_(pa.float32(), len(names))
    table = pa.table(
        {
            "observation.state": pa.FixedSizeListArray.from_arrays(pa.array(state.ravel()), type=listed),
            "action": pa.FixedSizeListArray.from_arrays(pa.array((state + 0.05).ravel()), type=listed),
            "intervention": pa.array(index % length > length // 2), "timestamp": pa.array((index % length / FPS).astype(np.float32)),
            "frame_index": index % length, "episode_index": index // length, "index": index, "task_index": np.zeros(frames, np.int64),
        }
    )  # fmt: skip
    for number, first in enumerate(range(0, frames, per_file)):
        pq.write_table(table.slice(first, per_file), root / f"data/chunk-000/file-{number:03d}.parquet")
    starts = np.arange(episodes) * length
    rows = {
        "episode_index": np.arange(episodes), "length": np.full(episodes, length), "tasks": [["put the cube away"]] * episodes,
        "dataset_from_index": starts, "dataset_to_index": starts + length, "data/chunk_index": np.zeros(episodes, np.int64),
        "data/file_index": starts // per_file,
    }  # fmt: skip
    pq.write_table(pa.table(rows), root / "meta/episodes/chunk-000/file-000.parquet")
    return root
