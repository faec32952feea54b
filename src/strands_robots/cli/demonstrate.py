"""`strands-robots demonstrate`: a dataset of episodes of a task that succeeded. Needs no running graph, but LeRobot."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from strands_robots.cli.cli_options import complain, say
from strands_robots.cli.record import Encoder

if TYPE_CHECKING:
    from strands_robots.evaluation.episode_result import EpisodeResult


Task = Annotated[str, typer.Argument(help="Task: a name in config/tasks, a YAML file, or YAML.")]
Root = Annotated[Path, typer.Argument(help="Folder of the dataset; an existing one is continued.")]
Config = Annotated[str, typer.Option(help="Settings of the policy as YAML or JSON.")]
Adapter = Annotated[str, typer.Option(help="Adapter: a name in config/adapters, a YAML file, or YAML.")]
Episodes = Annotated[int, typer.Option(help="Number of successful episodes in the dataset at the end.", min=1)]
Seed = Annotated[int, typer.Option(help="Seed of the first episode; the others count up.", min=0)]
Fps = Annotated[int, typer.Option(help="Frames a second [Hz]; a frame is whole control periods.", min=1)]
Bodies = Annotated[
    list[str] | None,
    typer.Option("--body", help="Body whose x, y, z and yaw are recorded as observation.environment_state."),
]
Cameras = Annotated[
    list[str] | None, typer.Option("--camera", help="Camera of the robot, or its depth as '<camera>/depth'.")
]
RepoId = Annotated[str, typer.Option(help="Name of the dataset, <owner>/<name>.")]


def demonstrate(
    task: Task,
    policy: Annotated[str, typer.Argument(help="Policy that shows how, for example scripted.")],
    root: Root,
    config: Config = "",
    adapter: Adapter = "",
    episodes: Episodes = 20,
    seed: Seed = 0,
    fps: Fps = 20,
    bodies: Bodies = None,
    cameras: Cameras = None,
    repo_id: RepoId = "local/demonstrations",
    intervention: Annotated[
        bool, typer.Option(help="Also record intervention, so that `correct` can continue the dataset.")
    ] = False,
    encoder: Encoder = "",
) -> None:
    """Record episodes of a task in a world of its own, in lockstep, and keep those that succeed as a LeRobot dataset.

    The same seeds give the same dataset. `strands-robots policy adapter ROOT` prints the adapter of policies trained on it.
    """
    from strands_robots.dataset.encoder import EncoderConfig, encoder_settings
    from strands_robots.evaluation.demonstrations import DemonstrationConfig
    from strands_robots.evaluation.demonstrations import demonstrate as run
    from strands_robots.evaluation.episode_result import PolicyChoice

    further = encoder_settings(encoder)
    plan = DemonstrationConfig(
        task, PolicyChoice(policy, config, adapter), root.expanduser().absolute(), episodes, seed, fps,
        tuple(bodies or ()), tuple(cameras or ()), repo_id, intervention,
        EncoderConfig(rgb=further.get("rgb", {}), depth=further.get("depth", {})),
    )  # fmt: skip
    done = run(plan, tell_attempt)
    say(
        f"{root}: {done.episodes} episodes; {done.frames} new frames, {done.failures} episodes that failed are not in it"
    )


def tell_attempt(one: EpisodeResult, is_kept: bool) -> None:
    """Say what became of an attempt."""
    complain(f"episode {one.seed}: {'kept' if is_kept else 'not kept'}, {one.time:.2f} s: {one.message}")
