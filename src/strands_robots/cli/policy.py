"""`strands-robots policy run`: let a policy move a robot and wait for it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from strands_robots.cli.cli_options import Namespace, complain, connect, say

app = typer.Typer(help="Run policies.", no_args_is_help=True, rich_markup_mode=None)

CANCELLED = 130

Adapter = Annotated[str, typer.Option(help="Adapter: a name in config/adapters, a YAML file, or YAML.")]
Settings = Annotated[str, typer.Option("--config", help="Settings of the policy as YAML or JSON.")]


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
    adapter: Adapter = "",
    stop_when: Annotated[
        str, typer.Option(help="Condition that ends the run, for example '{joint: gripper, below: 0.1}'.")
    ] = "",
    blending: Annotated[
        str, typer.Option(help="How chunks follow each other: splice, ensemble or rtc; empty lets the policy choose.")
    ] = "",
    execute_rows: Annotated[
        int, typer.Option(help="Rows of a chunk to play before the policy is asked again; 0: half of it.", min=0)
    ] = 0,
    keep_loaded: Annotated[bool, typer.Option(help="Keep the policy loaded for the next goal like this one.")] = False,
    namespace: Namespace = "",
) -> None:
    """Run a policy on a robot until it ends; Ctrl-C cancels it.

    Exit code 0 when the policy ran to its end, 130 when it was cancelled, else 1.
    """
    with connect(namespace) as client:
        from strands_robots.clients.policy_client import PolicyGoalFields, run_policy

        goal = PolicyGoalFields(
            robot, policy, config=config, task=task, rate=rate, duration=duration, steps=steps, seed=seed,
            lockstep=lockstep, adapter=file_or_text(adapter), stop_when=stop_when, blending=blending,
            execute_rows=execute_rows, keep_loaded=keep_loaded,
        )  # fmt: skip
        result = run_policy(client, goal, complain)
    _tell(result)
    if not result.success:
        raise typer.Exit(CANCELLED if result.termination_reason == "cancelled" else 1)


def _tell(result: Any) -> None:
    """Print a result of RunPolicy."""
    say(f"{result.termination_reason}: {result.message}")
    say(
        f"  {result.elapsed:.2f} s, {result.chunks} chunks, {result.steps} rows, {result.underruns} underruns, inference p50 "
        f"{1e3 * result.latency_p50:.1f} ms, p99 {1e3 * result.latency_p99:.1f} ms"
    )
    for name, motion in zip(result.joint_names, result.motion, strict=False):
        say(f"  {name}: moved {motion:.4f}")


@app.command("list")
def list_policies() -> None:
    """List the policies that can be made."""
    from strands_robots.policies.registry import policy_names

    for name in policy_names():
        say(name)


@app.command("inspect")
def inspect(
    path: Annotated[str, typer.Argument(help="Folder or hub id of a trained LeRobot policy.")],
    config: Settings = "",
    device: Annotated[str, typer.Option(help="cpu, cuda, mps or auto.")] = "auto",
) -> None:
    """Print what a trained policy needs and gives, its size and device, and how long one inference takes."""
    from strands_robots.policies.check.describe import describe_policy
    from strands_robots.policies.check.inspection import inspect_lerobot
    from strands_robots.policies.provider import settings_from_text

    found = inspect_lerobot(path, {**settings_from_text(config), "device": device})
    say(describe_policy(found.needs, found.gives))
    say(f"weights: {found.parameters:,}")
    say(f"one inference: {1e3 * found.latency:.1f} ms (the first {1e3 * found.first:.1f} ms), rows {found.rows}")


@app.command("check")
def check(
    policy: Annotated[str, typer.Argument(help="Policy provider, or folder or hub id of a trained LeRobot policy.")],
    robot: Annotated[str, typer.Option(help="Kind of robot: a name in config/robots or a YAML file.")],
    adapter: Adapter = "",
    config: Settings = "",
    task: Annotated[str, typer.Option(help="What the robot shall do, in words.")] = "",
) -> None:
    """Say whether a policy fits a robot through an adapter, with both lists where it does not, and try one inference.

    Exit code 0 when it fits, else 1.
    """
    from strands_robots.policies.check.inspection import check_policy
    from strands_robots.policies.provider import settings_from_text
    from strands_robots.policies.registry import policy_names

    settings = dict(settings_from_text(config))
    name = policy
    if policy not in policy_names() and ("/" in policy or "." in policy):
        name, settings["path"] = "lerobot", policy
    found = check_policy(name, settings, robot, file_or_text(adapter), task)
    say(f"{'fits' if found.fits else 'does not fit'}: {found.message}")
    for note in found.notes:
        say(f"note: {note}")
    if not found.fits:
        raise typer.Exit(1)


@app.command("adapter")
def print_adapter(root: Annotated[Path, typer.Argument(help="Folder of a dataset that was recorded here.")]) -> None:
    """Print the adapter, as YAML, of policies trained on a dataset: names, order, units, cameras, bodies and rate."""
    from strands_robots.dataset.origin import require_known_schema
    from strands_robots.policies.adapt.dataset_adapter import adapter_text

    say(adapter_text(require_known_schema(root.expanduser())).rstrip())


def file_or_text(adapter: str) -> str:
    """Return an adapter's file as text, for a node that may run in another folder; names and text as they are."""
    path = Path(adapter).expanduser()
    if path.suffix in (".yaml", ".yml") and path.is_file():
        return path.read_text(encoding="utf-8")
    return adapter
