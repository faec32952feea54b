"""The choice of transport: ours may be changed, the user's may not."""

from __future__ import annotations

import pytest

from strands_robots.ros.transport import use_udp_only

OURS = "/ws/install/share/strands_robots/config/fastdds.xml"


@pytest.mark.parametrize("environ", [{}, {"FASTDDS_DEFAULT_PROFILES_FILE": OURS, "FASTRTPS_DEFAULT_PROFILES_FILE": OURS}])
def test_our_profile_gives_way_to_udp(environ: dict[str, str]) -> None:
    use_udp_only(environ)
    assert environ == {"FASTDDS_BUILTIN_TRANSPORTS": "UDPv4"}


@pytest.mark.parametrize(
    "environ", [{"FASTDDS_DEFAULT_PROFILES_FILE": "/home/me/dds.xml"}, {"FASTDDS_BUILTIN_TRANSPORTS": "LARGE_DATA"}]
)
def test_choice_of_the_user_stays(environ: dict[str, str]) -> None:
    before = dict(environ)
    use_udp_only(environ)
    assert environ == before
