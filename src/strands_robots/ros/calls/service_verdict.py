"""Whether a service of any package says that it did what it was asked."""

from __future__ import annotations

from typing import Any


def says_done(response: Any) -> bool:
    """Return whether a service says that it did what it was asked, in the words of any package that says so in a field.

    These are `success` (std_srvs and most), `ok` (controller_manager), `successful` (rcl_interfaces, also in each of `results`), and
    `result.result` (simulation_interfaces, moveit_msgs: error_code.val), for which the message's own constant tells what is good.
    """
    for name in ("success", "ok", "successful"):
        if getattr(response, name, True) is False:
            return False
    if not all(getattr(entry, "successful", True) for entry in _list(getattr(response, "results", ()))):
        return False
    for name, code, good in (("result", "result", "RESULT_OK"), ("error_code", "val", "SUCCESS")):
        part = getattr(response, name, None)
        if hasattr(part, good) and getattr(part, code) != getattr(part, good):
            return False
    return True


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
