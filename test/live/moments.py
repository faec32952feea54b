"""A moment of a graph, to be shown."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any


def robot(**changes: Any) -> Any:
    values = {
        "name": "so101",
        "is_heard": True,
        "is_latched": False,
        "latch_reason": "",
        "is_at_rest": False,
        "max_velocity": 0.5,
        "lease_holder": "policy/a",
        "refused": 2,
        "joint_rate": 100.0,
        "joint_names": ("pan", "lift"),
        "position": (0.1, -0.2),
        "velocity": (0.0, 0.5),
        "effort": (),
    }
    return SimpleNamespace(**{**values, **changes})


def moment(*robots: Any, **changes: Any) -> Any:
    safety = SimpleNamespace(state="ARMED", arm_epoch=4, stop_id=1, source="", reason="", rate=20.0)
    values = {
        "graph": SimpleNamespace(safety=changes.pop("safety", safety), robots=robots or (robot(),)),
        "sim_time": 12.34,
        "real_time_factor": 0.987,
        "cameras": (("so101/wrist", 30.0), ("top", 29.9)),
        "refusals": (("10:00:01", "so101", "expired: 2 s old"),),
        "buttons": (),
    }
    return SimpleNamespace(**{**values, **changes})
