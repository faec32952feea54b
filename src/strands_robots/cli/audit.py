"""`strands-robots audit verify|tail|export`. Needs neither ROS nor a running graph."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from strands_robots.cli.cli_options import Namespace, complain, say
from strands_robots.core.errors import ConfigurationError, UnknownNameError
from strands_robots.core.text import printable

if TYPE_CHECKING:
    from strands_robots.audit.log.checkpoint import Checkpoint
    from strands_robots.audit.log.record import Record
    from strands_robots.audit.read.findings import Report
    from strands_robots.audit.read.query import Query
    from strands_robots.audit.read.verify import VerifyKeys

BROKEN = 1
NOT_CHECKED = 2
HAS_GAPS = 3
FORMATS = ("jsonl", "csv", "archive")

app = typer.Typer(help="The audit log: what the robots were told and what they did.", no_args_is_help=True)

Folder = Annotated[
    Path | None, typer.Argument(help="Folder of the log; without it the one of this ROS_DOMAIN_ID and namespace.")
]
KeyFolder = Annotated[
    Path | None, typer.Option(help="Folder of the keys; without it strands_robots/audit_keys in $ROS_HOME or ~/.ros.")
]
Since = Annotated[
    str, typer.Option(help="Only records since then: 2025-01-31T14:30:00, or an age such as 90s, 15m, 2h, 1d.")
]
Kinds = Annotated[list[str], typer.Option("--kind", help="Only this kind; may be given several times.")]
Robots = Annotated[list[str], typer.Option("--robot", help="Only this robot; may be given several times.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def verify(
    folder: Folder = None,
    key_folder: KeyFolder = None,
    public_key: Annotated[
        Path | None, typer.Option(help="Check with this public key only, as a person without the HMAC key.")
    ] = None,
    mac_key: Annotated[
        Path | None, typer.Option(help="Check with this HMAC key; alone or besides --public-key.")
    ] = None,
    anchor: Annotated[list[Path], typer.Option(help="File with a checkpoint that the log must still contain.")] = [],  # noqa: B006
    remember: Annotated[
        Path | None, typer.Option(help="File that keeps the newest checkpoint seen, for the next time.")
    ] = None,
    allow_gaps: Annotated[bool, typer.Option(help="Exit code 0 although the log names events that it lost.")] = False,
    as_json: AsJson = False,
    namespace: Namespace = "",
) -> None:
    """Check that the log is what was written: every byte, every record, its order and its end.

    Exit code 0: whole. 1: broken. 2: could not be checked. 3: intact, but it names events that it lost.
    """
    from strands_robots.audit.read.reader import FolderReader
    from strands_robots.audit.read.verify import verify as check

    path = _log_folder(folder, namespace)
    try:
        keys = _verify_keys(key_folder, public_key, mac_key)
        anchors = [_read_checkpoint(file) for file in anchor]
        if remember is not None and remember.exists():
            anchors.append(_read_checkpoint(remember))
        report = check(FolderReader(path), keys, anchors)
        if remember is not None and not report.is_broken and report.checkpoint is not None:
            _write_checkpoint(remember, report.checkpoint)
    except (ConfigurationError, OSError) as error:
        complain(f"error: the log in '{path}' could not be checked: {error}")
        raise typer.Exit(NOT_CHECKED) from error
    _print_report(report, path, as_json, has_anchor=bool(anchors))
    if report.is_broken:
        raise typer.Exit(BROKEN)
    if report.has_gaps and not allow_gaps:
        raise typer.Exit(HAS_GAPS)


@app.command()
def tail(
    folder: Folder = None,
    lines: Annotated[int, typer.Option("--lines", "-n", help="How many of the last records.", min=0)] = 20,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as records are added, until Ctrl-C.")] = False,
    since: Since = "",
    kind: Kinds = [],  # noqa: B006
    robot: Robots = [],  # noqa: B006
    as_json: AsJson = False,
    namespace: Namespace = "",
) -> None:
    """Print the last records, without checking them."""
    from strands_robots.audit.read.query import last_records, records
    from strands_robots.audit.read.reader import FolderReader

    path, query = _log_folder(folder, namespace), _query(since, kind, robot)
    log = FolderReader(path)
    try:
        last = last_records(log, query, lines)
        for record, body in last:
            say(_row(record, body, as_json))
        index = last[-1][0].index if last else -1
        while follow:
            time.sleep(0.5)
            newest = log.segments()[-2:]
            for record, body in records(log, query, newest[0] if newest else 0):
                if record.index > index:
                    index = record.index
                    say(_row(record, body, as_json))
    except OSError as error:
        raise ConfigurationError(f"the log in '{path}' cannot be read: {error.strerror}") from error


@app.command()
def export(
    output: Annotated[Path, typer.Argument(help="File to write; - for the standard output.")],
    folder: Folder = None,
    file_format: Annotated[
        str,
        typer.Option(
            "--format", help="jsonl, csv, or archive: the whole log with its public key, to be verified elsewhere."
        ),
    ] = "jsonl",
    key_folder: KeyFolder = None,
    since: Since = "",
    kind: Kinds = [],  # noqa: B006
    robot: Robots = [],  # noqa: B006
    namespace: Namespace = "",
) -> None:
    """Write records, or the whole log, for another person."""
    from strands_robots.audit.audit_key import PUBLIC_FILE
    from strands_robots.audit.read import export as exports
    from strands_robots.audit.read.query import records
    from strands_robots.audit.read.reader import FolderReader

    if file_format not in FORMATS:
        raise UnknownNameError("format", file_format, FORMATS)
    path, query = _log_folder(folder, namespace), _query(since, kind, robot)
    if file_format == "archive" and (since or kind or robot):
        raise ConfigurationError(
            "an archive holds the whole log, so that it can be verified; valid: no --since, --kind or --robot"
        )
    try:
        FolderReader(path).segments()
        with contextlib.nullcontext(sys.stdout.buffer) if str(output) == "-" else open(output, "wb") as file:
            if file_format == "archive":
                count = exports.write_archive(path, (_key_folder(key_folder) / PUBLIC_FILE).read_bytes(), file)
            else:
                write = exports.write_csv if file_format == "csv" else exports.write_jsonl
                count = write(records(FolderReader(path), query), file)
    except OSError as error:
        raise ConfigurationError(f"the log in '{path}' cannot be exported: {error}") from error
    complain(f"{count} {'files' if file_format == 'archive' else 'records'} written to {output}")


def _log_folder(given: Path | None, namespace: str) -> Path:
    from strands_robots.audit.log.layout import default_log_folder

    return given if given is not None else default_log_folder(os.environ, namespace)


def _key_folder(given: Path | None) -> Path:
    from strands_robots.audit.log.layout import default_key_folder

    return given if given is not None else default_key_folder(os.environ)


def _verify_keys(key_folder: Path | None, public_key: Path | None, mac_key: Path | None) -> VerifyKeys:
    from strands_robots.audit.audit_key import MAC_FILE, PUBLIC_FILE, load_mac_key, load_public_key
    from strands_robots.audit.read.verify import VerifyKeys

    if public_key is None and mac_key is None:
        folder = _key_folder(key_folder)
        public_key, mac_key = folder / PUBLIC_FILE, folder / MAC_FILE
    return VerifyKeys(
        mac=load_mac_key(mac_key) if mac_key is not None else None,
        public=load_public_key(public_key) if public_key is not None else None,
    )


def _read_checkpoint(path: Path) -> Checkpoint:
    from strands_robots.audit.log.checkpoint import CheckpointError, parse_checkpoint_text

    try:
        return parse_checkpoint_text(path.read_bytes())
    except CheckpointError as error:
        raise ConfigurationError(
            f"'{path}' holds no checkpoint: {error}; valid: a HEAD, or `checkpoint` of audit/state"
        ) from error


def _write_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(json.dumps(checkpoint.as_json()) + "\n", encoding="ascii")
    os.replace(temporary, path)


def _print_report(report: Report, path: Path, as_json: bool, has_anchor: bool) -> None:
    verdict = "BROKEN" if report.is_broken else "INTACT, WITH GAPS" if report.has_gaps else "WHOLE"
    if as_json:
        findings = [{"severity": finding.severity.value, **vars(finding)} for finding in report.findings]
        say(
            json.dumps(
                {
                    "verdict": verdict,
                    "log": report.log,
                    "records": report.records,
                    "bytes": report.size,
                    "counts": dict(report.counts),
                    "findings": findings,
                }
            )
        )
        return
    say(f"{verdict}: {report.records} records, {report.size} bytes in {path}")
    for finding in report.findings:
        say(f"  {finding.severity.value}: {finding.code}: {finding.message}")
    for code, count in report.counts.items():
        shown = sum(finding.code == code for finding in report.findings)
        if count > shown:
            say(f"  {code}: {count - shown} more")
    if not has_anchor and not report.is_broken:
        say("  not checked: whether this is an old copy; give --remember or --anchor")


def _query(since: str, kinds: list[str], robots: list[str]) -> Query:
    from strands_robots.audit.read.query import Query, parse_since

    since_us = parse_since(since, time.time_ns() // 1000) if since else 0
    return Query(since_us, tuple(kinds), tuple(robots))


def _row(record: Record, body: bytes, as_json: bool) -> str:
    from strands_robots.audit.read.query import format_time

    if as_json:
        return json.dumps(json.loads(body), sort_keys=True)
    event = record.event
    words = [
        format_time(event.wall_us),
        f"{record.index:>6}",
        event.kind,
        event.robot or "-",
        event.actor or event.source,
    ]
    return printable(" ".join(words)) + " " + json.dumps(event.details, sort_keys=True)
