"""Pictures from several cameras of one state, and where in the world what they show is."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import numpy as np

from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import RenderError, ShapeError
from strands_robots.sim.render.cameras import Intrinsics
from strands_robots.sim.render.renderer import Picture, PictureKind, SceneRenderer, View
from strands_robots.sim.render.segmentation import SegmentLabel, labels_of
from strands_robots.sim.world.render_source import RenderSource

MAX_BYTES = 64 * 1024 * 1024
"""Largest pictures of one call together."""

_BYTES = {PictureKind.RGB: 3, PictureKind.DEPTH: 4, PictureKind.SEGMENTATION: 2}


@dataclass(frozen=True)
class Shot:
    """What one camera sees.

    Attributes:
        view: The camera.
        intrinsics: Calibration of the pictures.
        position: Origin of the optical frame in the world frame (3,) [m].
        rotation: Rotation of the optical frame in the world frame (3, 3).
        pictures: Those that were asked for, by kind; see `SceneRenderer.render`.
        points: What is seen at the pixels that were asked for, world frame (N, 3) [m]; NaN where nothing is.
    """

    view: View
    intrinsics: Intrinsics
    position: FloatArray
    rotation: FloatArray
    pictures: dict[PictureKind, Picture]
    points: FloatArray


@dataclass(frozen=True)
class ShotOrder:
    """What is wanted.

    Attributes:
        views: Cameras and free views.
        kinds: Kinds of picture.
        width, height: Size of every picture [px]; 0 takes each camera's own.
        pixels: Pixels (N, 2) whose points are wanted: u to the right, v down; whole numbers are centres of pixels.

    Raises:
        RenderError: If nothing is wanted, or too much.
        ShapeError: If a pixel is not in a picture.
    """

    views: Sequence[View]
    kinds: Collection[PictureKind] = (PictureKind.RGB,)
    width: int = 0
    height: int = 0
    pixels: FloatArray = field(default_factory=lambda: np.empty((0, 2)))

    def __post_init__(self) -> None:
        sizes = [(self.width or view.width, self.height or view.height) for view in self.views]
        if not sizes or not self.kinds:
            raise RenderError(
                f"{len(sizes)} cameras and {len(self.kinds)} kinds of picture given; valid: at least one of each"
            )
        size = sum(width * height for width, height in sizes) * sum(_BYTES[kind] for kind in self.kinds)
        if size > MAX_BYTES:
            raise RenderError(f"pictures of {size} bytes were asked for; valid: at most {MAX_BYTES} in one call")
        if self.pixels.ndim != 2 or self.pixels.shape[1] != 2:
            raise ShapeError(f"pixels are {self.pixels.shape}; valid: (N, 2), u and v")
        smallest = np.min(sizes, axis=0) - 1
        inside = ((self.pixels >= 0.0) & (self.pixels <= smallest)).all(axis=1)
        if not inside.all():
            u, v = self.pixels[int(np.argmin(inside))]
            raise ShapeError(f"pixel ({u:g}, {v:g}) given; valid: 0 to {smallest[0]} and 0 to {smallest[1]}")


def take_shots(
    renderer: SceneRenderer,
    state: FloatArray,
    order: ShotOrder,
    stage: RenderSource | None = None,
    fine: SceneRenderer | None = None,
) -> list[Shot]:
    """Return what every camera sees of one state.

    Args:
        renderer: Draws it.
        state: State (n,) from `World.get_state`.
        order: What is wanted.
        stage: What the state belongs to; None for the present world.
        fine: Draws the colours instead, with shadows; None for `renderer`.

    Raises:
        UnknownNameError, RenderError, ShapeError: As `SceneRenderer.render`.
    """
    return [_shot(renderer, fine or renderer, state, order, view, stage) for view in order.views]


def shot_labels(stage: RenderSource, robots: Collection[str], shots: Sequence[Shot]) -> list[SegmentLabel]:
    """Return what the values in the shots' segmentations stand for."""
    pictures = [shot.pictures[PictureKind.SEGMENTATION] for shot in shots if PictureKind.SEGMENTATION in shot.pictures]
    return labels_of(stage.model, robots, pictures)


def points_at(
    intrinsics: Intrinsics, depth: Picture, pixels: FloatArray, position: FloatArray, rotation: FloatArray
) -> FloatArray:
    """Return the points in the world frame (N, 3) [m] that a depth picture shows at pixels; NaN where nothing is seen.

    Args:
        intrinsics: Calibration of the picture.
        depth: Distance along the optical axis (H, W) [m].
        pixels: (N, 2); the depth is that of the nearest pixel.
        position, rotation: Pose of the optical frame in the world frame, (3,) [m] and (3, 3).
    """
    nearest = np.rint(pixels).astype(int)
    distances = depth[nearest[:, 1], nearest[:, 0]].astype(np.float64)
    distances[~np.isfinite(distances)] = np.nan
    x = (pixels[:, 0] - intrinsics.cx) / intrinsics.fx * distances
    y = (pixels[:, 1] - intrinsics.cy) / intrinsics.fy * distances
    points: FloatArray = position + np.stack([x, y, distances], axis=1) @ rotation.T
    return points


def _shot(
    renderer: SceneRenderer,
    colours: SceneRenderer,
    state: FloatArray,
    order: ShotOrder,
    view: View,
    stage: RenderSource | None,
) -> Shot:
    pictures: dict[PictureKind, Picture] = {}
    for kind in order.kinds:
        draw = colours if kind is PictureKind.RGB else renderer
        pictures[kind] = draw.render(state, view, kind, order.width, order.height, stage=stage)
    source = colours if set(pictures) == {PictureKind.RGB} else renderer
    points: FloatArray = np.empty((0, 3))
    intrinsics = view.intrinsics(order.width, order.height)
    if len(order.pixels):
        source = renderer
        depth = pictures.get(PictureKind.DEPTH)
        if depth is None:
            depth = renderer.render(state, view, PictureKind.DEPTH, order.width, order.height, stage=stage)
        position, rotation = renderer.pose(view)
        points = points_at(intrinsics, depth, order.pixels, position, rotation)
    position, rotation = source.pose(view)
    return Shot(view, intrinsics, position, rotation, pictures, points)
