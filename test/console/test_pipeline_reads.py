"""Pipelines as pages read them: where each stage stands, who runs one, and a report that can do nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("starlette", reason="starlette is not installed: pip install -r requirements/console.txt")
from starlette.testclient import TestClient

from strands_robots.console.pipeline_reads import Pipelines
from strands_robots.learning.pipeline.journal import NAME, Journal
from strands_robots.learning.pipeline.report import REPORT, write_report

from .test_reads import served

DIGEST = "ab" * 32


def write_pipeline(folder: Path, name: str, waits: bool = True) -> Journal:
    """Write what a pipeline writes until its gate; the journal is open, as that of one that runs."""
    journal = Journal(folder, name)
    journal.append("begun", stage="record", key="k1")
    journal.append("done", stage="record", key="k1", outputs={"dataset": DIGEST}, facts={}, elapsed=4.25)
    journal.append("begun", stage="verify", key="k2")
    if waits:
        journal.append("done", stage="verify", key="k2", outputs={"verdict": DIGEST}, facts={}, elapsed=0.5)
        journal.append("waiting", stage="gate", key="k3", message="a person has to sign requests/01.json")
    write_report(folder, journal.records)
    return journal


def browser(*folders: Path) -> TestClient:
    return served(*Pipelines(folders).routes())


def test_each_stage_says_where_it_stands_and_a_bad_journal_hides_none(tmp_path: Path) -> None:
    going = write_pipeline(tmp_path / "a" / "deep", "reach", waits=False)
    with write_pipeline(tmp_path / "b", "pick"):
        pass
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / NAME).write_text("{}\n")
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / NAME).write_text('{"kind": "a journal of something else"}\n')
    client = browser(tmp_path, tmp_path / "none")
    rows = {row["name"]: row for row in client.get("/pipelines").json()["pipelines"]}
    assert set(rows) == {"reach", "pick", "c"} and "no record" in rows["c"]["problem"]
    assert rows["reach"]["is_running"] and not rows["pick"]["is_running"]
    states = {stage["stage"]: stage["state"] for stage in rows["pick"]["stages"]}
    assert (states["record"], states["verify"], states["gate"], states["train"]) == (
        "done",
        "done",
        "waits",
        "not begun",
    )
    assert (rows["pick"]["done"], rows["pick"]["total"]) == (2, 7)
    record = rows["pick"]["stages"][0]
    assert record["elapsed"] == 4.25 and record["outputs"] == {"dataset": DIGEST[:12]}
    assert "sign requests/01.json" in next(stage["words"] for stage in rows["pick"]["stages"] if stage["words"])
    going.__exit__(None, None, None)


def test_the_report_is_served_in_a_sandbox_and_only_from_its_own_folder(tmp_path: Path) -> None:
    with write_pipeline(tmp_path / "runs" / "a", "reach"):
        pass
    with write_pipeline(tmp_path / "runs" / "b", "pick"):
        pass
    (tmp_path / "secret.html").write_text("secret")
    (tmp_path / "runs" / "b" / REPORT).unlink()
    (tmp_path / "runs" / "b" / REPORT).symlink_to(tmp_path / "secret.html")
    client = browser(tmp_path / "runs")
    ids = {row["name"]: row["id"] for row in client.get("/pipelines").json()["pipelines"]}
    answer = client.get(f"/pipelines/{ids['reach']}/report")
    assert answer.status_code == 200 and "Pipeline reach" in answer.text
    assert answer.headers["content-security-policy"].startswith("sandbox; default-src 'none'")
    assert client.get(f"/pipelines/{ids['pick']}/report").status_code == 409, "a link leads out of the folder"
    for path in ("..", "%2e%2e%2f..", "0" * 16, "a"):
        assert client.get(f"/pipelines/{path}/report").status_code in (404, 409)
