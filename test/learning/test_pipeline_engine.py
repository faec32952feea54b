"""The engine of a pipeline with stages of a few bytes: skipped when nothing changed, and the same after a kill at every instant."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from strands_robots.core.errors import ConfigurationError
from strands_robots.dataset.files import write_json
from strands_robots.evaluation.digests import files_sha256
from strands_robots.learning.pipeline import journal as journal_module
from strands_robots.learning.pipeline.content_hash import canonical_sha256
from strands_robots.learning.pipeline.engine import run_stages
from strands_robots.learning.pipeline.journal import NAME, Journal, read_journal
from strands_robots.learning.pipeline.pipeline_config import PipelineConfig
from strands_robots.learning.pipeline.pipeline_status import pipeline_status
from strands_robots.learning.pipeline.report import write_report
from strands_robots.learning.pipeline.stage import Context, StageDone

CONFIG = PipelineConfig.model_validate(
    {"version": 1, "name": "tiny", "task": "reach", "train": {"options": {"policy.type": "act"}}}
)


class Parts:
    """Writes files one by one, and goes on with those that are there."""

    def __init__(self, name: str, number: int, before: str = "") -> None:
        self.name = name
        self.runs = 0
        self._number = number
        self._before = before

    def inputs(self, context: Context) -> Mapping[str, Any]:
        return {"number": self._number, "before": dict(context.done[self._before].outputs) if self._before else {}}

    def run(self, context: Context, folder: Path, key: str) -> Mapping[str, Any]:
        self.runs += 1
        for number in range(self._number):
            if not (folder / f"{number}.json").is_file():
                write_json(folder / f"{number}.json", [self.name, number, self.inputs(context)])
        return {"parts": self._number}

    def outputs(self, context: Context, folder: Path) -> Mapping[str, str]:
        found = sorted(folder.glob("[0-9].json"))
        if len(found) < self._number:
            raise ConfigurationError("a part is missing")
        return {"parts": canonical_sha256([files_sha256(path) for path in found])}


def stages(number: int = 2) -> list[Parts]:
    return [Parts("record", number), Parts("train", 2, "record"), Parts("evaluate", 1, "train")]


def run(folder: Path, made: list[Parts] | None = None) -> list[StageDone]:
    with Journal(folder, "tiny") as journal:
        return run_stages(made or stages(), Context(folder, CONFIG, journal, lambda line: None))


def hashes(done: list[StageDone]) -> dict[str, dict[str, str]]:
    return {one.name: dict(one.outputs) for one in done}


def killed(folder: Path, instant: int, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Run in a child that kills itself at its n-th step on the disk; return whether it came that far."""
    child = os.fork()
    if child == 0:
        left = [instant]

        def step(call: Callable[..., Any]) -> Callable[..., Any]:
            def stepped(*given: Any, **named: Any) -> Any:
                for moment in (lambda: None, lambda: call(*given, **named)):
                    result = moment()
                    left[0] -= 1
                    if left[0] == 0:
                        os.kill(os.getpid(), signal.SIGKILL)
                return result

            return stepped

        monkeypatch.setattr(os, "fsync", step(os.fsync))
        monkeypatch.setattr(Path, "replace", step(Path.replace))
        monkeypatch.setattr(Path, "mkdir", step(Path.mkdir))
        run(folder)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_killed_at_every_instant_and_resumed_it_makes_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = hashes(run(tmp_path / "whole"))
    instant = 0
    while killed(tmp_path / str(instant), instant + 1, monkeypatch):
        assert hashes(run(tmp_path / str(instant))) == whole, f"killed at instant {instant + 1}"
        instant += 1
    assert instant > 60


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_killed_again_and_again_it_comes_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = hashes(run(tmp_path / "whole"))
    kills = sum(killed(tmp_path / "often", 12, monkeypatch) for _ in range(12))
    assert kills >= 4
    assert hashes(run(tmp_path / "often")) == whole


def test_nothing_runs_twice_and_a_change_runs_only_what_depends_on_it(tmp_path: Path) -> None:
    run(tmp_path)
    again = stages()
    done = run(tmp_path, again)
    assert [stage.runs for stage in again] == [0, 0, 0] and all(one.is_skipped for one in done)
    other = [Parts("record", 2), Parts("train", 3, "record"), Parts("evaluate", 1, "train")]
    assert [one.is_skipped for one in run(tmp_path, other)] == [True, False, False]
    assert all(one.is_skipped for one in run(tmp_path)), "the former settings are still there"


def test_status_follows_a_return_to_former_settings(tmp_path: Path) -> None:
    first = hashes(run(tmp_path))
    run(tmp_path, [Parts("record", 2), Parts("train", 3, "record"), Parts("evaluate", 1, "train")])
    run(tmp_path)
    length = len((tmp_path / NAME).read_text().splitlines())
    run(tmp_path)
    records = list(read_journal(tmp_path / NAME))
    assert len(records) == length, "a run that does nothing writes nothing"
    assert {one.stage: dict(one.outputs) for one in pipeline_status(records) if one.outputs} == first


def test_outputs_that_were_changed_are_kept_aside_and_made_again(tmp_path: Path) -> None:
    first = run(tmp_path)
    folder = first[0].folder
    (folder / "0.json").write_text('"edited by a person"')
    made = stages()
    assert hashes(run(tmp_path, made)) == hashes(first)
    assert [stage.runs for stage in made] == [1, 0, 0]
    assert (folder.parent / f"{folder.name}.changed-1" / "0.json").read_text() == '"edited by a person"'


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_stage_that_is_made_again_and_killed_goes_on_with_its_own_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for instant in range(4, 20, 2):
        first = run(tmp_path / str(instant))
        folder = first[0].folder
        (folder / "0.json").write_text('"edited"')
        assert killed(tmp_path / str(instant), instant, monkeypatch)
        assert hashes(run(tmp_path / str(instant))) == hashes(first)
        changed = [path for path in folder.parent.iterdir() if "changed" in path.name]
        assert [path.name for path in changed] == [f"{folder.name}.changed-1"], instant
        assert (changed[0] / "0.json").read_text() == '"edited"'


def test_line_that_was_being_written_is_cut_off_and_damage_is_named(tmp_path: Path) -> None:
    run(tmp_path)
    path = tmp_path / NAME
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"kind": "done", "sta')
    assert all(one.is_skipped for one in run(tmp_path))
    assert path.read_bytes() == whole
    path.write_bytes(b"nonsense\n" + whole)
    with pytest.raises(ConfigurationError, match=r"line 1 of .*journal\.jsonl is no JSON"):
        run(tmp_path)


def test_one_process_at_a_time_one_pipeline_in_a_folder(tmp_path: Path) -> None:
    with Journal(tmp_path / "one", "tiny"), pytest.raises(ConfigurationError, match="another process runs"):
        Journal(tmp_path / "one", "tiny")
    with pytest.raises(ConfigurationError, match="is of pipeline 'tiny'"):
        Journal(tmp_path / "one", "other")
    (tmp_path / "two").mkdir()
    (tmp_path / "two" / "thesis.tex").write_text("")
    with pytest.raises(ConfigurationError, match="holds no pipeline, but something else"):
        Journal(tmp_path / "two", "tiny")
    assert json.loads((tmp_path / "one" / NAME).read_text())["format"] == journal_module.FORMAT


def test_status_and_report_say_where_a_failed_pipeline_stands(tmp_path: Path) -> None:
    made = stages()
    made[1].outputs = lambda context, folder: (_ for _ in ()).throw(ConfigurationError("the disk <b>is gone"))  # type: ignore[method-assign]
    with pytest.raises(ConfigurationError, match="is gone"):
        run(tmp_path, made)
    records = list(read_journal(tmp_path / NAME))
    states = {one.stage: one.state for one in pipeline_status(records)}
    assert (states["record"], states["train"], states["evaluate"]) == ("done", "failed", "not begun")
    page = write_report(tmp_path, records).read_text()
    assert "the disk &lt;b&gt;is gone" in page and "data:image/png" in page
    assert "http" not in page.replace("http-equiv", "")
