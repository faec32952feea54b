"""The picture of `make demo-learning`: success rates with their intervals, the training loss, and an episode of the trained policy."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from strands_robots.evaluation.episode import EpisodeRunner
from strands_robots.evaluation.episode_result import PolicyChoice
from strands_robots.evaluation.task import load_task

WIDTH, HEIGHT, MARGIN, STRIP = 960, 330, 50, 5
BLUE, GRAY, INK = (31, 99, 181), (170, 170, 170), (40, 40, 40)


@dataclass(frozen=True)
class Bar:
    """A success rate with the ends of its 95 % interval."""

    name: str
    rate: float
    low: float
    high: float


def film(task: str, choice: PolicyChoice, seed: int) -> list[NDArray[np.uint8]]:
    """Return pictures of one episode, `STRIP` of them at equal distances in time."""
    runner = EpisodeRunner(load_task(task), choice)
    pictures: list[NDArray[np.uint8]] = []

    def take() -> None:
        if len(pictures) <= runner.world.time * 10.0:
            pictures.append(runner.world.draw("watch", 384, 288))

    runner.world.on_period = take
    try:
        runner.run(seed)
        pictures.append(runner.world.draw("watch", 384, 288))
    finally:
        runner.close()
    chosen = np.linspace(0, len(pictures) - 1, STRIP).round().astype(int)
    return [pictures[i] for i in chosen]


def draw_picture(bars: list[Bar], losses: list[float], strip: list[NDArray[np.uint8]], file: Path, title: str) -> None:
    """Write the picture."""
    size = WIDTH // STRIP
    height = round(size * strip[0].shape[0] / strip[0].shape[1])
    picture = Image.new("RGB", (WIDTH, HEIGHT + height), "white")
    draw = ImageDraw.Draw(picture)
    font = ImageFont.load_default(size=14)
    _bars(draw, font, bars, title)
    _curve(draw, font, losses)
    for i, frame in enumerate(strip):
        picture.paste(Image.fromarray(frame).resize((size - 2, height)), (i * size, HEIGHT))
    picture.save(file, optimize=True)


def _bars(
    draw: ImageDraw.ImageDraw, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, bars: list[Bar], title: str
) -> None:
    left, right, top, bottom = MARGIN, WIDTH // 2 - MARGIN // 2, MARGIN, HEIGHT - MARGIN

    def level(rate: float) -> float:
        return bottom - (bottom - top) * rate

    draw.text((left, 16), f"success rate, 95 % interval: {title}", fill=INK, font=font)
    for percent in (0, 50, 100):
        y = level(percent / 100.0)
        draw.line([(left, y), (right, y)], fill=(225, 225, 225))
        draw.text((left - 8, y), f"{percent} %", fill=INK, font=font, anchor="rm")
    step = (right - left) / len(bars)
    for i, bar in enumerate(bars):
        middle = left + (i + 0.5) * step
        draw.rectangle([middle - 30, level(bar.rate), middle + 30, bottom], fill=BLUE if i == 0 else GRAY)
        draw.line([(middle, level(bar.low)), (middle, level(bar.high))], fill=INK, width=2)
        for end in (bar.low, bar.high):
            draw.line([(middle - 8, level(end)), (middle + 8, level(end))], fill=INK, width=2)
        draw.text((middle, bottom + 14), bar.name, fill=INK, font=font, anchor="mm")


def _curve(draw: ImageDraw.ImageDraw, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, losses: list[float]) -> None:
    left, right, top, bottom = WIDTH // 2 + MARGIN, WIDTH - MARGIN // 2, MARGIN, HEIGHT - MARGIN
    draw.text((left, 16), "training loss (log scale)", fill=INK, font=font)
    draw.line([(left, bottom), (right, bottom)], fill=INK)
    if len(losses) < 2:
        return
    values = np.log10(np.maximum(losses, 1e-4))
    low, high = float(values.min()), float(values.max())
    x = left + (right - left) * np.arange(len(values)) / (len(values) - 1)
    y = bottom - (bottom - top) * (values - low) / max(high - low, 1e-9)
    draw.line(list(zip(x.tolist(), y.tolist())), fill=BLUE, width=2)
    for value, place in ((10.0**high, top), (10.0**low, bottom)):
        draw.text((left - 6, place), f"{value:.3g}", fill=INK, font=font, anchor="rm")
