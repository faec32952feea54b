"""`strands-robots doctor` as a person and a script use it."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from strands_robots.cli.doctor import report_lines, use_colour
from strands_robots.doctor.result import failed, ok


def doctor(*words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "strands_robots.cli.entry", "doctor", *words]
    return subprocess.run(command, env={**os.environ, **environ}, capture_output=True, text=True, timeout=60)


def test_healthy_check_exits_with_zero_and_a_pipe_gets_no_colour() -> None:
    result = doctor("--only", "python", "--only", "router", TERM="xterm")
    assert result.returncode == 0 and "\x1b" not in result.stdout
    assert result.stdout.splitlines()[-1] == "nothing has failed"


def test_failure_exits_with_one_and_says_two_lines_of_remedy() -> None:
    result = doctor("--only", "rmw", "--only", "domain", RMW_IMPLEMENTATION="rmw_nothing_cpp", ROS_DOMAIN_ID="many")
    assert result.returncode == 1
    assert result.stdout.count("-> ") == 4 and result.stdout.splitlines()[-1] == "failed: rmw, domain"


def test_warning_exits_with_zero() -> None:
    result = doctor("--only", "domain", ROS_DOMAIN_ID="150")
    assert result.returncode == 0 and "warning" in result.stdout


def test_json_has_every_finding() -> None:
    result = doctor("--json", "--only", "domain", ROS_DOMAIN_ID="many")
    found = json.loads(result.stdout)
    assert result.returncode == 1 and found["healthy"] is False
    (check,) = found["checks"]
    assert (check["name"], check["status"]) == ("domain", "failed") and len(check["remedy"]) == 2


def test_unknown_check_is_an_error_that_lists_them() -> None:
    result = doctor("--only", "disc")
    assert result.returncode == 1 and "did you mean 'disk'" in result.stderr


def test_colours_are_only_for_terminals_that_want_them(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    results = [ok("python", "3.12"), failed("gl", "none", "do this", "then that")]
    assert report_lines(results, False)[1:] == [
        "failed  gl      none",
        "                -> do this",
        "                -> then that",
    ]
    assert "\x1b[1;31mfailed" in report_lines(results, True)[1]
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert use_colour()
    monkeypatch.setenv("NO_COLOR", "1")
    assert not use_colour()
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert not use_colour()
