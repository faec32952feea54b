"""Pictures are written below one folder, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from strands_robots.core.errors import ConfigurationError
from strands_robots.sim.render.pictures import output_path, write_png


@pytest.mark.parametrize(
    "file",
    [
        "../out.png",
        "a/../../out.png",
        "/etc/out.png",
        "out.jpg",
        "out",
        ".",
        "",
        "a\0.png",
        "~/../../out.png",
        "..png/../x.png",
    ],
)
def test_path_that_is_not_a_png_below_the_folder_is_refused(tmp_path: Path, file: str) -> None:
    with pytest.raises(ConfigurationError, match="valid: a relative path"):
        output_path(tmp_path / "output", file)


def test_links_out_of_the_folder_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "output"
    folder.mkdir()
    (folder / "away").symlink_to(tmp_path)
    (folder / "link.png").symlink_to(tmp_path / "target.png")
    for file in ("away/out.png", "link.png"):
        with pytest.raises(ConfigurationError, match="leads out"):
            output_path(folder, file)
    assert not (tmp_path / "out.png").exists()


def test_path_below_the_folder_is_absolute_and_its_folder_made(tmp_path: Path) -> None:
    path = output_path(tmp_path / "output", "episode/1/front.png")
    assert path.is_absolute() and path.parent.is_dir()


def test_colour_is_written_as_it_is(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (8, 6, 3), dtype=np.uint8)
    write_png(tmp_path / "a.png", pixels)
    assert np.array_equal(np.asarray(Image.open(tmp_path / "a.png")), pixels)
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def test_depth_is_written_in_millimetres(tmp_path: Path) -> None:
    depth = np.array([[0.5, 1.2344, 65.535], [100.0, np.inf, np.nan]], dtype=np.float32)
    write_png(tmp_path / "d.png", depth)
    assert np.asarray(Image.open(tmp_path / "d.png")).tolist() == [[500, 1234, 65535], [65535, 65535, 0]]
