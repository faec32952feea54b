"""The robots' descriptions and what stands around them, as the pages draw them in 3D. No ROS."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from strands_robots.console.robot_shapes import shapes_from_urdf
from strands_robots.core.errors import ConfigurationError, UnknownNameError


class ModelReads:
    """Routes that read descriptions, the simulated world, and what else planners know of.

    Args:
        urdf: Returns the description of a robot that a page sees; None where there is none.
        scene: Returns what has changed in the world since an answer of a number; see `WorldScene.since`.
        around: The same for one robot by name: what planners know beside the simulated world, in the robot's base frame.
        base: Returns the pose of a robot's base in the world; raises StrandsRobotsError where there is no world.
        meshes: Returns the meshes of each link of a robot; see `RobotMeshes.of`.
    """

    def __init__(
        self,
        urdf: Callable[[str], str | None],
        scene: Callable[[int], dict[str, Any]],
        around: Callable[[str, int], dict[str, Any]],
        base: Callable[[str], dict[str, Any]],
        meshes: Callable[[str], dict[str, list[dict[str, Any]]]],
    ) -> None:
        self._urdf, self._scene, self._around, self._base, self._meshes = urdf, scene, around, base, meshes

    def routes(self) -> tuple[Route, ...]:
        """Return the routes; each runs in a worker thread."""
        return (
            Route("/robot/{name}/model", self.model),
            Route("/robot/{name}/base", self.base),
            Route("/robot/{name}/around", self.around),
            Route("/scene", self.scene),
        )

    def model(self, request: Request) -> Response:
        """Answer links, shapes and joints of a robot."""
        name = request.path_params["name"]
        text = self._urdf(name)
        if text is None:
            raise UnknownNameError("robot with a description", name[:64], ())
        found = shapes_from_urdf(text)
        if found["meshes"]:
            _add_meshes(found, self._meshes(name))
        return JSONResponse(found)

    def base(self, request: Request) -> Response:
        """Answer where a robot stands in the world."""
        return JSONResponse(self._base(request.path_params["name"]))

    def scene(self, request: Request) -> Response:
        """Answer what has changed in the world since the number that the page has."""
        return JSONResponse(self._scene(_since(request)))

    def around(self, request: Request) -> Response:
        """Answer what has changed around a robot since the number that the page has."""
        return JSONResponse(self._around(request.path_params["name"], _since(request)))


def _since(request: Request) -> int:
    text = request.query_params.get("since", "0")
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise ConfigurationError(f"since is {text[:20]!a}; valid: the number of the answer before, or 0")
    return int(text)


def _add_meshes(found: dict[str, Any], meshes: dict[str, list[dict[str, Any]]]) -> None:
    """Put a robot's meshes into the links whose description names some; the others are counted as not drawn."""
    for link in found["links"]:
        own = meshes.get(link["name"], []) if link["meshes"] else []
        link["shapes"] += [
            {"kind": "triangles", "size": [], "xyz": [0.0, 0.0, 0.0], "rpy": [0.0, 0.0, 0.0], **mesh} for mesh in own
        ]
        found["meshes"] -= min(len(own), link["meshes"])
