"""Pictures of a simulated world, by the services world/render and world/render_cameras."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from strands_robots.clients.client import GraphClient
from strands_robots.core.errors import RenderError
from strands_robots.ros.messages.images import pixels_from_msg, rgb_from_msg
from strands_robots.srv import RenderCamera, RenderCameras

TIMEOUT = 15.0
"""Longest wait for a picture [s]; the first one of a large scene is slow in software."""


def render_camera(
    client: GraphClient, camera: str, depth: bool, width: int, height: int, fine: bool = False
) -> NDArray[Any]:
    """Return a picture of the world at the present instant.

    Args:
        client: Client of the graph.
        camera: Name of the camera.
        depth: Depth instead of colours.
        width, height: Size [px]; 0 takes the camera's own.
        fine: Colours with shadows and smooth edges.

    Returns:
        uint8 (H, W, 3) RGB, or float32 (H, W) depth [m].

    Raises:
        RenderError: If the world refuses; its words say what is valid.
        NoAnswerError: If there is no simulated world.
    """
    kind = RenderCamera.Request.DEPTH if depth else RenderCamera.Request.RGB
    request = RenderCamera.Request(camera=camera, kind=kind, width=width, height=height, fine=fine)
    image = _render(client, request).image
    return pixels_from_msg(image) if depth else rgb_from_msg(image)


def render_segmentation(
    client: GraphClient, camera: str, width: int, height: int
) -> tuple[NDArray[np.uint16], dict[int, str]]:
    """Return which shape each pixel of a camera shows at the present instant.

    Args:
        client: Client of the graph.
        camera: Name of the camera.
        width, height: Size [px]; 0 takes the camera's own.

    Returns:
        Values uint16 (H, W), 0 for nothing, and "<entity> <body> <shape>" for each value that is seen.

    Raises:
        RenderError: If the world refuses; its words say what is valid.
        NoAnswerError: If there is no simulated world.
    """
    kind = RenderCamera.Request.SEGMENTATION
    response = _render(client, RenderCamera.Request(camera=camera, kind=kind, width=width, height=height))
    labels = {label.value: f"{label.entity} {label.body} {label.geom}" for label in response.labels}
    return pixels_from_msg(response.image), labels


def _render(client: GraphClient, request: RenderCamera.Request) -> RenderCamera.Response:
    response = client.call(RenderCamera, "world/render", request, TIMEOUT)
    if not response.success:
        raise RenderError(response.message)
    return response


def render_cameras(
    client: GraphClient, cameras: Sequence[str], width: int = 0, height: int = 0, fine: bool = False
) -> list[NDArray[np.uint8]]:
    """Return pictures of the world from several cameras at the same instant.

    Args:
        client: Client of the graph.
        cameras: Names of the cameras; empty takes all.
        width, height: Size of each [px]; 0 takes the camera's own.
        fine: With shadows and smooth edges.

    Returns:
        uint8 (H, W, 3) RGB for each camera.

    Raises:
        RenderError: If the world refuses; its words say what is valid.
        NoAnswerError: If there is no simulated world.
    """
    request = RenderCameras.Request(cameras=list(cameras), width=width, height=height, fine=fine)
    response = client.call(RenderCameras, "world/render_cameras", request, TIMEOUT)
    if not response.success:
        raise RenderError(response.message)
    return [rgb_from_msg(picture.rgb) for picture in response.pictures]
