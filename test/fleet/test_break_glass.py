"""A member whose authority is lost joins another one only with a marker of its own machine, once, and it shows for ever."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from fleet_site import enrol

from strands_robots.core.errors import ConfigurationError
from strands_robots.fleet.authority import Authority, create_authority
from strands_robots.fleet.break_glass import MARKER, break_glass, find_marker, used_markers
from strands_robots.fleet.fleet_file import RouterEntry
from strands_robots.fleet.member import MemberKind
from strands_robots.fleet.member_folder import MemberFolder, accept_grant, make_request_files


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A member of a fleet that is lost."""
    enrol(create_authority(tmp_path / "lost", "lab", RouterEntry()), tmp_path, "arm1", MemberKind.ROBOT)
    return tmp_path / "arm1"


def grant_of_another(folder: Path) -> str:
    """Return what a new authority grants the member."""
    place = folder.parent / "new"
    authority = Authority(place) if place.exists() else create_authority(place, "lab", RouterEntry())
    request = make_request_files(folder, "arm1")
    token = authority.invite("arm1", MemberKind.ROBOT, "", (), request.fingerprint)
    return json.dumps(authority.enrol(request, token))


def test_another_root_is_refused_without_the_marker_and_taken_once_with_it(folder: Path) -> None:
    pinned = MemberFolder(folder).roots
    with pytest.raises(ConfigurationError, match="wrong_signature"):
        accept_grant(folder, grant_of_another(folder))
    assert MemberFolder(folder).roots == pinned and used_markers(folder) == 0
    break_glass(folder, "the root key burnt")
    found = find_marker(folder)
    assert found is not None and found.reason == "the root key burnt"
    assert accept_grant(folder, grant_of_another(folder)) == "arm1"
    assert MemberFolder(folder).roots != pinned and MemberFolder(folder).channel().roster.version > 1
    assert find_marker(folder) is None and used_markers(folder) == 1
    lost = Authority(folder.parent / "lost")
    with pytest.raises(ConfigurationError, match="wrong_signature"):
        accept_grant(folder, json.dumps(lost.renew(make_request_files(folder, "arm1"))))


def test_a_grant_that_is_for_another_member_uses_no_marker_up(folder: Path) -> None:
    break_glass(folder, "why")
    with pytest.raises(ConfigurationError, match="for 'arm2'"):
        accept_grant(folder, grant_of_another(folder).replace('"name": "arm1"', '"name": "arm2"'))
    assert find_marker(folder) is not None


def test_a_user_without_a_name_breaks_the_glass_too(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def nameless() -> str:
        raise KeyError("getpwuid(): uid not found: 4711")

    monkeypatch.setattr("getpass.getuser", nameless)
    break_glass(folder, "why")
    found = find_marker(folder)
    assert found is not None and found.by == f"uid{os.geteuid()}"


def test_a_link_in_place_of_the_marker_is_refused_and_not_followed(folder: Path) -> None:
    elsewhere = folder.parent / "elsewhere"
    (folder / MARKER).symlink_to(elsewhere)
    with pytest.raises(ConfigurationError, match="exists already"):
        break_glass(folder, "why")
    assert not elsewhere.exists()
    elsewhere.write_text('{"v": 1, "reason": "a trap", "by": "x", "at": 0}')
    with pytest.raises(ConfigurationError, match=r"is refused|others may use it"):
        accept_grant(folder, grant_of_another(folder))
    assert used_markers(folder) == 0


def test_a_marker_is_written_whole_once_and_only_where_others_may_not_write(folder: Path) -> None:
    break_glass(folder, "why")
    assert oct((folder / MARKER).stat().st_mode & 0o777) == "0o600"
    assert not [name for name in os.listdir(folder) if name.startswith(f".{MARKER}")]
    with pytest.raises(ConfigurationError, match="exists already"):
        break_glass(folder, "again")
    (folder / MARKER).write_text("{}")
    with pytest.raises(ConfigurationError, match="is refused"):
        find_marker(folder)
    (folder / MARKER).chmod(0o644)
    with pytest.raises(ConfigurationError, match="others may use it"):
        find_marker(folder)
    (folder / MARKER).unlink()
    folder.chmod(0o777)
    with pytest.raises(ConfigurationError, match="not writable by others"):
        break_glass(folder, "why")
    with pytest.raises(ConfigurationError, match="reason is empty"):
        break_glass(folder, " ")
