"""`strands-robots approvals`: what agents ask for, and a person's signed decision about it."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from strands_robots.cli.cli_options import Namespace, clip_text, connect, say
from strands_robots.cli.keys import find_key, load_operator_key
from strands_robots.core.errors import ConfigurationError

app = typer.Typer(help="Requests of agents that need a person's approval.", no_args_is_help=True)

REFUSED = 1
STATES = {1: "PENDING", 2: "approved", 3: "declined", 4: "expired", 5: "used"}
TEXT_CHARACTERS = 1024

RequestId = Annotated[str, typer.Argument(help="Id of the request, or its beginning; see list.")]
Text = Annotated[str, typer.Option(help="Why, for the audit log; the agent never sees it.")]
Key = Annotated[
    Path | None, typer.Option(help="Your operator key; without it $STRANDS_ROBOTS_OPERATOR_KEY or your only one.")
]


@app.command("list")
def list_requests(
    every: Annotated[bool, typer.Option("--all", help="Also what was decided lately.")] = False,
    full: Annotated[bool, typer.Option("--full", help="Also every field of the request as it is.")] = False,
    namespace: Namespace = "",
) -> None:
    """Print the requests that wait for a decision, with everything that they would do."""
    with connect(namespace) as client:
        from strands_robots.clients.approval_client import read_state

        state = read_state(client)
    shown = [entry for entry in state.requests if every or entry.state == 1]
    if not state.can_approve:
        say("approval_node has no keyring: no person can approve")
    if not shown:
        say("nothing waits for a decision")
    for entry in shown:
        for line in request_lines(entry, full):
            say(line)


@app.command()
def approve(
    request: RequestId,
    text: Text = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask again after showing the request.")] = False,
    key: Key = None,
    namespace: Namespace = "",
) -> None:
    """Show a request, and let it be made once. Exit code 1 when the decision does not count."""
    _decide(request, True, text, yes, key, namespace)


@app.command()
def decline(request: RequestId, text: Text = "", key: Key = None, namespace: Namespace = "") -> None:
    """Show a request, and do not let it be made. Exit code 1 when the decision does not count."""
    _decide(request, False, text, True, key, namespace)


@app.command()
def sign(
    file: Annotated[Path, typer.Argument(help="Request that waits in a file, as a pipeline's.", dir_okay=False)],
    declined: Annotated[bool, typer.Option("--decline", help="Do not let it be made.")] = False,
    text: Text = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask again after showing the request.")] = False,
    key: Key = None,
) -> None:
    """Show a request that waits in a file, and put your signed decision beside it. Needs no graph."""
    from strands_robots.approvals.decision import sign_decision
    from strands_robots.approvals.decision_file import read_request, write_decision

    shown = read_request(file)
    request = shown.request
    for line in file_request_lines(shown):
        say(line)
    if time.time() >= shown.expires and not declined:
        raise ConfigurationError(
            f"request {shown.request_id} has expired, so no decision about it counts; valid: one that is asked for again"
        )
    if not yes and not declined:
        typer.confirm("approve this, once?", abort=True)
    decision = sign_decision(
        shown.request_id, request.digest, not declined, clip_text(text, TEXT_CHARACTERS), shown.run_id,
        load_operator_key(find_key(key)),
    )  # fmt: skip
    say(f"{'declined' if declined else 'approved'}: {write_decision(file, decision)}")


def file_request_lines(shown: Any) -> list[str]:
    """Return what a person needs to know of a request in a file: every field, as JSON without control characters."""
    return [
        f"{shown.request_id}  asked by {json.dumps(shown.asker)}: {shown.name} ({shown.type})",
        f"  policy: {json.dumps(shown.rule)}",
        *(f"  {json.dumps(name)}: {json.dumps(value)}" for name, value in json.loads(shown.fields).items()),
        f"  hash {shown.request.digest}",
    ]


def _decide(request_id: str, is_approved: bool, text: str, yes: bool, key: Path | None, namespace: str) -> None:
    with connect(namespace) as client:
        from strands_robots.approvals.decision import sign_decision
        from strands_robots.clients.approval_client import decide, find_request, read_state

        state = read_state(client)
        entry, request = find_request(state, request_id)
        for line in request_lines(entry):
            say(line)
        if is_approved:
            _show_picture(client, entry)
        if not yes:
            typer.confirm("approve this, once?", abort=True)
        # Signed is the hash of what was shown here, not the hash that approval_node gave.
        decision = sign_decision(
            entry.request_id,
            request.digest,
            is_approved,
            clip_text(text, TEXT_CHARACTERS),
            state.run_id,
            load_operator_key(find_key(key)),
        )
        response = decide(client, decision)
    say(response.message if response.success else f"NOT DECIDED ({response.refusal}): {response.message}")
    if not response.success:
        raise typer.Exit(REFUSED)


def _show_picture(client: Any, entry: Any) -> None:
    """Say where a picture of the robot at the goal lies, where a simulated world can draw one, or why the goal cannot be had."""
    import tempfile

    from strands_robots.clients.goal_picture import goal_picture
    from strands_robots.core.errors import StrandsRobotsError
    from strands_robots.sim.render.pictures import write_png

    try:
        picture = goal_picture(client, entry.type, entry.fields)
    except StrandsRobotsError as error:
        say(f"  NO PICTURE: {clip_text(str(error), 400)}")
        return
    if picture is not None:
        path = Path(tempfile.mkdtemp(prefix="strands_robots_approval_")) / f"{entry.request_id}.png"
        write_png(path, picture)
        say(f"  picture of the robot at the goal, from two sides: {path}")


def request_lines(entry: Any, full: bool = False) -> list[str]:
    """Return what a person needs to know before a decision: a sentence, and the fields that count, in words.

    Texts of the asker are shown as JSON, without control characters.

    Args:
        entry: The request.
        full: Every field as it is, too.
    """
    state = STATES.get(entry.state, "unknown")
    left = f", {entry.left:.0f} s left" if entry.left > 0.0 else ""
    by = f" by {entry.decided_by}" if entry.decided_by else ""
    from strands_robots.agent.tools.request_words import request_words

    return [
        f"{entry.request_id}  {state}{by}{left}",
        f"  asked by {json.dumps(entry.asker)}: /{entry.name} ({entry.type})",
        f"  policy: {entry.rule}",
        *(f"  {line}" for line in request_words(entry.name, entry.type, entry.fields)),
        *([f"  all fields: {json.dumps(json.loads(entry.fields), ensure_ascii=True)}"] if full else []),
        f"  hash {entry.digest}",
    ]
