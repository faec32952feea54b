"""`strands-robots graph` without a graph: interfaces, rates, columns, YAML."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from strands_robots.cli import main
from strands_robots.cli.graph import _block, _values, rate_line, survey_lines
from strands_robots.clients.graph_survey import Survey, TopicEntry
from strands_robots.core.errors import ConfigurationError
from strands_robots.core.interface_files import expanded_lines, full_name, interface_names, interface_text


def test_show_prints_comments_and_the_fields_of_nested_messages() -> None:
    result = CliRunner().invoke(main.app, ["graph", "show", "strands_robots/JointCommand"])
    lines = result.output.splitlines()
    assert result.exit_code == 0 and any(line.startswith("# ") for line in lines)
    at = lines.index("std_msgs/Header header")
    assert lines[at + 1 : at + 4] == [
        "    builtin_interfaces/Time stamp",
        "        int32 sec",
        "        uint32 nanosec",
    ]


def test_show_without_comments_is_short() -> None:
    lines = CliRunner().invoke(main.app, ["graph", "show", "std_srvs/srv/Trigger", "--no-comments"]).output.splitlines()
    assert lines == ["---", "bool success", "string message"]


def test_constants_are_no_fields_of_other_messages() -> None:
    assert list(expanded_lines("strands_robots/msg/StopButtonState")).count("uint8 PRESSED=2") == 1


def test_every_installed_interface_has_a_text_and_can_be_expanded() -> None:
    names = interface_names()
    assert "std_srvs/srv/Trigger" in names and "strands_robots/action/RunPolicy" in names
    for name in names:
        assert full_name(name) == name
        assert len(list(expanded_lines(name))) >= len(interface_text(name).splitlines())


def test_rate_line_gives_rate_and_gaps() -> None:
    line = rate_line([0.0, 0.01, 0.02, 0.04])
    assert line == "75.00 Hz over 4 messages; gaps: min 10.0 ms, max 20.0 ms, std 4.7 ms"
    assert rate_line([]) == "0 messages"


def test_survey_has_columns_and_a_dash_where_nothing_was_measured() -> None:
    found = Survey(
        ("/a",),
        (
            TopicEntry("/x", ("std_msgs/msg/String",), 1, 0, "reliable, volatile", 9.96),
            TopicEntry("/picture", ("I",), 1, 2, "", None),
        ),
        (("/s", ("std_srvs/srv/Empty",)),),
        (),
    )
    assert survey_lines(found) == [
        "nodes (1)", "  /a", "topics (2)",
        "  name      type                 from  to  Hz    QoS",
        "  /x        std_msgs/msg/String  1     0   10.0  reliable, volatile",
        "  /picture  I                    1     2   -",
        "services (1)", "  /s  std_srvs/srv/Empty", "action servers (0)",
    ]  # fmt: skip


def test_yaml_that_cannot_be_read_is_refused_with_an_example() -> None:
    with pytest.raises(ConfigurationError, match=r"is no YAML: .*valid: '\{name: value\}'"):
        _values("{a: [1}")
    assert _values("") == {} and _values("{a: 1}") == {"a": 1}


def test_lists_of_numbers_stand_in_one_line() -> None:
    assert _block({"a": [1, 2], "b": [{"c": 1}], "d": ""}) == "a: [1, 2]\nb:\n- c: 1\nd: ''\n"
