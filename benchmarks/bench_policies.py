"""What the policy path costs, and what slow inference does to the motion.

overhead: an ACT of LeRobot with random weights and two cameras of 320x240; the same observation is answered by LeRobot called directly
    (its own processors, the same thread), by our adapted policy in this process, and by the worker process of policy_node, in turns. Needs
    `make setup-learning`.
motion: the graph as people start it, in real time; a policy of another package that follows a known curve and takes 0.3 s for each chunk of
    0.8 s, each chunk disturbed by an offset of its own, as learned policies are. Seen from outside on command_applied: ticks, velocity and
    acceleration of the set-points, distance from the curve. A picture is drawn to docs/images/policy_splice.png.
rate: chunks a second of a policy that takes no time, asked again after every row.

Run it with: python benchmarks/bench_policies.py [overhead] [motion] [rate]
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from _report import Figure, report

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "test"))

SIZE = (240, 320)  # height and width [px]
INFERENCE = 0.3  # [s]
CURVE = (0.35, 0.25)  # amplitude [rad], frequency [Hz]
PLUGIN = f"""
import math, time
import numpy as np
from strands_robots.core.types import Action, PolicyGives, PolicyNeeds

class Slow:
    needs, gives = PolicyNeeds(), PolicyGives(horizon=40, rate=50.0)
    def __init__(self, delay, noise):
        self.delay, self.noise, self.begin = delay, noise, None
    def reset(self, seed):
        self.random, self.begin = np.random.default_rng(seed), None
    def infer(self, observation, playback=None):
        if self.begin is None:
            self.begin = observation.stamp
        else:
            time.sleep(self.delay)
        t = observation.stamp - self.begin + np.arange(40) * 0.02
        rows = {CURVE[0]} * np.sin(2 * math.pi * {CURVE[1]} * t) + self.random.normal(0.0, self.noise)
        return Action(("shoulder_pan",), rows[:, None], 0.02)
    def close(self):
        pass

def slow(settings, context):
    return Slow(settings.get("delay", {INFERENCE}), settings.get("noise", 0.02))
"""


def overhead(repeats: int = 60) -> tuple[dict[str, Figure], dict[str, Figure]]:
    """Return what our path takes longer than LeRobot called directly [ms]."""
    import torch

    from strands_robots.core.types import Observation
    from strands_robots.description.robot_config import load_robot
    from strands_robots.policies.adapt.adapted import AdaptedPolicy
    from strands_robots.policies.adapt.adapter import load_adapter
    from strands_robots.policies.host.host import Patience
    from strands_robots.policies.host.opening import open_policy
    from strands_robots.policies.lerobot.lerobot_options import LerobotOptions
    from strands_robots.policies.lerobot.loading import load
    from strands_robots.policies.lerobot.policy import LerobotModel
    from strands_robots.policies.provider import PolicyContext

    joints = load_robot("so101").limits().names
    names = tuple(f"{joint}.pos" for joint in joints)
    settings: dict[str, Any] = {
        "type": "act", "state": names, "action": names, "device": "cpu", "rate": 30.0,
        "cameras": {"front": SIZE, "side": SIZE},
        "config": {"chunk_size": 20, "n_action_steps": 20, "dim_model": 64, "n_heads": 4, "dim_feedforward": 128},
    }  # fmt: skip
    elements = ", ".join(f"{{name: {joint}.pos, joint: {joint}, unit: deg}}" for joint in joints)
    cameras = "{observation.images.front: {camera: front}, observation.images.side: {camera: side}}"
    adapter = f"{{state: [{elements}], action: [{elements}], cameras: {cameras}}}"
    sizes = {"front": SIZE, "side": SIZE}
    context = PolicyContext("so101", joints, None, None, 0.0, sizes, adapter)
    loaded = load(LerobotOptions.model_validate(settings))
    ours = AdaptedPolicy(LerobotModel(loaded, names, names, 30.0), load_adapter(adapter), context)
    worker = open_policy("lerobot", json.dumps(settings), context, Patience(infer=60.0))
    random = np.random.default_rng(0)
    images = {name: random.integers(0, 255, (*size, 3), dtype=np.uint8) for name, size in sizes.items()}
    still = np.zeros(6)
    observation = Observation(0.0, joints, still, still, still, images)

    def direct() -> Any:
        with torch.no_grad():
            batch = {"observation.state": torch.zeros(1, 6)}
            for name, picture in images.items():
                chw = torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1)))[None].to(torch.float32) / 255.0
                batch[f"observation.images.{name}"] = chw
            rows = loaded.policy.predict_action_chunk(loaded.preprocess(batch))[0]
            return loaded.postprocess(rows).numpy()

    ways: dict[str, Callable[[], Any]] = {
        "direct": direct,
        "in_process": lambda: ours.infer(observation),
        "worker": lambda: worker.infer(observation),
    }
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(repeats + 5):
        for name, call in ways.items():
            begin = time.perf_counter()
            call()
            times[name].append(1e3 * (time.perf_counter() - begin))
    worker.close()
    kept = {name: np.array(values[5:]) for name, values in times.items()}
    direct_p50 = float(np.median(kept["direct"]))
    figures: dict[str, Figure] = {}
    for name in ("in_process", "worker"):
        more = float(np.median(kept[name] - kept["direct"]))  # of the same round, so that other load hits both
        figures[f"{name}_overhead_p50_ms"] = more
        figures[f"{name}_overhead_percent"] = 100.0 * more / direct_p50
        figures[f"{name}_overhead_least_ms"] = float(kept[name].min() - kept["direct"].min())
    return figures, {"lerobot_direct_p50_ms": direct_p50, "aim_ms": 1.0, "aim_percent": 2.0}


def _plugin(folder: Path) -> None:
    (folder / "bench_policy.py").write_text(PLUGIN)
    info = folder / "bench_policy-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: bench-policy\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[strands_robots.policies]\nbench_slow = bench_policy:slow\n")


def motion(duration: float = 20.0, is_drawn: bool = True, **goal: Any) -> tuple[dict[str, Figure], dict[str, Figure]]:
    """Return what is seen of the arm while each chunk takes 0.3 s to infer."""
    from graph import Graph, wait_for
    from system.moving_arm import CONTROL_PERIOD, LIMITS, MovingArm
    from system.policy_goals import PolicyGoals

    from strands_robots.ros.messages.stamps import to_seconds

    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        _plugin(folder)
        os.environ["PYTHONPATH"] = f"{folder}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
        with Graph() as graph:
            graph.start("policy_node", use_sim_time=True)
            arm = MovingArm(graph, folder)
            goals = PolicyGoals(arm.client)
            wait_for(lambda: goals.run(policy="hold", duration=0.2).success, 30.0, "a goal that runs")
            arm.applied.clear()
            result = goals.send(policy="bench_slow", duration=duration, **goal).result(duration + 30.0)
            if not result.success:
                raise SystemExit(result.message)
            applied = [message for _, message in list(arm.applied) if message.source.startswith("policy/")]
    column = list(applied[0].joint_names).index("shoulder_pan")
    times = np.array([to_seconds(message.header.stamp) for message in applied])
    path = np.array([message.values[column] for message in applied])
    gaps = np.diff(times)
    velocity = np.diff(path) / gaps
    acceleration = np.diff(velocity) / gaps[1:]
    limit = float(LIMITS.acceleration[LIMITS.index["shoulder_pan"]])
    start = times[0]
    ideal = _fit_ideal(times, path)
    if is_drawn:
        _draw(times - start, path, ideal, ROOT / "docs" / "images" / "policy_splice.png")
    figures: dict[str, Figure] = {
        "control_ticks": float(len(times)),
        "missed_ticks": float((gaps > 1.5 * CONTROL_PERIOD).sum()),
        "largest_velocity_step_rad_s": float(np.abs(np.diff(velocity)).max()),
        "largest_velocity_rad_s": float(np.abs(velocity).max()),
        "acceleration_over_limit_ticks": float((np.abs(acceleration) > limit * 1.01).sum()),
        "distance_from_curve_rms_rad": float(np.sqrt(np.mean((path - ideal)[100:] ** 2))),
        "underruns": float(result.underruns),
        "inference_p50_ms": 1e3 * result.latency_p50,
        "chunks": float(result.chunks),
    }
    return figures, {
        "velocity_step_limit_rad_s": limit * CONTROL_PERIOD,
        "velocity_limit_rad_s": float(LIMITS.velocity[LIMITS.index["shoulder_pan"]]),
        "chunk_offset_std_rad": 0.02,
    }


def _fit_ideal(times: np.ndarray, path: np.ndarray) -> np.ndarray:
    """Return the curve that the policy follows; its beginning is the first observation, a little before the first command."""
    amplitude, frequency = CURVE
    lags = np.arange(0.0, 1.0, 0.002)
    curves = [amplitude * np.sin(2.0 * np.pi * frequency * (times - times[0] + lag)) for lag in lags]
    best = min(range(len(lags)), key=lambda i: float(np.mean((path - curves[i])[100:] ** 2)))
    return curves[best]


def _draw(times: np.ndarray, path: np.ndarray, ideal: np.ndarray, file: Path) -> None:
    from PIL import Image, ImageDraw

    width, height, margin = 900, 360, 40
    picture = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(picture)
    top = float(max(np.abs(path).max(), np.abs(ideal).max())) * 1.1

    def points(values: np.ndarray) -> list[tuple[float, float]]:
        x = margin + (width - 2 * margin) * times / times[-1]
        y = height / 2 - (height / 2 - margin) * values / top
        return list(zip(x.tolist(), y.tolist()))

    draw.line([(margin, height / 2), (width - margin, height / 2)], fill="lightgray")
    draw.line(points(ideal), fill=(200, 200, 200), width=3)
    draw.line(points(path), fill=(31, 99, 181), width=2)
    draw.text(
        (margin, 8), f"shoulder_pan, commanded (blue) and meant (gray), {INFERENCE:g} s for each chunk", fill="black"
    )
    draw.text((margin, height - 24), f"0 s ... {times[-1]:.0f} s, +-{top:.2f} rad", fill="black")
    picture.save(file)


def rate() -> tuple[dict[str, Figure], dict[str, Figure]]:
    """Return how many chunks a second a policy without computing sends."""
    figures, _ = motion(5.0, False, config="{delay: 0.0, noise: 0.0}", execute_rows=1)
    return {"chunks_per_s": float(figures["chunks"]) / 5.0, "missed_ticks": figures["missed_ticks"]}, {
        "rows_per_s": 50.0
    }


def main() -> None:
    """Run the parts that are named, or all."""
    parts = {"overhead": overhead, "rate": rate, "motion": motion}
    wanted = sys.argv[1:] or list(parts)
    for name in wanted:
        figures, reference = parts[name]()
        report(f"policies_{name}", figures, reference)


if __name__ == "__main__":
    main()
