"""Pictures in the form that a model takes: size and order of colours. No I/O."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from strands_robots.core.errors import PolicyError
from strands_robots.core.types import PictureNeed
from strands_robots.policies.adapt.adapter import CameraAdapter

Picture = NDArray[np.uint8]


def adapt_picture(picture: Picture, adapter: CameraAdapter, need: PictureNeed) -> Picture:
    """Return a camera's picture (H, W, 3) RGB in the model's size and order of colours.

    Raises:
        PolicyError: If the picture is no uint8 (H, W, 3), or not of the model's size where no resizing is asked for.
    """
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3:
        raise PolicyError(
            f"camera '{adapter.camera}' gave {picture.dtype} {picture.shape}; valid: uint8 (height, width, 3)"
        )
    size = (need.height, need.width)
    if 0 not in size and picture.shape[:2] != size:
        if adapter.resize == "exact":
            raise PolicyError(
                f"camera '{adapter.camera}' gave {picture.shape[0]}x{picture.shape[1]}, the policy takes "
                f"{size[0]}x{size[1]} (height x width); valid: resize 'stretch' or 'pad' in the adapter"
            )
        picture = stretch(picture, size) if adapter.resize == "stretch" else pad(picture, size)
    return picture if adapter.order == "rgb" else np.ascontiguousarray(picture[:, :, ::-1])


def stretch(picture: Picture, size: tuple[int, int]) -> Picture:
    """Return the picture scaled to `size` (height, width), bilinear."""
    from PIL import Image

    return np.asarray(Image.fromarray(picture).resize((size[1], size[0]), Image.Resampling.BILINEAR))


def pad(picture: Picture, size: tuple[int, int]) -> Picture:
    """Return the picture scaled to fit into `size` (height, width), in the middle of black bars.

    Source: openpi `image_tools.resize_with_pad`.
    """
    height, width = picture.shape[:2]
    ratio = max(width / size[1], height / size[0])
    inner = (max(int(height / ratio), 1), max(int(width / ratio), 1))
    result = np.zeros((*size, 3), dtype=np.uint8)
    top, left = (size[0] - inner[0]) // 2, (size[1] - inner[1]) // 2
    result[top : top + inner[0], left : left + inner[1]] = stretch(picture, inner)
    return result
