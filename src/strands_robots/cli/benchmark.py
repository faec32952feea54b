"""`strands-robots benchmark`: other people's benchmarks, each in an environment of its own."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Annotated

import typer

from strands_robots.cli.cli_options import complain, say
from strands_robots.cli.evaluate import On, Workers
from strands_robots.cli.evaluation_progress import EpisodeProgress

app = typer.Typer(help="Benchmarks of other people, in environments of their own.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="Benchmark: a name of `benchmark list`, or a YAML file.")]


@app.command("list")
def list_benchmarks() -> None:
    """List the benchmarks, and which are installed."""
    from strands_robots.evaluation.benchmarks.catalogue import benchmark_names, load_benchmark
    from strands_robots.evaluation.benchmarks.environment import folder_of, is_installed

    for name in benchmark_names():
        config = load_benchmark(name)
        where = str(folder_of(config)) if is_installed(config) else f"not installed, {config.size / 1e9:.1f} GB"
        say(f"{name:<12} {config.title} ({where})")


@app.command("install")
def install(
    name: Name,
    python: Annotated[str, typer.Option(help="Python to make the environment with; empty for this one.")] = "",
) -> None:
    """Install a benchmark into an environment of its own, from the package index, after showing its licences."""
    from strands_robots.evaluation.benchmarks import environment
    from strands_robots.evaluation.benchmarks.catalogue import load_benchmark

    config = load_benchmark(name)
    say(f"licences: {config.licence}")
    folder = environment.install(config, python, complain)
    say(f"'{config.name}' is installed in {folder}; try: strands-robots benchmark tasks {name}")


@app.command("remove")
def remove(name: Name) -> None:
    """Remove a benchmark; its environment too when no other benchmark uses it."""
    from strands_robots.evaluation.benchmarks import environment
    from strands_robots.evaluation.benchmarks.catalogue import load_benchmark

    config = load_benchmark(name)
    is_gone = environment.remove(config)
    say(
        f"'{config.name}' is removed"
        if is_gone
        else f"'{config.name}' is removed; others use {environment.folder_of(config)}"
    )


@app.command("tasks")
def tasks(name: Name) -> None:
    """List a benchmark's tasks with their initial states, longest episode and instruction."""
    from strands_robots.evaluation.benchmarks.catalogue import load_benchmark
    from strands_robots.evaluation.benchmarks.episodes import start

    with contextlib.closing(start(load_benchmark(name))) as process:
        for task in process.ask(do="tasks")["tasks"]:
            say(f"{task['name']}: {task['states']} states, {task['horizon']} steps: {task['instruction']}")


@app.command("run")
def run(
    name: Name,
    policy: Annotated[str, typer.Argument(help="expert, noop, random, or a policy provider.")],
    config: Annotated[str, typer.Option(help="Settings of the policy as YAML or JSON.")] = "",
    adapter: Annotated[str, typer.Option(help="Adapter: a name in config/adapters, a YAML file, or YAML.")] = "",
    task: Annotated[
        list[str] | None, typer.Option(help="Task or pattern, for example 'libero_object/*'; repeatable.")
    ] = None,
    states: Annotated[int, typer.Option(help="Initial states of each task.", min=1)] = 5,
    seed: Annotated[int, typer.Option(help="Seed of policies.", min=0)] = 0,
    workers: Workers = 0,
    output: Annotated[Path | None, typer.Option(help="Folder for results.jsonl and videos.")] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the results.jsonl in the output folder.")
    ] = False,
    failure_videos: Annotated[int, typer.Option(help="Most videos of episodes that failed.", min=0)] = 0,
    on: On = "",
) -> None:
    """Run a policy on a benchmark and print how many episodes succeed, by task. No gate lies between policy and benchmark."""
    from strands_robots.evaluation.benchmarks.run import BenchmarkRun, run_benchmark
    from strands_robots.evaluation.episode_result import PolicyChoice
    from strands_robots.evaluation.summary import task_lines

    options = BenchmarkRun(
        name, PolicyChoice(policy, config, adapter), tuple(task or ()), states, seed, workers, output, resume,
        failure_videos, on,
    )  # fmt: skip
    with EpisodeProgress(0) as progress:
        found = run_benchmark(options, progress.take)
    about = found.record["benchmark"]["versions"]
    for line in task_lines(found.results):
        say(line)
    say("measured with " + ", ".join(f"{package} {version}" for package, version in about.items()))


@app.command("serve")
def serve(
    policy: Annotated[str, typer.Argument(help="Policy provider.")],
    config: Annotated[str, typer.Option(help="Settings of the policy as YAML or JSON.")] = "",
    adapter: Annotated[str, typer.Option(help="Adapter: a name in config/adapters, a YAML file, or YAML.")] = "",
    robot: Annotated[str, typer.Option(help="Robot whose joint positions the benchmark speaks.")] = "",
    units: Annotated[str, typer.Option(help="Of joint positions: lerobot or si.")] = "lerobot",
    action: Annotated[str, typer.Option(help="Else the elements of its action, by commas.")] = "",
    state: Annotated[str, typer.Option(help="And those of its state, by commas.")] = "",
    bodies: Annotated[str, typer.Option(help="Bodies in its environment_state, by commas.")] = "",
    rate: Annotated[float, typer.Option(help="Its actions a second [Hz].")] = 20.0,
    rows: Annotated[int, typer.Option(help="Rows of each chunk to play; 0 for all.", min=0)] = 0,
    camera: Annotated[
        list[str] | None, typer.Option(help="THEIRS=OURS: a camera under another name; repeatable.")
    ] = None,
    host: Annotated[
        str, typer.Option(help="Address to listen at; anything that reaches it may use the policy.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port; 0 takes a free one.", min=0, max=65535)] = 8000,
) -> None:
    """Serve a policy to the benchmarks of vla-eval, over a websocket. No gate lies between policy and benchmark."""
    from strands_robots.core.errors import ConfigurationError
    from strands_robots.description.lerobot_units import Units
    from strands_robots.evaluation.episode_result import PolicyChoice

    if units not in [one.value for one in Units]:
        raise ConfigurationError(f"units are '{units}'; valid: {', '.join(one.value for one in Units)}")
    pairs = [pair.partition("=") for pair in camera or ()]
    if any(not theirs or not ours for theirs, _, ours in pairs):
        raise ConfigurationError(f"a camera is '{(camera or [''])[-1]}'; valid: THEIRS=OURS")
    try:
        from strands_robots.evaluation.harness.vla_eval_server import ServedColumns, serve_policy
    except ImportError as error:
        raise ConfigurationError(
            f"vla-eval is not installed ({error}); valid: pip install -r requirements/vla_eval.txt"
        ) from error
    columns = ServedColumns(
        robot, Units(units), _names(action), _names(state), rate, rows, _names(bodies),
        {theirs: ours for theirs, _, ours in pairs},
    )  # fmt: skip
    serve_policy(PolicyChoice(policy, config, adapter), columns, host, port)


def _names(given: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in given.split(",") if word.strip())
