"""Installed programs that are started without a sourced shell, as MCP clients, services and desktop files start them."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from graph import executable

PREFIX = Path(executable("safety_node")).parents[2]
COMMAND = PREFIX / "bin" / "strands-robots"
BARE = ["env", "-i", "PATH=/usr/bin:/bin"]


def bare(home: Path, *words: str, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*BARE, f"HOME={home}", *words], capture_output=True, text=True, timeout=90, check=False, **options
    )


@pytest.mark.parametrize(
    "words", [("--help",), ("robots", "list"), ("audit", "--help"), ("mcp", "--help")], ids=" ".join
)
def test_command_starts_from_a_clean_environment(tmp_path: Path, words: tuple[str, ...]) -> None:
    done = bare(tmp_path, str(COMMAND), *words)
    assert done.returncode == 0, done.stderr


def test_node_starts_from_a_clean_environment(tmp_path: Path) -> None:
    done = bare(tmp_path, executable("audit_node"), "--ros-args", "-p", "nonsense:=1")
    assert done.returncode == 2 and "unknown parameter" in done.stderr


def test_link_to_the_command_starts_from_a_clean_environment(tmp_path: Path) -> None:
    link = tmp_path / "robots"
    link.symlink_to(COMMAND)
    done = bare(tmp_path, str(link), "--help")
    assert done.returncode == 0, done.stderr


def test_mcp_server_answers_a_client_with_a_clean_environment(tmp_path: Path) -> None:
    params = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
    said = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params}) + "\n"
    done = bare(tmp_path, str(COMMAND), "mcp", input=said)
    assert json.loads(done.stdout.splitlines()[0])["result"]["serverInfo"]["name"] == "strands-robots", done.stderr


@pytest.mark.long
def test_block_of_the_documentation_works_in_the_official_inspector(tmp_path: Path) -> None:
    if shutil.which("npx") is None:
        pytest.skip("npx is not on the PATH")
    text = (Path(__file__).parents[2] / "docs" / "agent.md").read_text(encoding="utf-8")
    block = text[text.index('{\n  "mcpServers"') :]
    config = json.loads(block[: block.index("```")].replace("/path/to/strands_robots/install", str(PREFIX)))
    path = tmp_path / "mcp.json"
    path.write_text(json.dumps(config), encoding="utf-8")
    words = ["npx", "--yes", "@modelcontextprotocol/inspector", "--cli", "--config", str(path), "--server", "robots"]
    done = subprocess.run(
        [*words, "--method", "tools/list"], capture_output=True, text=True, timeout=300, check=False, cwd=tmp_path
    )
    assert done.returncode == 0, done.stdout[-1000:] + done.stderr[-2000:]
    assert {"look", "stop", "find_tool"} <= {tool["name"] for tool in json.loads(done.stdout)["tools"]}
