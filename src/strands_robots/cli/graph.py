"""`strands-robots graph`: what is on the graph, and talking to it, where there is no ros2 command (and where there is)."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from strands_robots.cli.cli_options import Namespace, clip_text, connect, say
from strands_robots.core.errors import ConfigurationError, StrandsRobotsError

if TYPE_CHECKING:
    from strands_robots.clients.graph_survey import Survey, TopicEntry

LONGEST_LIST = 16

app = typer.Typer(help="Nodes, topics, services and action servers: list, hear, publish, call.", rich_markup_mode=None)


def _complete(what: str) -> Callable[[str], list[str]]:
    def complete(incomplete: str) -> list[str]:
        try:
            with connect("") as client:
                from strands_robots.clients.graph_calls import known_names

                names = known_names(client, what)
                if not incomplete.startswith("/"):
                    names = [name.lstrip("/") for name in names]
                return [name for name in names if name.startswith(incomplete)]
        except StrandsRobotsError:
            return []

    return complete


def _complete_interface(incomplete: str) -> list[str]:
    from strands_robots.core.interface_files import interface_names

    return [name for name in interface_names() if name.startswith(incomplete)]


def _complete_request(what: str, parameter: str) -> Callable[[typer.Context], list[str]]:
    def complete(ctx: typer.Context) -> list[str]:
        try:
            with connect("") as client:
                from strands_robots.clients.graph_calls import request_prototype
                from strands_robots.ros.messages.message_values import prototype

                return [_flow(prototype(request_prototype(client, what, ctx.params[parameter])))]
        except (StrandsRobotsError, KeyError):
            return []

    return complete


Topic = Annotated[str, typer.Argument(help="Name of the topic.", autocompletion=_complete("topics"))]
Values = Annotated[str, typer.Argument(help="Fields as YAML, for example '{name: a, value: 1}'.")]
Kind = Annotated[
    str, typer.Option("--type", help="Type, where the graph does not say it.", autocompletion=_complete_interface)
]
Full = Annotated[bool, typer.Option("--full", help="Show long lists whole.")]


@app.callback(invoke_without_command=True)
def overview(
    ctx: typer.Context,
    namespace: Namespace = "",
    rates: Annotated[bool, typer.Option(help="Measure the rates for a second; pictures are left out.")] = True,
    all_: Annotated[
        bool, typer.Option("--all", help="Show hidden nodes, services of parameters, and /rosout, too.")
    ] = False,
) -> None:
    """Show nodes, topics with type, rate and QoS, services and action servers.

    Exit code 1 when nothing is on the graph.
    """
    if ctx.invoked_subcommand is not None:
        return
    with connect(namespace) as client:
        from strands_robots.clients.graph_survey import survey

        found = survey(client, 1.0 if rates else 0.0, all_)
    for line in survey_lines(found):
        say(line)
    if not found.nodes:
        raise typer.Exit(1)


def survey_lines(found: Survey) -> list[str]:
    """Return the survey as lines of text, with columns."""
    lines = [f"nodes ({len(found.nodes)})", *(f"  {name}" for name in found.nodes)]
    rows = [_topic_row(entry) for entry in found.topics]
    lines += [f"topics ({len(rows)})", *_columns([("name", "type", "from", "to", "Hz", "QoS"), *rows])]
    for title, entries in (("services", found.services), ("action servers", found.actions)):
        lines += [f"{title} ({len(entries)})", *_columns([(name, ", ".join(types)) for name, types in entries])]
    return lines


def _topic_row(entry: TopicEntry) -> tuple[str, ...]:
    rate = "-" if entry.rate is None else f"{entry.rate:.1f}"
    return entry.name, ", ".join(entry.types), str(entry.publishers), str(entry.subscribers), rate, entry.qos


def _columns(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows)]
    return ["  " + "  ".join(f"{text:{width}}" for text, width in zip(row, widths)).rstrip() for row in rows]


@app.command()
def echo(
    topic: Topic,
    once: Annotated[bool, typer.Option("--once", help="End after one message.")] = False,
    count: Annotated[int, typer.Option(help="End after so many messages; 0 never.", min=0)] = 0,
    field: Annotated[str, typer.Option(help="Show this field only, as a.b.")] = "",
    wait: Annotated[float, typer.Option(help="Longest silence [s]; 0 waits for ever.", min=0.0)] = 0.0,
    full: Full = False,
    kind: Kind = "",
    namespace: Namespace = "",
) -> None:
    """Print the messages of a topic as YAML, until Ctrl-C. Exit code 1 after a silence of --wait."""
    most = 1 if once else count
    with connect(namespace) as client:
        from strands_robots.clients.graph_calls import hear
        from strands_robots.ros.messages.message_values import plain_values

        for number, message in enumerate(hear(client, topic, kind, wait or math.inf), 1):
            say(_block(_field(plain_values(message, None if full else LONGEST_LIST), field)) + "---")
            if number == most:
                return


def _field(values: Any, path: str) -> Any:
    for name in filter(None, path.split(".")):
        if not isinstance(values, dict) or name not in values:
            from strands_robots.core.errors import UnknownNameError

            raise UnknownNameError("field", name, values if isinstance(values, dict) else ())
        values = values[name]
    return values


@app.command()
def hz(
    topic: Topic,
    window: Annotated[float, typer.Option(help="Time over which is counted [s].", min=0.1)] = 1.0,
    count: Annotated[int, typer.Option(help="End after so many lines; 0 never.", min=0)] = 0,
    namespace: Namespace = "",
) -> None:
    """Print the rate of a topic and the times between its messages, until Ctrl-C."""
    with connect(namespace) as client:
        from strands_robots.clients.graph_calls import arrivals

        for number, stamps in enumerate(arrivals(client, topic, window), 1):
            say(rate_line(stamps))
            if number == count:
                return


def rate_line(stamps: Sequence[float]) -> str:
    """Return rate and gaps of messages that were published at these times [s]."""
    if len(stamps) < 2:
        return f"{len(stamps)} messages"
    gaps = [later - earlier for earlier, later in itertools.pairwise(stamps)]
    mean = sum(gaps) / len(gaps)
    deviation = math.sqrt(sum((gap - mean) ** 2 for gap in gaps) / len(gaps))
    shown = ", ".join(
        f"{name} {1e3 * value:.1f} ms" for name, value in (("min", min(gaps)), ("max", max(gaps)), ("std", deviation))
    )
    return f"{1.0 / mean if mean > 0.0 else math.inf:.2f} Hz over {len(stamps)} messages; gaps: {shown}"


@app.command()
def pub(
    topic: Topic,
    values: Values = "{}",
    kind: Kind = "",
    rate: Annotated[float, typer.Option(help="Messages a second [Hz].", min=0.001, max=1000.0)] = 1.0,
    count: Annotated[int, typer.Option(help="How many messages; 0 until Ctrl-C.", min=0)] = 1,
    namespace: Namespace = "",
) -> None:
    """Publish a message. Exit code 1 when the topic has no subscriber."""
    given = _values(values)
    with connect(namespace) as client:
        from strands_robots.clients.graph_calls import publish

        listeners = publish(client, topic, kind, given, rate, count)
    say(f"published to {listeners} listeners")
    if not listeners:
        raise typer.Exit(1)


@app.command()
def call(
    service: Annotated[str, typer.Argument(help="Name of the service.", autocompletion=_complete("services"))],
    values: Annotated[
        str,
        typer.Argument(help="Fields of the request as YAML.", autocompletion=_complete_request("services", "service")),
    ] = "{}",
    kind: Kind = "",
    timeout: Annotated[float, typer.Option(help="Longest wait for the answer [s].", min=0.1)] = 30.0,
    full: Full = False,
    namespace: Namespace = "",
) -> None:
    """Call a service and print its answer as YAML.

    Exit code 1 when the answer has a field `success` that is false, or none comes.
    """
    given = _values(values)
    with connect(namespace) as client:
        from strands_robots.clients.graph_calls import call_service
        from strands_robots.ros.messages.message_values import plain_values

        answer = plain_values(call_service(client, service, given, kind, timeout), None if full else LONGEST_LIST)
    say(_block(answer).rstrip())
    if answer.get("success") is False:
        raise typer.Exit(1)


@app.command()
def send(
    action: Annotated[str, typer.Argument(help="Name of the action server.", autocompletion=_complete("actions"))],
    values: Annotated[
        str, typer.Argument(help="Fields of the goal as YAML.", autocompletion=_complete_request("actions", "action"))
    ] = "{}",
    feedback: Annotated[bool, typer.Option(help="Print the feedback, at most once a second.")] = True,
    kind: Kind = "",
    full: Full = False,
    namespace: Namespace = "",
) -> None:
    """Send a goal to an action server and print its feedback and result as YAML. Ctrl-C cancels the goal.

    Exit code 0: succeeded. 1: aborted or refused. 130: cancelled.
    """
    given = _values(values)
    due = [0.0]
    longest = None if full else LONGEST_LIST
    with connect(namespace) as client:
        from strands_robots.clients.graph_calls import send_goal
        from strands_robots.ros.messages.message_values import plain_values

        def show(message: Any) -> None:
            if feedback and time.monotonic() >= due[0]:
                due[0] = time.monotonic() + 1.0
                say(f"feedback: {_flow(plain_values(message, longest))}")

        state, result = send_goal(client, action, given, kind, show)
        say(_block({"state": state, "result": plain_values(result, longest)}).rstrip())
    if state != "succeeded":
        raise typer.Exit(130 if state == "cancelled" else 1)


@app.command()
def show(
    kind: Annotated[
        str, typer.Argument(help="Interface, as std_srvs/srv/Trigger.", autocompletion=_complete_interface)
    ],
    comments: Annotated[bool, typer.Option(help="Show the comments.")] = True,
) -> None:
    """Print an interface with its comments and, further right, the fields of the messages in it."""
    from strands_robots.core.interface_files import expanded_lines, full_name

    for line in expanded_lines(full_name(kind)):
        text = line if comments else line.partition("#")[0].rstrip()
        if comments or text.strip():
            say(text)


def _values(text: str) -> Any:
    """Return what a person wrote as YAML.

    Raises:
        ConfigurationError: If it is no YAML.
    """
    import yaml

    try:
        values = yaml.safe_load(text)
    except yaml.YAMLError as error:
        reason = " ".join(str(error).split())
        raise ConfigurationError(
            f"'{clip_text(text, 200)}' is no YAML: {clip_text(reason, 300)}; valid: '{{name: value}}'"
        ) from error
    return {} if values is None else values


def _block(values: Any) -> str:
    """Return values as YAML, lists of numbers and words in one line."""
    import yaml

    class Dumper(yaml.SafeDumper):
        pass

    def represent(dumper: yaml.SafeDumper, data: list[Any]) -> yaml.Node:
        is_flat = not any(isinstance(item, (dict, list)) for item in data)
        return dumper.represent_sequence("tag:yaml.org,2002:seq", data, flow_style=is_flat)

    Dumper.add_representer(list, represent)
    text = yaml.dump(values, Dumper=Dumper, sort_keys=False, width=math.inf, default_flow_style=False)
    return text.removesuffix("...\n")


def _flow(values: Any) -> str:
    """Return values as YAML in one line."""
    import yaml

    return yaml.safe_dump(values, sort_keys=False, width=math.inf, default_flow_style=True).strip()
