"""`strands-robots rollout`: let a policy work on a running graph and record by a strategy, as lerobot-rollout does."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import Annotated

import typer

from strands_robots.cli.cli_options import Namespace, complain, connect, say
from strands_robots.cli.policy import file_or_text


class Strategy(str, enum.Enum):
    """What is recorded of a policy at work; LeRobot's names."""

    BASE = "base"
    SENTRY = "sentry"
    HIGHLIGHT = "highlight"
    EPISODIC = "episodic"
    DAGGER = "dagger"


RING_HELP = "keys: s saves the last seconds and records on, s again ends that episode; q (or Escape) stops"


def rollout(
    policy: Annotated[str, typer.Argument(help="Policy provider, for example lerobot.")],
    task: Annotated[str, typer.Option(help="What the robot shall do, in words.")],
    strategy: Annotated[
        Strategy, typer.Option(help="base records nothing; see docs/how_to/correct_a_policy.md for the others.")
    ] = Strategy.BASE,
    root: Annotated[Path | None, typer.Option(help="Folder of the dataset; all strategies but base need it.")] = None,
    repo_id: Annotated[str, typer.Option(help="Name of the dataset, <owner>/<name>.")] = "local/rollout",
    episodes: Annotated[int, typer.Option(help="Episodes.", min=1)] = 1,
    duration: Annotated[
        float,
        typer.Option(
            help="Length of an episode [s]; for base and highlight times --episodes that of the whole.", min=0.1
        ),
    ] = 10.0,
    fps: Annotated[int, typer.Option(help="Frames a second [Hz].", min=1, max=1000)] = 30,
    robots: Annotated[list[str] | None, typer.Option("--robot", help="Robot; the first one is the policy's.")] = None,
    cameras: Annotated[list[str] | None, typer.Option("--camera", help="Camera as '<robot>/<camera>', or '*'.")] = None,
    config: Annotated[str, typer.Option(help="Settings of the policy, YAML or JSON.")] = "",
    adapter: Annotated[str, typer.Option(help="Adapter: a name in config/adapters, a YAML file, or YAML.")] = "",
    rate: Annotated[float, typer.Option(help="Control rows of the policy [Hz]; 0 takes its own.", min=0.0)] = 0.0,
    seed: Annotated[int, typer.Option(help="Seed of the first episode; the next one's is one higher.", min=0)] = 0,
    ring_seconds: Annotated[
        float, typer.Option(help="highlight: seconds before the key that are saved with it [s].", min=0.1)
    ] = 10.0,
    reset_time: Annotated[
        float, typer.Option(help="episodic, dagger: pause before each further episode [s].", min=0.0)
    ] = 0.0,
    success_when: Annotated[
        str, typer.Option(help="episodic, dagger: condition that ends an episode as done, as of `record`.")
    ] = "",
    language: Annotated[bool, typer.Option(help="Also record LeRobot's language columns.")] = False,
    keys: Annotated[bool, typer.Option(help="Take the keys of the terminal, where there is one.")] = True,
    resume: Annotated[bool, typer.Option(help="Go on with the dataset that is there.")] = False,
    namespace: Namespace = "",
) -> None:
    """Let a policy work, and record by a strategy: base, sentry, highlight, episodic or dagger.

    A hand corrects in dagger: start `strands-robots teleop` beside it. The hand has the robot while its dead-man switch is held;
    the policy begins anew when the hand lets go. Exit code 0 when something was recorded as asked, else 1.
    """
    from strands_robots.core.errors import ConfigurationError

    if root is None and strategy is not Strategy.BASE:
        raise ConfigurationError(f"strategy {strategy.value} records; valid: --root with the folder of the dataset")
    if root is not None and strategy is Strategy.BASE:
        raise ConfigurationError("strategy base records nothing; valid: no --root, or another --strategy")
    if unused := _unused(strategy, reset_time > 0.0, bool(success_when), language or resume or bool(cameras)):
        raise ConfigurationError(f"{unused} would not count with strategy {strategy.value}; valid: to leave it out")
    with connect(namespace) as client:
        from contextlib import nullcontext

        from strands_robots.clients.continuous_rollout import roll_out
        from strands_robots.clients.policy_client import PolicyGoalFields, run_policy
        from strands_robots.clients.record_episode import RecordPlan, ending_of, only_robot
        from strands_robots.clients.record_wishes import Wish, Wishes
        from strands_robots.clients.recorder_client import record_episodes
        from strands_robots.live.record_keys import HELP, reading_keys

        if strategy is Strategy.BASE:
            goal = PolicyGoalFields(
                robots[0] if robots else only_robot(client), policy, config, task, rate, duration * episodes, seed=seed,
                adapter=file_or_text(adapter),
            )  # fmt: skip
            result = run_policy(client, goal, complain)
            say(ending_of(result))
            raise typer.Exit(0 if result.success else 1)
        is_dagger = strategy is Strategy.DAGGER
        is_continuous = strategy in (Strategy.SENTRY, Strategy.HIGHLIGHT)
        plan = RecordPlan(
            root=str((root or Path()).expanduser().absolute()), repo_id=repo_id, task=task, episodes=episodes,
            duration=duration, fps=fps, robots=tuple(robots or ()), cameras=tuple(cameras or ()), policy=policy,
            config=config, rate=rate, seed=seed, lockstep=False, mode=1 if resume else 0, velocity=False, effort=False,
            units="lerobot", codec="h264", on_stale="mark", success_when=success_when, intervention=is_dagger,
            reset_time=reset_time, adapter=file_or_text(adapter), is_dagger=is_dagger, language=language,
            keep_seconds=ring_seconds if is_continuous else 0.0,
        )  # fmt: skip
        wishes = Wishes({"s": Wish.NEXT, "q": Wish.STOP}) if is_continuous else Wishes()
        with reading_keys(wishes, complain, RING_HELP if is_continuous else HELP) if keys else nullcontext():
            if is_continuous:
                saved = roll_out(strategy.value, client, plan, say, complain, wishes)
            else:
                saved = record_episodes(client, plan, say, complain, wishes)
    if saved < (1 if strategy is Strategy.HIGHLIGHT else episodes):
        raise typer.Exit(1)


def _unused(strategy: Strategy, has_pause: bool, has_condition: bool, is_recording_asked: bool) -> str:
    """Return the options that a strategy has no use for."""
    has_episodes = strategy in (Strategy.EPISODIC, Strategy.DAGGER)
    found = {
        "--reset-time": has_pause and not has_episodes,
        "--success-when": has_condition and not has_episodes,
        "--language, --resume or --camera": is_recording_asked and strategy is Strategy.BASE,
    }
    return ", ".join(name for name, is_unused in found.items() if is_unused)
