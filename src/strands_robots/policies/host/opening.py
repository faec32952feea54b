"""Opens a policy where it belongs: a light one in a thread, any other in a process that can be killed. ROS-free."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from strands_robots.core.errors import UnknownNameError
from strands_robots.policies.host.host import Patience, PolicyHost, ThreadHost, never
from strands_robots.policies.host.process_host import ProcessHost
from strands_robots.policies.provider import PolicyContext
from strands_robots.policies.registry import create_policy, needs_process, policy_names


def open_policy(
    name: str, config: str, context: PolicyContext, patience: Patience, is_over: Callable[[], bool] = never
) -> PolicyHost:
    """Return a policy, made and declared.

    Args:
        name: Provider.
        config: Its settings, YAML or JSON.
        context: What is known of the robot and the goal.
        patience: How long it may take.
        is_over: Asked while waiting; True gives up.

    Raises:
        StrandsRobotsError: If it cannot be made, or not in time.
    """
    if not needs_process(name):
        return ThreadHost(lambda: create_policy(name, config, context), patience, is_over)
    if name not in policy_names():
        raise UnknownNameError("policy", name, policy_names())
    return ProcessHost(name, config, context, patience, is_over)


@dataclass(frozen=True)
class PolicyKey:
    """What must be the same for a policy to be used again."""

    robot: str
    policy: str
    config: str = ""
    adapter: str = ""
    rate: float = 0.0


@dataclass
class PolicyShelf:
    """Policies that were made in advance or kept after a goal, each for the next goal with the same key. Thread-safe."""

    _hosts: dict[PolicyKey, PolicyHost] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def put(self, key: PolicyKey, host: PolicyHost) -> None:
        """Keep a policy; the one that was kept before is closed."""
        with self._lock:
            before = self._hosts.pop(key, None)
            self._hosts[key] = host
        if before is not None:
            before.close()

    def take(self, key: PolicyKey) -> PolicyHost | None:
        """Return the policy that is kept for `key`, and keep it no longer."""
        with self._lock:
            return self._hosts.pop(key, None)

    def kept(self) -> list[PolicyKey]:
        """Return what is kept."""
        with self._lock:
            return list(self._hosts)

    def close(self) -> None:
        """Close every policy."""
        for key in self.kept():
            host = self.take(key)
            if host is not None:
                host.close()
