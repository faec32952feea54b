"""`strands-robots fleet`: stop, status and resume over machines, and who belongs to the fleet."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from strands_robots.cli.cli_options import say
from strands_robots.core.errors import ConfigurationError, UnknownNameError

if TYPE_CHECKING:
    from strands_robots.fleet.authority import Authority
    from strands_robots.fleet.station import Station

NOT_CONFIRMED = 3

app = typer.Typer(
    help="Many robots and operators: stop, status, resume, and who belongs to the fleet.", no_args_is_help=True
)

Member = Annotated[
    Path | None,
    typer.Option(
        "--member", help="Folder of the enrolled member; without it strands_robots/fleet in $ROS_HOME or ~/.ros."
    ),
]
Folder = Annotated[Path, typer.Option("--authority", help="Folder of the fleet's authority.")]


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
    with _station(member) as station:
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
    with _station(member) as station:
        robots = [entry for entry in station.channel.roster.members if entry.is_robot]
        station.wait_for(lambda: all(station.presence.is_present(robot.name) for robot in robots), wait)
        say(f"fleet {station.channel.roster.fleet}, roster {station.channel.roster.version}")
        for robot in robots:
            heard = station.presence.find(robot.name)
            if heard is None:
                say(f"  {robot.name} ({robot.kind.value}): NOT HEARD within {wait:g} s")
                continue
            moving = [gate.robot for gate in heard.beacon.gates if not gate.is_at_rest]
            rest = f"moving: {', '.join(moving)}" if moving else "at rest"
            old = "" if heard.beacon.roster == station.channel.roster.version else f", roster {heard.beacon.roster}"
            say(f"  {robot.name} ({robot.kind.value}): {heard.beacon.state}, {rest}{old}")
        for witness in station.witnesses.findings:
            say(f"  AUDIT OF {witness.member}: {witness.finding} at index {witness.next_index}")
        if any(station.presence.find(robot.name) is None for robot in robots):
            raise typer.Exit(NOT_CONFIRMED)


@app.command()
def resume(
    robot: Annotated[str, typer.Argument(help="One robot: each graph is resumed on its own.")],
    reason: Annotated[str, typer.Option(help="Why it is safe to go on.")] = "from the command line",
    member: Member = None,
) -> None:
    """Resume one robot's graph, signed on the graph's own challenge. Exit code 0: armed. 1: refused."""
    with _station(member) as station:
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
    wait: Annotated[float, typer.Option(help="How long the goal may take, a person's decision included [s].", min=1.0)] = 600.0,
    member: Member = None,
) -> None:
    """Ask a robot for one goal; the robot's own approval policy decides, or a person there. Ctrl-C cancels it.

    The goal ends when this command does. Exit code 0: it succeeded. 1: refused or failed. 3: its end was not heard.
    """
    from strands_robots.fleet.bodies import Result

    with _station(member) as station:
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
def watch(
    seconds: Annotated[float, typer.Option(help="How long [s]; 0 until Ctrl-C.", min=0.0)] = 0.0, member: Member = None
) -> None:
    """Stay on the network as a witness: keep what every robot's audit log says of itself, and print what changes."""
    with _station(member, is_kept=True) as station, contextlib.suppress(KeyboardInterrupt):
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
        list[str] | None, typer.Option(help="<robot>=<folder of its audit log>, to be held against it; may be given twice.")
    ] = None,
    member: Member = None,
) -> None:
    """Hold what members have witnessed of each other's audit logs against each other, and against the logs.

    Exit code 0: everything fits. 1: a log went back or has another past. 3: it fits, but a robot was silent.
    """
    from strands_robots.audit.read.reader import FolderReader
    from strands_robots.fleet.member_folder import MemberFolder
    from strands_robots.fleet.witness_verify import verify_witnesses

    roster = MemberFolder(member or default_folder(), _ask_passphrase).channel().roster
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


@app.command()
def init(
    fleet: Annotated[str, typer.Argument(help="Name of the fleet.")],
    authority: Folder,
    listen: Annotated[str, typer.Option(help="Where the router listens.")] = "tls/127.0.0.1:7447",
    connect: Annotated[str, typer.Option(help="How members reach it.")] = "tls/localhost:7447",
    name: Annotated[str, typer.Option(help="Host name or address in the router's certificate.")] = "localhost",
    mqtt: Annotated[str, typer.Option(help="<host>:<port> of an MQTT broker as a second way; empty for none.")] = "",
    mqtt_bind: Annotated[str, typer.Option(help="Address that the broker listens on.")] = "127.0.0.1",
) -> None:
    """Make a fleet: authority, root key, router certificate, fleet.yaml without members."""
    from pydantic import ValidationError

    from strands_robots.core.validation import problems_of
    from strands_robots.fleet.authority import create_authority
    from strands_robots.fleet.fleet_file import MqttEntry, RouterEntry

    host, _, port = mqtt.rpartition(":")
    try:
        router = RouterEntry(listen=listen, connect=connect, name=name)
        broker = MqttEntry.model_validate({"host": host, "port": port, "bind": mqtt_bind}) if mqtt else None
    except ValidationError as error:
        valid = "tls/<host>:<port> for the router, <host>:<port> for MQTT"
        raise ConfigurationError(f"{problems_of(error, 'fleet')}; valid: {valid}") from error
    create_authority(authority, fleet, router, mqtt=broker)
    say(f"fleet {fleet} in {authority}; start its router with: strands-robots fleet router --authority {authority}")


@app.command()
def request(
    name: Annotated[str, typer.Argument(help="The member that this machine will be.")], member: Member = None
) -> None:
    """Make a member's keys on its own machine, and the request that the authority enrols. Prints the fingerprint."""
    from strands_robots.fleet.member_folder import make_request_files

    folder = member or default_folder()
    made = make_request_files(folder, name)
    say(f"request: {folder / 'request.json'}")
    say(f"fingerprint: {made.fingerprint}")


@app.command()
def invite(
    name: Annotated[str, typer.Argument(help="The member.")],
    authority: Folder,
    fingerprint: Annotated[str, typer.Option(help="Of the member's request, read on its own machine.")],
    kind: Annotated[str, typer.Option(help="robot, sim, operator or auditor.")] = "robot",
    cell: Annotated[str, typer.Option(help="Cell of a robot.")] = "",
    may: Annotated[list[str] | None, typer.Option(help="stop_cell, tell or resume; may be given twice.")] = None,
) -> None:
    """Open an invite for an hour: for this name with this key, once. Prints its token."""
    from strands_robots.fleet.member import MemberKind, Right

    kinds, rights = [entry.value for entry in MemberKind], [entry.value for entry in Right]
    if kind not in kinds:
        raise UnknownNameError("kind", kind, kinds)
    for given in may or ():
        if given not in rights:
            raise UnknownNameError("right", given, rights)
    say(_authority(authority).invite(name, MemberKind(kind), cell, [Right(given) for given in may or ()], fingerprint))


@app.command()
def enrol(
    request: Annotated[Path, typer.Argument(help="The member's request.json.")],
    authority: Folder,
    token: Annotated[str, typer.Option(help="The invite's token.")],
    grant: Annotated[Path, typer.Option(help="Where the grant is written; holds no secret.")] = Path("grant.json"),
) -> None:
    """Let a member in that was invited; everything else is denied. Restart the router afterwards."""
    from strands_robots.fleet.enrolment import parse_request

    made = _authority(authority)
    granted = made.enrol(parse_request(_text(request)), token)
    grant.write_text(json.dumps(granted), encoding="ascii")
    say(f"{granted['name']} is let in, roster {made.file.version}; grant: {grant}; restart the router")


@app.command()
def rotate(
    request: Annotated[Path, typer.Argument(help="A new request.json of the member.")],
    authority: Folder,
    grant: Annotated[Path, typer.Option(help="Where the grant is written.")] = Path("grant.json"),
) -> None:
    """Give a member on the roster a new certificate, for a day, and the newest roster."""
    from strands_robots.fleet.enrolment import parse_request

    granted = _authority(authority).renew(parse_request(_text(request)))
    grant.write_text(json.dumps(granted), encoding="ascii")
    say(f"{granted['name']}: a new certificate; grant: {grant}")


@app.command()
def accept(grant: Annotated[Path, typer.Argument(help="What the authority granted.")], member: Member = None) -> None:
    """Take a grant on the member's own machine. An older roster is refused."""
    from strands_robots.fleet.member_folder import accept_grant

    say(f"{accept_grant(member or default_folder(), _text(grant))} is a member")


@app.command()
def revoke(name: Annotated[str, typer.Argument(help="The member.")], authority: Folder, member: Member = None) -> None:
    """Take a member off the roster. With --member of an operator, robots on the network get the new roster at once."""
    made = _authority(authority)
    data = made.revoke(name)
    say(f"{name} is off the roster, version {made.file.version}; restart the router")
    if member is not None:
        with _station(member) as station:
            robots = [entry for entry in station.channel.roster.members if entry.is_robot and entry.name != name]

            def is_known() -> bool:
                station.publish_roster(data)
                heard = [station.presence.find(robot.name) for robot in robots]
                return all(each is not None and each.beacon.roster >= made.file.version for each in heard)

            station.wait_for(is_known, 10.0)
            for robot in robots:
                heard = station.presence.find(robot.name)
                known = heard is not None and heard.beacon.roster >= made.file.version
                say(f"  {robot.name}: {'goes by it' if known else 'HAS NOT CONFIRMED IT'}")


@app.command()
def probe(authority: Folder) -> None:
    """Try the running router, and the broker where there is one, as each kind of member and as strangers. Exit code 3: a row is not as fleet.yaml says."""
    from strands_robots.core.key_file import read_secret
    from strands_robots.fleet.certificates import load_private
    from strands_robots.fleet.probe import probe_broker, probe_router

    made = _authority(authority)
    key = load_private(read_secret(authority / "authority.key"))
    rows = []
    for what, probe_one in (("router", probe_router), *([("broker", probe_broker)] if made.file.mqtt else [])):
        found = probe_one(made.file, made.certificate, key)
        say(f"{what}:")
        for row in found:
            say(row.words())
        rows += found
    wrong = [row for row in rows if not row.is_right]
    say(f"{len(rows)} rows, {len(wrong)} not as fleet.yaml says")
    if wrong:
        raise typer.Exit(NOT_CONFIRMED)


@app.command()
def configure(
    what: Annotated[str, typer.Argument(help="rmw_zenoh or aws.")],
    out: Annotated[Path, typer.Argument(help="Folder that the files are written to.")],
    authority: Annotated[Path | None, typer.Option(help="Folder of the authority; for aws.")] = None,
    domain: Annotated[int, typer.Option(help="ROS_DOMAIN_ID of the graph; for rmw_zenoh.", min=0, max=232)] = 0,
    port: Annotated[int, typer.Option(help="Port of the graph's own router on loopback.", min=1, max=65535)] = 7447,
    region: Annotated[str, typer.Option(help="Region; for aws.")] = "us-east-1",
    account: Annotated[str, typer.Option(help="Number of the account; for aws.")] = "",
) -> None:
    """Write configurations for what runs beside the fleet: rmw_zenoh that stays on its machine, policies of AWS IoT Core."""
    from strands_robots.fleet import aws_policy, rmw_zenoh_config
    from strands_robots.fleet.roster_keeper import write_atomically

    files: dict[str, str] = {}
    if what == "rmw_zenoh":
        files["rmw_router.json5"] = json.dumps(rmw_zenoh_config.rmw_router_config(domain, port), indent=1)
        files["rmw_session.json5"] = json.dumps(rmw_zenoh_config.rmw_session_config(port), indent=1)
    elif what == "aws":
        if authority is None or not account.isdecimal():
            raise ConfigurationError("aws needs the fleet's roster and the account; valid: --authority FOLDER --account NUMBER")
        made = aws_policy.policies(_authority(authority).file.roster(), region, account)
        files |= {f"{name}.json": text for name, text in made.items()}
    else:
        raise UnknownNameError("configuration", what, ["rmw_zenoh", "aws"])
    for name, text in files.items():
        write_atomically(out, name, text.encode() + b"\n", 0o644)
        say(str(out / name))


@app.command()
def router(authority: Folder) -> None:
    """Run the fleet's Zenoh router until Ctrl-C. Its rules are read once: restart it after enrol and revoke."""
    from strands_robots.fleet.zenoh_transport import open_session

    ending = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ending.set())
    made = _authority(authority)
    made.generate()
    session = open_session(json.loads(_text(authority / "router.json")))
    try:
        say(f"router of fleet {made.file.fleet} on {made.file.router.listen}, {len(made.file.members)} members")
        with contextlib.suppress(KeyboardInterrupt):
            while not ending.wait(0.5):
                pass
    finally:
        session.close()


@app.command()
def sim(
    names: Annotated[list[str] | None, typer.Argument(help="Folders of enrolled members of kind sim.")] = None,
    robots: Annotated[int, typer.Option(help="A whole trial fleet of so many instead, on this machine.", min=0)] = 0,
    fault: Annotated[
        list[str] | None, typer.Option(help="stall:N, delay:N, partition:N or clock_back:N members; may be given twice.")
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


def default_folder() -> Path:
    """Return the folder of this machine's member when nobody says otherwise."""
    return Path(os.environ.get("ROS_HOME", "") or "~/.ros").expanduser() / "strands_robots" / "fleet"


@contextlib.contextmanager
def _station(member: Path | None, is_kept: bool = False) -> Iterator[Station]:
    from strands_robots.fleet.member_folder import MemberFolder
    from strands_robots.fleet.station import Station

    opened = MemberFolder(member or default_folder(), _ask_passphrase)
    channel = opened.channel()
    if channel.me.is_robot:
        raise ConfigurationError(f"'{opened.name}' is a robot; valid: an operator or auditor")
    transport = opened.transport()
    station = Station(channel, transport, folder=opened.folder if is_kept else None)
    try:
        yield station
    finally:
        station.close()
        transport.close()
        problem = getattr(transport, "problem", "")
        if problem:
            say(f"the router was not reached: {problem}")


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


def _authority(folder: Path) -> Authority:
    from strands_robots.fleet.authority import Authority

    return Authority(folder, _ask_passphrase)


def _ask_passphrase() -> bytes:
    import getpass

    return getpass.getpass("passphrase: ").encode()


def _text(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"'{path}' cannot be read: {error.strerror}") from error
