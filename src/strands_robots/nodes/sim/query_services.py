"""Services that measure a simulated world. A copy of its state is taken between two steps; the rest is done in a thread of its own."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any, TypeVar

import numpy as np
from geometry_msgs.msg import Point
from rclpy.node import Node
from strands_robots.srv import CastRays, ComputeDynamics, QueryWorld

from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import ConfigurationError, ShapeError
from strands_robots.core.work_queue import WorkQueue
from strands_robots.nodes.sim.query_messages import (
    body_to_msg,
    contact_to_msg,
    geom_to_msg,
    joint_to_msg,
    sensor_to_msg,
)
from strands_robots.ros.calls.deferred_service import create_deferred_service
from strands_robots.ros.calls.responses import refusal
from strands_robots.ros.messages.geometry import to_point, to_pose
from strands_robots.ros.messages.stamps import to_time
from strands_robots.sim.query import dynamics, queries, rays
from strands_robots.sim.run.runtime import SimRuntime
from strands_robots.sim.world.inspection import Inspector, Still, take_snapshot
from strands_robots.sim.world.model_names import BODY, number_of
from strands_robots.sim.world.world import World

T = TypeVar("T")


class QueryServices:
    """world/query, world/compute_dynamics and world/cast_rays.

    Args:
        node: The node; its namespace is the graph's.
        runtime: The running world.
        world: The world that it runs.
    """

    def __init__(self, node: Node, runtime: SimRuntime, world: World) -> None:
        self._runtime = runtime
        self._world = world
        self._inspector = Inspector()
        self._worker = WorkQueue("queries")
        for kind, name, answer in (
            (QueryWorld, "world/query", self._query),
            (ComputeDynamics, "world/compute_dynamics", self._dynamics),
            (CastRays, "world/cast_rays", self._rays),
        ):
            create_deferred_service(node, kind, name, self._deferred(answer), refuse=refusal(kind))

    def stop(self) -> None:
        """Answer nothing more."""
        self._worker.stop()

    def _deferred(self, answer: Any) -> Any:
        def on_request(request: Any) -> Future[Any]:
            snapshot = self._runtime.call(lambda: take_snapshot(self._world))
            return self._worker.then(snapshot, lambda taken: answer(request, self._inspector.show(taken)))

        return on_request

    def _query(self, request: QueryWorld.Request, still: Still) -> QueryWorld.Response:
        names = list(request.names)
        queries.require_names(still, names)
        what = request.what or 0xFF
        response = QueryWorld.Response(success=True, stamp=to_time(still.data.time))
        if what & QueryWorld.Request.BODIES:
            response.bodies = [body_to_msg(body) for body in queries.bodies(still, names)]
        if what & QueryWorld.Request.JOINTS:
            response.joints = [joint_to_msg(joint) for joint in queries.joints(still, names)]
        if what & QueryWorld.Request.GEOMS:
            response.geoms = [geom_to_msg(geom) for geom in queries.geoms(still, names)]
        if what & QueryWorld.Request.SENSORS:
            response.sensors = [sensor_to_msg(sensor) for sensor in queries.sensors(still, names)]
        if what & QueryWorld.Request.CONTACTS:
            response.contacts = [contact_to_msg(contact) for contact in queries.contacts(still, names)]
        if what & QueryWorld.Request.ENERGY:
            response.potential_energy, response.kinetic_energy = dynamics.energy(still)
            response.total_mass = dynamics.total_mass(still.model)
        return response

    def _dynamics(self, request: ComputeDynamics.Request, still: Still) -> ComputeDynamics.Response:
        own: list[str] = []
        if request.robot:
            robot = self._world.robot(request.robot)
            own = [robot.prefix + name for name in robot.joint_names]
        given = [name if name in own or not own else f"{request.robot}/{name}" for name in request.joint_names]
        dynamics.place_joints(still, given or own, request.positions, request.velocities, request.accelerations)
        if not given and not own and (request.positions or request.velocities or request.accelerations):
            raise ConfigurationError(
                "positions are given without a robot and without joint_names; valid: with one of them"
            )
        result = dynamics.compute_dynamics(still, own, list(request.frames), still.data.qacc.copy())
        response = ComputeDynamics.Response(
            success=True,
            joint_names=result.names,
            poses=[to_pose(frame.position, frame.quaternion) for frame in result.frames],
            bias_force=result.bias_force.tolist(),
            inverse_dynamics=result.inverse_dynamics.tolist(),
            potential_energy=result.potential_energy,
            kinetic_energy=result.kinetic_energy,
        )
        if request.jacobian:
            response.jacobians = [value for frame in result.frames for value in frame.jacobian.ravel().tolist()]
        if request.mass_matrix:
            response.mass_matrix = result.mass_matrix.ravel().tolist()
        return response

    def _rays(self, request: CastRays.Request, still: Still) -> CastRays.Response:
        ways = [bool(request.directions), bool(request.camera), bool(request.ground)]
        if sum(ways) != 1:
            raise ConfigurationError(
                f"{sum(ways)} of origins with directions, camera with pixels, and ground are given; valid: exactly one"
            )
        response = CastRays.Response(success=True, stamp=to_time(still.data.time))
        if request.ground:
            heights, response.bodies = rays.ground_height(still, _points(request.ground)[:, :2])
            response.distances = heights.tolist()
            response.points = [Point(x=p.x, y=p.y, z=height) for p, height in zip(request.ground, heights.tolist())]
            return response
        origins, directions = _points(request.origins), _points(request.directions)
        if request.camera:
            pixels = np.array(request.pixels)
            if len(pixels) % 2 or not len(pixels):
                raise ShapeError(f"{len(pixels)} numbers in pixels; valid: u and v for each ray, at least one")
            camera = self._world.camera(request.camera)
            origins, directions = rays.pixel_rays(still, camera, pixels.reshape(-1, 2), request.width, request.height)
        body = number_of(still.model, BODY, request.exclude_body) if request.exclude_body else -1
        hits = rays.cast_rays(still, origins, directions, body, request.max_distance)
        response.distances, response.bodies = hits.distances.tolist(), hits.bodies
        response.points = [to_point(point) for point in hits.points]
        return response


def _points(messages: Any) -> FloatArray:
    return np.array([(p.x, p.y, p.z) for p in messages], dtype=np.float64).reshape(-1, 3)
