"""Draws an episode: every element of state and action over time, and strips of the cameras; as one HTML page or PNG. No network."""

from __future__ import annotations

import base64
import html
import io
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from strands_robots.core.errors import ConfigurationError
from strands_robots.dataset.schema import ACTION, STATE
from strands_robots.dataset.table import (
    EpisodeRow,
    Info,
    read_account,
    read_episode,
    read_info,
    read_pictures,
    read_vectors,
)

STRIP = 8
"""Pictures of a camera."""

THUMB = 160
"""Width of a picture in a strip [px]."""

WIDTH, HEIGHT = 640, 120
"""Size of a plot [px]."""

_STATE_COLOUR, _ACTION_COLOUR = "#1668a7", "#c4561d"


def write_view(root: Path, episode: int, out: Path) -> None:
    """Draw an episode.

    Args:
        root: Folder of the dataset.
        episode: Index of the episode.
        out: File to write, .html or .png.

    Raises:
        ConfigurationError: If there is no such episode, or the file has another suffix.
        DatasetError: If the dataset cannot be read.
    """
    if out.suffix not in (".html", ".png"):
        raise ConfigurationError(f"'{out.name}' has the suffix '{out.suffix}'; valid: .html or .png")
    info = read_info(root)
    row = read_episode(root, info, episode)
    data = read_vectors(root, row, [STATE, ACTION])
    strips = {key: _strip(root, info, row, key) for key in info.video_keys}
    title = (
        f"{root.name}, episode {row.index}: {', '.join(row.tasks)} ({row.length} frames, {row.length / info.fps:.2f} s)"
    )
    out.parent.mkdir(parents=True, exist_ok=True)
    if out.suffix == ".png":
        _sheet(title, info, data, strips).save(out)
    else:
        out.write_text(_page(title, root, info, row, data, strips), encoding="utf-8")


def _strip(root: Path, info: Info, row: EpisodeRow, key: str) -> list[tuple[int, Image.Image]]:
    wanted = {round(i * (row.length - 1) / max(STRIP - 1, 1)) for i in range(STRIP)}
    found = []
    for number, picture in enumerate(read_pictures(root, info, row, key)):
        if number in wanted:
            image = Image.fromarray(picture)
            found.append((number, image.resize((THUMB, max(THUMB * image.height // image.width, 1)))))
    return found


def _page(
    title: str, root: Path, info: Info, row: EpisodeRow, data: dict[str, NDArray[Any]], strips: dict[str, Any]
) -> str:
    parts = [f"<h1>{html.escape(title)}</h1>"]
    for key, strip in strips.items():
        pictures = "".join(
            f'<figure><img src="data:image/jpeg;base64,{_jpeg(image)}" alt="frame {number}"><figcaption>{number}</figcaption></figure>'
            for number, image in strip
        )
        parts.append(f"<h2>{html.escape(key)}</h2><div class=strip>{pictures}</div>")
    parts.append("<h2>state and action</h2>")
    parts += [_plot(name, data[STATE][:, i], data[ACTION][:, i], info.fps) for i, name in enumerate(info.names(STATE))]
    account = read_account(root, row.index)
    if account is not None:
        lines = "".join(
            f"<tr><td>{html.escape(topic)}</td>" + "".join(f"<td>{value}</td>" for value in count.values()) + "</tr>"
            for topic, count in account["streams"].items()
        )
        names: dict[str, int] = next(iter(account["streams"].values()), {})
        head = "".join(f"<th>{name}</th>" for name in names)
        parts.append(f"<h2>streams</h2><table><tr><th>topic</th>{head}</tr>{lines}</table>")
    style = (
        "body{font:14px sans-serif;margin:2em;max-width:1400px}.strip{display:flex;flex-wrap:wrap;gap:4px}figure{margin:0;text-align:"
        "center}svg{border:1px solid #ccc;margin:4px}td,th{padding:2px 8px;text-align:right}"
    )
    return (
        f"<!doctype html><meta charset=utf-8><title>{html.escape(title)}</title><style>{style}</style>{''.join(parts)}"
    )


def _plot(name: str, state: NDArray[Any], action: NDArray[Any], fps: int) -> str:
    low, high = _range(state, action)
    lines = "".join(
        f'<polyline fill="none" stroke="{colour}" points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in _points(values, low, high))}"/>'
        for values, colour in ((state, _STATE_COLOUR), (action, _ACTION_COLOUR))
    )
    label = html.escape(f"{name}: {low:.3f} to {high:.3f}; state blue, action orange; {len(state) / fps:.2f} s")
    return f'<svg width="{WIDTH}" height="{HEIGHT + 18}"><text x="6" y="13" font-size="12">{label}</text>{lines}</svg>'


def _sheet(title: str, info: Info, data: dict[str, NDArray[Any]], strips: dict[str, Any]) -> Image.Image:
    names = info.names(STATE)
    columns = 2
    plots = -(-len(names) // columns) * (HEIGHT + 24)
    heights = [max((image.height for _, image in strip), default=0) + 22 for strip in strips.values()]
    width = max(columns * (WIDTH + 10), STRIP * (THUMB + 4)) + 20
    sheet = Image.new("RGB", (width, 30 + sum(heights) + plots + 10), "white")
    draw = ImageDraw.Draw(sheet)
    draw.text((10, 8), title.encode("ascii", "replace").decode(), fill="black")
    top = 30
    for (key, strip), height in zip(strips.items(), heights):
        draw.text((10, top), key, fill="black")
        for place, (number, image) in enumerate(strip):
            sheet.paste(image, (10 + place * (THUMB + 4), top + 14))
            draw.text((14 + place * (THUMB + 4), top + 16), str(number), fill="yellow")
        top += height
    for i, name in enumerate(names):
        left, upper = 10 + (i % columns) * (WIDTH + 10), top + (i // columns) * (HEIGHT + 24)
        state, action = data[STATE][:, i], data[ACTION][:, i]
        low, high = _range(state, action)
        draw.text((left, upper), f"{name}: {low:.3f} to {high:.3f}", fill="black")
        for values, colour in ((state, _STATE_COLOUR), (action, _ACTION_COLOUR)):
            draw.line([(left + x, upper + y) for x, y in _points(values, low, high)], fill=colour)
    return sheet


def _range(state: NDArray[Any], action: NDArray[Any]) -> tuple[float, float]:
    low, high = float(min(state.min(), action.min())), float(max(state.max(), action.max()))
    return (low, high) if high > low else (low - 1.0, high + 1.0)


def _points(values: NDArray[Any], low: float, high: float) -> list[tuple[float, float]]:
    """Return a curve's corners in a plot [px], below the line of its title."""
    x = np.linspace(4, WIDTH - 4, max(len(values), 2))[: len(values)]
    y = 18 + (HEIGHT - 8) * (1.0 - (values.astype(np.float64) - low) / (high - low))
    return list(zip(x.tolist(), y.tolist()))


def _jpeg(image: Image.Image) -> str:
    stream = io.BytesIO()
    image.save(stream, format="JPEG", quality=80)
    return base64.b64encode(stream.getvalue()).decode()
