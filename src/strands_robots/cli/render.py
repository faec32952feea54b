"""`strands-robots render`: a picture of the simulated world as a PNG file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from strands_robots.cli.cli_options import Namespace, connect, say
from strands_robots.core.errors import ConfigurationError
from strands_robots.core.text import printable

if TYPE_CHECKING:
    from numpy.typing import NDArray


def render(
    camera: Annotated[str, typer.Argument(help='Camera, as "<robot>/<camera>" or "<camera>".')],
    file: Annotated[Path, typer.Option(help="PNG file to write.")],
    depth: Annotated[
        bool,
        typer.Option("--depth", help="Depth instead of colours, 16 bits, in millimetres, 65535 where it is farther."),
    ] = False,
    segmentation: Annotated[
        bool, typer.Option("--segmentation", help="A colour for each shape, and the list of colours and shapes.")
    ] = False,
    fine: Annotated[bool, typer.Option("--fine", help="With shadows and smooth edges; slower.")] = False,
    width: Annotated[int, typer.Option(help="Width [px]; 0 takes the camera's own.", min=0)] = 0,
    height: Annotated[int, typer.Option(help="Height [px]; 0 takes the camera's own.", min=0)] = 0,
    namespace: Namespace = "",
) -> None:
    """Write a picture of the simulated world, seen from one camera, at the present instant."""
    if file.suffix.lower() != ".png" or not file.absolute().parent.is_dir():
        raise ConfigurationError(
            f"file '{printable(str(file))}' cannot be written; valid: <existing folder>/<name>.png"
        )
    if depth + segmentation + fine > 1:
        raise ConfigurationError("more than one of --depth, --segmentation and --fine given; valid: one, or none")
    pixels: NDArray[Any]
    with connect(namespace) as client:
        from strands_robots.clients.render_client import render_camera, render_segmentation

        if segmentation:
            pixels, labels = render_segmentation(client, camera, width, height)
        else:
            pixels, labels = render_camera(client, camera, depth, width, height, fine), {}
    from strands_robots.sim.render.pictures import colours_of_values, write_png

    if segmentation:
        pixels, colours = colours_of_values(pixels)

    try:
        write_png(file, pixels)
    except OSError as error:
        raise ConfigurationError(f"file '{printable(str(file))}' cannot be written: {error}") from error
    say(f"{file.absolute()} ({pixels.shape[1]} x {pixels.shape[0]})")
    for value, label in labels.items():
        say("#{:02x}{:02x}{:02x}".format(*colours[value]) + f"  {label}")
