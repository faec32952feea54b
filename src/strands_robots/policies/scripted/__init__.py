"""Policy "scripted": way points, or picking an object up and putting it down, as a state machine that looks at the robot."""

from strands_robots.policies.scripted.policy import ScriptedPolicy, create

__all__ = ["ScriptedPolicy", "create"]
