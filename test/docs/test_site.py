"""The site builds without a warning."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MKDOCS = ROOT / ".venv-docs" / "bin" / "mkdocs"


@pytest.mark.long
def test_site_builds_strictly_with_every_page(tmp_path: Path) -> None:
    if not MKDOCS.is_file():
        pytest.skip("mkdocs is not installed: make docs installs it")
    done = subprocess.run(
        [str(MKDOCS), "build", "--strict", "--site-dir", str(tmp_path)],
        cwd=ROOT, capture_output=True, text=True, check=False, env={"PATH": "/usr/bin:/bin", "NO_MKDOCS_2_WARNING": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    pages = {str(path.relative_to(tmp_path).parent) for path in tmp_path.rglob("index.html")}
    assert {
        f"reference/{name}" for name in ("messages", "services", "actions", "parameters", "commands", "launch")
    } <= pages
    assert {
        "tutorials/without_ros",
        "tutorials/with_ros",
        "tutorials/docker",
        "how_to/troubleshooting",
    } <= pages
    table = (tmp_path / "how_to" / "troubleshooting" / "index.html").read_text(encoding="utf-8")
    assert "<!-- remedies -->" not in table and "sudo apt install" in table
    assert "fonts.googleapis.com" not in (tmp_path / "index.html").read_text(encoding="utf-8")
