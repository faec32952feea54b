"""Comparison of two policies: pairs, tests that hold at any time, the formats of other harnesses, exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from strands_robots.cli.compare import REGRESSION
from strands_robots.cli.main import app
from strands_robots.core.errors import ConfigurationError
from strands_robots.evaluation.compare.comparison import compare
from strands_robots.evaluation.compare.live import SIDES, LiveComparison, PairFeed, compare_live, read_choice
from strands_robots.evaluation.compare.outcomes import Outcome, Outcomes, read_outcomes
from strands_robots.evaluation.compare.tests import EarlyStop, barnard, bootstrap_mean, holm, log_e_value, mcnemar_exact
from strands_robots.evaluation.episode_result import EpisodeResult, PolicyChoice
from strands_robots.evaluation.results_file import ResultsFile
from strands_robots.evaluation.run_record import run_record

DATA = Path(__file__).parent / "data"


def _outcomes(name: str, successes: list[bool], task: str = "t") -> Outcomes:
    return Outcomes(name, {(task, index): Outcome(success) for index, success in enumerate(successes)})


def _write(folder: Path, successes: list[bool], start: str = "s") -> Path:
    with ResultsFile(folder, run_record({}, {}), is_resumed=False) as file:
        for index, success in enumerate(successes):
            file.append(EpisodeResult(index, success, 1.0, "completed", "", task="t", index=index, start_digest=start))
    return folder


def test_equal_policies_are_rarely_told_apart_however_often_one_looks() -> None:
    """A thousand comparisons of equal policies, looked at after each of 300 pairs; the level is 5 %."""
    random = np.random.default_rng(7)
    alarms = 0
    for rate in np.tile([0.1, 0.3, 0.5, 0.7, 0.9], 200):
        stop = EarlyStop(0.05)
        for first, second in random.random((300, 2)) < rate:
            stop.take(bool(first), bool(second))
        alarms += stop.verdict != 0
    assert 0 < alarms < 50


def test_better_policy_is_found_early() -> None:
    random = np.random.default_rng(1)
    decided = []
    for _ in range(100):
        stop = EarlyStop(0.05)
        while not stop.verdict:
            stop.take(bool(random.random() < 0.1), bool(random.random() < 0.9))
        assert stop.verdict == 1
        decided.append(stop.decided_at)
    assert np.median(decided) <= 10


def test_evidence_is_the_published_mixture_and_tests_are_scipys() -> None:
    assert log_e_value(0, 0) == pytest.approx(0.0)
    assert np.exp(log_e_value(1, 0)) == pytest.approx(1.0)  # the first discordant pair says nothing about the direction
    assert np.exp(log_e_value(8, 0)) > 20.0 > np.exp(log_e_value(6, 0))
    assert mcnemar_exact(0, 0) == 1.0
    assert mcnemar_exact(9, 1) == pytest.approx(0.021484, abs=1e-6)
    assert barnard((25, 29), (50, 50)) == pytest.approx(0.53, abs=0.02)
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])


def test_mean_over_tasks_weighs_tasks_alike_and_its_interval_holds_it() -> None:
    mean, lower, upper = bootstrap_mean([np.ones(10), np.zeros(1000)])
    assert mean == pytest.approx(0.5)
    assert lower == pytest.approx(0.0)
    assert upper == pytest.approx(1.0)


def test_verdict_does_not_depend_on_the_order_in_which_results_come() -> None:
    random = np.random.default_rng(3)
    results = [
        (side, EpisodeResult(i, bool(random.random() < (0.2 if side == "a" else 0.8)), 1.0, "completed", "", index=i))
        for i in range(60)
        for side in SIDES
    ]
    decided = set()
    for _ in range(5):
        feed = PairFeed(list(range(60)), 0.05)
        for k in random.permutation(len(results)):
            feed.take(*results[k])
        decided.add((feed.early.decided_at, feed.early.verdict, tuple(feed.taken)))
    assert len(decided) == 1
    ((at, verdict, taken),) = decided
    assert (verdict, len(taken)) == (1, at)


def test_pairs_that_did_not_begin_alike_are_refused(tmp_path: Path) -> None:
    first, second = _write(tmp_path / "a", [True] * 3), _write(tmp_path / "b", [True] * 3, start="other")
    with pytest.raises(ConfigurationError, match="3 of 3 episodes did not begin alike, for example t 0"):
        compare(read_outcomes(first), read_outcomes(second))
    with pytest.raises(ConfigurationError, match=r"no episode in common; valid: .*--unpaired"):
        compare(_outcomes("a", [True], "t"), _outcomes("b", [True], "u"))


def test_error_of_the_machine_is_no_verdict_on_a_policy_but_one_of_the_policy_is(tmp_path: Path) -> None:
    for name, reason in (("machine", "worker_died"), ("policy", "raised")):
        with ResultsFile(tmp_path / name, run_record({}, {}), is_resumed=False) as file:
            file.append(EpisodeResult(0, False, 0.0, reason, "", task="t", index=0, is_error=True))
            file.append(EpisodeResult(1, True, 0.0, "condition_met", "", task="t", index=1))
    good = _outcomes("good", [True, True])
    assert compare(good, read_outcomes(tmp_path / "machine")).left_out == 1
    assert compare(good, read_outcomes(tmp_path / "policy")).losses == 1


def test_regression_has_an_exit_code_of_its_own(tmp_path: Path) -> None:
    good, bad = _write(tmp_path / "good", [True] * 12), _write(tmp_path / "bad", [False] * 10 + [True] * 2)
    worse = CliRunner().invoke(app, ["compare", str(good), str(bad)])
    assert worse.exit_code == REGRESSION, worse.output
    assert "10 of 12 pairs differ; exact McNemar p = 0.001953" in worse.output
    assert "B is worse than A at alpha 0.05" in worse.output
    better = CliRunner().invoke(app, ["compare", str(bad), str(good)])
    assert (better.exit_code, "B is better" in better.output) == (0, True)
    alike = CliRunner().invoke(app, ["compare", str(good), str(good)])
    assert (alike.exit_code, "undecided" in alike.output) == (0, True)


def test_results_of_lerobot_eval_and_of_vla_eval_are_read() -> None:
    """The files were written by lerobot 0.6.1's eval_policy_all and vla-eval 0.8.0's ResultCollector."""
    lerobot = read_outcomes(DATA / "eval_info.json")
    assert [lerobot.episodes["pusht/0", i].success for i in range(4)] == [True, False, True, True]
    vla_eval = read_outcomes(DATA / "vla_eval_aggregate.json")
    assert {key: (one.success, one.is_judged) for key, one in vla_eval.episodes.items()} == {
        ("pick", 0): (True, True), ("pick", 1): (False, True), ("pick", 2): (False, False), ("place", 0): (True, True),
    }  # fmt: skip
    found = compare(lerobot, Outcomes("b", {("pusht/0", i): Outcome(True) for i in range(4)}))
    assert (found.first, found.second, found.wins) == (3, 4, 1)
    assert "same seed" in found.notes[0]


@pytest.mark.parametrize(
    ("text", "words"), [("[]", "no known format"), ("{", "is not JSON"), ('{"per_task": [{}]}', "lacks")]
)
def test_file_of_another_kind_says_which_are_read(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(ConfigurationError, match=f"{words}.*valid: results.jsonl of evaluate, eval_info.json"):
        read_outcomes(tmp_path / "x.json")


REACH = """
name: reach
robot: so101
success: {holds: {joint: shoulder_pan, above: 0.3}, for: 0.1}
joint_noise: 0.05
duration: 1.2
settle: 0.0
"""


def test_two_policies_run_pair_by_pair_until_the_evidence_is_enough(tmp_path: Path) -> None:
    good = read_choice(json.dumps({"policy": "scripted", "config": {"waypoints": [{"joints": {"shoulder_pan": 0.4}}]}}))
    config = LiveComparison(REACH, good, PolicyChoice("hold"), 40, workers=2, folder=tmp_path)
    found = compare_live(config)
    assert (found.verdict, found.is_sequential) == (-1, True)
    assert found.pairs == found.early.decided_at < 12
    told: list[EpisodeResult] = []
    again = compare_live(config, told.append)
    assert told == []  # everything was on the disk
    assert again.early.decided_at == found.early.decided_at
