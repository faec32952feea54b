"""The test vectors: written by today's code, judged by verification, and read by 20 lines made from the text."""

from __future__ import annotations

import hashlib
import hmac
import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from strands_robots.audit.audit_key import AuditPublicKey, MacKey
from strands_robots.audit.log.checkpoint import parse_checkpoint_text
from strands_robots.audit.read.verify import VerifyKeys, verify

from .logs import MemoryLog, codes

VECTORS = Path(__file__).parents[1] / "data" / "audit"
CASES = json.loads((VECTORS / "cases.json").read_text("utf-8"))
NAMES = json.loads((VECTORS / "keys.json").read_text("utf-8"))
MAC, PUBLIC = MacKey(bytes.fromhex(NAMES["mac"])), AuditPublicKey(bytes.fromhex(NAMES["ed25519_public"]))


def edit(log: MemoryLog, op: str, name: str, *arguments: Any) -> None:
    """Apply one edit of cases.json."""
    files = log.files
    data = files[name]
    lines = data.splitlines(keepends=True)
    if op == "replace":
        files[name] = data.replace(arguments[0].encode(), arguments[1].encode())
    elif op == "replace_at":
        files[name] = data[: arguments[0]] + arguments[1].encode() + data[arguments[0] + 2 :]
    elif op == "remove_line":
        files[name] = b"".join(lines[: arguments[0]] + lines[arguments[0] + 1 :])
    elif op == "swap_lines":
        place = arguments[0]
        files[name] = b"".join([*lines[:place], lines[place + 1], lines[place], *lines[place + 2 :]])
    elif op == "cut":
        files[name] = data[: -arguments[0]]
    elif op == "append":
        files[name] = data + arguments[0].encode()
    elif op == "restore":
        files[name] = (VECTORS / arguments[0]).read_bytes()
    else:
        assert op == "remove"
        del files[name]
    assert files.get(name) != data


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
@pytest.mark.parametrize(
    "keys", [VerifyKeys(MAC, PUBLIC), VerifyKeys(mac=MAC), VerifyKeys(public=PUBLIC)], ids=["both", "mac", "public"]
)
def test_every_case_gives_its_findings(case: dict[str, Any], keys: VerifyKeys) -> None:
    log = MemoryLog.of(VECTORS / "log")
    for change in case["edits"]:
        edit(log, *change)
    assert codes(verify(log, keys)) - {"unsigned"} == set(case["codes"])
    anchor = parse_checkpoint_text((VECTORS / "anchor.json").read_bytes())
    if "codes_with_anchor" in case:
        assert codes(verify(log, keys, [anchor])) - {"unsigned"} == set(case["codes_with_anchor"])


def test_todays_code_writes_the_same_bytes(tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location("make_vectors", VECTORS / "make_vectors.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.write_vectors(tmp_path)
    assert MemoryLog.of(tmp_path / "log").files == MemoryLog.of(VECTORS / "log").files
    for name in ("keys.json", "cases.json", "anchor.json", "old_head"):
        assert (tmp_path / name).read_bytes() == (VECTORS / name).read_bytes()


def test_reader_made_from_the_specification_alone_agrees() -> None:
    previous, index = "0" * 64, 0
    for path in sorted((VECTORS / "log").glob("*.jsonl")):
        for line in path.read_bytes().splitlines():
            body = line[83:-1]
            record = json.loads(line)["record"]
            assert rfc8785.dumps(json.loads(line)) == line
            expected = hmac.new(MAC.secret, b"strands_robots audit record 1\n" + body, hashlib.sha256).hexdigest()
            assert json.loads(line)["mac"] == expected
            assert (record["index"], record["previous"]) == (index, previous)
            previous, index = hashlib.sha256(b"\x00" + line).hexdigest(), index + 1
    head = json.loads((VECTORS / "log" / "HEAD").read_text("ascii"))
    assert (head["checkpoint"]["head"], head["checkpoint"]["next_index"]) == (previous, index)
    signed = b"strands_robots audit checkpoint 1\n" + rfc8785.dumps(head["checkpoint"])
    Ed25519PublicKey.from_public_bytes(PUBLIC.raw).verify(bytes.fromhex(head["signature"]), signed)
    assert hmac.new(MAC.secret, signed + bytes.fromhex(head["signature"]), hashlib.sha256).hexdigest() == head["mac"]
