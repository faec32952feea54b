"""What an episode says of where it comes from, and what is told when it does not."""

from __future__ import annotations

from typing import Any

from strands_robots.dataset.provenance import check_provenance, package_provenance, robot_provenance, with_calibrations
from strands_robots.description.robot_config import load_robot

from .made import account, make_schema


def test_complete_provenance_lacks_nothing() -> None:
    assert check_provenance(account(make_schema(), 0, 10)) == []
    assert check_provenance(None) == ["there is no account beside it"]
    assert check_provenance({"provenance": 3}) == ["its account has no provenance"]


def test_what_is_missing_of_package_robot_and_world_is_named() -> None:
    given: dict[str, Any] = account(make_schema(), 0, 10)
    del given["provenance"]["commit"], given["provenance"]["robots"]["so101"]["calibration"]
    del given["provenance"]["world"]["randomization"]
    assert check_provenance(given) == [
        "its provenance lacks commit",
        "its provenance lacks calibration of robot so101",
        "its provenance lacks randomization of the world",
    ]


def test_robot_is_told_by_its_model_its_limits_and_its_calibration() -> None:
    config = load_robot("so101")
    robot = robot_provenance(config)
    assert len(robot["model_sha256"]) == 2 and all(len(digest) == 64 for digest in robot["model_sha256"].values())
    joint = next(iter(config.joints))
    joints = {**config.joints, joint: config.joints[joint].model_copy(update={"upper": 0.5})}
    other = robot_provenance(config.model_copy(update={"joints": joints}))
    assert other["limits"][joint]["upper"] == 0.5 and other["limits_sha256"] != robot["limits_sha256"]
    used = {"file": "mine.json", "sha256": "ab", "written": "2026-01-02T03:04:05Z"}
    both = with_calibrations({"left": robot, "right": robot}, {"left": used})
    assert (both["left"]["calibration"], both["right"]["calibration"]) == (used, None)
    assert robot["calibration"] is None


def test_package_is_told_by_version_and_commit() -> None:
    given = package_provenance()
    assert given["package"] == "strands_robots" and given["version"]
    assert given["commit"] == "" or len(given["commit"].removesuffix("+changes")) == 40
