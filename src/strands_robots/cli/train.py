"""`strands-robots train`: LeRobot's trainer on chosen frames of a dataset."""

from __future__ import annotations

from typing import Annotated

import typer

from strands_robots.dataset.frame_choice import FrameChoice


def train(
    arguments: Annotated[list[str], typer.Argument(help="Arguments of lerobot-train, after --.")],
    frames: Annotated[
        FrameChoice,
        typer.Option(
            help="all; corrections: frames that a hand commanded; without_mistakes: all but the policy's frames before a correction."
        ),
    ] = FrameChoice.ALL,
) -> None:
    """Train a policy with LeRobot's trainer on chosen frames: all, a hand's, or all but those that led to a correction.

    strands-robots train --frames corrections -- --dataset.repo_id=local/lift --dataset.root=DATASET --policy.type=act ...
    """
    from strands_robots.learning.chosen_training import train as run

    run(frames, arguments)
