"""`strands-robots fleet`: stop, status, resume and tell over machines, and what was witnessed."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from strands_robots.cli import fleet_members
from strands_robots.cli.cli_options import say
from strands_robots.cli.fleet_common import (
    NOT_CONFIRMED,
    Member,
    ask_passphrase,
    default_folder,
    open_station,
)
from strands_robots.core.errors import ConfigurationError, UnknownNameError

if TYPE_CHECKING:
    from strands_robots.fleet.bodies import Beacon
    from strands_robots.fleet.station import Station

app = typer.Typer(
    help="Many robots and operators: stop, status, resume, and who belongs to the fleet.", no_args_is_help=True
)
app.add_typer(fleet_members.app)


@app.command()
def stop(
    to: Annotated[str, typer.Argument(help="all, cell-<name> or a robot.")] = "all",
    reason: Annotated[str, typer.Option(help="Why, in words.")] = "from the command line",
    wait: Annotated[
        float, typer.Option(help="How long the stop is repeated while a robot has not confirmed [s].", min=0.5)
    ] = 60.0,
    member: Member = None,
) -> None:
    """Stop robots, and repeat it until each of the roster has reported that it is latched and at rest.

    Exit code 0: each has. 3: one has not; the lines name it. Ctrl-C ends the repetition.
    """
    with open_station(member) as station:
        if not station.channel.roster.robots(to):
            names = ["all", *(entry.name for entry in station.channel.roster.members if entry.is_robot)]
            raise UnknownNameError("robot", to, names)
        campaign = station.stop(to, reason)
        with contextlib.suppress(KeyboardInterrupt):
            station.wait_for(lambda: campaign.is_done, wait)
        say("EVERY ROBOT IS STOPPED AND AT REST" if campaign.is_done else "NOT EVERY ROBOT HAS CONFIRMED")
        for outcome in campaign.outcomes():
            say(f"  {outcome.robot}: {outcome.words()}")
        if not campaign.is_done:
            raise typer.Exit(NOT_CONFIRMED)


@app.command()
def status(
    wait: Annotated[float, typer.Option(help="How long to listen [s].", min=0.5, max=60.0)] = 3.0, member: Member = None
) -> None:
    """Print what each robot of the roster says. Exit code 3: one was not heard, which does not mean that it is off."""
    with open_station(member) as station:
        robots = [entry for entry in station.channel.roster.members if entry.is_robot]
        station.wait_for(lambda: all(station.presence.is_present(robot.name) for robot in robots), wait)
        say(f"fleet {station.channel.roster.fleet}, roster {station.channel.roster.version}")
        for robot in robots:
            heard = station.presence.find(robot.name)
            if heard is None:
                say(f"  {robot.name} ({robot.kind.value}): NOT HEARD within {wait:g} s")
                continue
            rest = _rest_words(heard.beacon)
            old = "" if heard.beacon.roster == station.channel.roster.version else f", roster {heard.beacon.roster}"
            say(f"  {robot.name} ({robot.kind.value}): {heard.beacon.state}, {rest}{old}")
        for witness in station.witnesses.findings:
            say(f"  AUDIT OF {witness.member}: {witness.finding} at index {witness.next_index}")
        if any(station.presence.find(robot.name) is None for robot in robots):
            raise typer.Exit(NOT_CONFIRMED)


def _rest_words(beacon: Beacon) -> str:
    """Return what the gates of a robot's graph say of its movement."""
    from strands_robots.fleet.bodies import GATE_HEARD_MS

    moving = [gate.robot for gate in beacon.gates if not gate.is_at_rest]
    silent = [gate.robot for gate in beacon.gates if gate.is_at_rest and gate.age_ms > GATE_HEARD_MS]
    if not beacon.gates:
        return "NO GATE HEARD: IT MAY BE MOVING"
    words = [f"moving: {', '.join(moving)}"] if moving else []
    words += [f"GATE NOT HEARD, IT MAY BE MOVING: {', '.join(silent)}"] if silent else []
    return "; ".join(words) or "at rest"


@app.command()
def resume(
    robot: Annotated[str, typer.Argument(help="One robot: each graph is resumed on its own.")],
    reason: Annotated[str, typer.Option(help="Why it is safe to go on.")] = "from the command line",
    member: Member = None,
) -> None:
    """Resume one robot's graph, signed on the graph's own challenge. Exit code 0: armed. 1: refused."""
    with open_station(member) as station:
        result = station.resume(robot, reason, 8.0)
    say(f"ARMED: {result.message}" if result.success else f"NOT ARMED ({result.refusal}): {result.message}")
    if not result.success:
        raise typer.Exit(1)


@app.command()
def tell(
    robot: Annotated[str, typer.Argument(help="The robot of the roster.")],
    action: Annotated[str, typer.Argument(help="run_policy or move_to.")],
    fields: Annotated[str, typer.Argument(help="The goal's fields, JSON; see action/RunPolicy and action/MoveTo.")],
    hardware: Annotated[
        bool, typer.Option("--hardware/--simulation", help="What the goal is meant for; the other kind refuses it.")
    ],
    wait: Annotated[
        float, typer.Option(help="How long the goal may take, a person's decision included [s].", min=1.0)
    ] = 600.0,
    member: Member = None,
) -> None:
    """Ask a robot for one goal; the robot's own approval policy decides, or a person there. Ctrl-C cancels it.

    The goal ends when this command does. Exit code 0: it succeeded. 1: refused or failed. 3: its end was not heard.
    """
    from strands_robots.fleet.bodies import Result

    with open_station(member) as station:
        _check_tell(station, robot, action, fields)
        request, last = station.tell(robot, hardware, action, fields), ""

        def is_over() -> bool:
            nonlocal last
            found = station.result(request)
            state = found.state if isinstance(found, Result) else ""
            if isinstance(found, Result) and state != last and state in ("waiting", "running"):
                say(f"{state}: {found.message}")
            last = state
            return state in ("refused", "done")

        with contextlib.suppress(KeyboardInterrupt):
            station.wait_for(is_over, wait)
        result = station.result(request)
    if not isinstance(result, Result) or result.state in ("waiting", "running"):
        say("THE END WAS NOT HEARD: the robot cancels the goal when it does not hear this operator")
        raise typer.Exit(NOT_CONFIRMED)
    reason = f" ({result.refusal})" if result.refusal else ""
    say(f"{'DONE' if result.success else 'NOT DONE'}{reason}: {result.message}")
    if not result.success:
        raise typer.Exit(1)


@app.command()
def picture(
    robot: Annotated[str, typer.Argument(help="The robot of the roster.")],
    camera: Annotated[str, typer.Argument(help='Its camera, "<robot>/<camera>" of its graph.')],
    bucket: Annotated[str, typer.Option(help="Bucket of S3; AWS credentials are found as boto3 finds them.")],
    out: Annotated[Path, typer.Option(help="File that the picture is written to.")] = Path("picture.jpg"),
    region: Annotated[str, typer.Option(help="Region of the bucket.")] = "us-east-1",
    member: Member = None,
) -> None:
    """Have a robot upload one picture to the fleet's store, and fetch it. Needs the right pictures; one in two seconds."""
    from strands_robots.fleet.picture_store import PictureStore

    store = PictureStore(bucket, region)
    place = store.upload_url(robot, camera)
    with open_station(member) as station:
        reference = station.ask_picture(robot, camera, place.url, 30.0)
    data = store.fetch(place.key, reference)
    try:
        out.write_bytes(data)
    except OSError as error:
        raise ConfigurationError(f"'{out}' cannot be written: {error.strerror or error}") from error
    say(f"{out}: {reference.size} bytes, as {robot} signed")


@app.command()
def watch(
    seconds: Annotated[float, typer.Option(help="How long [s]; 0 until Ctrl-C.", min=0.0)] = 0.0, member: Member = None
) -> None:
    """Stay on the network as a witness: keep what every robot's audit log says of itself, and print what changes."""
    with open_station(member, is_kept=True) as station, contextlib.suppress(KeyboardInterrupt):
        robots = [entry.name for entry in station.channel.roster.members if entry.is_robot]
        present: dict[str, bool] = dict.fromkeys(robots, False)
        told = 0

        def is_over() -> bool:
            nonlocal told
            for robot in robots:
                if station.presence.is_present(robot) is not present[robot]:
                    present[robot] = not present[robot]
                    say(f"{robot}: {'heard' if present[robot] else 'NOT HEARD'}")
            for witness in station.witnesses.findings[told:]:
                say(f"AUDIT OF {witness.member}: {witness.finding} at index {witness.next_index}")
            told = len(station.witnesses.findings)
            return False

        station.wait_for(is_over, seconds or float("inf"))


@app.command()
def verify(
    ledgers: Annotated[list[Path], typer.Argument(help="Folders of members, with what they have witnessed.")],
    log: Annotated[
        list[str] | None,
        typer.Option(help="<robot>=<folder of its audit log>, to be held against it; may be given twice."),
    ] = None,
    member: Member = None,
) -> None:
    """Hold what members have witnessed of each other's audit logs against each other, and against the logs.

    Exit code 0: everything fits. 1: a log went back or has another past. 3: it fits, but a robot was silent.
    """
    from strands_robots.audit.read.reader import FolderReader
    from strands_robots.fleet.member_folder import MemberFolder
    from strands_robots.fleet.witness_verify import verify_witnesses

    roster = MemberFolder(member or default_folder(), ask_passphrase).channel().roster
    robots = [entry.name for entry in roster.members if entry.is_robot]
    logs = {}
    for given in log or ():
        name, _, folder = given.partition("=")
        if name not in robots:
            raise UnknownNameError("robot", name, robots)
        if not Path(folder).is_dir():
            raise ConfigurationError(f"'{folder}' is no folder; valid: --log {name}=<folder of its audit log>")
        logs[name] = FolderReader(Path(folder))
    findings, count = verify_witnesses(ledgers, roster, logs)
    for finding in findings:
        say(f"{finding.code}: {finding.member}: {finding.words}")
    say(f"{count} statements about audit logs in {len(ledgers)} ledgers, {len(findings)} findings")
    if any(finding.is_broken for finding in findings):
        raise typer.Exit(1)
    if findings:
        raise typer.Exit(NOT_CONFIRMED)


@app.command("device-connect")
def device_connect(
    device: Annotated[str, typer.Option(help="Name of the fleet as a device.")] = "fleet",
    url: Annotated[list[str] | None, typer.Option(help="Broker of Device Connect; none for device to device.")] = None,
    member: Member = None,
) -> None:
    """Be a device of Arm's Device Connect until Ctrl-C: it reads, stops, and asks for goals that a person approves."""
    import asyncio

    from strands_robots.fleet.device_connect import serve

    with open_station(member) as station, contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(station, device, url or []))


@app.command()
def sim(
    names: Annotated[list[str] | None, typer.Argument(help="Folders of enrolled members of kind sim.")] = None,
    robots: Annotated[int, typer.Option(help="A whole trial fleet of so many instead, on this machine.", min=0)] = 0,
    fault: Annotated[
        list[str] | None,
        typer.Option(help="stall:N, delay:N, partition:N or clock_back:N members; may be given twice."),
    ] = None,
    delay: Annotated[float, typer.Option(help="How long a slow link holds a message [s].", min=0.0)] = 0.5,
    stops: Annotated[int, typer.Option(help="Stops of the trial fleet, with evidence of each.", min=1)] = 10,
    seconds: Annotated[float, typer.Option(help="How long members of folders run [s]; 0 until Ctrl-C.", min=0.0)] = 0.0,
) -> None:
    """Run simulated members without MuJoCo, or try a fleet's stop with --robots. Exit code 3: a well robot was not stopped."""
    from strands_robots.cli.fleet_trial import run_trial
    from strands_robots.fleet.faults import parse_faults
    from strands_robots.fleet.simulated_fleet import SimulatedFleet

    if bool(names) == bool(robots):
        raise ConfigurationError("folders of members, or --robots; valid: one of the two")
    if robots:
        if not run_trial(robots, parse_faults(fault or [], delay), stops):
            raise typer.Exit(NOT_CONFIRMED)
        return
    with SimulatedFleet([Path(name) for name in names or []]) as fleet, contextlib.suppress(KeyboardInterrupt):
        say(f"{len(names or [])} simulated members")
        fleet.run(seconds or float("inf"))


def _check_tell(station: Station, robot: str, action: str, fields: str) -> None:
    """Raise for what no robot would take, before anything is sent."""
    from strands_robots.fleet.bodies import TELL_ACTIONS, TELL_FIELDS

    robots = [entry.name for entry in station.channel.roster.members if entry.is_robot]
    if robot not in robots:
        raise UnknownNameError("robot", robot, robots)
    if action not in TELL_ACTIONS:
        raise UnknownNameError("action", action, TELL_ACTIONS)
    if len(fields) > TELL_FIELDS:
        raise ConfigurationError(f"fields of {len(fields)} characters; valid: at most {TELL_FIELDS}")
