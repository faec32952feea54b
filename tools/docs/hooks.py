"""Hooks of MkDocs: pages that are generated while the site is built, so that they cannot be out of date."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(Path(__file__).parent))

import commands  # noqa: E402
import interfaces  # noqa: E402
import parameters  # noqa: E402
import remedies  # noqa: E402
from mkdocs.structure.files import File  # noqa: E402

REMEDIES = "<!-- remedies -->"


def generated() -> dict[str, str]:
    """Return the generated pages, by their place in the site."""
    # Here and not at the import: MkDocs puts sys.path back afterwards. The sources beside this file count, not an installed package.
    sys.path.insert(0, str(ROOT / "src"))
    os.environ.pop("AMENT_PREFIX_PATH", None)
    return {
        "reference/messages.md": interfaces.page(ROOT, "msg", "Messages"),
        "reference/services.md": interfaces.page(ROOT, "srv", "Services"),
        "reference/actions.md": interfaces.page(ROOT, "action", "Actions"),
        "reference/parameters.md": parameters.page(ROOT),
        "reference/commands.md": commands.commands_page(),
        "reference/launch.md": commands.launch_page(),
    }


def on_config(config: Any) -> Any:
    """Put pages that the navigation does not name at its end, so that none is lost."""
    named = set(_pages(config.nav))
    docs = Path(config.docs_dir)
    more = sorted(
        str(path.relative_to(docs)) for path in docs.rglob("*.md") if str(path.relative_to(docs)) not in named
    )
    topics = [page for page in more if not page.startswith("adr/")]
    decisions = [page for page in more if page.startswith("adr/")]
    how = next(entry["How-to guides"] for entry in config.nav if "How-to guides" in entry)
    how += topics
    if decisions:
        config.nav.append({"Decisions": decisions})
    return config


def on_files(files: Any, config: Any) -> Any:
    """Add the generated pages."""
    for place, text in generated().items():
        files.append(File.generated(config, place, content=text))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Fill the table of troubleshooting in."""
    return markdown.replace(REMEDIES, remedies.table(ROOT)) if REMEDIES in markdown else markdown


def _pages(nav: Any) -> list[str]:
    if isinstance(nav, str):
        return [nav]
    children = nav.values() if isinstance(nav, dict) else nav
    return [page for child in children for page in _pages(child)]
