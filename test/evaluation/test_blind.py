"""A blind trial: hidden order, matched starts, verdicts by a person, a condition or a critic, and an end when it is clear."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from strands_robots.cli.main import app
from strands_robots.core.errors import ConfigurationError, ShapeError
from strands_robots.evaluation.blind.overlay import difference, overlay
from strands_robots.evaluation.blind.sealed import NAME, SealedOrder, open_sealed
from strands_robots.evaluation.blind.station import Go, StationEnd
from strands_robots.evaluation.blind.trial import BlindTrial, run_blind
from strands_robots.evaluation.compare.comparison import Comparison
from strands_robots.evaluation.episode_result import PolicyChoice

WEAK, STRONG = PolicyChoice("hold", "{weak: 1}"), PolicyChoice("sine", "{strong: 1}")


class Bench:
    """An arm on which only STRONG does the task, and the person who watches it."""

    def __init__(
        self, leave_at: int = -1, unclear_at: int = -1, reason: str = "completed", checked: bool = True
    ) -> None:
        self.ran: list[PolicyChoice] = []
        self.seeds: list[int] = []
        self.words: list[str] = []
        self._leave_at, self._unclear_at, self._reason, self._checked = leave_at, unclear_at, reason, checked
        self._looks = 0

    def look(self) -> Any:
        self._looks += 1
        return np.full((8, 8, 3), 10 * (self._looks % 3), np.uint8)

    def run(self, choice: PolicyChoice, seed: int) -> StationEnd:
        self.ran.append(choice)
        self.seeds.append(seed)
        reason, self._reason = self._reason, "completed"
        return StationEnd(reason, f"{choice.policy} said so", 1.0, self._checked, choice == STRONG)

    def prepare(self, words: str) -> Go:
        self.words.append(words)
        return Go.LEAVE if len(self.ran) == self._leave_at else Go.RUN

    def judge(self, words: str) -> bool | None:
        self.words.append(words)
        if len(self.ran) == self._unclear_at:
            return None
        return self.ran[-1] == STRONG


def trial(folder: Path, **given: Any) -> BlindTrial:
    return BlindTrial(
        **{"task": "lift the cube", "first": WEAK, "second": STRONG, "pairs": 30, "folder": folder, **given}
    )


def run(bench: Bench, plan: BlindTrial) -> Comparison | None:
    return run_blind(plan, bench, bench, bench.words.append)


def test_better_policy_is_found_early_and_nothing_told_before_says_which_one_moves(tmp_path: Path) -> None:
    bench = Bench()
    found = run(bench, trial(tmp_path))
    assert found is not None and found.verdict > 0
    assert found.early.decided_at == found.pairs < 10
    assert len(bench.ran) == 2 * found.pairs
    for pair in range(found.pairs):
        assert {choice.policy for choice in bench.ran[2 * pair : 2 * pair + 2]} == {"hold", "sine"}
        assert len(set(bench.seeds[2 * pair : 2 * pair + 2])) == 1
    assert not [words for words in bench.words if "hold" in words or "sine" in words]
    second = [words for words in bench.words if words.startswith("episode 2 ")]
    assert "overlay.png shows both, mean difference" in second[0]
    assert (tmp_path / "overlay.png").is_file() and (tmp_path / "starts" / "episode_00000.png").is_file()


def test_trial_that_was_left_goes_on_in_the_same_order_and_another_one_is_refused(tmp_path: Path) -> None:
    first = Bench(leave_at=3)
    assert run(first, trial(tmp_path)) is None
    seal = (tmp_path / NAME).read_text()
    assert stat.S_IMODE((tmp_path / NAME).stat().st_mode) == 0o600
    with pytest.raises(ConfigurationError, match="of another run"):
        run(Bench(), trial(tmp_path, judge="condition"))
    second = Bench()
    found = run(second, trial(tmp_path))
    assert found is not None and found.verdict > 0
    assert len(first.ran) + len(second.ran) == 2 * found.pairs
    assert (tmp_path / NAME).read_text() == seal
    order = SealedOrder(json.loads(seal)["key"])
    assert [order.side(episode) == "b" for episode in range(3)] == [choice == STRONG for choice in first.ran]


def test_episode_that_could_not_be_judged_is_run_again_with_the_same_policy(tmp_path: Path) -> None:
    unclear = Bench(unclear_at=1)
    assert run(unclear, trial(tmp_path / "a", pairs=1)) is not None
    assert len(unclear.ran) == 3 and unclear.ran[0] == unclear.ran[1]
    stopped = Bench(reason="stopped")
    assert run(stopped, trial(tmp_path / "b", pairs=1)) is not None
    assert len(stopped.ran) == 3 and stopped.ran[0] == stopped.ran[1]
    assert sum("could not be judged (stopped)" in words for words in stopped.words) == 1


def test_policy_that_raises_has_not_done_the_task_and_is_not_run_again(tmp_path: Path) -> None:
    bench = Bench(reason="policy_failed")
    assert run(bench, trial(tmp_path, pairs=1)) is not None
    assert len(bench.ran) == 2
    assert sum("was the task done" in words for words in bench.words) == 1


def test_a_condition_or_a_critic_judges_in_the_persons_place(tmp_path: Path) -> None:
    bench = Bench()
    found = run(bench, trial(tmp_path / "a", judge="condition"))
    assert found is not None and found.verdict > 0
    assert not [words for words in bench.words if "was the task done" in words]
    unchecked = Bench(checked=False, leave_at=2)
    assert run(unchecked, trial(tmp_path / "b", judge="condition")) is None
    with pytest.raises(ConfigurationError, match="no critic is given"):
        trial(tmp_path, judge="critic")
    with pytest.raises(ConfigurationError, match="valid: person, condition, critic"):
        trial(tmp_path, judge="dog")


def test_order_has_each_policy_once_in_a_pair_and_either_first(tmp_path: Path) -> None:
    order = open_sealed(tmp_path)
    sides = [order.side(episode) for episode in range(2000)]
    assert all({sides[i], sides[i + 1]} == {"a", "b"} for i in range(0, 2000, 2))
    assert 400 < sum(side == "a" for side in sides[::2]) < 600
    assert open_sealed(tmp_path) == order
    (tmp_path / NAME).write_text("{}")
    with pytest.raises(ConfigurationError, match="not the order of a trial"):
        open_sealed(tmp_path)


def test_overlay_shows_both_starts() -> None:
    dark, light = np.zeros((4, 4, 3), np.uint8), np.full((4, 4, 3), 200, np.uint8)
    assert (overlay(dark, light) == 100).all()
    assert (difference(dark, light), difference(light, light)) == (200.0, 0.0)
    with pytest.raises(ShapeError, match="the same camera"):
        overlay(dark, light[:2])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--task", "reach", "--robot", "so101"], "--robot would not count without --blind"),
        (["--judge", "critic", "--camera", "so101/wrist"], "--camera, --judge would not count without --blind"),
        (
            ["--blind", "--task", "x", "--unpaired", "--workers", "2"],
            "--unpaired, --workers would not count with --blind",
        ),
    ],
)
def test_option_that_would_not_count_is_refused(tmp_path: Path, words: list[str], said: str) -> None:
    result = CliRunner().invoke(app, ["compare", str(tmp_path), str(tmp_path), *words])
    assert isinstance(result.exception, ConfigurationError) and said in str(result.exception)
