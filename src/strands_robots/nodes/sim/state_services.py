"""Services that push bodies and put things somewhere in a simulated world, between two steps."""

from __future__ import annotations

from concurrent.futures import Future

from rclpy.node import Node
from strands_robots.srv import ApplyWrench, SetWorldState

from strands_robots.ros.calls.deferred_service import create_deferred_service
from strands_robots.ros.calls.responses import refusal
from strands_robots.ros.messages.geometry import quadruple, triple
from strands_robots.ros.messages.stamps import to_time
from strands_robots.sim.edit.placement import EntityPlacement, JointPlacement, place
from strands_robots.sim.run.runtime import SimRuntime
from strands_robots.sim.world.applied_wrenches import Push
from strands_robots.sim.world.world import World


class StateServices:
    """world/apply_wrench and world/set_state.

    Args:
        node: The node; its namespace is the graph's.
        runtime: The running world.
        world: The world that it runs.
    """

    def __init__(self, node: Node, runtime: SimRuntime, world: World) -> None:
        self._runtime = runtime
        self._world = world
        create_deferred_service(node, ApplyWrench, "world/apply_wrench", self._push, refuse=refusal(ApplyWrench))
        create_deferred_service(node, SetWorldState, "world/set_state", self._place, refuse=refusal(SetWorldState))

    def _push(self, request: ApplyWrench.Request) -> Future[ApplyWrench.Response]:
        push = Push(
            request.body, triple(request.wrench.force), triple(request.wrench.torque), triple(request.point),
            request.in_body_frame, request.duration,
        )  # fmt: skip

        def begin() -> ApplyWrench.Response:
            end = self._world.push(push)
            return ApplyWrench.Response(success=True, message=f"ends at {end:.3f} s", end=to_time(end))

        return self._runtime.call(begin)

    def _place(self, request: SetWorldState.Request) -> Future[SetWorldState.Response]:
        entities = [
            EntityPlacement(
                entity.name, triple(entity.pose.position), quadruple(entity.pose.orientation),
                triple(entity.twist.linear), triple(entity.twist.angular),
            )
            for entity in request.entities
        ]  # fmt: skip
        joints = JointPlacement(list(request.joint_names), list(request.positions), list(request.velocities))

        def put() -> SetWorldState.Response:
            self._runtime.change(lambda: place(self._world, entities, joints), "world/set_state")
            deepest = min((float(contact.dist) for contact in self._world.data.contact), default=0.0)
            words = f"deepest contact {-1000.0 * deepest:.1f} mm" if deepest < 0.0 else "no contact overlaps"
            return SetWorldState.Response(success=True, message=words, stamp=to_time(self._world.time))

        return self._runtime.call(put)
