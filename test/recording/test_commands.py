"""`strands-robots dataset` from the command line: what each command prints, makes and returns."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from strands_robots.cli.dataset import app
from strands_robots.core.errors import StrandsRobotsError

from .made import make_dataset

FRAMES = 24


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("commands") / "data"
    make_dataset(root, lengths=(FRAMES, FRAMES), robot_type="so101")
    return root


def run(*arguments: object, code: int = 0) -> str:
    """Run `strands-robots dataset` and return what it printed."""
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert done.exit_code == code, (done.output, done.exception)
    return done.output


def test_info_shows_what_is_in_a_dataset(dataset: Path) -> None:
    text = run("info", dataset)
    assert f"2 episodes, {2 * FRAMES} frames at 30 Hz" in text and "task 'wave': 2 episodes" in text
    summary = json.loads(run("info", dataset, "--json"))
    assert (summary["episodes"], summary["units"], summary["cameras"]) == (2, "lerobot", ["observation.images.camera0"])


def test_verify_tells_a_pipeline_by_its_exit_code(dataset: Path) -> None:
    assert "2 episodes, 48 frames: good" in run("verify", dataset, "--expected", 2)
    verdict: dict[str, Any] = json.loads(run("verify", dataset, "--expected", 3, "--json", "--no-pictures", code=1))
    assert not verdict["good"] and verdict["errors"] == ["2 episodes; expected 3"]


def test_recover_of_a_whole_dataset_changes_nothing(dataset: Path) -> None:
    before = {path: path.read_bytes() for path in dataset.rglob("*") if path.is_file()}
    assert run("recover", dataset) == f"{dataset}: 2 episodes, 48 frames are readable\n"
    assert json.loads(run("recover", dataset, "--json")) == {"episodes": 2, "frames": 48, "repaired": [], "lost": []}
    assert {path: path.read_bytes() for path in dataset.rglob("*") if path.is_file()} == before


def test_exported_episode_is_imported_and_merged_again(dataset: Path, tmp_path: Path) -> None:
    assert f"{3 * FRAMES + 1} messages" in run("export", dataset, tmp_path / "one.mcap", "--episode", 1)
    imported = run("import", tmp_path / "one.mcap", tmp_path / "again", "--robot", "so101=so101", "--task", "wave")
    assert f"episode 0, {FRAMES} frames" in imported and "so101/joint_states: 24 received" in imported
    assert "3 episodes" in run("merge", tmp_path / "both", dataset, tmp_path / "again")
    assert "3 episodes, 72 frames: good" in run("verify", tmp_path / "both", "--expected", 3)


@pytest.mark.parametrize("name", ["page.html", "sheet.png"])
def test_view_writes_a_page_or_a_sheet(dataset: Path, tmp_path: Path, name: str) -> None:
    assert run("view", dataset, tmp_path / name, "--episode", 1) == f"{tmp_path / name}: episode 1\n"
    assert (tmp_path / name).stat().st_size > 5_000


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("view", "{root}", "{tmp}/page.pdf"), "valid: .html or .png"),
        (("view", "{root}", "{tmp}/page.html", "--episode", "9"), "valid: 0 to 1"),
        (("export", "{root}", "{tmp}/a.mcap", "--episode", "9"), "valid: 0 to 1"),
        (("merge", "{tmp}/both", "{root}"), "valid: at least two"),
        (("push", "{root}", "no name"), "valid: <owner>/<name>"),
        (("info", "{tmp}"), "info.json cannot be read"),
    ],
)
def test_wrong_request_says_what_is_valid(
    dataset: Path, tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    given = [argument.format(root=dataset, tmp=tmp_path) for argument in arguments]
    done = CliRunner().invoke(app, given)
    assert isinstance(done.exception, StrandsRobotsError) and words in str(done.exception), done.exception
