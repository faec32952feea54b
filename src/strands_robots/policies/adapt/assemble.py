"""Puts a model behind the goal's adapter."""

from __future__ import annotations

from strands_robots.core.errors import AdapterError, StrandsRobotsError
from strands_robots.core.types import Policy
from strands_robots.policies.adapt.model import PolicyModel
from strands_robots.policies.check.statistics import ModelStatistics
from strands_robots.policies.provider import PolicyContext


def adapt(model: PolicyModel, context: PolicyContext) -> Policy:
    """Return a model behind the goal's adapter, as a policy for the robot.

    A model that knows the statistics of its training data has them checked against the robot's limits.

    Raises:
        AdapterError: If the goal names no adapter, or model, adapter and robot do not fit; the model is then closed.
        ConfigurationError: If the adapter cannot be read.
    """
    from strands_robots.policies.adapt.adapted import AdaptedPolicy
    from strands_robots.policies.adapt.adapter import adapter_names, load_adapter
    from strands_robots.policies.check.describe import describe_policy
    from strands_robots.policies.check.plausibility import check_statistics

    try:
        if not context.adapter.strip():
            raise AdapterError(
                "this policy speaks its own names and units, so the goal needs an adapter; valid: "
                f"{', '.join(adapter_names())}, a file, or YAML. The policy {describe_policy(model.needs, model.gives)}".replace(
                    "\n", "; "
                )
            )
        adapter = load_adapter(context.adapter)
        if model.gives.rate == 0.0 and adapter.rate == 0.0:
            adapter = adapter.model_copy(update={"rate": context.rate})
        if model.gives.space.is_of_tool:
            from strands_robots.policies.adapt.end_effector import EndEffectorPolicy

            policy: Policy = EndEffectorPolicy(model, adapter, context)
        else:
            policy = AdaptedPolicy(model, adapter, context)
        statistics: ModelStatistics | None = getattr(model, "statistics", None)
        if statistics is not None and context.limits is not None:
            check_statistics(statistics, adapter, context.limits)
        return policy
    except StrandsRobotsError:
        model.close()
        raise
