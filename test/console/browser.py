"""Chromium for the tests: the one that is installed, driven by Playwright. Tests skip with the reason where it is missing."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")
PHONE, DESKTOP = {"width": 390, "height": 844}, {"width": 1280, "height": 900}
PAGES = ("live", "drive", "record", "data", "runs", "agent", "approvals", "calibrate", "audit")

SCREENSHOTS = os.environ.get("STRANDS_ROBOTS_SCREENSHOTS", "")
"""Folder that pictures are written to, for the documentation: docs/images/console; empty for none."""


@contextmanager
def chromium() -> Iterator[Any]:
    """Give a browser."""
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        pytest.skip("no Chromium is installed: apt install chromium")
    sync_api = pytest.importorskip(
        "playwright.sync_api", reason="playwright is not installed: requirements/browser.txt"
    )
    with sync_api.sync_playwright() as playwright:
        args = ["--enable-unsafe-swiftshader"]  # WebGL without a graphics card
        browser = playwright.chromium.launch(
            executable_path=path, args=[*args, "--no-sandbox"] if os.geteuid() == 0 else args
        )
        try:
            yield browser
        finally:
            browser.close()


def browser_processes() -> list[psutil.Process]:
    """Return every process of this test's browser."""
    return [process for process in psutil.Process().children(recursive=True) if "chrom" in process.name()]


def send_to_browser(number: signal.Signals) -> None:
    """Send a signal to every process of this test's browser."""
    for process in browser_processes():
        process.send_signal(number)


def serious(page: Any) -> list[str]:
    """Return what axe-core finds of level serious or worse, with the elements."""
    axe = pytest.importorskip(
        "axe_playwright_python.sync_playwright", reason="requirements/browser.txt is not installed"
    )
    found = axe.Axe().run(page).response["violations"]
    return [
        f"{entry['id']}: {node['html'][:200]}"
        for entry in found
        if entry["impact"] in ("serious", "critical")
        for node in entry["nodes"]
    ]


def picture(page: Any, name: str, folder: Path) -> Path:
    """Write what the page looks like, to the folder of the documentation's pictures where one is named."""
    path = Path(SCREENSHOTS or folder) / f"console_{name}.png"
    page.screenshot(path=str(path))
    return path
