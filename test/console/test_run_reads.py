"""Evaluations as pages read them: progress while one runs, success with its interval, videos, A against B."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("starlette", reason="starlette is not installed: pip install -r requirements/console.txt")
from starlette.testclient import TestClient

from strands_robots.console.run_reads import SWEEP, Runs
from strands_robots.evaluation.episode_result import EpisodeResult
from strands_robots.evaluation.results_file import NAME, ResultsFile
from strands_robots.evaluation.run_record import run_record

from .test_reads import served

TASK = {"reach": {"policy": {"name": "expert"}}}


def write_run(folder: Path, successes: list[bool], total: int = 0, is_open: bool = False) -> ResultsFile:
    """Write a run as evaluate does; with `is_open` it goes on."""
    file = ResultsFile(folder, run_record(TASK, {"episodes": total or len(successes)}), is_resumed=False)
    for index, success in enumerate(successes):
        reason, message = ("condition_met", "") if success else ("timeout", "the cube did not move")
        result = EpisodeResult(index, success, 1.5, reason, message, task="reach", index=index, start_digest="s")
        video = folder / "videos" / f"episode_{index}.mp4"
        if not success:
            video.parent.mkdir(exist_ok=True)
            video.write_bytes(b"0123456789" * 100)
            result = replace(result, video=str(video))
        file.append(result)
    if not is_open:
        file.__exit__(None, None, None)
    return file


def browser(*folders: Path) -> TestClient:
    return served(*Runs(folders).routes())


def test_runs_are_listed_with_progress_rate_and_interval_and_a_bad_file_hides_none(tmp_path: Path) -> None:
    going = write_run(tmp_path / "a" / "deep", [True, False, True], total=10, is_open=True)
    write_run(tmp_path / "b", [True] * 4)
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / NAME).write_text("{}\n")
    odd = [json.loads(line) for line in (tmp_path / "b" / NAME).read_text().splitlines()]
    for name, number, change in (("d", 0, {"tasks": ["reach"]}), ("e", 1, {"progress": float("nan")})):
        lines = [line | change if i == number else line for i, line in enumerate(odd)]
        (tmp_path / name).mkdir()
        (tmp_path / name / NAME).write_text("".join(json.dumps(line) + "\n" for line in lines))
    client = browser(tmp_path, tmp_path / "none")
    rows = {row["name"]: row for row in client.get("/runs").json()["runs"]}
    assert (rows["deep"]["done"], rows["deep"]["total"], rows["deep"]["successes"]) == (3, 10, 2)
    assert rows["deep"]["is_running"] and not rows["b"]["is_running"]
    low, high = rows["b"]["interval"]
    assert low == pytest.approx(0.5101, abs=1e-3) and high == pytest.approx(1.0), "Wilson's interval of 4 of 4"
    assert "does not begin" in rows["c"]["problem"]
    assert all("not as evaluate writes it" in rows[name]["problem"] for name in "de")
    going.append(EpisodeResult(3, True, 1.0, "condition_met", "", task="reach", index=3))
    going.__exit__(None, None, None)
    again = {row["name"]: row for row in client.get("/runs").json()["runs"]}["deep"]
    assert again["done"] == 4 and not again["is_running"], "what was written meanwhile is read"


def test_a_run_is_shown_with_its_episodes_and_the_videos_of_its_failures_in_ranges(tmp_path: Path) -> None:
    write_run(tmp_path / "run", [True, False])
    (tmp_path / SWEEP).write_text(
        json.dumps([{"latency": 0.1, "rate": 0.5, "lower": 0.1, "upper": 0.9, "stale_share": 0.2}])
    )
    client = browser(tmp_path)
    (row,) = client.get("/runs").json()["runs"]
    run = client.get(f"/runs/{row['id']}").json()
    assert [episode["outcome"] for episode in run["episodes"]] == ["success", "failure"]
    assert [episode["video"] for episode in run["episodes"]] == ["", "mp4"]
    assert run["by_task"][0]["rate"] == 0.5 and run["sweep"][0]["stale_share"] == 0.2
    part = client.get(f"/runs/{row['id']}/video/reach/1", headers={"Range": "bytes=10-19"})
    assert part.status_code == 206 and part.content == b"0123456789" and part.headers["content-type"] == "video/mp4"
    assert client.get(f"/runs/{row['id']}/video/reach/0").status_code == 409


def test_a_folder_that_was_moved_still_has_its_videos_and_a_path_out_of_it_leads_nowhere(tmp_path: Path) -> None:
    write_run(tmp_path / "before", [False])
    (tmp_path / "before").rename(tmp_path / "after")
    (tmp_path / "secret.mp4").write_bytes(b"secret")
    client = browser(tmp_path)
    (row,) = client.get("/runs").json()["runs"]
    assert client.get(f"/runs/{row['id']}/video/reach/0").status_code == 200
    file = tmp_path / "after" / NAME
    for path in (str(tmp_path / "secret.mp4"), "../secret.mp4", "/etc/passwd"):
        lines = [json.loads(line) for line in file.read_text().splitlines()]
        lines[1]["video"] = path
        file.write_text("".join(json.dumps(line) + "\n" for line in lines))
        answer = client.get(f"/runs/{row['id']}/video/reach/0")
        assert answer.status_code == 409 and b"secret" not in answer.content


def test_a_against_b_says_what_the_command_says(tmp_path: Path) -> None:
    write_run(tmp_path / "a", [False] * 10)
    write_run(tmp_path / "b", [True] * 10)
    client = browser(tmp_path)
    ids = {row["name"]: row["id"] for row in client.get("/runs").json()["runs"]}
    found = client.get("/runs/compare", params={"a": ids["a"], "b": ids["b"]}).json()
    assert found["verdict"] == 1 and found["lines"][-1] == "B is better than A at alpha 0.05, by the test"
    assert found["rows"][0]["wins"] == 10 and found["mean"] == 1.0
    unpaired = client.get("/runs/compare", params={"a": ids["a"], "b": ids["b"], "unpaired": "1"}).json()
    assert any("Barnard" in line for line in unpaired["lines"])
    assert client.get("/runs/compare", params={"a": ids["a"], "b": "../../etc"}).status_code == 409
