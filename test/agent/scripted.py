"""The package's own model that plays a script, under the name that tests know."""

from strands_robots.agent.strands.scripted_model import ScriptedModel

__all__ = ["ScriptedModel"]
