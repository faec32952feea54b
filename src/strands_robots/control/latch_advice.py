"""Why a robot is latched, and what to do, in words for a person. No I/O."""

from __future__ import annotations

_RESUME = "look that nothing is in the way, then: strands-robots resume"

_ADVICE = {
    "starting": "it was not armed yet since its node started; a simulation arms by itself, hardware waits for: strands-robots resume",
    "heartbeat_lost": "it did not hear safety_node for its heartbeat_timeout: safety_node died or hangs, or the machine had no "
    f"processor for it; {_RESUME}",
    "stalled": f"its control loop came too late: the machine was too busy, or the drives do not answer; {_RESUME}",
    "second_supervisor": f"two safety_nodes speak in this graph; end one of them, or give one graph another ROS_DOMAIN_ID; then {_RESUME}",
    "missed_stop": f"it heard an arming that was given after a stop that it had missed; {_RESUME}",
    "not_admitted": f"safety_node does not admit this start of its node; {_RESUME}",
    "retired": "it was taken out of the world for good; start it again",
}


def latched_message(robot: str, reason: str) -> str:
    """Return the refusal of a command to a robot that is latched for a reason."""
    why = latch_advice(reason)
    return f"'{robot}' is latched ({why}); valid: nothing until it is armed (after a stop: safety/resume)"


def latch_advice(reason: str) -> str:
    """Return why a robot with this latch reason may not move, and what to do.

    Args:
        reason: `latch_reason` of its gate_state.
    """
    known = _ADVICE.get(reason)
    if known is not None:
        return f"{reason}: {known}"
    return f"{reason or 'no reason given'}; {_RESUME}"
