"""STL files as text, which MuJoCo does not read, as binary ones."""

from __future__ import annotations

import re
import struct

import numpy as np

from strands_robots.core.errors import ModelError
from strands_robots.core.text import printable

_VERTEX = re.compile(rb"vertex\s+(\S+)\s+(\S+)\s+(\S+)")
_TRIANGLE = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])


def binary_stl(data: bytes, name: str) -> bytes:
    """Return an STL file's content in the binary form; binary content is returned as it is.

    Args:
        data: The content.
        name: The file, for the message.

    Raises:
        ModelError: If it is text, and its corners cannot be read.

    Source: 3D Systems, StereoLithography Interface Specification, 1988.
    """
    count = struct.unpack_from("<I", data, 80)[0] if len(data) >= 84 else -1
    if not data.lstrip().startswith(b"solid") or len(data) == 84 + 50 * count:
        return data
    try:
        corners = np.array(_VERTEX.findall(data), dtype=np.float32).reshape(-1, 3, 3)
    except ValueError as error:
        raise ModelError(
            f"the file '{printable(name)}' is an STL as text whose corners cannot be read: {error}"
        ) from error
    triangles = np.zeros(len(corners), _TRIANGLE)
    triangles["corners"] = corners
    return bytes(80) + struct.pack("<I", len(corners)) + triangles.tobytes()
