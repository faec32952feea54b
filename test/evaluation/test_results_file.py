"""results.jsonl: what is written survives, a cut line is left out, another run is refused, errors are run again."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from strands_robots.core.errors import ConfigurationError, PolicyError
from strands_robots.evaluation.collect.unit import Unit, UnitRunner
from strands_robots.evaluation.digests import results_digest
from strands_robots.evaluation.episode_result import EpisodeResult, PolicyChoice
from strands_robots.evaluation.results_file import NAME, ResultsFile, read_results
from strands_robots.evaluation.run_record import differences, policy_identity, run_record
from strands_robots.evaluation.run_units import ERRORS_IN_A_ROW, UnitRun
from strands_robots.evaluation.runner import rate_text

RECORD = run_record({"reach": {"task_sha256": "a"}}, {"episodes": 4})
UNITS = [Unit("reach", "", PolicyChoice("hold"), seed, seed) for seed in range(4)]


class Inline:
    """Answers each unit with a result that the test chooses."""

    def __init__(self, answer: Callable[[Unit], EpisodeResult]) -> None:
        self.answer = answer
        self.asked: list[tuple[int, int]] = []

    def collect(
        self, units: Sequence[Unit], on_result: Callable[[EpisodeResult], None], is_cancelled: Callable[[], bool]
    ) -> None:
        for unit in units:
            if is_cancelled():
                return
            self.asked.append((unit.index, unit.attempt))
            on_result(replace(self.answer(unit), attempt=unit.attempt))


def _good(unit: Unit) -> EpisodeResult:
    return EpisodeResult(unit.seed, unit.seed % 2 == 0, 1.0, "completed", "", task=unit.name, index=unit.index)


def _run(folder: Path, answer: Callable[[Unit], EpisodeResult], **options: bool) -> tuple[list[EpisodeResult], Inline]:
    collector = Inline(answer)
    return UnitRun(UNITS, RECORD, collector, folder, **options).run(lambda result: None), collector


def test_resumed_run_skips_what_is_done_and_tries_errors_again(tmp_path: Path) -> None:
    undisturbed, _ = _run(tmp_path / "whole", _good)
    _run(tmp_path / "cut", lambda unit: unit.failed("worker_died", "gone") if unit.seed == 2 else _good(unit))
    with (tmp_path / "cut" / NAME).open("ab") as file:
        file.write(b'{"kind": "episode", "se')  # killed while it wrote
    resumed, collector = _run(tmp_path / "cut", _good, is_resumed=True)
    assert collector.asked == [(2, 2)]
    assert results_digest(resumed) == results_digest(undisturbed)
    assert len(read_results(tmp_path / "cut").results) == 4


def test_file_of_another_run_is_refused_with_what_differs(tmp_path: Path) -> None:
    _run(tmp_path, _good)
    with pytest.raises(ConfigurationError, match="valid: another folder, or --resume"):
        ResultsFile(tmp_path, RECORD, is_resumed=False)
    other = {**RECORD, "tasks": {"reach": {"task_sha256": "b"}}}
    with pytest.raises(ConfigurationError, match='reach task_sha256: before "a", now "b"'):
        ResultsFile(tmp_path, other, is_resumed=True)
    assert len(read_results(tmp_path).results) == 4


def test_two_runs_cannot_write_one_file(tmp_path: Path) -> None:
    with (
        ResultsFile(tmp_path, RECORD, is_resumed=False),
        pytest.raises(ConfigurationError, match="another evaluation is writing"),
    ):
        ResultsFile(tmp_path, RECORD, is_resumed=True)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{}\n", "does not begin with a run's record"),
        (json.dumps({**RECORD, "format": 9}) + "\n", "has format 9; valid: 1"),
        (json.dumps(RECORD) + "\nnonsense\n", "line 2 of"),
        (json.dumps(RECORD) + '\n{"kind": "episode", "seed": 1}\n', "lacks a field"),
    ],
)
def test_file_that_is_no_results_says_what_is_wrong(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / NAME).write_text(text)
    with pytest.raises(ConfigurationError, match=words):
        read_results(tmp_path)


def test_whatever_a_policy_raises_costs_its_episode_only(monkeypatch: pytest.MonkeyPatch) -> None:
    class Runner:
        def run(self, seed: int, video: object, index: int) -> EpisodeResult:
            if seed == 1:
                raise RuntimeError("out of memory")
            return EpisodeResult(seed, True, 1.0, "condition_met", "")

        def close(self) -> None:
            return

    monkeypatch.setattr("strands_robots.evaluation.collect.unit._make_runner", lambda unit: Runner())
    runner = UnitRunner()
    results = [runner.run(unit) for unit in UNITS]
    assert [result.outcome for result in results] == ["success", "error", "success", "success"]
    assert (results[1].reason, results[1].message) == ("raised", "RuntimeError: out of memory")


def test_run_in_which_nothing_works_any_more_ends_and_keeps_what_it_has(tmp_path: Path) -> None:
    units = [Unit("reach", "", PolicyChoice("hold"), seed, seed) for seed in range(ERRORS_IN_A_ROW + 10)]
    collector = Inline(lambda unit: unit.failed("raised", "no memory") if unit.seed > 2 else _good(unit))
    with pytest.raises(PolicyError, match=r"20 episodes in a row could not be judged.*no memory"):
        UnitRun(units, RECORD, collector, tmp_path).run(lambda result: None)
    assert len(read_results(tmp_path).results) == ERRORS_IN_A_ROW + 3


def test_policy_that_cannot_be_made_ends_the_run_at_once() -> None:
    collector = Inline(lambda unit: unit.failed("refused", "unknown policy 'holt'"))
    with pytest.raises(PolicyError, match="unknown policy 'holt'"):
        UnitRun(UNITS, RECORD, collector).run(lambda result: None)
    assert len(collector.asked) == 1


def test_weights_that_changed_are_seen(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    choice = PolicyChoice("lerobot", json.dumps({"path": str(tmp_path), "device": "cpu"}))
    before = {"tasks": {"t": {"policy": policy_identity(choice)}}}
    (tmp_path / "model.safetensors").write_bytes(b"other weights")
    (found,) = differences(before, {"tasks": {"t": {"policy": policy_identity(choice)}}})
    assert found.startswith(f"t policy files_sha256 {tmp_path}: before")


def test_errors_are_shown_beside_the_rate() -> None:
    assert rate_text(6, 10, 2).endswith("2 could not be judged, without them 6 of 8, 75.0 %")
    assert "judged" not in rate_text(6, 10, 0)
