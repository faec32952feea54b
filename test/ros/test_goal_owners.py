"""Goals whose owner is silent end; a node that was deaf itself blames nobody, for a while."""

from __future__ import annotations

import uuid
from types import SimpleNamespace
from typing import Any

import pytest
from unique_identifier_msgs.msg import UUID

import strands_robots.ros.goals.goal_owners as module

GOAL = uuid.uuid4()
BEAT = UUID(uuid=list(GOAL.bytes))


class Watch:
    """GoalOwners of a node without a graph, at a time of our own."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now, self.lost = 100.0, list[str]()
        monkeypatch.setattr(module.time, "monotonic", lambda: self.now)
        node: Any = SimpleNamespace(
            create_subscription=lambda kind, topic, take, profile: setattr(self, "beat", take),
            create_timer=self._create_timer,
        )
        module.GoalOwners(node, lambda: [GOAL.hex], self.lost.append)

    def _create_timer(self, period: float, look: Any, clock: Any) -> Any:
        self.is_looking = True
        self.look = lambda: look() if self.is_looking else None
        return SimpleNamespace(
            cancel=lambda: setattr(self, "is_looking", False), reset=lambda: setattr(self, "is_looking", True)
        )

    def pass_time(self, seconds: float, *, beats: bool) -> None:
        for _ in range(round(seconds / module.PERIOD)):
            self.now += module.PERIOD
            if beats:
                self.beat(BEAT)  # type: ignore[attr-defined]
            self.look()


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Watch:
    return Watch(monkeypatch)


def test_goal_of_a_silent_owner_ends_within_a_second_and_once(watch: Watch) -> None:
    watch.pass_time(3.0, beats=True)
    assert not watch.lost
    watch.pass_time(0.8, beats=False)
    assert watch.lost == [GOAL.hex]
    watch.pass_time(3.0, beats=False)
    assert len(watch.lost) == 1


def test_goal_that_nobody_ever_named_goes_on(watch: Watch) -> None:
    watch.pass_time(30.0, beats=False)
    assert not watch.lost
    assert not watch.is_looking, "a node without owners does not wake for them"
    watch.pass_time(1.0, beats=True)
    watch.pass_time(0.8, beats=False)
    assert watch.lost == [GOAL.hex]


def test_node_that_stalled_hears_owners_again_before_it_judges(watch: Watch) -> None:
    watch.pass_time(1.0, beats=True)
    watch.now += 1.2  # a policy is imported; the beats of that time wait in the middleware
    watch.look()
    assert not watch.lost
    watch.pass_time(3.0, beats=True)
    assert not watch.lost


def test_owner_that_died_in_a_stall_is_noticed_all_the_same(watch: Watch) -> None:
    watch.pass_time(1.0, beats=True)
    for _ in range(10):
        watch.now += 0.4
        watch.look()
    assert watch.lost == [GOAL.hex], "stalls without end excuse nothing"
