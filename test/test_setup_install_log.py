"""A failed installation names the package that does not fit. The logs are what pip 23.0 and uv 0.13 said on Python 3.10."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]

UV_PYTHON = """\
Using Python 3.10.13 environment at: .venv
error: No solution found when resolving dependencies
  cause: Because the current Python version (3.10.13) does not satisfy Python>=3.11 and websockets==17.4 depends on Python>=3.11, we can conclude that websockets==17.4 cannot be used.
         And because only websockets<=17.4 is available and you require websockets==17.4, we can conclude that your requirements are unsatisfiable.
"""  # noqa: E501
UV_MISSING = """\
  cause: Because there is no version of websockets==99.1 and you require websockets==99.1, we can conclude that your requirements are unsatisfiable.
"""  # noqa: E501
UV_CONFLICT = """\
  cause: Because mcp==2.1.1 depends on pydantic>=2.12.0 and you require mcp==2.1.1, we can conclude that you require pydantic>=2.12.0.
         And because you require pydantic==1.10, we can conclude that your requirements are unsatisfiable.
"""
PIP_PYTHON = """\
ERROR: Ignored the following versions that require a different python version: 17.3 Requires-Python >=3.11; 17.4 Requires-Python >=3.11
ERROR: Could not find a version that satisfies the requirement websockets==17.4 (from versions: 1.0, 2.0, 16.1.1)
ERROR: No matching distribution found for websockets==17.4
"""
PIP_CONFLICT = """\
ERROR: Cannot install mcp==2.1.1 and pydantic==1.10 because these package versions have conflicting dependencies.
"""
OFFLINE = """\
WARNING: Retrying after connection broken by 'NewConnectionError: Failed to establish a new connection: [Errno -3] Temporary failure in name resolution'
ERROR: Could not find a version that satisfies the requirement websockets==17.4 (from versions: none)
ERROR: No matching distribution found for websockets==17.4
"""  # noqa: E501


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    from setup_steps import environment

    return environment


@pytest.mark.parametrize(
    ("log", "words"),
    [
        (UV_PYTHON, "websockets==17.4 needs Python >=3.11"),
        (UV_MISSING, "websockets==99.1 is not on the index"),
        (UV_CONFLICT, "mcp==2.1.1 needs pydantic>=2.12.0, and pydantic==1.10 is required"),
        (PIP_PYTHON, "websockets==17.4 has no version for this Python and machine"),
        (PIP_CONFLICT, "mcp==2.1.1 and pydantic==1.10 ask for different versions of the same package"),
    ],
)
def test_package_that_does_not_fit_is_named_and_the_network_is_not_blamed(
    steps: Any, tmp_path: Path, log: str, words: str
) -> None:
    path = tmp_path / "packages.log"
    path.write_text(log, encoding="utf-8")
    error = steps._failed(path, "3.10.13")
    assert words in str(error) and "3.10.13" in str(error)
    assert "network" not in error.remedy and "make setup PYTHON=" in error.remedy


def test_network_is_blamed_where_it_failed(steps: Any, tmp_path: Path) -> None:
    path = tmp_path / "packages.log"
    path.write_text(OFFLINE, encoding="utf-8")
    assert "network" in steps._failed(path, "3.12.1").remedy


def test_log_that_says_nothing_is_shown(steps: Any, tmp_path: Path) -> None:
    path = tmp_path / "packages.log"
    path.write_text("Killed\n", encoding="utf-8")
    assert "Killed" in str(steps._failed(path, "3.12.1"))
