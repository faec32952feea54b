"""The set-up installs with uv as the user told pip to, and with pip where uv is of no use."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
ARGUMENTS = ["-r", "requirements/base.txt"]
CONFIGURATION = """\
:env:.find-links='/wheels /more wheels'
:env:.index-url='https://user@mirror/simple'
global.index-url='https://file.says/otherwise'
global.extra-index-url='https://a/simple https://b/simple'
install.no-index='false'
list.format='columns'
"""


class Installers:
    """What `run_logged` was asked to run; `failing` are the programs that fail."""

    def __init__(self, *failing: str) -> None:
        self.failing = failing
        self.commands: list[list[str]] = []
        self.environments: list[dict[str, str]] = []

    def run(self, command: list[str], log: Path, env: dict[str, str], cwd: Path) -> int:
        self.commands.append(command)
        self.environments.append(env)
        return int(Path(command[0]).name in self.failing)


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    from setup_steps import installer

    monkeypatch.setattr(installer, "answer", lambda command, env: (0, CONFIGURATION))
    return installer


def install(module: Any, monkeypatch: pytest.MonkeyPatch, ran: Installers, prefix: Path | None, **env: str) -> bool:
    from setup_steps.checkout import Checkout, Ros

    monkeypatch.setattr(module, "run_logged", ran.run)
    is_installed, _ = module.install(Checkout(ROOT), Ros("jazzy", prefix), env, ARGUMENTS)
    return bool(is_installed)


def test_uv_installs_from_where_pip_would(module: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    ran = Installers()
    assert install(module, monkeypatch, ran, None, UV_INDEX="https://mine/simple")
    assert [Path(command[0]).name for command in ran.commands] == ["python", "uv"]
    assert ran.commands[1][-2:] == ARGUMENTS
    told = ran.environments[1]
    assert told["UV_DEFAULT_INDEX"] == "https://user@mirror/simple", "a variable counts more than a file"
    assert told["UV_FIND_LINKS"] == "/wheels,/more,wheels" and told["UV_NO_INDEX"] == "false"
    assert told["UV_INDEX"] == "https://mine/simple", "what the user told uv counts most"


def test_uv_keeps_its_cache_where_links_reach(module: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    own = tmp_path / "state" / "uv-cache"
    own.parent.mkdir()
    assert module._cache_for(own, {"HOME": str(tmp_path / "new" / "home")}) == {}
    elsewhere = {"HOME": str(tmp_path), "XDG_CACHE_HOME": "/proc/self"}
    assert module._cache_for(own, elsewhere) == {"UV_CACHE_DIR": str(own)}


def test_pip_takes_over_where_uv_fails(module: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    ran = Installers("uv")
    assert install(module, monkeypatch, ran, None)
    assert [Path(command[0]).name for command in ran.commands] == ["python", "uv", "python"]
    assert ran.commands[2][1:4] == ["-m", "pip", "install"] and ran.commands[2][-2:] == ARGUMENTS
    assert not install(module, monkeypatch, Installers("uv", "python"), None)


def test_beside_a_ros_installation_uv_installs_into_its_environment(
    module: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = Installers()
    assert install(module, monkeypatch, ran, Path("/opt/ros/jazzy"))
    assert [Path(command[0]).name for command in ran.commands] == ["python", "uv"]
    assert ran.commands[1][ran.commands[1].index("--python") + 1] == str(ROOT / ".venv-jazzy" / "bin" / "python")
