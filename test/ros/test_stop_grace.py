"""How long a stop that is confirmed waits for safety_node's words: longer where its own socket shows that it lives."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("rclpy")
from strands_robots.clients.stop import LIVE_GRACE, SERVICE_GRACE, GraphStop
from strands_robots.safety.stop_report import RestReport, StopReport

AT_REST = (RestReport("so101", True, True, "stop", True),)


@pytest.mark.parametrize(("is_alive", "grace"), [(False, SERVICE_GRACE), (True, LIVE_GRACE)])
@pytest.mark.parametrize("is_found", [True, False])
def test_words_of_a_live_safety_node_are_waited_for(is_alive: bool, grace: float, is_found: bool) -> None:
    stop = object.__new__(GraphStop)
    answer = SimpleNamespace(done=lambda: False) if is_found else None
    asked: Any = SimpleNamespace(latched_at=float("inf"), found=100.0, expected=set(), gates={}, answer=answer)
    report = StopReport(robots=AT_REST, supervisor_latched=is_alive)
    began = 110.0  # Nothing new was found for long.
    assert stop._is_known(asked, report, began) is (not is_found and not is_alive)
    assert stop._is_known(asked, report, began + grace - 0.05) is (not is_found and not is_alive)
    assert stop._is_known(asked, report, began + grace + 0.05)
    moving = StopReport(robots=(RestReport("so101", True, True, "stop", False),), supervisor_latched=is_alive)
    assert not stop._is_known(asked, moving, began + 9.0), "rest is waited for to the end"
