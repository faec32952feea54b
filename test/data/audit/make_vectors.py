"""Writes the test vectors of docs/reference/audit_format.md: `python make_vectors.py` here, with the package importable.

Keys, clocks and identities are fixed, so that another program can be checked against the same bytes.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from unittest import mock

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from strands_robots.audit.audit_key import LogKeys, MacKey, SigningKey
from strands_robots.audit.event import AuditClock, Durability, Event
from strands_robots.audit.json_values import JsonObject
from strands_robots.audit.log.store import AuditStore, StoreConfig

FOLDER = Path(__file__).parent
START_US = 1_735_689_600_000_000
KEYS = LogKeys(MacKey(bytes(range(32))), SigningKey(Ed25519PrivateKey.from_private_bytes(bytes(range(32, 64)))))

EVENTS: list[tuple[str, str, str, Durability, JsonObject]] = [
    ("node_start", "", "", Durability.LATER, {"node": "/sim_node"}),
    ("refusal", "so101", "policy/act", Durability.LATER, {"reason": "limit", "count": 12, "last": "3.2 rad"}),
    ("stop", "", "operator/anna", Durability.NOW, {"stop_id": 1, "reason": "person in the cell: Größe 2 m"}),
    ("resume", "", "operator/anna", Durability.NOW, {"stop_id": 1, "arm_epoch": 2}),
    (
        "values",
        "so101",
        "",
        Durability.LATER,
        {
            "small": 1e-7,
            "half": 0.5,
            "whole": 3,
            "large": "18446744073709551615",
            "none": None,
            "yes": True,
            "text": 'tab\t"\u20ac\U0001f916',
        },
    ),
    ("refusal", "so101", "agent/one", Durability.LATER, {"reason": "lease", "count": 1, "last": ""}),
]

CASES = [
    {"name": "whole", "edits": [], "codes": []},
    {"name": "changed byte", "edits": [["replace", "000001.jsonl", "person", "parson"]], "codes": ["changed"]},
    {"name": "changed byte in a MAC", "edits": [["replace_at", "000001.jsonl", 20, "00"]], "codes": ["changed"]},
    {"name": "removed line", "edits": [["remove_line", "000000.jsonl", 1]], "codes": ["removed"]},
    {"name": "swapped lines", "edits": [["swap_lines", "000001.jsonl", 1]], "codes": ["out_of_order"]},
    {"name": "truncated tail", "edits": [["cut", "000002.jsonl", 700]], "codes": ["torn", "truncated", "unclean_end"]},
    {"name": "removed file", "edits": [["remove", "000001.jsonl"]], "codes": ["segment_missing"]},
    {"name": "removed HEAD", "edits": [["remove", "HEAD"]], "codes": ["head_missing"]},
    {"name": "changed HEAD", "edits": [["replace", "HEAD", '"segment":2', '"segment":1']], "codes": ["head_invalid"]},
    {"name": "torn line", "edits": [["append", "000000.jsonl", '{"mac":"']], "codes": ["torn"]},
    {
        "name": "old log put back",
        "edits": [["remove", "000002.jsonl"], ["restore", "HEAD", "old_head"]],
        "codes": ["unclean_end"],
        "codes_with_anchor": ["replayed", "unclean_end"],
    },
]


class _Clock:
    """Each look at a clock takes a millisecond."""

    def __init__(self) -> None:
        self.us = 0

    def wall_us(self) -> int:
        self.us += 1000
        return START_US + self.us

    def monotonic_us(self) -> int:
        return self.us


def write_vectors(folder: Path) -> None:
    """Write keys.json, cases.json, anchor.json, old_head and the folder log/."""
    ticking = _Clock()
    shutil.rmtree(folder / "log", ignore_errors=True)
    with mock.patch("strands_robots.audit.log.store.secrets.token_hex", lambda count: "5a" * count):
        store = AuditStore(
            folder / "log", KEYS, StoreConfig(segment_age=1.0), AuditClock(ticking.wall_us, ticking.monotonic_us)
        )
        store.open()
        for place, (kind, robot, actor, durability, details) in enumerate(EVENTS):
            if place in (2, 4):
                if place == 4:
                    shutil.copy(folder / "log" / "HEAD", folder / "old_head")
                ticking.us += 1_000_000
                store.tick()
            now = ticking.us
            store.write(
                [Event(kind, "/sim_node", "c3" * 16, place + 1, START_US + now, now, robot, actor, details, durability)]
            )
        store.close()
    (folder / "log" / "LOCK").unlink()
    shutil.copy(folder / "log" / "HEAD", folder / "anchor.json")
    seed, public = bytes(range(32, 64)), KEYS.signing.public
    keys = {
        "mac": KEYS.mac.secret.hex(),
        "mac_key": KEYS.mac.name,
        "ed25519_seed": seed.hex(),
        "ed25519_public": public.name,
    }
    (folder / "keys.json").write_text(json.dumps(keys, indent=2) + "\n", encoding="utf-8")
    (folder / "cases.json").write_text(json.dumps(CASES, indent=1) + "\n", encoding="utf-8")
    for path in (folder / "log").iterdir():
        path.chmod(0o644)


if __name__ == "__main__":
    write_vectors(FOLDER)
