"""The choice of transport: ours may be changed, the user's may not."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from strands_robots.ros.process.transport import use_udp_only

CONFIG = Path(__file__).resolve().parents[2] / "config"
SPACE = "{http://www.eprosima.com/XMLSchemas/fastRTPS_Profiles}"
VARIABLES = ("FASTDDS_DEFAULT_PROFILES_FILE", "FASTRTPS_DEFAULT_PROFILES_FILE")
OURS = "/ws/install/share/strands_robots/config/fastdds.xml"


@pytest.mark.parametrize("names", [VARIABLES, VARIABLES[:1]])
def test_our_profile_gives_way_to_the_one_without_shared_memory(names: tuple[str, ...]) -> None:
    environ = dict.fromkeys(names, OURS)
    use_udp_only(environ)
    assert environ == dict.fromkeys(names, OURS.replace("fastdds.xml", "fastdds_udp.xml"))


def test_without_a_profile_the_transports_are_named() -> None:
    environ: dict[str, str] = {}
    use_udp_only(environ)
    assert environ == {"FASTDDS_BUILTIN_TRANSPORTS": "UDPv4"}


def test_profiles_differ_in_shared_memory_only() -> None:
    both, udp = (ElementTree.parse(CONFIG / name).getroot() for name in ("fastdds.xml", "fastdds_udp.xml"))
    assert "SHM" in _texts(both) and "SHM" not in _texts(udp)
    announcements = [ElementTree.tostring(next(root.iter(f"{SPACE}builtin"))) for root in (both, udp)]
    assert announcements[0] == announcements[1]


def _texts(root: ElementTree.Element) -> list[str | None]:
    return [element.text for element in root.iter(f"{SPACE}type")]


@pytest.mark.parametrize(
    "environ", [{"FASTDDS_DEFAULT_PROFILES_FILE": "/home/me/dds.xml"}, {"FASTDDS_BUILTIN_TRANSPORTS": "LARGE_DATA"}]
)
def test_choice_of_the_user_stays(environ: dict[str, str]) -> None:
    before = dict(environ)
    use_udp_only(environ)
    assert environ == before
