"""Pictures of the graph as a model gets them."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from PIL import Image as PilImage

from strands_robots.agent.tools.tool_answer import Picture, ToolAnswer, data_answer
from strands_robots.ros.messages.images import rgb_from_msg


def rgb_from_image(message: Any) -> Any:
    """Return (H, W, 3) uint8 of an Image or a CompressedImage."""
    if hasattr(message, "encoding"):
        return rgb_from_msg(message)
    return np.asarray(PilImage.open(io.BytesIO(bytes(message.data))).convert("RGB"))


def pixels_answer(pixels: Any, width: int, name: str = "") -> ToolAnswer:
    """Return the answer with a picture, at most so many pixels wide; `name` is its topic."""
    picture = PilImage.fromarray(pixels)
    height = max(round(picture.height * width / picture.width), 1)
    if width < picture.width:
        picture = picture.resize((width, height))
    data = io.BytesIO()
    picture.save(data, "JPEG", quality=85)
    size = {"width": picture.width, "height": picture.height}
    return data_answer(size, (Picture(data.getvalue(), "jpeg"),), name=name)


def pictures_in(response: Any) -> list[Picture]:
    """Return the pictures of a response's own fields; their bytes are of no use as numbers."""
    found: list[Picture] = []
    for name in response.get_fields_and_field_types():
        value = getattr(response, name)
        if type(value).__name__ == "Image" and value.width and value.encoding in ("rgb8", "bgr8", "mono8"):
            found.extend(pixels_answer(rgb_from_msg(value), 512).pictures)
            value.data = b""
    return found
