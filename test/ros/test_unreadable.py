"""A message that the middleware cannot deserialize ends no node; rmw_zenoh_cpp raises where Fast DDS drops it."""

from __future__ import annotations

import contextlib
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("rclpy")

from rclpy.executors import SingleThreadedExecutor

from strands_robots.ros.process import direct_call
from strands_robots.ros.process.unreadable import UNREADABLE, survive_unreadable


class Handle(contextlib.AbstractContextManager[Any]):
    """A subscription's handle whose take raises, as rclpy's does."""

    def __exit__(self, *error: object) -> None:
        """Nothing is held."""

    def take_message(self, kind: Any, raw: bool) -> Any:
        raise UNREADABLE("failed to take message from subscription: could not deserialize ROS message")


def test_subscription_leaves_out_what_it_cannot_read() -> None:
    subscription = SimpleNamespace(
        handle=Handle(), msg_type=None, raw=False, topic_name="/arm/command", callback=pytest.fail
    )
    direct_call.DIRECT["subscription"](subscription)


@pytest.mark.parametrize("name", ["_take_subscription", "_take_client", "_take_service", "_take_waitable"])
def test_executor_of_rclpy_leaves_out_what_it_cannot_read(name: str) -> None:
    class Executor(SingleThreadedExecutor):
        """One that has no context."""

        def __init__(self) -> None:
            """Make nothing."""

        def __del__(self) -> None:
            """Free nothing."""

    def take(self: Any, entity: Any) -> Any:
        if entity.srv_name == "/good":
            return "work"
        raise UNREADABLE("failed to take request")

    setattr(Executor, name, take)
    executor = survive_unreadable(Executor())
    assert getattr(executor, name)(SimpleNamespace(srv_name="/bad")) is None
    assert getattr(executor, name)(SimpleNamespace(srv_name="/good")) == "work"


def test_other_mistakes_leave_the_executor() -> None:
    def broken(self: Any, entity: Any) -> Any:
        raise KeyError("ours")

    executor = survive_unreadable(type("Executor", (), {"_take_service": broken})())  # type: ignore[type-var]
    with pytest.raises(KeyError):
        executor._take_service(SimpleNamespace(srv_name="/bad"))  # type: ignore[attr-defined]
