"""Pictures as text and as films, and what `strands-robots view` refuses before anybody draws."""

from __future__ import annotations

import builtins
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from strands_robots.cli import main
from strands_robots.clients.camera_view import grey_of
from strands_robots.core.errors import ConfigurationError
from strands_robots.live.blocks import UPPER_HALF, fit, has_true_colour, text_picture
from strands_robots.live.movie import Movie


def picture(width: int = 8, height: int = 6) -> Any:
    pixels = np.zeros((height, width, 3), dtype=np.uint8)
    pixels[: height // 2, :, 0] = 255
    pixels[height // 2 :, :, 2] = 200
    return pixels


def test_picture_keeps_its_shape_in_the_room_that_there_is() -> None:
    assert fit(640, 480, 80, 100) == (80, 60)
    assert fit(640, 480, 200, 24) == (64, 48)
    assert fit(1000, 1, 10, 10) == (10, 2)


def test_each_character_shows_two_pixels_in_their_colours() -> None:
    lines = text_picture(picture(), 8, 3, True)
    assert len(lines) == 3 and all(line.count(UPPER_HALF) == 8 for line in lines)
    assert lines[0].startswith("\x1b[38;2;255;0;0;48;2;255;0;0m") and "38;2;0;0;200" in lines[2]
    assert "38;2;255;0;0;48;2;0;0;200m" in lines[1] and lines[0].endswith("\x1b[0m")


def test_colours_are_only_named_where_they_change() -> None:
    assert len(re.findall(r"\x1b\[38", text_picture(picture(), 8, 3, True)[0])) == 1


def test_terminal_without_true_colour_gets_the_palette() -> None:
    assert text_picture(picture(), 8, 3, False)[0].startswith("\x1b[38;5;196;48;5;196m")
    assert has_true_colour({"COLORTERM": "truecolor"}) and not has_true_colour({})


def test_near_is_white_and_unknown_is_black() -> None:
    grey = grey_of(np.array([[1.0, 2.0], [np.nan, 3.0]], dtype=np.float32))
    assert grey[:, :, 0].tolist() == [[255, 127], [0, 0]]
    assert not grey_of(np.zeros((2, 2))).any()


def test_film_has_every_picture_at_its_time(tmp_path: Path) -> None:
    av = pytest.importorskip("av", reason="PyAV is not installed")
    path = tmp_path / "film.mp4"
    with Movie(path, 65, 49) as movie:
        for index in range(10):
            movie.add(np.full((49, 65, 3), 20 * index, dtype=np.uint8), 5.0 + 0.1 * index)
        movie.add(np.zeros((49, 65, 3), dtype=np.uint8), 5.9)
    assert movie.frames == 10
    with av.open(str(path)) as film:
        frames = list(film.decode(video=0))
    assert [round(frame.time, 3) for frame in frames] == [round(0.1 * index, 3) for index in range(10)]
    assert (frames[0].width, frames[0].height) == (64, 48)
    assert abs(int(frames[9].to_ndarray(format="rgb24").mean()) - 180) < 6


def test_film_without_pyav_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def refuse(name: str, *rest: Any) -> Any:
        if name == "av":
            raise ImportError("No module named 'av'")
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(ConfigurationError, match="pip install av"):
        Movie(tmp_path / "film.mp4", 64, 48)


@pytest.mark.parametrize(("words", "expected"), [
    (["view", "cam"], "valid: --file <name>.png"), (["view", "cam", "--file", "x.jpg"], "<existing folder>/<name>.png or .mp4"),
    (["view", "cam", "--file", "/no/such/x.png"], "<existing folder>"), (["view", "cam", "--rate", "0"], "0.1"),
])  # fmt: skip
def test_view_says_what_is_valid(words: list[str], expected: str) -> None:
    result = CliRunner().invoke(main.app, words)
    assert result.exit_code != 0 and expected in result.output + str(result.exception)
