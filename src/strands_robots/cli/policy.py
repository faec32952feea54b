"""`strands-robots policy run`: let a policy move a robot and wait for it."""

from __future__ import annotations

from typing import Annotated

import typer

from strands_robots.cli.options import Namespace, complain, connect, say

app = typer.Typer(help="Run policies.", no_args_is_help=True, rich_markup_mode=None)

CANCELLED = 130


@app.callback()
def policy() -> None:
    """Run policies."""


@app.command("run")
def run(
    policy: Annotated[str, typer.Argument(help="Policy provider, for example sine or hold.")],
    robot: Annotated[str, typer.Option(help="Robot to move.")],
    duration: Annotated[float, typer.Option(help="End after this much ROS time [s]; 0 is no limit.", min=0.0)] = 0.0,
    steps: Annotated[int, typer.Option(help="End after this many control rows; 0 is no limit.", min=0)] = 0,
    rate: Annotated[
        float, typer.Option(help="Control rows for each second [Hz]; 0 takes the policy's own.", min=0.0)
    ] = 0.0,
    config: Annotated[
        str,
        typer.Option(
            help="Settings as YAML or JSON, for sine '{joints: {<joint>: [{amplitude: 0.2, frequency: 0.5}]}}'."
        ),
    ] = "",
    task: Annotated[str, typer.Option(help="What the robot shall do, in words.")] = "",
    seed: Annotated[int, typer.Option(help="Seed of the policy.", min=0)] = 0,
    lockstep: Annotated[bool, typer.Option(help="Step a world that runs in lockstep.")] = False,
    namespace: Namespace = "",
) -> None:
    """Run a policy on a robot until it ends; Ctrl-C cancels it.

    Exit code 0 when the policy ran to its end, 130 when it was cancelled, else 1.
    """
    with connect(namespace) as client:
        from strands_robots.ros.policy_client import Goal, run_policy

        goal = Goal(
            robot,
            policy,
            config=config,
            task=task,
            rate=rate,
            duration=duration,
            steps=steps,
            seed=seed,
            lockstep=lockstep,
        )
        result = run_policy(client, goal, complain)
    say(f"{result.termination_reason}: {result.message}")
    say(f"  {result.elapsed:.2f} s, {result.chunks} chunks, {result.steps} rows")
    for name, motion in zip(result.joint_names, result.motion, strict=False):
        say(f"  {name}: moved {motion:.4f}")
    if not result.success:
        raise typer.Exit(CANCELLED if result.termination_reason == "cancelled" else 1)
