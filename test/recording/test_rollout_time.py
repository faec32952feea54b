"""How long sentry and highlight record, where the graph's time passes faster than the clock on the wall."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from builtin_interfaces.msg import Time
from strands_robots.srv import RecordEpisode

from strands_robots.clients import continuous_rollout
from strands_robots.clients.record_episode import RecordPlan
from strands_robots.clients.record_wishes import Wish, Wishes

FACTOR = 4.0
"""Seconds of the graph in one of waiting."""

PLAN = RecordPlan(
    root="/tmp/none", repo_id="local/none", task="wave", episodes=2, duration=8.0, fps=20, robots=("so101",), cameras=(), policy="sine",
    config="", rate=0.0, seed=0, lockstep=False, mode=0, velocity=False, effort=False, units="si", codec="h264", on_stale="mark",
)  # fmt: skip


class HandRecorder:
    """A recorder whose time the client's waiting lets pass."""

    IDLE, RECORDING = 0, 3

    def __init__(self) -> None:
        self.now = 100.0
        self.is_recording = False
        self.noted: list[tuple[int, float]] = []
        self.at_wait: Callable[[], None] = lambda: None

    def spin_until(self, condition: Callable[[], bool], timeout: float) -> bool:
        self.at_wait()
        self.now += FACTOR * timeout
        return condition()

    def order(self, command: int, **fields: Any) -> Any:
        if command != RecordEpisode.Request.STATE:
            self.noted.append((command, self.now))
            self.is_recording = command == RecordEpisode.Request.BEGIN
        stamp = Time(sec=int(self.now), nanosec=int(1e9 * (self.now % 1.0)))
        state = SimpleNamespace(
            header=SimpleNamespace(stamp=stamp), state=self.RECORDING if self.is_recording else self.IDLE, saved=0, RECORDING=self.RECORDING
        )  # fmt: skip
        return SimpleNamespace(success=True, message="", state=state)

    def close(self) -> None:
        pass


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> HandRecorder:
    made = HandRecorder()
    for name in ("load_policy", "unload_policy", "start_recording", "close_recording"):
        monkeypatch.setattr(continuous_rollout, name, lambda *_, **__: None)
    monkeypatch.setattr(continuous_rollout, "GoalBeats", lambda _: SimpleNamespace(keep=lambda owner: None))
    monkeypatch.setattr(continuous_rollout, "RecorderOrders", lambda _: made)

    def run_policy(client: Any, goal: Any, tell: Any, attend: Any, until: Any) -> Any:
        attend(lambda: False, lambda: None)
        return SimpleNamespace(termination_reason="cancelled")

    monkeypatch.setattr(continuous_rollout, "run_policy", run_policy)
    return made


def roll_out(strategy: str, recorder: HandRecorder, wishes: Wishes) -> None:
    recorder.node = None  # type: ignore[attr-defined]
    continuous_rollout.roll_out(strategy, recorder, PLAN, lambda _: None, lambda _: None, wishes)  # type: ignore[arg-type]


def test_an_episode_of_sentry_is_as_long_as_asked_in_the_graphs_time(recorder: HandRecorder) -> None:
    roll_out("sentry", recorder, Wishes())
    begin, end = RecordEpisode.Request.BEGIN, RecordEpisode.Request.END
    assert [command for command, _ in recorder.noted] == [begin, end, begin, end]
    times = [at for _, at in recorder.noted]
    for i in (0, 2):
        assert times[i + 1] - times[i] == pytest.approx(PLAN.duration, abs=0.1)


def test_highlight_is_over_after_the_graphs_time_and_takes_no_other_key_for_the_one(recorder: HandRecorder) -> None:
    keys = iter([Wish.AGAIN, Wish.NEXT])
    wishes = Wishes()

    def press() -> None:
        wish = next(keys, None)
        if wish is not None:
            wishes.ask(wish)

    recorder.at_wait = press
    roll_out("highlight", recorder, wishes)
    assert [command for command, _ in recorder.noted] == [RecordEpisode.Request.BEGIN, RecordEpisode.Request.END]
    assert recorder.now - 100.0 == pytest.approx(PLAN.duration * PLAN.episodes, abs=0.1)


def test_a_stop_ends_the_whole_at_once(recorder: HandRecorder) -> None:
    wishes = Wishes()
    recorder.at_wait = lambda: wishes.ask(Wish.STOP)
    roll_out("sentry", recorder, wishes)
    assert [command for command, _ in recorder.noted] == [RecordEpisode.Request.BEGIN, RecordEpisode.Request.END]
    assert recorder.now < 101.5
