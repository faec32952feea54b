"""The quality-of-service profiles of the graph; every publisher and subscription takes one of these by name."""

from __future__ import annotations

from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy


def _profile(depth: int, reliable: bool = True, transient: bool = False) -> QoSProfile:
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST,
        depth=depth,
        reliability=ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT,
        durability=DurabilityPolicy.TRANSIENT_LOCAL if transient else DurabilityPolicy.VOLATILE,
    )


COMMAND = _profile(10)
"""Commands and chunks to a robot, and what its gate let through."""

STATE = _profile(10)
"""joint_states, gate_state, /tf, /diagnostics."""

SAFETY = _profile(10)
"""safety/state and safety/stop_request. Volatile: no robot may be armed by a message of the past."""

HEARTBEAT_READER = _profile(10, reliable=False)
"""Who supervises: gates that read safety/state, safety_node that reads gate_state.

Best effort, though the publishers are reliable: after a lost sample a reliable reader gets nothing until the writer has repeated it, which
took 0.3 s when a newcomer's discovery filled the sockets. A watchdog wants the next beat, not the lost one.
"""

IMAGE = _profile(5)
"""Publishers of images and camera_info; reliable, so that both kinds of readers match."""

IMAGE_READER = _profile(5, reliable=False)
"""Readers of images, which rather lose a picture than wait for it; matches drivers that publish best effort."""

DESCRIPTION = _profile(1, transient=True)
"""robot_description and /tf_static: said once, heard by those who come later."""

CLOCK = _profile(1, reliable=False)
"""Readers of /clock."""

AUDIT = _profile(1000, transient=True)
"""audit/events.

An audit_node that starts late, or again, hears the last ones of each node; it knows those that it has stored.
"""

AUDIT_READER = QoSProfile(
    history=HistoryPolicy.KEEP_ALL,
    depth=0,
    reliability=ReliabilityPolicy.RELIABLE,
    durability=DurabilityPolicy.TRANSIENT_LOCAL,
)
"""audit_node's side of audit/events. All publishers would share a depth, and a flood of one push out what another said.
So each publisher's events wait where they were published until they are taken, and a flood overwrites only its own."""

AUDIT_RECEIPTS = _profile(100, transient=True)
"""audit/receipts: what was asked to be on the disk and now is, also for a node that joined while it was written."""

AGENT_EVENTS = _profile(200)
"""<agent>/events and the feedback of <agent>/prompt: a reader that is busy for a moment loses no step of a turn."""
