"""Parse each interface once a build instead of once a generator.

rosidl runs seven generators, and each parses every .idl file with an Earley parser: a fifth of the build. The
build puts this folder on PYTHONPATH: Python imports a module of this name at start-up. Only in a generator it does
something: it answers `rosidl_parser.parser.parse_idl_file` from files named by the SHA-256 of the text parsed. The
cache lies in the build folder.
"""

import hashlib
import os
import pickle
import sys
from pathlib import Path


def _install(folder: Path) -> None:
    try:
        from rosidl_parser import parser
    except ImportError:
        return
    parse = parser.parse_idl_file

    def parse_idl_file(locator, png_file=None):  # type: ignore[no-untyped-def]
        path = locator.get_absolute_path()
        key = hashlib.sha256(f"{path}\0{sys.version}\0".encode() + path.read_bytes()).hexdigest()
        cached = folder / f"{key}.pickle"
        if png_file is None and cached.is_file():
            return pickle.loads(cached.read_bytes())  # noqa: S301 - written below, by this build
        parsed = parse(locator, png_file=png_file)
        folder.mkdir(parents=True, exist_ok=True)
        partial = cached.with_suffix(f".{os.getpid()}")
        partial.write_bytes(pickle.dumps(parsed))
        partial.replace(cached)
        return parsed

    parser.parse_idl_file = parse_idl_file


if "--generator-arguments-file" in sys.orig_argv and os.environ.get("STRANDS_ROBOTS_IDL_CACHE"):
    _install(Path(os.environ["STRANDS_ROBOTS_IDL_CACHE"]))
