"""Language columns: written with LeRobot's writer from what was said while recording, read by its loader, rendered by its recipes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("lerobot", reason="needs make setup-learning")

from strands_robots.core.errors import ConfigurationError
from strands_robots.core.share import share_directory
from strands_robots.dataset import files
from strands_robots.dataset.encoder import EncoderConfig
from strands_robots.dataset.errors import DatasetError
from strands_robots.dataset.language import ASIDE, ROWS, has_language, put_language_aside, read_language, write_language
from strands_robots.dataset.language_rows import agent_row, plain_row, said
from strands_robots.dataset.store import LeRobotStore
from strands_robots.dataset.table import account_path, read_account, read_info, require_schema
from strands_robots.dataset.verify import verify

from .made import account, make_dataset, values

pytestmark = pytest.mark.learning

WORDS: list[dict[str, Any]] = [
    {**plain_row("assistant", "subtask", "reach for the cube"), "timestamp": 0.0},
    {**plain_row("user", "interjection", "more to the left"), "timestamp": 0.31},
    {**plain_row("assistant", "", "I go left"), "timestamp": 0.4},
    {**agent_row("move_to", '{"x": 0.2}'), "timestamp": 0.5},
    {**plain_row("assistant", "subtask", "close the gripper"), "timestamp": 1.0},
]


def _say(root: Path, rows: list[dict[str, Any]], episode: int = 0) -> None:
    known = read_account(root, episode) or {}
    files.write_json(account_path(root, episode), {**known, ROWS: rows})


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    make_dataset(folder, (50, 45), cameras=0)
    _say(folder, WORDS)
    return folder


def test_words_come_back_through_lerobots_loader_at_their_frames(root: Path) -> None:
    from lerobot.datasets.lerobot_dataset import LeRobotDataset

    assert write_language(root) == len(WORDS)
    assert verify(root, expected=2).is_good
    dataset = LeRobotDataset("local/x", root=root)
    assert dataset.meta.has_language_columns
    assert [tool["function"]["name"] for tool in dataset.meta.tools] == ["say"]
    persistent = [row["content"] for row in dataset[7]["language_persistent"]]
    assert persistent == ["reach for the cube", 'move_to {"x": 0.2}', "close the gripper"]
    assert [row["content"] for row in dataset[9]["language_events"]] == ["more to the left"], (
        "0.31 s is frame 9 of 30 Hz"
    )
    assert said(dataset[12]["language_events"]) == ["I go left"]
    assert dataset[11]["language_events"] == [] and dataset[60]["language_persistent"] == []
    assert [row["timestamp"] for row in read_language(root)[0]] == pytest.approx([0.0, 0.3, 0.4, 0.5, 1.0], abs=1e-5)


def test_lerobots_recipe_makes_messages_of_them(root: Path) -> None:
    from lerobot.configs.recipe import load_recipe
    from lerobot.datasets.language_render import render_sample
    from lerobot.datasets.lerobot_dataset import LeRobotDataset

    write_language(root)
    recipe = load_recipe(share_directory() / "config/recipes/subtask_and_speech.yaml")
    frame = LeRobotDataset("local/x", root=root)[12]
    rendered = render_sample(
        recipe=recipe, persistent=frame["language_persistent"], events=frame["language_events"],
        t=float(frame["timestamp"]), sample_idx=12, task=frame["task"],
    )  # fmt: skip
    assert rendered is not None
    texts = [message.get("content") for message in rendered["messages"]]
    assert texts[:2] == [frame["task"], "reach for the cube"]
    assert said([rendered["messages"][2]]) == ["I go left"]


def test_dataset_that_goes_on_keeps_its_words_and_gets_new_ones(root: Path) -> None:
    write_language(root)
    schema = require_schema(root)
    store = LeRobotStore(root, "test/made", schema, EncoderConfig())
    store.resume()
    assert "language_persistent" not in read_info(root).features, (
        "LeRobot's recorder cannot add frames to a dataset that has them"
    )
    for k in range(20):
        store.add(values(schema, k), "wave")
    said_now = [{**plain_row("assistant", "", "third"), "timestamp": 0.1}]
    store.save({**account(schema, 2, 20), ROWS: said_now})
    store.close()
    assert verify(root, expected=3).is_good
    rows = read_language(root)
    assert [row["content"] for row in rows[0]] == [row["content"] for row in WORDS]
    assert said(rows[2]) == ["third"] and rows[1] == []


def test_words_that_are_not_valid_are_refused(root: Path) -> None:
    with pytest.raises(
        ConfigurationError, match="style is 'song'; valid: subtask, plan, memory, motion, interjection, or empty"
    ):
        plain_row("user", "song", "la")
    with pytest.raises(ConfigurationError, match="role is 'robot'; valid: user, assistant"):
        plain_row("robot", "subtask", "x")
    with pytest.raises(ConfigurationError, match="content is empty"):
        plain_row("user", "subtask", " ")
    with pytest.raises(DatasetError, match="no language columns"):
        read_language(root)
    _say(root, [{"role": "assistant", "style": None, "content": "x", "tool_calls": None, "timestamp": 0.0}])
    with pytest.raises(DatasetError, match="are not valid"):
        write_language(root)
    assert "language_persistent" not in read_info(root).features and verify(root, expected=2).is_good


def test_columns_that_were_written_in_part_when_the_process_died_are_written_again(root: Path) -> None:
    """The columns are in the tables, and neither info.json nor the manifest knows of them."""
    info = (root / "meta/info.json").read_bytes()
    write_language(root)
    (root / "meta/info.json").write_bytes(info)
    schema = require_schema(root)
    store = LeRobotStore(root, "test/made", schema, EncoderConfig(), with_language=True)
    store.resume()
    for k in range(10):
        store.add(values(schema, k), "wave")
    store.save(account(schema, 2, 10))
    store.close()
    assert verify(root, expected=3).is_good
    rows = read_language(root)
    assert [row["content"] for row in rows[0]] == [row["content"] for row in WORDS] and rows[2] == []


@pytest.mark.parametrize("instant", ["tables", "info"])
def test_columns_that_were_taken_out_in_part_when_the_process_died_lose_no_words(
    root: Path, monkeypatch: pytest.MonkeyPatch, instant: str
) -> None:
    write_language(root)
    schema = require_schema(root)
    replaced: list[Path] = []
    replace = Path.replace

    def replace_one(self: Path, target: Path) -> Path:
        if self.suffix == ".new" and replaced:
            raise KeyboardInterrupt
        replaced.extend([self] if self.suffix == ".new" else [])
        return replace(self, target)

    def no_info(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        if instant == "tables":
            patch.setattr(Path, "replace", replace_one)
        else:
            patch.setattr("lerobot.datasets.io_utils.write_info", no_info)
        put_language_aside(root)
    store = LeRobotStore(root, "test/made", schema, EncoderConfig())
    store.resume()
    store.close()
    assert verify(root, expected=2).is_good
    assert [row["content"] for row in read_language(root)[0]] == [row["content"] for row in WORDS]


def test_recording_that_was_killed_while_the_columns_were_out_gives_them_back(root: Path) -> None:
    write_language(root)
    schema = require_schema(root)
    put_language_aside(root)
    store = LeRobotStore(root, "test/made", schema, EncoderConfig())
    store.resume()
    store.close()
    assert verify(root, expected=2).is_good and has_language(root)
    assert [row["content"] for row in read_language(root)[0]] == [row["content"] for row in WORDS]
    assert not (root / ASIDE).exists()
