"""A process that writes episodes until it is killed. Forked from a server that has imported LeRobot once: each import takes seconds."""

from __future__ import annotations

import multiprocessing
import random
import time
from multiprocessing.connection import Connection
from pathlib import Path

FRAMES = 12
_PRELOADED = ["recording.made", "lerobot.datasets.lerobot_dataset", "strands_robots.dataset.store"]


def write_until_killed(root: str, told: Connection) -> None:
    """Write episodes of FRAMES frames; tell "frame <episode> <frames>" and "saved <episode>" as it goes."""
    from strands_robots.dataset.store import EncoderConfig, LeRobotStore

    from .made import account, make_schema, values

    schema = make_schema()
    store = LeRobotStore(Path(root), "test/data", schema, EncoderConfig())
    if (Path(root) / "meta").is_dir():
        store.resume()
    else:
        store.create()
    for episode in range(store.episodes, 1000):
        for k in range(FRAMES):
            store.add(values(schema, k), "wave")
            told.send(f"frame {episode} {k + 1}")
        store.save(account(schema, episode, FRAMES))
        told.send(f"saved {episode}")


def kill_writer(root: Path, moment: random.Random) -> tuple[int, str]:
    """Run a writer and kill -9 it some time after it has saved an episode.

    Returns:
        Episodes that it called saved, and the last that it told.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_PRELOADED)
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=write_until_killed, args=(str(root), theirs), daemon=True)
    process.start()
    theirs.close()
    told: list[str] = []
    try:
        while not any(words.startswith("saved") for words in told):
            told.append(ours.recv())
        time.sleep(moment.uniform(0.0, 0.6))
        process.kill()
        while True:
            told.append(ours.recv())
    except EOFError:
        pass
    finally:
        process.kill()
        process.join()
    return sum(words.startswith("saved") for words in told), told[-1]
