"""`dataset verify`: each thing that LeRobot cannot open, or would train on wrongly, is an error that names it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from strands_robots.dataset.verify import DatasetVerdict, verify

from .made import JOINTS, command, make_dataset

LENGTHS = (50, 45)
CAMERA = "observation.images.camera0"


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("verify") / "data"
    make_dataset(root, LENGTHS, robot_type="so_follower")
    return root


@pytest.fixture
def root(dataset: Path, tmp_path: Path) -> Path:
    """A copy to spoil."""
    return Path(shutil.copytree(dataset, tmp_path / "data"))


def edit_json(path: Path, change: Callable[[Any], None]) -> None:
    data = json.loads(path.read_text())
    change(data)
    path.write_text(json.dumps(data))


def edit_info(root: Path, **values: Any) -> None:
    edit_json(root / "meta/info.json", lambda info: info.update(values))


def edit_data(root: Path, episode: int, change: Callable[[Any], None]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = root / f"data/chunk-000/file-{episode:03d}.parquet"
    table = pq.read_table(path)
    frame = table.to_pandas()
    change(frame)
    pq.write_table(pa.Table.from_pandas(frame, schema=table.schema, preserve_index=False), path)


def edit_episodes(root: Path, episode: int, change: Callable[[dict[str, Any]], None]) -> None:
    """Change the row of an episode in the table of episodes."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = root / f"meta/episodes/chunk-000/file-{episode:03d}.parquet"
    table = pq.read_table(path)
    (row,) = table.to_pylist()
    change(row)
    pq.write_table(pa.Table.from_pylist([row], schema=table.schema), path)


def errors(root: Path, **options: Any) -> str:
    verdict = verify(root, **{"pictures": False, **options})
    assert not verdict.is_good, "verify says good"
    return "\n".join(verdict.errors)


def test_whole_dataset_is_good(dataset: Path) -> None:
    # The made robot follows its commands without an error, which no robot does.
    exact = "the action is the state of 2 frames later: it was measured, not commanded"
    warnings = [f"episode 0: {exact}", f"episode 1: {exact}"]
    assert verify(dataset) == DatasetVerdict(str(dataset), 2, 95, [], warnings, [2, 2])


def test_task_index_without_a_task(root: Path) -> None:
    edit_data(root, 1, lambda frame: frame.__setitem__("task_index", 7))
    assert "episode 1: task_index 7 has no task; valid: 0 to 0" in errors(root)


def test_tasks_missing_renumbered_or_other_than_the_episodes(root: Path) -> None:
    import pandas as pd

    path = root / "meta/tasks.parquet"
    pd.DataFrame({"task_index": [1]}, index=pd.Index(["wave"], name="task")).to_parquet(path)
    assert "numbers its tasks [1]; valid: [0]" in errors(root)
    pd.DataFrame({"task_index": [0]}, index=pd.Index(["push"], name="task")).to_parquet(path)
    assert "its frames are of the task 'push'; the table of episodes says 'wave'" in errors(root)
    path.unlink()
    assert "tasks.parquet cannot be read" in errors(root)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"total_tasks": 5}, "claims 5 tasks; meta/tasks.parquet has 1"),
        ({"total_episodes": 3}, "claims 3 episodes and 95 frames; there are 2 and 95"),
        ({"total_frames": 94}, "claims 2 episodes and 94 frames"),
        ({"splits": {"train": "0:9"}}, "valid: every episode of 0:2 once"),
        ({"splits": {"train": "all"}}, "split train is 'all'; valid: '<first>:<end>'"),
        ({"splits": {}}, "the splits are {}"),
        ({"fps": 25}, "fps is 25; the recorder wrote 30"),
    ],
)
def test_info_that_claims_what_is_not_there(root: Path, values: dict[str, Any], words: str) -> None:
    edit_info(root, **values)
    assert words in errors(root)


def test_splits_that_part_the_episodes_are_good(root: Path) -> None:
    edit_info(root, splits={"train": "0:1", "validation": "1:2"})
    assert verify(root, pictures=False).is_good


def test_stats_missing_or_no_json(root: Path) -> None:
    (root / "meta/stats.json").write_text("[]")
    assert "stats.json is a JSON list" in errors(root)
    (root / "meta/stats.json").unlink()
    assert "stats.json cannot be read" in errors(root)


@pytest.mark.parametrize(
    ("feature", "kind", "value", "words"),
    [
        ("action", "mean", [999.0] * 6, "stats.json: action: mean of shoulder_pan.pos is 999; the data give 0.5"),
        ("action", "std", [0.0] * 6, "stats.json: action: std of shoulder_pan.pos is 0; the data give 11"),
        ("observation.state", "max", [1.0] * 6, "stats.json: observation.state: max of shoulder_pan.pos is 1"),
        (
            "observation.state",
            "min",
            [float("nan")] * 6,
            "stats.json: observation.state: min of shoulder_pan.pos is nan",
        ),
        ("observation.state", "mean", [1.0] * 5, "stats.json: observation.state: mean has 5 numbers; the data have 6"),
        ("action", "q99", [999.0] * 6, "stats.json: action: q99 is 999; the data allow"),
        ("action", "count", [1], "stats.json: action: count is 1; the data give 95"),
        (CAMERA, "mean", [[[0.9]], [[0.9]], [[0.9]]], f"stats.json: {CAMERA}: mean 0.9/0.9/0.9 is not between"),
        (CAMERA, "std", [[[0.0]], [[0.0]], [[0.0]]], f"stats.json: {CAMERA}: std is 0/0/0, and the pictures go from"),
    ],
)
def test_absurd_statistics(root: Path, feature: str, kind: str, value: Any, words: str) -> None:
    edit_json(root / "meta/stats.json", lambda stats: stats[feature].__setitem__(kind, value))
    assert words in errors(root)


def test_statistics_of_pictures_are_compared_with_the_pictures(root: Path) -> None:
    value = [[[0.5]], [[0.5]], [[0.5]]]
    edit_json(root / "meta/stats.json", lambda stats: stats[CAMERA].__setitem__("mean", value))
    assert f"stats.json: {CAMERA}: mean is 0.5/0.5/0.5; the pictures give 0.16" in errors(root, pictures=True)


def test_joint_that_hardly_moves_far_from_zero_has_the_statistics_that_lerobot_sums_up() -> None:
    from lerobot.datasets.compute_stats import get_feature_stats

    from strands_robots.dataset.statistics import statistics_problems

    for way in (0.0, 1e-5, 1e-2):
        values = (-34.377 + way * np.sin(np.arange(60))).astype(np.float32)[:, None]
        assert statistics_problems(get_feature_stats(values, 0, False), values) == []


def test_statistics_of_a_feature_that_are_missing(root: Path) -> None:
    edit_json(root / "meta/stats.json", lambda stats: stats.pop("action"))
    assert "stats.json: action: there are none" in errors(root)


def test_statistics_of_an_episode_that_are_wrong(root: Path) -> None:
    edit_episodes(root, 1, lambda row: row.__setitem__("stats/observation.state/mean", [50.0] * 6))
    assert "episode 1: its statistics of observation.state: mean of shoulder_pan.pos is 50" in errors(root)


def test_wrong_statistics_of_numbers_that_only_count_are_a_warning(root: Path) -> None:
    edit_json(root / "meta/stats.json", lambda stats: stats["index"].__setitem__("max", [49]))
    verdict = verify(root, pictures=False)
    assert verdict.is_good and any("stats.json: index: max is 49" in warning for warning in verdict.warnings)


def test_declared_size_rate_and_codec_are_those_of_the_video(root: Path) -> None:
    before = (root / "meta/info.json").read_text()
    edit_json(root / "meta/info.json", lambda info: info["features"][CAMERA].__setitem__("shape", [480, 640, 3]))
    found = errors(root)
    assert "file-000.mp4 is 64x48; meta/info.json says [480, 640, 3]" in found
    assert f"shape of {CAMERA}: [480, 640, 3]; the recorder wrote [48, 64, 3]" in found
    for name, value, words in [
        ("video.codec", "av1", "is h264; meta/info.json says av1"),
        ("video.fps", 15, "has fps 30; meta/info.json says 15"),
        ("video.width", 65, "has width 64; meta/info.json says 65"),
    ]:
        (root / "meta/info.json").write_text(before)
        edit_json(root / "meta/info.json", lambda info: info["features"][CAMERA]["info"].__setitem__(name, value))  # noqa: B023
        assert words in errors(root)


@pytest.mark.parametrize("features", [("action",), ("observation.state",), ("action", "observation.state")])
def test_names_that_were_swapped(root: Path, features: tuple[str, ...]) -> None:
    swapped = ["gripper.pos", *[f"{joint}.pos" for joint in JOINTS[1:-1]], "shoulder_pan.pos"]

    def change(info: Any) -> None:
        for feature in features:
            info["features"][feature]["names"] = swapped

    edit_json(root / "meta/info.json", change)
    assert f"names of {features[0]}: ['gripper.pos'" in errors(root)


def test_names_that_were_swapped_in_the_schema_too_are_not_the_robots(root: Path) -> None:
    def swap(joints: list[Any]) -> None:
        joints[0], joints[5] = joints[5], joints[0]

    edit_json(root / "meta/strands_robots/schema.json", lambda schema: swap(schema["robots"][0]["joints"]))
    edit_json(
        root / "meta/info.json", lambda i: [swap(i["features"][f]["names"]) for f in ("action", "observation.state")]
    )
    assert "so101 was recorded with the joints shoulder_pan, " in errors(root)


def test_dataset_without_an_episode(tmp_path: Path) -> None:
    make_dataset(tmp_path / "data", ())
    assert "there is no episode: LeRobot cannot open it" in errors(tmp_path / "data")


def test_column_of_another_type_or_shape(root: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = root / "data/chunk-000/file-000.parquet"
    whole = pq.read_table(path)
    column = whole.column_names.index("action")
    doubles = pa.array(whole["action"].to_pylist(), pa.list_(pa.float64()))
    pq.write_table(whole.set_column(column, "action", doubles), path)
    assert "action is of type float64 in data/chunk-000/file-000.parquet; the info says float32" in errors(root)
    short = pa.array([row[:5] for row in whole["action"].to_pylist()], pa.list_(pa.float32()))
    pq.write_table(whole.set_column(column, "action", short), path)
    assert "action has the shape [5] in data/chunk-000/file-000.parquet; the info says [6]" in errors(root)
    pq.write_table(whole.drop_columns(["action"]), path)
    assert "data/chunk-000/file-000.parquet lacks the columns action" in errors(root)


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        ("timestamp", np.float32(np.nan), "episode 0: frame 3 is at nan s"),
        ("frame_index", 9, "episode 0: frame_index is not 0, 1, 2, ..."),
        ("index", 9, "episode 0: index does not run from 0 to 49"),
        ("episode_index", 1, "data/chunk-000/file-000.parquet has 49 of 50 frames"),
    ],
)
def test_numbering_with_a_gap(root: Path, column: str, value: Any, words: str) -> None:
    edit_data(root, 0, lambda frame: frame.__setitem__(column, frame[column].where(frame.index != 3, value)))
    assert words in errors(root)


def test_end_of_an_episode_that_is_not_its_beginning_and_length(root: Path) -> None:
    edit_episodes(root, 0, lambda row: row.__setitem__("dataset_to_index", 49))
    assert "episode 0 ends at frame 49; expected 50" in errors(root)


def test_file_of_vectors_that_no_episode_has(root: Path) -> None:
    shutil.copy(root / "data/chunk-000/file-000.parquet", root / "data/chunk-000/file-007.parquet")
    assert "data/chunk-000/file-007.parquet belongs to no episode, and LeRobot would load it" in errors(root)


def test_video_that_is_missing_and_pictures_of_another_episode(root: Path) -> None:
    edit_episodes(root, 1, lambda row: row.__setitem__(f"videos/{CAMERA}/file_index", 0))
    assert "episode 1: its pictures of observation.images.camera0 begin at 0 s, within those of another" in errors(root)
    (root / f"videos/{CAMERA}/chunk-000/file-000.mp4").unlink()
    assert "file-000.mp4 is no readable video" in errors(root)


def test_action_that_is_the_state_and_what_nobody_commanded(root: Path) -> None:
    edit_data(root, 0, lambda frame: frame.__setitem__("action", frame["observation.state"]))
    account = root / "meta/strands_robots/episodes/episode-000001.json"
    edit_json(account, lambda data: data.__setitem__("sources", []))
    found = errors(root)
    assert "episode 0: the action is the state of the same frame" in found
    assert "episode 1: no source commanded: every action is the robot holding its position" in found


def test_what_lerobot_cannot_open_is_an_error_whatever_it_is(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from lerobot.datasets.lerobot_dataset import LeRobotDataset

    def fail(self: Any, index: int) -> Any:
        raise KeyError("observation.images.camera0")

    monkeypatch.setattr(LeRobotDataset, "__getitem__", fail)
    assert "LeRobot fails at reading frame 0: KeyError" in errors(root, pictures=True)


def test_motionless_start_and_episode_that_is_there_twice_are_warnings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from . import made

    monkeypatch.setattr(made, "command", lambda k, fps=30: command(max(k, 20), fps))
    make_dataset(tmp_path / "data", (45, 45), cameras=0)
    verdict = verify(tmp_path / "data")
    assert verdict.is_good, verdict.errors
    assert "episode 0: nothing moves in the first 21 frames (0.7 s): a policy would learn to wait" in verdict.warnings
    assert "episode 1: its states and actions are those of episode 0" in verdict.warnings


def test_frozen_picture_of_a_real_camera_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from . import made

    monkeypatch.setattr(made, "picture", lambda k, draw=made.picture: draw(min(k, 10)))
    make_dataset(tmp_path / "data", (60,))
    assert verify(tmp_path / "data").is_good, "a simulated camera may look at something that does not move"
    account = tmp_path / "data/meta/strands_robots/episodes/episode-000000.json"
    edit_json(account, lambda data: data["provenance"].__setitem__("world", None))
    assert f"{CAMERA} shows the same picture in frames 20 to 59" in errors(tmp_path / "data", pictures=True)
