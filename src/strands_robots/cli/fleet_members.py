"""`strands-robots fleet`: who belongs to it, its router and broker, and what they do in fact."""

from __future__ import annotations

import contextlib
import json
import signal
import threading
from pathlib import Path
from typing import Annotated

import typer

from strands_robots.cli.cli_options import say
from strands_robots.cli.fleet_common import (
    NOT_CONFIRMED,
    Folder,
    Member,
    default_folder,
    open_authority,
    open_station,
    read_text,
)
from strands_robots.core.errors import ConfigurationError, UnknownNameError
from strands_robots.core.text import printable

app = typer.Typer()


@app.command()
def init(
    fleet: Annotated[str, typer.Argument(help="Name of the fleet.")],
    authority: Folder,
    listen: Annotated[str, typer.Option(help="Where the router listens.")] = "tls/127.0.0.1:7447",
    connect: Annotated[str, typer.Option(help="How members reach it.")] = "tls/localhost:7447",
    name: Annotated[str, typer.Option(help="Host name or address in the router's certificate.")] = "localhost",
    mqtt: Annotated[str, typer.Option(help="<host>:<port> of an MQTT broker as a second way; empty for none.")] = "",
    mqtt_bind: Annotated[str, typer.Option(help="Address that the broker listens on.")] = "127.0.0.1",
    pictures: Annotated[str, typer.Option(help="Host that robots upload pictures to; empty for none.")] = "",
    aws: Annotated[str, typer.Option(help="Data endpoint of AWS IoT Core as one more way; empty for none.")] = "",
) -> None:
    """Make a fleet: authority, root key, router certificate, fleet.yaml without members."""
    from pydantic import ValidationError

    from strands_robots.core.validation import problems_of
    from strands_robots.fleet.authority import create_authority
    from strands_robots.fleet.fleet_file import AwsEntry, MqttEntry, PicturesEntry, RouterEntry

    host, _, port = mqtt.rpartition(":")
    try:
        router = RouterEntry(listen=listen, connect=connect, name=name)
        broker = MqttEntry.model_validate({"host": host, "port": port, "bind": mqtt_bind}) if mqtt else None
        cloud = AwsEntry(endpoint=aws) if aws else None
        store = PicturesEntry(host=pictures) if pictures else None
    except ValidationError as error:
        valid = "tls/<host>:<port> for the router, <host>:<port> for MQTT, host names for AWS and for pictures"
        raise ConfigurationError(f"{problems_of(error, 'fleet')}; valid: {valid}") from error
    create_authority(authority, fleet, router, mqtt=broker, aws=cloud, pictures=store)
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
    may: Annotated[
        list[str] | None, typer.Option(help="stop_cell, tell, resume or pictures; may be given twice.")
    ] = None,
) -> None:
    """Open an invite for an hour: for this name with this key, once. Prints its token."""
    from strands_robots.fleet.member import MemberKind, Right

    kinds, rights = [entry.value for entry in MemberKind], [entry.value for entry in Right]
    if kind not in kinds:
        raise UnknownNameError("kind", kind, kinds)
    for given in may or ():
        if given not in rights:
            raise UnknownNameError("right", given, rights)
    say(
        open_authority(authority).invite(
            name, MemberKind(kind), cell, [Right(given) for given in may or ()], fingerprint
        )
    )


@app.command()
def enrol(
    request: Annotated[Path, typer.Argument(help="The member's request.json.")],
    authority: Folder,
    token: Annotated[str, typer.Option(help="The invite's token.")],
    grant: Annotated[Path, typer.Option(help="Where the grant is written; holds no secret.")] = Path("grant.json"),
) -> None:
    """Let a member in that was invited; everything else is denied. Restart the router afterwards."""
    from strands_robots.fleet.enrolment import parse_request

    made = open_authority(authority)
    granted = made.enrol(parse_request(read_text(request)), token)
    grant.write_text(json.dumps(granted), encoding="ascii")
    say(f"{granted['name']} is let in, roster {made.file.version}; grant: {grant}; restart the router")


@app.command("provision-aws")
def provision_aws(
    endpoint: Annotated[str, typer.Argument(help="The account's data endpoint.")],
    claim: Annotated[Path, typer.Option(help="Folder with claim.pem and claim.key, the claim certificate.")],
    fleet: Annotated[str, typer.Option(help="Name of the fleet, which is the provisioning template's.")],
    token: Annotated[str, typer.Option(help="The invite's token.")],
    member: Member = None,
) -> None:
    """Get this machine's certificate at AWS IoT Core with the request and the invite that `fleet enrol` takes as well."""
    import uuid

    from pydantic import ValidationError

    from strands_robots.core.validation import problems_of
    from strands_robots.fleet.aws_provisioning import provision
    from strands_robots.fleet.aws_transport import AUTHORITY, connect
    from strands_robots.fleet.enrolment import parse_request
    from strands_robots.fleet.fleet_file import AwsEntry
    from strands_robots.fleet.zenoh_config import TlsFiles
    from strands_robots.operators.operator_key import parse_public_key

    folder = member or default_folder()
    name = parse_public_key(parse_request(read_text(folder / "request.json")).key).name
    authority = folder / AUTHORITY
    files = TlsFiles(str(authority) if authority.exists() else "", str(claim / "claim.pem"), str(claim / "claim.key"))
    try:
        place = AwsEntry(endpoint=endpoint)
    except ValidationError as error:
        raise ConfigurationError(f"{problems_of(error, 'AWS')}; valid: a host name, without a scheme") from error
    connection = connect(place, files, f"{fleet}-claim-{uuid.uuid4().hex[:8]}")
    try:
        say(f"thing {provision(connection, folder, name, fleet, token)} is provisioned; its certificate is in {folder}")
    finally:
        connection.close()


@app.command()
def rotate(
    request: Annotated[Path, typer.Argument(help="A new request.json of the member.")],
    authority: Folder,
    grant: Annotated[Path, typer.Option(help="Where the grant is written.")] = Path("grant.json"),
) -> None:
    """Give a member on the roster a new certificate, for a day, and the newest roster."""
    from strands_robots.fleet.enrolment import parse_request

    granted = open_authority(authority).renew(parse_request(read_text(request)))
    grant.write_text(json.dumps(granted), encoding="ascii")
    say(f"{granted['name']}: a new certificate; grant: {grant}")


@app.command()
def renew(
    authority: Folder,
    seconds: Annotated[float, typer.Option(help="How long [s]; 0 until Ctrl-C.", min=0.0)] = 0.0,
    member: Member = None,
) -> None:
    """Answer members that ask over the live link for their next certificate; runs on the authority's machine as an operator."""
    told: list[str] = []
    refused: dict[str, str] = {}
    made = open_authority(authority)
    with open_station(member, is_kept=True, authority=made) as station, contextlib.suppress(KeyboardInterrupt):

        def is_over() -> bool:
            assert station.renewals is not None
            for name in station.renewals.renewed[len(told) :]:
                told.append(name)
                say(f"{name}: a new certificate")
            for name, why in list(station.renewals.refused.items()):
                if refused.get(name) != why:
                    refused[name] = why
                    say(f"{name}: NO CERTIFICATE: {printable(why)[:256]}")
            return False

        station.wait_for(is_over, seconds or float("inf"))


@app.command()
def accept(grant: Annotated[Path, typer.Argument(help="What the authority granted.")], member: Member = None) -> None:
    """Take a grant on the member's own machine. An older roster is refused."""
    from strands_robots.fleet.member_folder import accept_grant

    say(f"{accept_grant(member or default_folder(), read_text(grant))} is a member")


@app.command("break-glass")
def break_glass(
    reason: Annotated[str, typer.Option(help="Why the fleet's authority cannot be used.")], member: Member = None
) -> None:
    """For a fleet whose authority is lost: let this machine's next `fleet accept` pin another root, or take an older roster.

    Counts once, on this machine only; stays in the member's folder and in the audit log.
    """
    from strands_robots.fleet import break_glass as marker

    folder = member or default_folder()
    marker.break_glass(folder, reason)
    say(f"the next `strands-robots fleet accept` in {folder} may pin another root or take an older roster, once")


@app.command()
def revoke(name: Annotated[str, typer.Argument(help="The member.")], authority: Folder, member: Member = None) -> None:
    """Take a member off the roster. With --member of an operator, robots on the network get the new roster at once."""
    made = open_authority(authority)
    data = made.revoke(name)
    say(f"{name} is off the roster, version {made.file.version}; restart the router")
    if member is not None:
        with open_station(member) as station:
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
    """Try the running router, and the broker where there is one, as each kind of member and as strangers.

    Exit code 3: a row is not as fleet.yaml says.
    """
    from strands_robots.core.key_file import read_secret
    from strands_robots.fleet.certificates import load_private
    from strands_robots.fleet.probe import probe_broker, probe_router

    made = open_authority(authority)
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
    from strands_robots.fleet import aws_policy, aws_provisioning, rmw_zenoh_config
    from strands_robots.fleet.roster_keeper import write_atomically

    files: dict[str, str] = {}
    if what == "rmw_zenoh":
        files["rmw_router.json5"] = json.dumps(rmw_zenoh_config.rmw_router_config(domain, port), indent=1)
        files["rmw_session.json5"] = json.dumps(rmw_zenoh_config.rmw_session_config(port), indent=1)
    elif what == "aws":
        if authority is None or not account.isdecimal():
            raise ConfigurationError(
                "aws needs the fleet's roster and the account; valid: --authority FOLDER --account NUMBER"
            )
        roster = open_authority(authority).file.roster()
        made = aws_policy.policies(roster, region, account)
        files |= {f"{name}.json": text for name, text in made.items()}
        files["provisioning_template.json"] = json.dumps(aws_provisioning.template(roster.fleet), indent=1)
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
    made = open_authority(authority)
    made.generate()
    session = open_session(json.loads(read_text(authority / "router.json")))
    try:
        say(f"router of fleet {made.file.fleet} on {made.file.router.listen}, {len(made.file.members)} members")
        with contextlib.suppress(KeyboardInterrupt):
            while not ending.wait(0.5):
                pass
    finally:
        session.close()
