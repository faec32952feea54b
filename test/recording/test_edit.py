"""Datasets made of other datasets: deleted, parted and merged, here and with LeRobot's own tools."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from strands_robots.cli.dataset import app
from strands_robots.core.errors import ConfigurationError
from strands_robots.dataset.adopt import adopt, read_edits
from strands_robots.dataset.edit import delete_episodes
from strands_robots.dataset.merge import merge
from strands_robots.dataset.origin import require_known_schema
from strands_robots.dataset.recover import recover
from strands_robots.dataset.statistics import describe
from strands_robots.dataset.store import EncoderConfig, LeRobotStore
from strands_robots.dataset.table import (
    read_account,
    read_episode_statistics,
    read_episodes,
    read_info,
    read_schema,
    read_vectors,
)
from strands_robots.dataset.verify import verify
from strands_robots.policies.adapt.dataset_adapter import adapter_text

from .made import account, make_dataset, make_schema, values

LENGTHS = (50, 45, 40)
TYPE = "so_follower"


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("edit") / "alone" / "data"
    make_dataset(root, LENGTHS, robot_type=TYPE)
    return root


@pytest.fixture
def root(dataset: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(dataset, tmp_path / "data"))


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset as lerobot-record makes it: LeRobot's codec, its robot_type, nothing of ours."""
    from lerobot.datasets.lerobot_dataset import LeRobotDataset

    root = tmp_path_factory.mktemp("theirs") / "deep" / "data"
    schema = make_schema()
    data = LeRobotDataset.create("me/theirs", 30, schema.features(), root=root, robot_type=TYPE, video_backend="pyav")
    for length in (30, 35):
        for k in range(length):
            data.add_frame({**values(schema, k), "task": "push"})
        data.save_episode()
    data.finalize()
    return root


def opened(root: Path) -> Any:
    from lerobot.datasets.lerobot_dataset import LeRobotDataset

    return LeRobotDataset("test/data", root=root, video_backend="pyav")


def assert_statistics_are_those_of_the_data(root: Path) -> None:
    """Every number of every episode and of the dataset, those that only count as well."""
    info = read_info(root)
    every: dict[str, list[np.ndarray]] = {}
    for row in read_episodes(root, info):
        stored = read_episode_statistics(root, row.table)[row.index]
        for name, data in read_vectors(root, row).items():
            every.setdefault(name, []).append(data)
            for kind, right in describe(data).items():
                np.testing.assert_allclose(
                    stored[name][kind].reshape(-1), right, rtol=1e-3, atol=1e-2, err_msg=f"{name} {kind}"
                )
    stats = json.loads((root / "meta/stats.json").read_text())
    for name, parts in every.items():
        for kind, right in describe(np.concatenate(parts)).items():
            given = np.array(stats[name][kind]).reshape(-1)
            np.testing.assert_allclose(given, right, rtol=1e-3, atol=1e-2, err_msg=f"{name} {kind}")


def assert_resumes(root: Path, episodes: int) -> None:
    """Go on with a dataset, and have it whole afterwards."""
    schema = make_schema(robot_type=TYPE)
    store = LeRobotStore(root, "test/data", schema, EncoderConfig())
    store.resume()
    for k in range(20):
        store.add(values(schema, k), "wave")
    store.save(account(schema, episodes, 20))
    store.close()
    verdict = verify(root, expected=episodes + 1)
    assert verdict.is_good, verdict.errors


def test_merged_statistics_are_those_of_the_data(root: Path, dataset: Path, tmp_path: Path) -> None:
    assert merge([root, dataset], tmp_path / "both", "test/both") == 6
    assert_statistics_are_those_of_the_data(tmp_path / "both")
    verdict = verify(tmp_path / "both")
    assert verdict.is_good, verdict.errors
    assert not [warning for warning in verdict.warnings if "stats" in warning]
    assert_resumes(tmp_path / "both", 6)


def test_ours_and_lerobot_records_are_merged_in_either_order(root: Path, theirs: Path, tmp_path: Path) -> None:
    for number, pair in enumerate(([root, theirs], [theirs, root])):
        target = tmp_path / f"both{number}"
        assert merge(pair, target, "test/both") == 5
        verdict = verify(target)
        assert verdict.is_good, verdict.errors
        assert_statistics_are_those_of_the_data(target)
        info = read_info(target)
        assert (info.robot_type, info.tasks) == (TYPE, 2)
        accounts = [read_account(target, index) or {} for index in range(5)]
        assert sum("foreign" in each for each in accounts) == 2 and all("merged_from" in each for each in accounts)


@pytest.mark.parametrize("former", ["so101", "strands"])
def test_dataset_with_the_robot_type_of_an_earlier_version_is_merged_and_resumed(
    root: Path, theirs: Path, tmp_path: Path, former: str
) -> None:
    for path in (root / "meta/info.json", root / "meta/strands_robots/schema.json"):
        path.write_text(json.dumps({**json.loads(path.read_text()), "robot_type": former}))
    merge([root, theirs], tmp_path / "both", "test/both")
    assert read_info(tmp_path / "both").robot_type == TYPE
    assert_resumes(root, 3)
    assert read_info(root).robot_type == TYPE


def test_datasets_that_do_not_fit_say_what_differs(root: Path, tmp_path: Path) -> None:
    make_dataset(tmp_path / "si", (20,), robot_type="so101_si", units="si")
    with pytest.raises(ConfigurationError, match="units is si; valid: lerobot"):
        merge([root, tmp_path / "si"], tmp_path / "both", "test/both")


def test_deleted_episodes_are_gone_and_the_others_stay_as_they_were(root: Path) -> None:
    before = read_vectors(root, read_episodes(root, read_info(root))[1])
    done = CliRunner().invoke(app, ["delete", str(root), "0", "2"])
    assert done.exit_code == 0 and "1 episodes are left" in done.output, (done.output, done.exception)
    info = read_info(root)
    (row,) = read_episodes(root, info)
    np.testing.assert_array_equal(read_vectors(root, row)["action"], before["action"])
    assert (info.episodes, info.frames, row.length) == (1, 45, 45)
    assert (read_account(root, 0) or {})["edited_from"]["episode"] == 1
    assert "episodes 0, 2 of 3 were deleted" in read_edits(root)[-1]["what"]
    assert_statistics_are_those_of_the_data(root)
    verdict = verify(root)
    assert verdict.is_good and not [w for w in verdict.warnings if "stats" in w], verdict
    assert opened(root)[44]["task"] == "wave"
    assert [path.name for path in root.parent.iterdir()] == ["data"], "something was left beside it"
    assert_resumes(root, 1)


@pytest.mark.parametrize(
    ("episodes", "words"),
    [([], "no episode is given"), ([7], "there is no episode 7; valid: 0 to 2"), ([0, 1, 2], "all 3 episodes")],
)
def test_episodes_that_cannot_be_deleted_leave_the_dataset_as_it_was(
    root: Path, episodes: list[int], words: str
) -> None:
    before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    with pytest.raises(ConfigurationError, match=words):
        delete_episodes(root, episodes)
    assert {path: path.read_bytes() for path in root.rglob("*") if path.is_file()} == before


def test_dataset_that_a_recorder_has_open_is_not_edited(root: Path) -> None:
    (root / "meta/strands_robots/reserve").write_bytes(b"")
    with pytest.raises(ConfigurationError, match=r"a recorder has .* open"):
        delete_episodes(root, [0])


def test_parts_have_their_episodes_statistics_and_accounts(root: Path, tmp_path: Path) -> None:
    done = CliRunner().invoke(
        app, ["split", str(root), str(tmp_path / "parts"), "--part", "train=0:2", "--part", "validation=2"]
    )
    assert done.exit_code == 0, (done.output, done.exception)
    for name, lengths in (("train", [50, 45]), ("validation", [40])):
        part = tmp_path / "parts" / name
        assert [row.length for row in read_episodes(part, read_info(part))] == lengths
        assert_statistics_are_those_of_the_data(part)
        verdict = verify(part)
        assert verdict.is_good, verdict.errors
    done = CliRunner().invoke(app, ["split", str(root), str(tmp_path / "more"), "--part", "train"])
    assert "valid: '<name>=<first>:<end>'" in str(done.exception)


def test_dataset_that_lerobot_deleted_episodes_of_stays_ours(root: Path, tmp_path: Path) -> None:
    from lerobot.datasets.dataset_tools import delete_episodes as by_lerobot

    edited = tmp_path / "edited"
    by_lerobot(opened(root), [0], edited, "test/edited")
    assert read_schema(edited) is None
    schema = require_known_schema(edited)
    assert adapter_text(schema) == adapter_text(read_schema(root))  # type: ignore[arg-type]
    verdict = verify(edited)
    assert verdict.is_good and any("edited by another tool; made from" in warning for warning in verdict.warnings)
    assert_resumes(edited, 2)
    assert [(read_account(edited, index) or {})["edited_from"]["episode"] for index in range(2)] == [1, 2]
    assert "taken over with 2 of 2 accounts" in read_edits(edited)[0]["what"]


def test_dataset_that_lerobot_edited_is_merged_with_others_of_ours(root: Path, dataset: Path, tmp_path: Path) -> None:
    from lerobot.datasets.dataset_tools import delete_episodes as by_lerobot

    by_lerobot(opened(root), [0], tmp_path / "edited", "test/edited")
    assert merge([tmp_path / "edited", dataset], tmp_path / "both", "test/both") == 5
    assert_statistics_are_those_of_the_data(tmp_path / "both")


def test_dataset_of_lerobot_record_is_adopted_by_its_robot_type_and_limits(theirs: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(theirs, tmp_path / "deep" / "copy"))
    assert "made by another recorder: taken over" in adopt(copy)[0] and adopt(copy) == []
    verdict = verify(copy)
    assert verdict.is_good, verdict.errors
    assert_resumes(copy, 2)
    stats = copy / "meta/stats.json"
    shutil.rmtree(copy / "meta/strands_robots")
    data = json.loads(stats.read_text())
    data["observation.state"]["max"] = [400.0] * 6
    stats.write_text(json.dumps(data))
    with pytest.raises(ConfigurationError, match="its units are not known"):
        adopt(copy)


def test_what_lerobot_changed_in_place_is_not_taken_back(root: Path) -> None:
    from lerobot.datasets.dataset_tools import modify_tasks, recompute_stats

    recompute_stats(opened(root))
    modify_tasks(opened(root), new_task="push")
    report = recover(root)
    assert report.episodes == 3 and "took over what another tool changed in place" in report.repaired
    assert {task for row in read_episodes(root, read_info(root)) for task in row.tasks} == {"push"}
    assert recover(root).is_clean
    assert_resumes(root, 3)


def test_statistics_that_do_not_fit_are_put_back(root: Path) -> None:
    path = root / "meta/stats.json"
    right = path.read_bytes()
    data = json.loads(right)
    data["action"]["mean"] = [999.0] * 6
    path.write_text(json.dumps(data))
    assert "put meta/stats.json back as after the last episode" in recover(root).repaired
    assert path.read_bytes() == right


def test_last_episode_is_taken_out_while_the_dataset_is_open(tmp_path: Path) -> None:
    schema = make_schema(robot_type=TYPE)
    store = LeRobotStore(tmp_path / "data", "test/data", schema, EncoderConfig())
    store.create()

    def record(length: int) -> None:
        for k in range(length):
            store.add(values(schema, k), "wave")
        store.save(account(schema, store.episodes, length))

    record(20)
    record(30)
    assert store.delete_last() == 1
    record(25)
    assert store.delete_last() == 1 and store.delete_last() == 0
    record(15)
    record(16)
    store.close()
    verdict = verify(tmp_path / "data", expected=2)
    assert verdict.is_good and verdict.frames == 31, verdict.errors
    assert_statistics_are_those_of_the_data(tmp_path / "data")
