"""The service policies/describe: which policies there are, and the settings of one."""

from __future__ import annotations

from rclpy.node import Node
from strands_robots.msg import PolicySetting
from strands_robots.srv import DescribePolicies

from strands_robots.core.errors import StrandsRobotsError
from strands_robots.policies.adapt.adapter import adapter_names
from strands_robots.policies.check.catalogue import CONDITIONS, describe_provider, words_of
from strands_robots.policies.registry import policy_names
from strands_robots.ros.messages.conversions import clip


class PolicyCatalogue:
    """Serves policies/describe.

    Args:
        node: The node; its namespace is the graph's.
    """

    def __init__(self, node: Node) -> None:
        node.create_service(DescribePolicies, "policies/describe", self._on_request)

    def _on_request(
        self, request: DescribePolicies.Request, response: DescribePolicies.Response
    ) -> DescribePolicies.Response:
        try:
            found = describe_provider(request.policy) if request.policy else None
        except StrandsRobotsError as error:
            response.message = clip(str(error), 4096)
            return response
        response.success = True
        response.adapters, response.conditions = adapter_names(), list(CONDITIONS)
        if found is None:
            response.policies = policy_names()
            response.words = [words_of(name) for name in response.policies]
            return response
        response.policies, response.words = [request.policy], [found.entry.words]
        response.examples, response.needs_adapter = list(found.entry.examples), found.entry.needs_adapter
        response.settings = [
            PolicySetting(name=row.name, type=row.type, default_value=row.default, description=row.words)
            for row in found.settings
        ]
        if not found.settings:
            response.message = f"the package of policy '{request.policy}' does not describe its settings"
        return response
