"""`strands-robots dataset progress|reward|overlay`: how far a task is done in every frame, truly and as reward models see it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from strands_robots.cli.cli_options import say
from strands_robots.core.errors import ConfigurationError

if TYPE_CHECKING:
    from strands_robots.learning.progress.agreement import Agreement

Root = Annotated[Path, typer.Argument(help="Folder of the dataset.", exists=True, file_okay=False)]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Episode = Annotated[int, typer.Option(help="Episode.", min=0)]


def progress(
    root: Root,
    out: Annotated[
        Path | None, typer.Option(help="File to write; without it true_progress.parquet in the dataset's folder.")
    ] = None,
    against: Annotated[
        Path | None, typer.Option(help="Progress of a reward model: print how well it agrees.", exists=True)
    ] = None,
    as_json: Json = False,
) -> None:
    """Write the true progress of every frame, by the task's conditions, as LeRobot's --sample_weighting.progress_path takes it.

    The dataset is one of `strands-robots demonstrate`, which notes the progress while it records.
    """
    from dataclasses import asdict

    from strands_robots.learning.progress.agreement import agreement
    from strands_robots.learning.progress.progress_file import NAME, read_progress, true_progress, write_progress

    rows = true_progress(root)
    path = out or root / NAME
    write_progress(path, rows)
    found = None if against is None else agreement(rows, read_progress(against))
    if as_json:
        say(json.dumps({"file": str(path), "frames": len(rows.index), "agreement": asdict(found) if found else None}))
        return
    say(f"{path}: {len(rows.index)} frames")
    if found is not None:
        say(agreement_text(str(against), found))


def agreement_text(against: str, found: Agreement) -> str:
    """Return how well two accounts of progress agree, as a line."""
    return (
        f"{against}: {found.frames} frames of {found.episodes} episodes in common; median Spearman {found.spearman:.3f}, "
        f"Kendall {found.kendall:.3f}; mean difference {found.error:.3f}; ends {found.ends:.3f}; "
        f"{100.0 * found.unordered:.1f} percent of the steps forward do not rise"
    )


def overlay(
    root: Root,
    out: Annotated[Path, typer.Argument(help="Video to write, .mp4.")],
    episode: Episode = 0,
    curves: Annotated[
        list[Path] | None,
        typer.Option("--progress", help="File of progress; several times; none takes the true one.", exists=True),
    ] = None,
    camera: Annotated[str, typer.Option(help="Camera, as the end of its feature's name; empty takes the first.")] = "",
) -> None:
    """Draw the progress of an episode over its pictures. Needs no network."""
    from strands_robots.learning.progress.overlay import write_overlay
    from strands_robots.learning.progress.progress_file import read_progress, true_progress

    known = {path.stem: read_progress(path) for path in curves or ()} or {"true": true_progress(root)}
    write_overlay(root, episode, known, out, camera)
    say(f"{out}: episode {episode}, {', '.join(known)}")


def reward(
    root: Root,
    checkpoint: Annotated[
        Path, typer.Argument(help="Folder of a reward model of LeRobot: SARM, ROBOMETER or TOPReward.", exists=True)
    ],
    out: Annotated[
        Path | None, typer.Option(help="File to write; without it <kind>_progress.parquet in the dataset's folder.")
    ] = None,
    device: Annotated[str, typer.Option(help="What it computes on.")] = "cpu",
    camera: Annotated[
        str, typer.Option(help="Camera, as the end of its feature's name; empty takes the checkpoint's.")
    ] = "",
    as_json: Json = False,
) -> None:
    """Write the progress of every frame as a reward model of LeRobot sees it, and how well it agrees with the true one.

    The true one is known of datasets of `strands-robots demonstrate`.
    """
    from dataclasses import asdict

    from strands_robots.learning.progress.agreement import agreement
    from strands_robots.learning.progress.progress_file import true_progress
    from strands_robots.learning.progress.reward_model import reward_kind, reward_progress

    path = out or root / f"{reward_kind(checkpoint)}_progress.parquet"
    rows = reward_progress(root, checkpoint, path, device=device, camera=camera)
    try:
        found = agreement(true_progress(root), rows)
    except ConfigurationError as error:
        found, why = None, str(error)
    if as_json:
        say(json.dumps({"file": str(path), "frames": len(rows.index), "agreement": asdict(found) if found else None}))
        return
    say(f"{path}: {len(rows.index)} frames")
    say(agreement_text("the true progress", found) if found is not None else f"not held against the truth: {why}")
