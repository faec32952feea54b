"""Services that answer with pictures. Only a copy of the state is taken between two steps; the camera thread draws."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import numpy as np
from geometry_msgs.msg import Pose
from rclpy.node import Node
from sensor_msgs.msg import Image
from strands_robots.msg import CameraPicture, SegmentLabel
from strands_robots.srv import RenderCamera, RenderCameras

from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import ConfigurationError, ShapeError
from strands_robots.core.text import printable
from strands_robots.ros.calls.deferred_service import create_deferred_service
from strands_robots.ros.calls.responses import refusal
from strands_robots.ros.messages.geometry import quadruple, to_point, to_pose, triple
from strands_robots.ros.messages.images import calibration, fill_image
from strands_robots.ros.messages.stamps import to_time
from strands_robots.sim.posed import posed_state, views_of
from strands_robots.sim.render.camera_worker import Renderers, RenderRequest
from strands_robots.sim.render.pictures import output_path, write_png
from strands_robots.sim.render.renderer import PictureKind, View
from strands_robots.sim.render.shots import Shot, ShotOrder, shot_labels, take_shots
from strands_robots.sim.render.views import FOVY, FreeView, quaternion_of, view_around, view_at
from strands_robots.sim.run.runtime import SimRuntime
from strands_robots.sim.world.render_source import RenderSource
from strands_robots.sim.world.world import World

MAX_SIZE = 4096
MIN_SIZE = 16

_ENCODINGS = {PictureKind.RGB: "rgb8", PictureKind.DEPTH: "32FC1", PictureKind.SEGMENTATION: "16UC1"}
_BITS = {
    RenderCameras.Request.RGB: PictureKind.RGB,
    RenderCameras.Request.DEPTH: PictureKind.DEPTH,
    RenderCameras.Request.SEGMENTATION: PictureKind.SEGMENTATION,
}


class RenderServices:
    """world/render and world/render_cameras.

    Args:
        node: The node; its namespace is the graph's.
        runtime: The running world.
        world: The world that it runs.
        output_folder: Where world/render may write; None for nowhere.
    """

    def __init__(self, node: Node, runtime: SimRuntime, world: World, output_folder: Path | None) -> None:
        self._runtime = runtime
        self._world = world
        self._output_folder = output_folder
        create_deferred_service(node, RenderCamera, "world/render", self._render, refuse=refusal(RenderCamera))
        create_deferred_service(
            node, RenderCameras, "world/render_cameras", self._render_cameras, refuse=refusal(RenderCameras)
        )

    def _render(self, request: RenderCamera.Request) -> Future[RenderCamera.Response]:
        if request.kind not in list(PictureKind):
            raise ConfigurationError(f"kind {request.kind} given; valid: 0 (RGB), 1 (DEPTH), 2 (SEGMENTATION)")
        kind = PictureKind(request.kind)
        path = self._path(request.file) if request.file else None
        order = _order([self._world.camera(request.camera)], [kind], request.width, request.height, [])

        def answer(stage: RenderSource, stamp: float, shots: list[Shot]) -> RenderCamera.Response:
            (shot,) = shots
            response = RenderCamera.Response(success=True, camera_info=_info(shot, stamp))
            response.labels = self._labels(stage, shots)
            if path is not None:
                write_png(path, shot.pictures[kind])
                response.path = str(path)
                response.message = f"wrote {path}"
            else:
                response.image = _image(shot, kind, stamp)
            return response

        return self._take(order, request.fine, answer)

    def _render_cameras(self, request: RenderCameras.Request) -> Future[RenderCameras.Response]:
        views: list[View] = [self._world.camera(name) for name in request.cameras]
        views += [_view(view, number) for number, view in enumerate(request.views)]
        if request.pose_robot and not views:
            views += views_of(self._world, request.pose_robot)
        kinds = [kind for bit, kind in _BITS.items() if (request.kinds or RenderCameras.Request.RGB) & bit]
        if request.kinds >= 2 * RenderCameras.Request.SEGMENTATION:
            raise ConfigurationError(
                f"kinds {request.kinds} given; valid: a sum of 1 (RGB), 2 (DEPTH), 4 (SEGMENTATION)"
            )
        views = views or [camera for camera in self._world.cameras.values() if camera.is_fixed]
        order = _order(views, kinds, request.width, request.height, list(request.pixels))

        def answer(stage: RenderSource, stamp: float, shots: list[Shot]) -> RenderCameras.Response:
            return RenderCameras.Response(
                success=True,
                stamp=to_time(stamp),
                pictures=[_picture(shot, stamp) for shot in shots],
                labels=self._labels(stage, shots),
            )

        def posed(state: FloatArray, stage: RenderSource) -> FloatArray:
            joints = list(request.joint_names), list(request.positions)
            return posed_state(self._world, stage.model, state, request.pose_robot, *joints)

        return self._take(order, request.fine, answer, posed if request.pose_robot else None)

    def _take(
        self,
        order: ShotOrder,
        fine: bool,
        answer: Callable[[RenderSource, float, list[Shot]], Any],
        posed: Callable[[FloatArray, RenderSource], FloatArray] | None = None,
    ) -> Future[Any]:
        """Return the future answer, made of pictures of the next instant between two steps, or of what `posed` makes of it."""
        future: Future[Any] = Future()

        def draw(state: FloatArray, stage: RenderSource, stamp: float, renderers: Renderers) -> Any:
            shots = take_shots(renderers.get(), state, order, stage, renderers.get(True) if fine else None)
            return answer(stage, stamp, shots)

        def copy_state() -> None:
            stamp, state = self._runtime.snapshot()
            stage = self._world.stage
            state = posed(state, stage) if posed is not None else state
            self._runtime.cameras.request(RenderRequest(lambda renderers: draw(state, stage, stamp, renderers), future))

        self._runtime.call(copy_state).add_done_callback(lambda done: _forward_error(done, future))
        return future

    def _labels(self, stage: RenderSource, shots: list[Shot]) -> list[SegmentLabel]:
        labels = shot_labels(stage, self._world.robots, shots)
        return [SegmentLabel(value=each.value, geom=each.geom, body=each.body, entity=each.entity) for each in labels]

    def _path(self, file: str) -> Path:
        if self._output_folder is None:
            raise ConfigurationError(
                "sim_node has no output_folder; valid: an empty file, which sends the picture in the answer"
            )
        return output_path(self._output_folder, file)


def _order(views: list[View], kinds: list[PictureKind], width: int, height: int, pixels: list[float]) -> ShotOrder:
    for view in views:
        size = width or view.width, height or view.height
        if not (min(size) >= MIN_SIZE and max(size) <= MAX_SIZE):
            raise ConfigurationError(
                f"size {size[0]}x{size[1]} given; valid: {MIN_SIZE} to {MAX_SIZE} pixels each, or 0"
            )
    if len(pixels) % 2:
        raise ShapeError(f"{len(pixels)} numbers in pixels; valid: u and v for each")
    return ShotOrder(views, kinds, width, height, np.array(pixels, dtype=np.float64).reshape(-1, 2))


def _view(message: Any, number: int) -> FreeView:
    name, fovy = message.name or f"view{number}", message.fovy or FOVY
    if message.distance and not message.look_at:
        raise ConfigurationError(f"view '{printable(name)}' has a distance and no look_at; valid: both, or neither")
    if message.distance:
        target = triple(message.look_at[0])
        return view_around(name, target, message.distance, message.azimuth, message.elevation, fovy)
    position = triple(message.pose.position)
    if message.look_at:
        return view_at(name, position, triple(message.look_at[0]), fovy)
    return FreeView(name, position, quadruple(message.pose.orientation), fovy)


def _picture(shot: Shot, stamp: float) -> CameraPicture:
    message = CameraPicture(
        name=shot.view.name,
        camera_info=_info(shot, stamp),
        pose=_pose(shot),
        points=[to_point(point) for point in shot.points],
    )
    for kind, field in (
        (PictureKind.RGB, "rgb"), (PictureKind.DEPTH, "depth"), (PictureKind.SEGMENTATION, "segmentation"),
    ):  # fmt: skip
        if kind in shot.pictures:
            setattr(message, field, _image(shot, kind, stamp))
    return message


def _pose(shot: Shot) -> Pose:
    return to_pose(shot.position, quaternion_of(shot.rotation))


def _info(shot: Shot, stamp: float) -> Any:
    info = calibration(shot.intrinsics, shot.view.frame_id)
    info.header.stamp = to_time(stamp)
    return info


def _image(shot: Shot, kind: PictureKind, stamp: float) -> Image:
    image = Image()
    image.header.frame_id = shot.view.frame_id
    return fill_image(image, shot.pictures[kind], stamp, _ENCODINGS[kind])


def _forward_error(done: Future[None], answer: Future[Any]) -> None:
    error = done.exception()
    if error is not None:
        answer.set_exception(error)
