"""`strands-robots record`: record episodes of a policy, or of another source that moves the robot, into a LeRobot dataset."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from strands_robots.cli.cli_options import Namespace, complain, connect, say
from strands_robots.cli.policy import file_or_text

Encoder = Annotated[
    str,
    typer.Option(
        help="Settings of LeRobot's encoders, YAML or JSON, for example '{rgb: {g: 2, crf: 23}, depth: {depth_max: 2.0}}'."
    ),
]


def record(
    root: Annotated[Path, typer.Argument(help="Folder of the dataset.")],
    task: Annotated[str, typer.Option(help="What the robot shall do, in words.")],
    repo_id: Annotated[str, typer.Option(help="Name of the dataset, <owner>/<name>.")] = "local/dataset",
    episodes: Annotated[int, typer.Option(help="Episodes to record.", min=1)] = 1,
    duration: Annotated[float, typer.Option(help="Length of an episode, ROS time [s].", min=0.1)] = 10.0,
    fps: Annotated[int, typer.Option(help="Frames a second [Hz].", min=1, max=1000)] = 30,
    robots: Annotated[list[str] | None, typer.Option("--robot", help="Robot to record; none takes every one.")] = None,
    cameras: Annotated[
        list[str] | None,
        typer.Option("--camera", help="Camera as '<robot>/<camera>', or '*'; its depth as '<robot>/<camera>/depth'."),
    ] = None,
    policy: Annotated[
        str, typer.Option(help="Policy to run in every episode; empty records the source that moves the robot.")
    ] = "",
    config: Annotated[str, typer.Option(help="Settings of the policy, YAML or JSON.")] = "",
    adapter: Annotated[
        str, typer.Option(help="Adapter of the policy: a name in config/adapters, a YAML file, or YAML.")
    ] = "",
    rate: Annotated[float, typer.Option(help="Control rows of the policy [Hz]; 0 takes its own.", min=0.0)] = 0.0,
    seed: Annotated[int, typer.Option(help="Seed of the first episode; the next one's is one higher.", min=0)] = 0,
    lockstep: Annotated[bool, typer.Option(help="The world runs in lockstep: reset it and step it.")] = False,
    reset_time: Annotated[
        float,
        typer.Option(help="Pause before each further episode, to reset the scene [s]; a key ends it.", min=0.0),
    ] = 0.0,
    countdown: Annotated[float, typer.Option(help="Time before the first episode [s]; a key ends it.", min=0.0)] = 0.0,
    keys: Annotated[bool, typer.Option(help="Take the keys of the terminal, where there is one.")] = True,
    resume: Annotated[bool, typer.Option(help="Go on with the dataset that is there.")] = False,
    overwrite: Annotated[bool, typer.Option(help="Replace the existing dataset by a new one.")] = False,
    velocity: Annotated[bool, typer.Option(help="Also record observation.velocity.")] = False,
    effort: Annotated[bool, typer.Option(help="Also record observation.effort.")] = False,
    intervention: Annotated[
        bool,
        typer.Option(
            help="Also record intervention: true where a hand (class teleop) commanded. An episode then continues when a hand takes "
            "the robot from the policy."
        ),
    ] = False,
    language: Annotated[
        bool, typer.Option(help="Also record LeRobot's language columns: subtasks, what is said, corrections.")
    ] = False,
    units: Annotated[str, typer.Option(help="lerobot (degrees, grippers 0 to 100) or si.")] = "lerobot",
    codec: Annotated[str, typer.Option(help="Video codec: h264, libsvtav1 or another of LeRobot.")] = "h264",
    encoder: Encoder = "",
    success_when: Annotated[
        str,
        typer.Option(
            help="Condition that ends an episode as done, as stop_when of a policy, for example '{joint: gripper, below: 0.1}'; "
            "also records next.reward, next.done and next.success."
        ),
    ] = "",
    on_stale: Annotated[str, typer.Option(help="What a stale stream does: mark, drop or fail.")] = "mark",
    namespace: Namespace = "",
) -> None:
    """Record episodes; exit code 0 when every one was saved, else 1. Ctrl-C discards the present one and closes the dataset.

    Keys, as of lerobot-record: right arrow (or n) ends the episode, or the pause; left arrow (r) records the episode again, in the
    pause the one before it; p holds the pause, or lets it go on; Escape (q) saves the episode and stops. Another program does the same
    with recorder/episode: END, DISCARD, STOP, and BEGIN to end the pause.

    Start the graph with a recorder first: strands-robots sim --recorder.
    """
    from strands_robots.core.errors import ConfigurationError

    if resume and overwrite:
        raise ConfigurationError("both --resume and --overwrite are given; valid: one of them")
    if success_when and not policy:
        raise ConfigurationError("--success-when is judged while a policy runs; valid: together with --policy")
    if adapter and not policy:
        raise ConfigurationError("--adapter is of a policy; valid: together with --policy")
    with connect(namespace) as client:
        from contextlib import nullcontext

        from strands_robots.clients.record_episode import RecordPlan
        from strands_robots.clients.record_wishes import Wishes
        from strands_robots.clients.recorder_client import record_episodes
        from strands_robots.live.record_keys import reading_keys

        plan = RecordPlan(
            root=str(root.expanduser().absolute()), repo_id=repo_id, task=task, episodes=episodes, duration=duration,
            fps=fps, robots=tuple(robots or ()), cameras=tuple(cameras or ()), policy=policy, config=config, rate=rate,
            seed=seed, lockstep=lockstep, mode=1 if resume else 2 if overwrite else 0, velocity=velocity, effort=effort,
            units=units, codec=codec, encoder=encoder, on_stale=on_stale, success_when=success_when,
            intervention=intervention, adapter=file_or_text(adapter), reset_time=reset_time,
            language=language, countdown=countdown,
        )  # fmt: skip
        wishes = Wishes()
        with reading_keys(wishes, complain) if keys else nullcontext():
            saved = record_episodes(client, plan, say, complain, wishes)
    if saved != episodes:
        raise typer.Exit(1)
