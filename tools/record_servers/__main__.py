"""python -m record_servers SERVER --source DIRECTORY [--output test/data/remote]; docs/how_to/record_model_servers.md says how."""

from __future__ import annotations

import argparse
import importlib
from pathlib import Path

SERVERS = ("openpi", "vera", "cosmos3", "cosmos3_libero", "groot", "groot_n15", "groot_robolab", "vllm_omni")


def main() -> None:
    """Record one server's conversations."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("server", choices=SERVERS)
    parser.add_argument("--source", type=Path, required=True, help="checkout of the server's repository")
    parser.add_argument("--commit", required=True, help="commit of that checkout")
    parser.add_argument("--output", type=Path, default=Path(__file__).parents[2] / "test" / "data" / "remote")
    arguments = parser.parse_args()
    module = importlib.import_module(f"record_servers.{arguments.server}")
    module.record(arguments.source.resolve(), arguments.commit, arguments.output)


if __name__ == "__main__":
    main()
