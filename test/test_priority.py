"""Priorities: raised where the system allows it, and given back by threads that are not critical."""

from __future__ import annotations

import os
import threading

import pytest

from strands_robots.core.priority import CRITICAL, normal_priority, raise_priority


def in_a_thread(function: object) -> list[object]:
    results: list[object] = []
    thread = threading.Thread(target=lambda: results.append(function()))  # type: ignore[operator]
    thread.start()
    thread.join()
    return results


def test_raised_priority_is_given_back_by_a_thread() -> None:
    def work() -> tuple[bool, int, int]:
        raised = raise_priority()
        high = os.getpriority(os.PRIO_PROCESS, 0)
        normal_priority()
        return raised, high, os.getpriority(os.PRIO_PROCESS, 0)

    [(raised, high, normal)] = in_a_thread(work)
    if not raised:
        pytest.skip("this user may not raise priorities")
    assert (high, normal) == (CRITICAL, 0)


def test_refusal_of_the_system_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: int) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "setpriority", refuse)
    assert raise_priority() is False
