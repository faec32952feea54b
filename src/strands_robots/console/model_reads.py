"""The robots' descriptions, as the pages draw them in 3D. No ROS."""

from __future__ import annotations

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from strands_robots.console.robot_shapes import shapes_from_urdf
from strands_robots.core.errors import UnknownNameError


class ModelReads:
    """A route that reads descriptions.

    Args:
        urdf: Returns the description of a robot that a page sees; None where there is none.
    """

    def __init__(self, urdf: Callable[[str], str | None]) -> None:
        self._urdf = urdf

    def routes(self) -> tuple[Route, ...]:
        """Return the route; it runs in a worker thread."""
        return (Route("/robot/{name}/model", self.model),)

    def model(self, request: Request) -> Response:
        """Answer links, shapes and joints of a robot."""
        name = request.path_params["name"]
        text = self._urdf(name)
        if text is None:
            raise UnknownNameError("robot with a description", name[:64], ())
        return JSONResponse(shapes_from_urdf(text))
