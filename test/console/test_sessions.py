"""One-time addresses, cookies and tokens."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from strands_robots.console.secret_file import run_secret
from strands_robots.console.sessions import ATTEMPTS, LONGEST, MOST_INVITATIONS, Sessions
from strands_robots.core.errors import ConfigurationError

SECRET = b"k" * 32


def test_an_address_works_once() -> None:
    sessions = Sessions(SECRET)
    key = sessions.invite()
    cookie = sessions.enter(key)
    assert cookie is not None and sessions.session(cookie)
    assert sessions.enter(key) is None


def test_only_the_newest_addresses_wait() -> None:
    sessions = Sessions(SECRET)
    keys = [sessions.invite() for _ in range(MOST_INVITATIONS + 1)]
    assert sessions.enter(keys[0]) is None
    assert sessions.enter(keys[1]) is not None


def test_after_many_wrong_addresses_none_is_looked_at_for_a_while() -> None:
    clock = [1000.0]
    sessions = Sessions(SECRET, lambda: clock[0])
    key = sessions.invite()
    for _ in range(ATTEMPTS):
        assert sessions.enter("guess") is None
    assert sessions.enter(key) is None, "the right one is not looked at either"
    clock[0] += 61.0
    assert sessions.enter(key) is not None


@pytest.mark.parametrize("cookie", ["", "a", "a.b", "a.1.0000", "a.1." + "0" * 64, "\udcff.1.x", "é.1.é", "." * 9])
def test_a_made_up_cookie_is_no_session(cookie: str) -> None:
    assert Sessions(SECRET).session(cookie) is None


def test_a_cookie_outlives_the_console_but_not_its_secret_or_its_time() -> None:
    clock = [1000.0]
    first = Sessions(SECRET, lambda: clock[0])
    cookie = first.enter(first.invite())
    assert cookie is not None
    again = Sessions(SECRET, lambda: clock[0])
    assert again.session(cookie)
    assert Sessions(b"o" * 32).session(cookie) is None
    clock[0] -= 500.0
    assert again.session(cookie), "a clock that was set back throws nobody out"
    clock[0] += 500.0 + LONGEST
    assert again.session(cookie) is None


def test_a_token_belongs_to_one_session() -> None:
    sessions = Sessions(SECRET)
    assert sessions.is_token("a", sessions.token("a"))
    assert not sessions.is_token("a", sessions.token("b"))
    assert not sessions.is_token("a", "")


def test_the_secret_is_kept_for_a_run_and_for_this_user_only(tmp_path: Path) -> None:
    folder = tmp_path / "console"
    first = run_secret(folder, "run-1")
    assert run_secret(folder, "run-1") == first
    assert run_secret(folder, "run-2") != first
    assert run_secret(folder, "") != run_secret(folder, "")
    file = folder / "run-1" / "console.secret"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_secret_that_was_cut_off_is_made_anew(tmp_path: Path) -> None:
    first = run_secret(tmp_path, "run")
    (tmp_path / "run" / "console.secret").write_bytes(first[:5])
    assert len(run_secret(tmp_path, "run")) == 32


def test_a_folder_that_others_may_write_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run").chmod(0o777)
    with pytest.raises(ConfigurationError, match="chmod 700"):
        run_secret(tmp_path, "run")
