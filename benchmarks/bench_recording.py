"""Recording: frames a second through the recorder's parts, against LeRobot's dataset writer called directly with ready arrays.

Two cameras of 640x480, a 6-joint arm; an episode is written, closed and, in ours, read again and committed. Both encode alike.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from _report import report

from strands_robots.dataset.schema import CameraPart, RobotPart, Schema
from strands_robots.dataset.store import EncoderConfig, LeRobotStore
from strands_robots.description.lerobot_units import robot_codec
from strands_robots.description.robot_config import load_robot
from strands_robots.recording.recorder import Recorder
from strands_robots.recording.sampler import CommandSample, JointSample, Sampler, SamplerConfig
from strands_robots.recording.stream import SECOND
from strands_robots.recording.writer import WriterThread

FRAMES = 240
FPS = 30
ROUNDS = 3


def make_schema() -> Schema:
    config = load_robot("so101")
    cameras = tuple(CameraPart(f"so101/camera{i}", 480, 640) for i in range(2))
    return Schema(FPS, (RobotPart("so101", robot_codec(config)),), cameras)


def make_pictures() -> list[Any]:
    """Return a moving scene with the noise of a camera, so that the encoder has something to do."""
    random = np.random.default_rng(0)
    base = random.integers(0, 200, (480, 640 + 2 * FRAMES, 3), dtype=np.uint8)
    smooth = (base.astype(np.uint16)[::1, :-1] + base[::1, 1:]) // 2
    return [np.ascontiguousarray(smooth[:, 2 * k : 2 * k + 640].astype(np.uint8)) for k in range(FRAMES)]


def direct(root: Path, schema: Schema, pictures: list[Any]) -> tuple[float, float]:
    """Write an episode with LeRobot alone; return frames a second and CPU seconds."""
    from lerobot.datasets.lerobot_dataset import LeRobotDataset

    options = LeRobotStore(root, "bench/direct", schema, EncoderConfig())._writer_options()
    dataset = LeRobotDataset.create("bench/direct", FPS, schema.features(), root=root, **options)
    vector = np.zeros(6, np.float32)
    begin, cpu = time.perf_counter(), _cpu()
    encoder = dataset.writer._streaming_encoder
    for k in range(FRAMES):
        while encoder._frame_queues and any(waiting.full() for waiting in encoder._frame_queues.values()):
            time.sleep(0.001)  # As LeRobot is called here it would drop pictures: nothing paces these frames.
        frame = {"observation.state": vector, "action": vector, "task": "bench"}
        frame |= {key: pictures[(k + i) % FRAMES] for i, key in enumerate(schema.keys.values())}
        dataset.add_frame(frame)
    dataset.save_episode()
    dataset.finalize()
    return FRAMES / (time.perf_counter() - begin), _cpu() - cpu


def ours(root: Path, schema: Schema, pictures: list[Any]) -> tuple[float, float, list[float]]:
    """Write an episode through streams, sampler, writer thread and store; also return each frame's way to the writer [s]."""
    writer = WriterThread(5 * FPS, can_wait=True)

    def make() -> LeRobotStore:
        store = LeRobotStore(root, "bench/ours", schema, EncoderConfig())
        store.create()
        return store

    writer.open(make).result()
    sampler = Sampler(schema, SamplerConfig(grace=None, slack=1.0 / FPS))
    recorder = Recorder(sampler, writer, 0, {})
    joints, command = JointSample(*[np.zeros(6)] * 3), CommandSample(np.zeros(6), "policy/bench")
    delays = []
    begin, cpu = time.perf_counter(), _cpu()
    recorder.begin(0, "bench", {}, 0.0)
    for k in range(FRAMES + 1):
        at = k * SECOND // FPS
        for i, camera in enumerate(schema.cameras):
            sampler.streams[f"{camera.name}/image_raw"].push(at, pictures[(k + i) % FRAMES], k + 1)
        sampler.streams["so101/joint_states"].push(at, joints, k + 1)
        started = time.perf_counter()
        sampler.streams["so101/command_applied"].push(at, command, k + 1)
        recorder.on_push(at, time.monotonic())
        delays.append(time.perf_counter() - started)
    saved = recorder.end(FRAMES * SECOND // FPS, time.monotonic())
    recorder.on_push(FRAMES * SECOND // FPS, time.monotonic())
    assert saved.result(120.0).frames == FRAMES
    rate = FRAMES / (time.perf_counter() - begin)
    cpu = _cpu() - cpu
    writer.close().result()
    return rate, cpu, delays


def _cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def main() -> int:
    schema, pictures = make_schema(), make_pictures()
    rates: dict[str, list[float]] = {"direct": [], "ours": []}
    cpu: dict[str, float] = {}
    delays: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        for number in range(ROUNDS):
            rate, cpu["direct"] = direct(Path(folder) / f"direct{number}", schema, pictures)
            rates["direct"].append(rate)
            rate, cpu["ours"], delays = ours(Path(folder) / f"ours{number}", schema, pictures)
            rates["ours"].append(rate)
    best = {name: max(values) for name, values in rates.items()}
    report(
        "recording",
        {
            "frames_per_s": best["ours"],
            "part_of_direct": best["ours"] / best["direct"],
            "cpu_ms_per_frame": 1e3 * cpu["ours"] / FRAMES,
            "sample_to_writer_p50_ms": 1e3 * float(np.median(delays)),
            "cores_at_30_fps": cpu["ours"] / FRAMES * FPS,
            "cpu_part_of_direct": cpu["direct"] / cpu["ours"],
        },
        {
            "direct_frames_per_s": best["direct"],
            "direct_cpu_ms_per_frame": 1e3 * cpu["direct"] / FRAMES,
            "part_of_direct_target": 0.95,
        },
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
