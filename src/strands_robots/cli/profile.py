"""`strands-robots profile`: where the time and memory of a policy's training go, and what changed between two runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from strands_robots.cli.cli_options import complain, say

app = typer.Typer(
    help="Where time and memory of a policy's training go; what changed between two runs.", no_args_is_help=True,
    rich_markup_mode=None,
)  # fmt: skip
FAILED = 1
DIFFERENT = 1


@app.command("run")
def run(
    policies: Annotated[
        list[str],
        typer.Argument(help="Folder or hub id of a trained policy, or a YAML file with settings of 'lerobot'."),
    ],
    dataset: Annotated[
        Path | None,
        typer.Option(help="LeRobotDataset to train on; none makes batches up.", exists=True, file_okay=False),
    ] = None,
    mode: Annotated[str, typer.Option(help="off, summary (a table of operators), or trace (a trace as well).")] = "off",
    steps: Annotated[int, typer.Option(help="Steps that count.")] = 20,
    warmup: Annotated[int, typer.Option(help="Steps before them.")] = 3,
    batch_size: Annotated[int, typer.Option(help="Rows of a batch.")] = 8,
    workers: Annotated[int, typer.Option(help="Processes that load data.")] = 0,
    device: Annotated[str, typer.Option(help="cpu, cuda, mps, or auto.")] = "auto",
    out: Annotated[Path, typer.Option(help="Folder for profiles and the page.")] = Path("profile"),
) -> None:
    """Profile the training step of one policy or several; goes on when one fails.

    Exit code 0 when all were profiled, else 1.
    """
    from strands_robots.core.errors import StrandsRobotsError
    from strands_robots.learning.profiling.page import write_page
    from strands_robots.learning.profiling.policy_words import read_policy, row_names
    from strands_robots.learning.profiling.profile_policy import ProfileOptions, profile_policy

    profiles, failures = [], {}
    for name, words in zip(row_names(policies), policies, strict=True):
        try:
            options = ProfileOptions(read_policy(words, device), dataset, mode, steps, warmup, batch_size, workers)
            profile = profile_policy(options, name, out / name)
        except (StrandsRobotsError, RuntimeError, ValueError, TypeError, KeyError, MemoryError) as error:
            failures[name] = f"{type(error).__name__}: {error}"
            complain(f"{name}: {failures[name]}")
            continue
        profiles.append(profile)
        say(f"{name}: {profile.kind}, {profile.parameters:,} parameters")
        for section, entry in profile.sections.items():
            say(
                f"  {section:<11}{entry['count']:>6} times, median {1e3 * entry['median']:9.3f} ms, "
                f"p95 {1e3 * entry['p95']:9.3f} ms, {profile.memory[section] / 2**20:8.1f} MiB"
            )
        seen = profile.fingerprint
        how = "deterministic" if seen.is_deterministic else f"NOT deterministic {seen.trouble}"
        say(f"  operators {seen.operators[:16]}, outputs {seen.outputs[:16]}: {how}")
    out.mkdir(parents=True, exist_ok=True)
    write_page(out / "index.html", profiles, failures)
    say(f"page: {out / 'index.html'}")
    if failures:
        raise typer.Exit(FAILED)


@app.command("compare")
def compare(
    before: Annotated[Path, typer.Argument(help="Folder of a profile, or its profile.json.", exists=True)],
    after: Annotated[Path, typer.Argument(help="The one to hold against it.", exists=True)],
    slowest: Annotated[float, typer.Option(help="Largest ratio of medians that is accepted.", min=0.01)] = 1.2,
    page: Annotated[Path | None, typer.Option(help="Write an HTML page here.")] = None,
) -> None:
    """Compare two profiles of one policy; exit code 1 when a section is slower or the outputs changed."""
    from strands_robots.learning.profiling import comparison
    from strands_robots.learning.profiling.page import write_page
    from strands_robots.learning.profiling.profile_policy import read_profile

    profiles = (read_profile(before), read_profile(after))
    found = comparison.compare(*profiles, slowest)
    for name, ratio in found.ratios.items():
        say(f"{name:<11}{ratio:8.3f}{'  slower' if name in found.slower else ''}")
    for name, old, new in [row for row in found.operators[:5] if row[2] > row[1]]:
        say(f"operator {name}: {1e3 * old:.3f} -> {1e3 * new:.3f} ms a step")
    for sentence in found.warnings:
        say(f"note: {sentence}")
    for sentence in found.changes:
        say(f"changed: {sentence}")
    if page is not None:
        write_page(page, profiles, {}, found)
    if not found.is_good:
        raise typer.Exit(DIFFERENT)


@app.command("publish")
def publish(
    profile: Annotated[Path, typer.Argument(help="Folder of a profile, or its profile.json.", exists=True)],
    repo_id: Annotated[str, typer.Argument(help="Dataset on the Hugging Face Hub, <owner>/<name>.")],
    public: Annotated[bool, typer.Option("--public", help="Let the public read it; private otherwise.")] = False,
) -> None:
    """Publish the row of a profile as a file of a dataset on the Hugging Face Hub, private unless --public.

    The token comes from HF_TOKEN or `hf auth login`; it is never printed. HF_ENDPOINT names another hub.
    """
    from strands_robots.learning.profiling.publish import publish_row

    say(publish_row(profile, repo_id, private=not public))
