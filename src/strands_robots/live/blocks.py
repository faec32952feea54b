"""A picture as text: each character is two pixels, the upper one its colour and the lower one its background."""

from __future__ import annotations

import os
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

UPPER_HALF = "\u2580"
_RESET = "\x1b[0m"


def has_true_colour(environ: Mapping[str, str] | None = None) -> bool:
    """Return whether the terminal says that it has 16 million colours; else it gets 216.

    Source: github.com/termstandard/colors.
    """
    given = os.environ if environ is None else environ
    return given.get("COLORTERM", "") in ("truecolor", "24bit")


def fit(width: int, height: int, columns: int, rows: int) -> tuple[int, int]:
    """Return the size [px] of the largest picture of the same shape in so many characters; its height is even.

    A character is twice as high as wide, so that its two halves are square.
    """
    scale = min(columns / width, 2.0 * rows / height)
    return max(int(width * scale), 1), max(int(height * scale) // 2 * 2, 2)


def text_picture(rgb: NDArray[np.uint8], columns: int, rows: int, true_colour: bool) -> list[str]:
    """Return the lines of a picture.

    Args:
        rgb: uint8 (H, W, 3).
        columns, rows: Room in characters.
        true_colour: 24 bits a colour, else the 216 colours of the palette.
    """
    from PIL import Image

    width, height = fit(rgb.shape[1], rgb.shape[0], columns, rows)
    small = np.asarray(Image.fromarray(rgb).resize((width, height), Image.Resampling.BOX), dtype=np.uint8)
    if not true_colour:
        small = (small.astype(np.uint16) * 6 // 256).astype(np.uint8)
    colour = _true if true_colour else _palette
    lines = []
    for upper, lower in zip(small[0::2].tolist(), small[1::2].tolist()):
        parts, last = [], None
        for pair in zip(upper, lower):
            if pair != last:
                parts.append(f"\x1b[38;{colour(pair[0])};48;{colour(pair[1])}m")
                last = pair
            parts.append(UPPER_HALF)
        lines.append("".join(parts) + _RESET)
    return lines


def _true(colour: list[int]) -> str:
    return f"2;{colour[0]};{colour[1]};{colour[2]}"


def _palette(colour: list[int]) -> str:
    return f"5;{16 + 36 * colour[0] + 6 * colour[1] + colour[2]}"
