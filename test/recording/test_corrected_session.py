"""A policy that cannot go on after a correction: the person is told why, and the correction is kept. No graph."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("rclpy", reason="needs ROS")

from strands_robots.clients import recorder_client
from strands_robots.clients.record_wishes import Wish, Wishes
from strands_robots.core.errors import PolicyError


class _Take:
    """An episode that has begun and is ended by its client."""

    def __init__(self, *_: Any) -> None:
        self.begun = SimpleNamespace(success=True, episode=0)
        self.ended = None
        self.attend = self.attend_again = self.wait = lambda *_: None

    def left(self) -> float:
        return 5.0


class _Hand:
    """A hand that has let go."""

    def __init__(self, *_: Any) -> None: ...

    def __enter__(self) -> _Hand:
        return self

    def __exit__(self, *_: Any) -> None: ...

    def wait_until_free(self, is_over: Any) -> None: ...


def test_policy_that_does_not_go_on_after_a_correction_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    answers: list[Any] = [
        SimpleNamespace(termination_reason="refused", message=recorder_client._BY_HAND, success=False)
    ]

    def run_policy(*_: Any) -> Any:
        if answers:
            return answers.pop()
        raise PolicyError("the policy is gone")

    monkeypatch.setattr(recorder_client, "run_policy", run_policy)
    monkeypatch.setattr(recorder_client, "PolicyTake", _Take)
    monkeypatch.setattr(recorder_client, "HandWatch", _Hand)
    said: list[str] = []
    saved: list[int] = []
    plan = SimpleNamespace(
        success_when="", duration=5.0, fps=30, task="wave", is_dagger=True, intervention=True, policy="hold"
    )
    watch: Any = SimpleNamespace(ended=lambda: None)
    key = {"robot": "so101", "policy": "hold"}
    session = recorder_client._Session(None, plan, key, watch, None, Wishes(), said.append, said.append)  # type: ignore[arg-type]
    monkeypatch.setattr(session, "_save", saved.append)
    assert session._policy_episode(0) is Wish.NEXT and saved == [0]
    assert "the policy did not go on: the policy is gone" in said
