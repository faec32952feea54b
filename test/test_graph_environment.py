"""Discovery and transports: one decision for every process, the same in a sourced shell, and the user's choice stays."""

from __future__ import annotations

import itertools
import os
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest

from strands_robots.core.errors import ConfigurationError
from strands_robots.core.graph_environment import (
    DISCOVERY_VARIABLES,
    GRAPH_VARIABLES,
    PROFILE_VARIABLES,
    RANGES,
    check_range,
    is_local,
    prepare_process,
    transport_variables,
)  # fmt: skip

ROOT = Path(__file__).resolve().parents[1]
SPACE = "{http://www.eprosima.com/XMLSchemas/fastRTPS_Profiles}"
INSTALLATIONS = ({"ROS_LOCALHOST_ONLY": "0"}, {"ROS_AUTOMATIC_DISCOVERY_RANGE": "SUBNET"})
"""What the setup.bash of Humble, and of the later distributions, sets in every shell."""
ASKED = {"STRANDS_ROBOTS_DISCOVERY_RANGE": "SUBNET"}
WITH_LOCALITY: tuple[tuple[dict[str, str], bool], ...] = (
    ({}, True), ({"ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST"}, True), ({"ROS_LOCALHOST_ONLY": "1"}, True),
    ({"ROS_STATIC_PEERS": "10.0.0.2"}, False), ({"ROS_AUTOMATIC_DISCOVERY_RANGE": "OFF"}, False),
    ({"ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST", "ROS_STATIC_PEERS": "10.0.0.2"}, False),
    *((installation, True) for installation in INSTALLATIONS),
    *(({**installation, **ASKED}, False) for installation in ({}, *INSTALLATIONS)),
    ({"STRANDS_ROBOTS_DISCOVERY_RANGE": "LOCALHOST", **INSTALLATIONS[1]}, True),
    # Of two that disagree the narrower holds: the first was set by a shell that sourced install/setup.bash before.
    ({"ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST", **ASKED}, True), ({"ROS_LOCALHOST_ONLY": "1", **ASKED}, True),
)  # fmt: skip
CHOICES = tuple(choice for choice, _ in WITH_LOCALITY)


@pytest.mark.parametrize(("choice", "local"), WITH_LOCALITY)
def test_graph_stays_on_its_machine_unless_told_otherwise(choice: dict[str, str], local: bool) -> None:
    assert is_local(choice) is local
    variables = transport_variables(choice, ROOT, has_pictures=False)
    name = "fastdds_udp_local.xml" if local else "fastdds_udp.xml"
    assert {variables[name] for name in PROFILE_VARIABLES} == {str(ROOT / "config" / name)}
    # They would add transports to those of the profile.
    taken = {name for name, value in variables.items() if value is None}
    assert taken == (set(choice) & set(DISCOVERY_VARIABLES) if local else set())


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"RMW_IMPLEMENTATION": "rmw_zenoh_cpp"}, {}),
        ({"RMW_IMPLEMENTATION": "rmw_cyclonedds_cpp"}, {"ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST"}),
        ({"RMW_IMPLEMENTATION": "rmw_cyclonedds_cpp", "ROS_DISTRO": "humble"}, {"ROS_LOCALHOST_ONLY": "1"}),
        (
            {"RMW_IMPLEMENTATION": "rmw_cyclonedds_cpp", "ROS_DISTRO": "humble", **INSTALLATIONS[0]},
            {"ROS_LOCALHOST_ONLY": "1"},
        ),
        (
            {"RMW_IMPLEMENTATION": "rmw_cyclonedds_cpp", "ROS_DISTRO": "jazzy", **INSTALLATIONS[1]},
            {"ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST"},
        ),
        ({"RMW_IMPLEMENTATION": "rmw_cyclonedds_cpp", "ROS_DISTRO": "humble", **INSTALLATIONS[0], **ASKED}, {}),
        ({"RMW_IMPLEMENTATION": "rmw_cyclonedds_cpp", "ROS_DISTRO": "jazzy", **INSTALLATIONS[1], **ASKED}, {}),
        ({"FASTDDS_DEFAULT_PROFILES_FILE": "/home/me/dds.xml", "ROS_STATIC_PEERS": "10.0.0.2"}, {}),
        ({"FASTDDS_BUILTIN_TRANSPORTS": "LARGE_DATA", "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST"}, {}),
    ],
)
def test_other_middlewares_have_the_variable_of_the_distribution(
    environ: dict[str, str], expected: dict[str, str]
) -> None:
    variables = transport_variables(environ, ROOT, has_pictures=True)
    variables.pop("CYCLONEDDS_URI", None)
    assert variables == expected


@pytest.mark.parametrize("distribution", ["humble", "jazzy"])
def test_cyclone_is_told_of_more_processes_than_it_numbers_by_itself_on_one_machine(distribution: str) -> None:
    """Seen on Humble: of 14 nodes with ROS_LOCALHOST_ONLY=1 five could not be made; with this all 14 saw each other."""
    environ = {"RMW_IMPLEMENTATION": "rmw_cyclonedds_cpp", "ROS_DISTRO": distribution}
    given = transport_variables(environ, ROOT, has_pictures=False)["CYCLONEDDS_URI"]
    assert given is not None
    assert ElementTree.fromstring(given).findtext("Domain/Discovery/MaxAutoParticipantIndex") == "99"
    assert ElementTree.fromstring(given).findtext("Domain/General/AllowMulticast") == "false"
    assert ElementTree.fromstring(given).findtext("Domain/Discovery/ParticipantIndex") == "auto"
    # Seen on Humble: a client given up within 10 s of the kill -9 of its server held all of Python for 1.01 s.
    assert ElementTree.fromstring(given).findtext("Domain/Internal/WriterLingerDuration") == "100 ms"
    own = {**environ, "CYCLONEDDS_URI": "file:///home/me/cyclone.xml"}
    for other in (own, {**environ, **ASKED}, {"RMW_IMPLEMENTATION": "rmw_connextdds"}, {}):
        assert "CYCLONEDDS_URI" not in transport_variables(other, ROOT, has_pictures=False)


def test_only_processes_with_pictures_have_shared_memory_and_only_local_ones_a_list_of_interfaces() -> None:
    trees = {path.name: ElementTree.parse(path).getroot() for path in (ROOT / "config").glob("fastdds*.xml")}
    assert len(trees) == 4
    for name, root in trees.items():
        kinds = [element.text for element in root.iter(f"{SPACE}type")]
        assert ("SHM" in kinds) is ("udp" not in name)
        assert [element.text for element in root.iter(f"{SPACE}address")] == ["127.0.0.1"] * ("local" in name)
    announcements = {ElementTree.tostring(next(root.iter(f"{SPACE}builtin"))) for root in trees.values()}
    assert len(announcements) == 1


def test_process_without_profiles_is_kept_to_udp() -> None:
    environ: dict[str, str] = {"ROS_LOCALHOST_ONLY": "1"}
    prepare_process(None, has_pictures=False, environ=environ)
    assert environ == {"ROS_LOCALHOST_ONLY": "1", "FASTDDS_BUILTIN_TRANSPORTS": "UDPv4"}


def test_process_whose_shell_chose_another_range_later_gets_the_other_profile() -> None:
    environ = dict.fromkeys(PROFILE_VARIABLES, "/ws/install/share/strands_robots/config/fastdds_local.xml")
    environ |= ASKED
    prepare_process(ROOT, has_pictures=True, environ=environ)
    assert environ["FASTRTPS_DEFAULT_PROFILES_FILE"] == str(ROOT / "config" / "fastdds.xml")


def test_range_that_is_none_is_refused_with_the_valid_ones() -> None:
    for given in ("", *RANGES):
        check_range({"STRANDS_ROBOTS_DISCOVERY_RANGE": given})
    with pytest.raises(
        ConfigurationError, match="STRANDS_ROBOTS_DISCOVERY_RANGE is 'subnet'; valid: LOCALHOST, SUBNET"
    ):
        check_range({"STRANDS_ROBOTS_DISCOVERY_RANGE": "subnet"})


@pytest.mark.parametrize(
    "before", [{}, {"FASTRTPS_DEFAULT_PROFILES_FILE": "/ws/share/strands_robots/config/fastdds_local.xml"}]
)
def test_a_middleware_that_reads_both_variables_is_given_one(before: dict[str, str]) -> None:
    environ = {"ROS_DISTRO": "kilted", **before}
    prepare_process(ROOT, has_pictures=False, environ=environ)
    assert environ["FASTDDS_DEFAULT_PROFILES_FILE"] == str(ROOT / "config" / "fastdds_udp_local.xml")
    assert "FASTRTPS_DEFAULT_PROFILES_FILE" not in environ


def test_sourced_shell_decides_as_the_processes_do(tmp_path: Path) -> None:
    share = tmp_path / "share" / "strands_robots"
    share.parent.mkdir()
    share.symlink_to(ROOT)
    cases = [
        {**choice, **middleware, **distribution, **own}
        for choice, middleware, distribution, own in itertools.product(
            CHOICES,
            ({}, *({"RMW_IMPLEMENTATION": f"rmw_{name}_cpp"} for name in ("fastrtps", "zenoh", "cyclonedds"))),
            ({"ROS_DISTRO": "humble"}, {"ROS_DISTRO": "jazzy"}, {"ROS_DISTRO": "kilted"}),
            (
                {},
                {"FASTDDS_BUILTIN_TRANSPORTS": "UDPv4"},
                {"FASTRTPS_DEFAULT_PROFILES_FILE": "/home/me/dds.xml"},
                {"FASTDDS_DEFAULT_PROFILES_FILE": "/old/share/strands_robots/config/fastdds.xml"},
                {"CYCLONEDDS_URI": "file:///home/me/cyclone.xml"},
            ),
        )
    ]
    hook = ROOT / "cmake" / "middleware.sh"
    script = [f"COLCON_CURRENT_PREFIX={tmp_path}; set -eu"]
    for case in cases:
        settings = "; ".join(f"export {name}='{value}'" for name, value in case.items())
        script.append(f"({settings or ':'}; . {hook}; env; echo =)")
    clean = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME")}
    done = subprocess.run(["sh"], input="\n".join(script), env=clean, stdout=subprocess.PIPE, text=True, check=True)
    answers = ("\n" + done.stdout).split("\n=\n")
    assert len(answers) == len(cases) + 1
    for case, answer in zip(cases, answers, strict=False):
        lines = [line.split("=", 1) for line in answer.splitlines() if "=" in line]
        shell = {name: value for name, value in lines if name in GRAPH_VARIABLES}
        decided = {name: value for name, value in transport_variables(case, share, has_pictures=True).items() if value}
        expected = {name: value for name, value in {**case, **decided}.items() if name in GRAPH_VARIABLES}
        assert shell == expected, case


def test_variables_of_discovery_are_those_of_the_graph() -> None:
    assert set(DISCOVERY_VARIABLES) | set(PROFILE_VARIABLES) < set(GRAPH_VARIABLES)
