"""`strands-robots view`: the picture of any camera, in the terminal or as a file."""

from __future__ import annotations

import math
import os
import shutil
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from strands_robots.cli.cli_options import Namespace, connect, say
from strands_robots.core.errors import ConfigurationError, StrandsRobotsError
from strands_robots.core.text import printable
from strands_robots.live.terminal import Keys, can_show_live

if TYPE_CHECKING:
    from strands_robots.clients.camera_view import CameraView, Rgb

ENDINGS = (".png", ".mp4")
WAIT = 10.0
"""Longest wait for a picture [s]."""


def _complete(incomplete: str) -> list[str]:
    try:
        with connect("") as client:
            from strands_robots.clients.camera_view import cameras_on_graph
            from strands_robots.clients.graph_survey import wait_for_graph

            wait_for_graph(client)
            return sorted(name for name in cameras_on_graph(client) if name.startswith(incomplete))
    except StrandsRobotsError:
        return []


def view(
    camera: Annotated[
        str,
        typer.Argument(
            help='Camera, as "<robot>/<camera>"; with /depth behind it its depth.', autocompletion=_complete
        ),
    ],
    live: Annotated[bool, typer.Option("--live", help="Go on until q or Ctrl-C.")] = False,
    file: Annotated[Path | None, typer.Option(help="PNG or MP4 file to write instead.")] = None,
    duration: Annotated[float, typer.Option(help="Length of the MP4 file [s].", min=0.1, max=3600.0)] = 5.0,
    rate: Annotated[float, typer.Option(help="Most pictures a second in the terminal [Hz].", min=0.1, max=30.0)] = 10.0,
    namespace: Namespace = "",
) -> None:
    """Show a camera of the graph, simulated or real, in the terminal, or write a picture or a film of it."""
    check_target(file)
    is_movie = file is not None and file.suffix.lower() == ".mp4"
    with connect(namespace) as client:
        from strands_robots.clients.camera_view import CameraView

        shown = CameraView(client, camera, prefer_raw=not live and not is_movie)
        if file is None:
            _show(shown, live, 1.0 / rate)
        elif is_movie:
            _film(shown, file, duration)
        else:
            _write(shown, file)


def check_target(file: Path | None) -> None:
    """Check that the picture can be shown where it is wanted, before one is drawn.

    Raises:
        ConfigurationError: If it cannot; the message says what is valid.
    """
    if file is None:
        if not can_show_live() or "utf" not in (sys.stdout.encoding or "").lower():
            raise ConfigurationError(
                "a picture in the terminal needs a terminal with colours and UTF-8 (no pipe, TERM=dumb or NO_COLOR); "
                "valid: --file <name>.png or --file <name>.mp4"
            )
    elif file.suffix.lower() not in ENDINGS or not file.absolute().parent.is_dir():
        raise ConfigurationError(
            f"file '{printable(str(file))}' cannot be written; valid: <existing folder>/<name>.png or .mp4"
        )


def _show(camera: CameraView, live: bool, period: float) -> None:
    if not live:
        _, picture = camera.wait(WAIT)
        print("\n".join(_text(picture)), flush=True)
        return
    ended = threading.Event()
    sys.stdout.write("\x1b[?1049h\x1b[?25l\x1b[2J")
    try:
        with Keys(lambda key: ended.set() if key in "qQ" else None, sys.stdin.fileno()):
            camera.wait(WAIT)
            while not ended.wait(period):
                found = camera.look()
                if found is not None:
                    note = f"{camera.topic}  {camera.rate:.1f} Hz  t {found[0]:.2f} s  q: end"
                    sys.stdout.write("\x1b[H" + "\n".join([*_text(found[1]), note]) + "\x1b[K")
                    sys.stdout.flush()
    finally:
        sys.stdout.write("\x1b[?25h\x1b[?1049l")
        sys.stdout.flush()


def _text(picture: Rgb) -> list[str]:
    from strands_robots.live.blocks import has_true_colour, text_picture

    size = shutil.get_terminal_size()
    return text_picture(picture, size.columns, max(size.lines - 1, 1), has_true_colour())


def _write(camera: CameraView, file: Path) -> None:
    from strands_robots.sim.render.pictures import write_png

    _, picture = camera.wait(WAIT)
    try:
        write_png(file, picture)
    except OSError as error:
        raise ConfigurationError(f"file '{printable(str(file))}' cannot be written: {error}") from error
    say(f"{file.absolute()} ({picture.shape[1]} x {picture.shape[0]})")


def _film(camera: CameraView, file: Path, duration: float) -> None:
    from strands_robots.live.movie import Movie

    stamp, picture = camera.wait(WAIT)
    part = file.with_name(f".{file.name}.part")
    started = time.monotonic()
    try:
        with Movie(part, picture.shape[1], picture.shape[0]) as movie:
            movie.add(picture, stamp)
            while time.monotonic() - started < duration:
                stamp, picture = camera.wait(WAIT)
                movie.add(picture, stamp)
        os.replace(part, file)
    finally:
        part.unlink(missing_ok=True)
    taken = time.monotonic() - started
    rate = movie.frames / taken if taken > 0.0 else math.inf
    say(f"{file.absolute()} ({picture.shape[1]} x {picture.shape[0]}, {movie.frames} pictures, {rate:.1f} Hz)")
