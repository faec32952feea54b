"""LeRobot's commands as requests: the schema of each one's arguments, and the exact words of the command that they become.

Only what is named here can be said; anything else of LeRobot's configuration goes through `options`, whose names and values LeRobot
itself checks (`lerobot_check.py`). Arguments are words of a command, never a shell's.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from strands_robots.agent.lerobot.check import ENVIRONMENTS
from strands_robots.agent.lerobot.paths import LeRobotFolders
from strands_robots.agent.lerobot.words import (
    checked_line,
    checked_port,
    checked_splits,
    checked_word,
    dataset_words,
    flag,
    hub_words,
    local_name,
    needs,
    network_of,
    none_of,
    option_words,
    policy_words,
)
from strands_robots.core.errors import ConfigurationError
from strands_robots.drivers.calibrate_command import LEADERS

ROBOTS = ("so101_follower", "so100_follower", "koch_follower", "lekiwi", "omx_follower")

Schema = dict[str, Any]
Given = Mapping[str, Any]


@dataclass(frozen=True)
class CommandPlan:
    """One run of a command.

    Attributes:
        command: Its name, as "train".
        arguments: Its arguments; with the folder they are what a person approves.
        folder: Folder that it runs in.
        network: "none", "download" or "upload".
        output: Where its result will be; None when it leaves none.
        replies: What it may be answered while it runs.
        moves: Whether it moves a robot.
        has_config: Whether LeRobot can be asked what it makes of the arguments.
        rule: Name of its rules in the policy file, when it is not the command's.
    """

    command: str
    arguments: tuple[str, ...]
    folder: Path
    network: str = "none"
    output: Path | None = None
    replies: tuple[str, ...] = ()
    moves: bool = False
    has_config: bool = True
    rule: str = ""

    @property
    def name(self) -> str:
        """Name that the policy file's rules are about, as "lerobot/train" or "lerobot/upload/train"."""
        return f"lerobot/{'' if self.network == 'none' else self.network + '/'}{self.rule or self.command}"

    @property
    def kind(self) -> str:
        """Type that the policy file's rules are about, as "lerobot/action/EditDataset"."""
        return f"lerobot/action/{''.join(word.title() for word in self.command.split('_'))}"

    @property
    def program(self) -> str:
        """Module that is run."""
        return f"lerobot.scripts.lerobot_{self.command}"


@dataclass(frozen=True)
class Command:
    """A command: what a model sees, and what makes the words of it."""

    description: str
    schema: Schema
    plan: Callable[[Given, LeRobotFolders], CommandPlan]


def _text(description: str, most: int = 256) -> Schema:
    return {"type": "string", "maxLength": most, "description": description}


def _number(kind: str, low: float, high: float, description: str = "") -> Schema:
    return {"type": kind, "minimum": low, "maximum": high, **({"description": description} if description else {})}


def _object(properties: Schema, required: tuple[str, ...] = ()) -> Schema:
    wait = {"wait": _number("number", 0.0, 300.0, "wait for the end at most this long [s]")}
    schema: Schema = {"type": "object", "properties": {**properties, **wait}, "additionalProperties": False}
    return {**schema, "required": list(required)} if required else schema


_DEVICE = {"enum": ["cpu", "cuda", "mps"]}
_OPTIONS = {"type": "object", "description": "more of LeRobot's options by dotted name; lerobot_options finds them"}
_HUB = _text("upload to this repository of the Hugging Face Hub, <owner>/<name>, private; needs permission of its own")
_DOWNLOAD = {"type": "boolean", "description": "may download public weights; needs permission of its own"}
_EPISODES = {"type": "array", "items": _number("integer", 0, 10_000_000), "maxItems": 1000}
_PORT_SCHEMA = _text("serial port, as /dev/ttyACM0; lerobot_find_port finds it")

TRAIN = _object(
    {
        "dataset": _text("folder of the dataset"),
        "output": _text("new folder for the run"),
        "policy": _text("type of a new policy, as act or diffusion", 64),
        "start_from": _text("folder of a trained policy to continue from, instead of policy"),
        "resume": _text("folder of a run to resume, instead of dataset, output and policy"),
        "steps": _number("integer", 1, 100_000_000),
        "batch_size": _number("integer", 1, 65536),
        "seed": _number("integer", 0, 2**31 - 1),
        "save_freq": _number("integer", 1, 100_000_000, "steps between two checkpoints"),
        "log_freq": _number("integer", 1, 1_000_000),
        "num_workers": _number("integer", 0, 64),
        "device": _DEVICE,
        "options": _OPTIONS,
        "hub_repo": _HUB,
        "may_download": _DOWNLOAD,
    }
)


def plan_train(given: Given, workspace: LeRobotFolders) -> CommandPlan:
    """Return the plan of a training."""
    words = [f"--{name}={given[name]}" for name in ("steps", "batch_size", "seed", "save_freq", "log_freq", "num_workers")
             if name in given]  # fmt: skip
    if "resume" in given:
        none_of(given, ("dataset", "output", "policy", "start_from"), "resume")
        output = workspace.existing(given["resume"])
        config = workspace.existing(str(output / "checkpoints" / "last" / "pretrained_model" / "train_config.json"))
        words = [f"--config_path={config}", "--resume=true", *words]
    else:
        needs(given, ("dataset", "output"))
        output = workspace.new(given["output"])
        words = [
            *dataset_words(given["dataset"], workspace, "--dataset."),
            f"--output_dir={output}",
            *policy_words(given, workspace),
            *words,
        ]
    if "device" in given:
        words.append(f"--policy.device={given['device']}")
    words += [*hub_words(given, "--policy.", is_private=True), "--wandb.enable=false", *option_words(given)]
    return CommandPlan("train", tuple(words), workspace.home, network_of(given), output)


EVAL = _object(
    {
        "policy": _text("folder of a trained policy"),
        "env": {"enum": list(ENVIRONMENTS), "description": "simulated environment of LeRobot; strands-robots evaluate is for this graph"},
        "output": _text("new folder for videos and figures"),
        "episodes": _number("integer", 1, 10_000),
        "batch_size": _number("integer", 1, 256, "environments at once"),
        "seed": _number("integer", 0, 2**31 - 1),
        "device": _DEVICE,
        "options": _OPTIONS,
        "may_download": _DOWNLOAD,
    },
    ("policy", "env", "output"),
)  # fmt: skip


def plan_eval(given: Given, workspace: LeRobotFolders) -> CommandPlan:
    """Return the plan of an evaluation in one of LeRobot's environments."""
    output = workspace.new(given["output"])
    words = [
        f"--policy.path={workspace.existing(given['policy'])}",
        f"--env.type={given['env']}",
        f"--output_dir={output}",
    ]
    names = {"episodes": "eval.n_episodes", "batch_size": "eval.batch_size", "seed": "seed", "device": "policy.device"}
    words += [f"--{names[name]}={given[name]}" for name in names if name in given]
    words += ["--policy.push_to_hub=false", *option_words(given)]
    return CommandPlan("eval", tuple(words), workspace.home, network_of(given), output)


EDITS: Mapping[str, tuple[str, ...]] = {
    "info": (),
    "delete_episodes": ("target", "episodes"),
    "split": ("target", "splits"),
    "merge": ("target", "sources"),
    "remove_feature": ("target", "features"),
    "modify_tasks": ("task",),
    "recompute_stats": ("target",),
}
"""Operations on datasets, and the arguments that each needs beside `dataset`."""

EDIT_DATASET = _object(
    {
        "operation": {"enum": list(EDITS), "description": "modify_tasks changes the dataset itself; the others write a new one to target"},
        "dataset": _text("folder of the dataset; merge needs sources instead"),
        "target": _text("new folder"),
        "episodes": {**_EPISODES, "description": "delete_episodes: these"},
        "splits": {"type": "object", "description": "split: fraction or list of episodes by name, as {\"train\": 0.8, \"test\": 0.2}"},
        "sources": {"type": "array", "items": _text("folder"), "maxItems": 64, "description": "merge: these"},
        "features": {"type": "array", "items": _text("name", 128), "maxItems": 64, "description": "remove_feature: these"},
        "task": _text("modify_tasks: task of every episode", 1024),
        "hub_repo": _HUB,
    },
    ("operation",),
)  # fmt: skip


def plan_edit_dataset(given: Given, workspace: LeRobotFolders) -> CommandPlan:
    """Return the plan of an operation on datasets."""
    operation = given["operation"]
    needs(given, EDITS[operation] + (() if operation == "merge" else ("dataset",)))
    words = [f"--operation.type={operation}"]
    output = None
    if operation != "merge":
        words += dataset_words(given["dataset"], workspace, "--")
        output = workspace.existing(given["dataset"])
    if "target" in EDITS[operation]:
        output = workspace.new(given["target"])
        words += [f"--new_root={output}", f"--new_repo_id={given.get('hub_repo') or local_name(output)}"]
    if operation == "merge":
        roots = [workspace.existing(source) for source in given["sources"]]
        words += [f"--operation.repo_ids={json.dumps([local_name(root) for root in roots])}",
                  f"--operation.roots={json.dumps([str(root) for root in roots])}"]  # fmt: skip
    if operation == "delete_episodes":
        words.append(f"--operation.episode_indices={json.dumps(given['episodes'])}")
    if operation == "split":
        words.append(f"--operation.splits={json.dumps(checked_splits(given['splits']))}")
    if operation == "remove_feature":
        words.append(f"--operation.feature_names={json.dumps(given['features'])}")
    if operation == "modify_tasks":
        words.append(f"--operation.new_task={checked_line(given['task'])}")
    if operation == "info":
        words.append("--operation.show_features=true")
    if "hub_repo" in given and "target" not in EDITS[operation]:
        raise ConfigurationError(
            f"hub_repo is given for '{operation}', which writes no new dataset; valid: {', '.join(EDITS)}"
        )
    words.append(f"--push_to_hub={flag('hub_repo' in given)}")
    rule = "dataset_info" if operation == "info" else ""
    return CommandPlan("edit_dataset", tuple(words), workspace.home, network_of(given), output, rule=rule)


ANNOTATE = _object(
    {
        "dataset": _text("folder of the dataset; its language columns are written anew"),
        "server_port": _number(
            "integer", 1, 65535, "port on this machine of an OpenAI-style server of a vision-language model"
        ),
        "model": _text("name of the model there", 128),
        "camera": _text("camera that it looks through, as observation.images.wrist; empty for the first", 128),
        "episodes": _EPISODES,
    },
    ("dataset", "server_port", "model"),
)


def plan_annotate(given: Given, workspace: LeRobotFolders) -> CommandPlan:
    """Return the plan of an annotation: pictures go to a server on this machine and nowhere else; no server is started."""
    root = workspace.existing(given["dataset"])
    words = [*dataset_words(given["dataset"], workspace, "--"), "--push_to_hub=false", "--vlm.backend=openai",
             "--vlm.auto_serve=false", f"--vlm.api_base=http://127.0.0.1:{given['server_port']}/v1",
             f"--vlm.model_id={checked_line(given['model'])}", "--video_backend=pyav"]  # fmt: skip
    if given.get("camera"):
        words.append(f"--vlm.camera_key={checked_line(given['camera'])}")
    if "episodes" in given:
        words.append(f"--only_episodes={json.dumps(given['episodes'])}")
    return CommandPlan("annotate", tuple(words), workspace.home, "none", root)


CALIBRATE = _object(
    {
        "device": {"enum": [*ROBOTS, *LEADERS]},
        "port": _PORT_SCHEMA,
        "id": _text("name of this arm; its calibration is kept under it", 64),
    },
    ("device", "port", "id"),
)


def plan_calibrate(given: Given, workspace: LeRobotFolders) -> CommandPlan:
    """Return the plan of a calibration: the arm is limp, and a person moves it and presses Enter."""
    role = "teleop" if given["device"] in LEADERS else "robot"
    words = [
        f"--{role}.type={given['device']}",
        f"--{role}.port={checked_port(given['port'])}",
        f"--{role}.id={checked_word('id', given['id'])}",
    ]
    return CommandPlan("calibrate", tuple(words), workspace.home, replies=("enter", "c"), moves=True)


FIND_PORT = _object({})


def plan_find_port(given: Given, workspace: LeRobotFolders) -> CommandPlan:
    """Return the plan of finding a port: a person pulls the cable and presses Enter."""
    return CommandPlan("find_port", (), workspace.home, replies=("enter",), has_config=False)


RECORD = _object(
    {
        "robot": _text("name of the robot on the graph; every command passes its gate", 64),
        "model": _text("its model, as so101", 64),
        "leader": {"enum": [*LEADERS, "strands_leader"], "description": "arm that a person moves"},
        "leader_port": _PORT_SCHEMA,
        "leader_id": _text("name that the leader was calibrated under, or on the graph", 64),
        "dataset": _text("new folder of the dataset"),
        "task": _text("what is done, in words", 1024),
        "episodes": _number("integer", 1, 10_000),
        "episode_time": _number("number", 0.1, 3600.0, "[s]"),
        "reset_time": _number("number", 0.0, 3600.0, "[s]"),
        "fps": _number("integer", 1, 240),
    },
    ("robot", "leader", "leader_id", "dataset", "task", "episodes"),
)


def plan_record(given: Given, workspace: LeRobotFolders) -> CommandPlan:
    """Return the plan of a recording with a leader arm, over the graph's robot."""
    output = workspace.new(given["dataset"])
    robot, leader = checked_word("robot", given["robot"]), checked_word("leader_id", given["leader_id"])
    words = ["--robot.type=strands", f"--robot.robot={robot}", f"--teleop.type={given['leader']}"]
    if "model" in given:
        words.append(f"--robot.model={checked_word('model', given['model'])}")
    if given["leader"] == "strands_leader":
        words.append(f"--teleop.robot={leader}")
    else:
        needs(given, ("leader_port",))
        words += [f"--teleop.port={checked_port(given['leader_port'])}", f"--teleop.id={leader}"]
    words += [
        f"--dataset.root={output}",
        f"--dataset.repo_id={local_name(output)}",
        f"--dataset.single_task={checked_line(given['task'])}",
    ]
    names = {"episodes": "num_episodes", "episode_time": "episode_time_s", "reset_time": "reset_time_s", "fps": "fps"}
    words += [f"--dataset.{names[name]}={given[name]}" for name in names if name in given]
    words += ["--dataset.push_to_hub=false", "--display_data=false", "--play_sounds=false"]
    return CommandPlan("record", tuple(words), workspace.home, output=output, moves=True)


COMMANDS: Mapping[str, Command] = {
    "train": Command("Train a policy with LeRobot; answers a job_id for lerobot_job.", TRAIN, plan_train),
    "eval": Command("Evaluate a policy in one of LeRobot's simulated environments.", EVAL, plan_eval),
    "edit_dataset": Command("Look at a LeRobot dataset, or make a new one of it.", EDIT_DATASET, plan_edit_dataset),
    "annotate": Command("Have a vision-language model write subtasks, plans and speech into a dataset.", ANNOTATE, plan_annotate),
    "calibrate": Command("Calibrate an arm with a person at it; lerobot_reply says what they did.", CALIBRATE, plan_calibrate),
    "find_port": Command("Find an arm's serial port: a person pulls its cable, then lerobot_reply.", FIND_PORT, plan_find_port),
    "record": Command("Record a dataset with a leader arm that a person moves.", RECORD, plan_record),
}  # fmt: skip
