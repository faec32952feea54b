"""The first inference of a remote model, when its policy is loaded: its server compiles with it, and no robot waits."""

from __future__ import annotations

from typing import Protocol

from strands_robots.core.errors import StrandsRobotsError
from strands_robots.core.types import Policy
from strands_robots.policies.adapt.assemble import adapt
from strands_robots.policies.adapt.model import PolicyModel
from strands_robots.policies.provider import PolicyContext


class WarmedModel(PolicyModel, Protocol):
    """A model that can be asked once with a long time limit."""

    def warm_up(self) -> None:
        """Ask on made-up numbers; raises LinkError or ProtocolError."""


def adapt_warmed(model: WarmedModel, context: PolicyContext) -> Policy:
    """Return a remote model behind the goal's adapter, after its first answer.

    Raises:
        AdapterError: If model, adapter and robot do not fit.
        PolicyError: If the first answer does not come, or is not what the settings say.
    """
    policy = adapt(model, context)
    try:
        model.warm_up()
    except StrandsRobotsError:
        policy.close()
        raise
    return policy
