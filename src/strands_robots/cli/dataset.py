"""`strands-robots dataset`: look at, check, repair, join, convert and publish LeRobot datasets."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from strands_robots.cli.cli_options import Namespace, connect, say
from strands_robots.cli.dataset_progress import Episode, Json, Root, overlay, progress, reward

app = typer.Typer(help="Look at, check, repair and publish datasets.", no_args_is_help=True, rich_markup_mode=None)

app.command("progress")(progress)
app.command("reward")(reward)
app.command("overlay")(overlay)

BAD = 1


@app.callback()
def dataset() -> None:
    """Look at, check, repair and publish datasets."""


@app.command("info")
def info(root: Root, as_json: Json = False) -> None:
    """Show what a dataset holds: episodes, tasks, features, and what became of every stream's samples."""
    from strands_robots.recording.summary import summarize

    summary = summarize(root)
    if as_json:
        say(json.dumps(summary, indent=1))
        return
    say(
        f"{root}: {summary['episodes']} episodes, {summary['frames']} frames at {summary['fps']} Hz ({summary['seconds']:.1f} s)"
    )
    say(f"  format {summary['version']}, robot '{summary['robot_type']}', units {summary['units'] or 'not known'}")
    say(f"  {summary['bytes'] / 1e6:.1f} MB; {summary['marked']} marked and {summary['dropped']} dropped frames")
    for task, count in summary["tasks"].items():
        say(f"  task '{task}': {count} episodes")
    for name, feature in summary["features"].items():
        say(f"  {name}: {feature['dtype']} {tuple(feature['shape'])}")
    _say_streams(summary["streams"])


@app.command("verify")
def verify(
    root: Root,
    expected: Annotated[int | None, typer.Option(help="Episodes that it must have.", min=0)] = None,
    pictures: Annotated[
        bool, typer.Option(help="Also decode the videos, and have LeRobot open the dataset where it is installed.")
    ] = True,
    as_json: Json = False,
) -> None:
    """Check that LeRobot can open a dataset, and that a policy would learn from it what was done.

    An error is what LeRobot cannot open, or would train on wrongly. A warning is what you should know, and may have meant. Exit
    code 0 when there is no error, else 1.
    """
    from strands_robots.dataset.verify import verify as check

    verdict = check(root, expected, pictures)
    if as_json:
        say(json.dumps(verdict.to_json(), indent=1))
    else:
        for line in verdict.errors:
            say(f"error: {line}")
        for line in verdict.warnings:
            say(f"warning: {line}")
        state = "good" if verdict.is_good else f"{len(verdict.errors)} errors"
        say(f"{root}: {verdict.episodes} episodes, {verdict.frames} frames: {state}")
    if not verdict.is_good:
        raise typer.Exit(BAD)


@app.command("episodes")
def episodes(
    root: Root,
    verdict: Annotated[
        str, typer.Option(help="pass, fail, no_verdict, or not_pass: every episode without a pass.")
    ] = "pass",
) -> None:
    """Print the episodes that a critic's verdicts choose, as LeRobot's --dataset.episodes takes them."""
    from strands_robots.core.errors import UnknownNameError
    from strands_robots.dataset.table import read_info
    from strands_robots.evaluation.critic.critique import verdicts_of
    from strands_robots.evaluation.critic.verdict import Outcome

    valid = [*(outcome.value for outcome in Outcome), "not_pass"]
    if verdict not in valid:
        raise UnknownNameError("verdict", verdict, valid)
    known = verdicts_of(root)
    chosen = []
    for number in range(read_info(root).episodes):
        found = known[number].outcome.value if number in known else Outcome.NO_VERDICT.value
        if found == verdict or (verdict == "not_pass" and found != Outcome.PASS.value):
            chosen.append(number)
    say(json.dumps(chosen))


@app.command("recover")
def recover(root: Root, as_json: Json = False) -> None:
    """Put a dataset back to its completed episodes after a crash, and say what was lost."""
    from strands_robots.dataset.recover import recover as repair

    report = repair(root)
    if as_json:
        say(
            json.dumps(
                {"episodes": report.episodes, "frames": report.frames, "repaired": report.repaired, "lost": report.lost}
            )
        )
        return
    for line in report.repaired:
        say(f"repaired: {line}")
    for line in report.lost:
        say(f"lost: {line}")
    say(f"{root}: {report.episodes} episodes, {report.frames} frames are readable")


@app.command("delete")
def delete(
    root: Root,
    episodes: Annotated[list[int], typer.Argument(help="Episodes to take out.", min=0)],
) -> None:
    """Take episodes out of a dataset; the others are numbered anew. Nothing is changed unless what comes of it is whole."""
    from strands_robots.dataset.edit import delete_episodes

    left = delete_episodes(root, episodes)
    say(f"{root}: {left} episodes are left")


@app.command("split")
def split(
    root: Root,
    target: Annotated[Path, typer.Argument(help="Folder of the new datasets.")],
    parts: Annotated[
        list[str], typer.Option("--part", help="Part as '<name>=<first>:<end>' or '<name>=0,2,5'; several times.")
    ],
) -> None:
    """Make several datasets of one, each in a folder of its name; the first stays as it is."""
    from strands_robots.dataset.edit import read_parts
    from strands_robots.dataset.edit import split as part

    for name, episodes in part(root, target, read_parts(parts)).items():
        say(f"{target / name}: {episodes} episodes")


@app.command("adopt")
def adopt(
    root: Root,
    source: Annotated[
        Path | None,
        typer.Option(help="Dataset that it was made from; none looks beside it.", exists=True, file_okay=False),
    ] = None,
) -> None:
    """Take a dataset that LeRobot's tools made of one of ours, or that lerobot-record made, among ours: resume, replay, merge."""
    from strands_robots.dataset.adopt import adopt as take_over

    for line in take_over(root, source) or ["nothing to do: it is one of ours"]:
        say(f"{root}: {line}")


@app.command("merge")
def merge(
    target: Annotated[Path, typer.Argument(help="Folder of the new dataset.")],
    roots: Annotated[list[Path], typer.Argument(help="Datasets to join, in order.", exists=True, file_okay=False)],
    repo_id: Annotated[str, typer.Option(help="Name of the new dataset, <owner>/<name>.")] = "local/merged",
) -> None:
    """Make one dataset of several."""
    from strands_robots.dataset.merge import merge as join

    say(f"{target}: {join(roots, target, repo_id)} episodes")


@app.command("export")
def export(
    root: Root,
    file: Annotated[Path, typer.Argument(help="MCAP file to write.")],
    episode: Episode = 0,
) -> None:
    """Write an episode as an MCAP file with ROS 2 messages, on the topics that it was recorded from."""
    from strands_robots.recording.mcap.mcap_export import export_episode

    written = export_episode(root, episode, file)
    say(f"{file}: {sum(written.values())} messages")
    for topic, count in written.items():
        say(f"  {topic}: {count}")


@app.command("import")
def import_recording(
    recording: Annotated[Path, typer.Argument(help="MCAP file, or folder of a rosbag2 recording.", exists=True)],
    root: Annotated[Path, typer.Argument(help="Folder of the dataset, new or existing.")],
    robots: Annotated[
        list[str], typer.Option("--robot", help="Robot as '<name>=<robot>'; may be given several times.")
    ],
    repo_id: Annotated[str, typer.Option(help="Name of the dataset, <owner>/<name>.")] = "local/imported",
    fps: Annotated[int, typer.Option(help="Frames a second [Hz].", min=1, max=1000)] = 30,
    task: Annotated[str, typer.Option(help="What was done, in words.")] = "imported",
    cameras: Annotated[
        list[str] | None, typer.Option("--camera", help="Camera as '<robot>/<camera>'; none takes every one.")
    ] = None,
    units: Annotated[str, typer.Option(help="lerobot or si.")] = "lerobot",
    velocity: Annotated[bool, typer.Option(help="Also observation.velocity.")] = False,
    effort: Annotated[bool, typer.Option(help="Also observation.effort.")] = False,
) -> None:
    """Make an episode of a recording, sampled exactly as it would have been live."""
    from strands_robots.recording.mcap.mcap_import import ImportOptions, import_episode

    options = ImportOptions(
        repo_id, fps, tuple(robots), tuple(cameras) if cameras else None, task, units, velocity, effort
    )
    account = import_episode(recording, root, options)
    say(f"{root}: episode {account['episode']}, {account['frames']} frames")
    _say_streams(account["streams"])


@app.command("push")
def push(
    root: Root,
    repo_id: Annotated[str, typer.Argument(help="Name on the Hugging Face Hub, <owner>/<name>.")],
    public: Annotated[bool, typer.Option("--public", help="Let the public read it; private otherwise.")] = False,
    branch: Annotated[str, typer.Option(help="Branch; empty for the main one.")] = "",
) -> None:
    """Publish a dataset on the Hugging Face Hub, private unless --public.

    The token comes from HF_TOKEN or `hf auth login`; it is never printed. HF_ENDPOINT names another hub.
    """
    from strands_robots.dataset.push import push_dataset

    result = push_dataset(root, repo_id, private=not public, branch=branch)
    say(f"{result.url}: {result.files} files, {'private' if result.private else 'public'}")


@app.command("view")
def view(
    root: Root,
    out: Annotated[Path, typer.Argument(help="Page to write, .html or .png.")],
    episode: Episode = 0,
) -> None:
    """Draw an episode: plots of state and action, and strips of the cameras. Needs no network."""
    from strands_robots.dataset.view import write_view

    write_view(root, episode, out)
    say(f"{out}: episode {episode}")


@app.command("language")
def language(
    root: Root,
    episode: Episode = 0,
    write: Annotated[
        bool, typer.Option(help="First write the columns from the episodes' accounts, as at the end of a recording.")
    ] = False,
    speak: Annotated[bool, typer.Option(help="Publish what is said on the topic speech, each at its time.")] = False,
    namespace: Namespace = "",
) -> None:
    """Print the language rows of an episode: subtasks, words, tool calls, corrections."""
    from strands_robots.dataset.language import read_language, write_language
    from strands_robots.dataset.language_rows import said

    if write:
        say(f"{write_language(root)} rows written")
    rows = read_language(root).get(episode, [])
    if speak:
        from strands_robots.clients.speech import speak as publish

        with connect(namespace) as client:
            say(f"{publish(client, rows, say)} rows said")
        return
    for row in rows:
        words = row["content"] or f"says: {'; '.join(said([row]))}"
        say(f"{row['timestamp']:8.2f} s  {row['style'] or 'say':<12} {row['role']:<10} {words}")


def _say_streams(streams: Mapping[str, Mapping[str, int]]) -> None:
    for topic, count in streams.items():
        say(f"  {topic}: " + ", ".join(f"{value} {name}" for name, value in count.items()))


@app.command("drift")
def drift(
    first: Annotated[Path, typer.Argument(help="Dataset that a policy is trained on.", exists=True, file_okay=False)],
    second: Annotated[Path, typer.Argument(help="Dataset to hold against it.", exists=True, file_okay=False)],
    pictures: Annotated[bool, typer.Option(help="Also decode videos, for exposure and sharpness.")] = True,
    plots: Annotated[
        Path | None, typer.Option(help="Write a picture of the distributions, .png, .svg or .pdf.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Say whether a second dataset shows the same robot in the same surroundings as a first.

    Compared are schema, state, action, exposure and sharpness of cameras, calibration and origin. Exit code 1 when a policy trained
    on the first would see something else.
    """
    from strands_robots.dataset.drift import DriftLimits, find_drift

    found = find_drift(first, second, DriftLimits(), pictures)
    if plots is not None:
        from strands_robots.dataset.drift_plots import write_plots

        write_plots(plots, first, second, found)
    if as_json:
        say(json.dumps(found.to_json(), indent=1))
    else:
        for sentence in found.problems:
            say(f"drift: {sentence}")
        for sentence in found.notes:
            say(f"note: {sentence}")
        say(f"states near those of the first: {100.0 * found.coverage:.1f} percent")
        for key, (before, after) in found.cameras.items():
            say(
                f"{key}: brightness {before.brightness:.2f} -> {after.brightness:.2f}, "
                f"sharpness {before.sharpness:.5f} -> {after.sharpness:.5f}"
            )
        say("no drift" if found.is_good else f"{len(found.problems)} problems")
    if not found.is_good:
        raise typer.Exit(BAD)
