"""pipeline.yaml: what is recorded, trained, evaluated, demanded and deployed. Reads the file; nothing else."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import Field, ValidationError, field_validator, model_validator

from strands_robots.core.errors import ConfigurationError, StrandsRobotsError
from strands_robots.core.names import is_hub_repository
from strands_robots.core.strict_model import StrictModel
from strands_robots.core.validation import problems_of
from strands_robots.evaluation.task import load_task

Count = Annotated[int, Field(ge=1, le=100_000)]
Seed = Annotated[int, Field(ge=0, le=2**31 - 1)]
Share = Annotated[float, Field(ge=0.0, le=1.0)]

OWN_OPTIONS = (
    "dataset.repo_id", "dataset.root", "dataset.repo_type", "dataset.streaming", "output_dir", "resume", "steps", "batch_size",
    "num_workers", "seed", "save_freq", "save_checkpoint", "config_path", "policy.push_to_hub", "policy.repo_id",
    "policy.device", "save_checkpoint_to_hub", "wandb.enable", "job.target", "policy.path",
)  # fmt: skip
"""Options of lerobot-train that the pipeline sets itself."""

_OPTION = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z0-9_]+)*", re.ASCII)


class RecordConfig(StrictModel):
    """Where the demonstrations come from: a policy that shows the task, or a dataset that is there.

    Attributes:
        dataset: Folder of a dataset that is there, for example of a real arm; then the other fields do not apply.
        policy, config, adapter: The policy that shows how; "expert" is the task's own.
        episodes: Successful episodes.
        seed: Of the first episode.
        fps: Frames a second [Hz].
        bodies: Bodies whose place becomes observation.environment_state.
        cameras: Cameras of the robot.
    """

    dataset: Path | None = None
    policy: str = "expert"
    config: dict[str, Any] = Field(default_factory=dict)
    adapter: str = ""
    episodes: Count = 20
    seed: Seed = 1_000_000
    fps: Annotated[int, Field(ge=1, le=1000)] = 20
    bodies: tuple[str, ...] = ()
    cameras: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _one_source(self) -> RecordConfig:
        others = self.model_fields_set - {"dataset"}
        if self.dataset is not None and others:
            raise ValueError(f"dataset is given, so {', '.join(sorted(others))} would not count; valid: one of both")
        return self


class VerifyConfig(StrictModel):
    """What the dataset must be before anything is trained on it.

    Attributes:
        pictures: Also decode the videos.
        warnings: Whether a warning of the check is accepted.
    """

    pictures: bool = True
    warnings: bool = True


class TrainConfig(StrictModel):
    """A training by lerobot-train.

    Attributes:
        steps: Steps of the optimizer.
        batch_size: Rows of a batch.
        save_every: Steps between two checkpoints, from which a killed training goes on.
        seed: Of weights and order of the data.
        workers: Processes that load data.
        device: cpu, cuda or mps.
        options: Further options of lerobot-train by name, for example policy.type.
    """

    steps: Count = 2000
    batch_size: Annotated[int, Field(ge=1, le=65536)] = 16
    save_every: Count = 500
    seed: Seed = 1
    workers: Annotated[int, Field(ge=0, le=64)] = 0
    device: Literal["cpu", "cuda", "mps"] = "cpu"
    options: dict[str, Any]

    @field_validator("options")
    @classmethod
    def _known(cls, given: dict[str, Any]) -> dict[str, Any]:
        for name in given:
            if not _OPTION.fullmatch(name):
                raise ValueError(f"'{name}' is no name of an option; valid: for example policy.type")
            if name in OWN_OPTIONS:
                raise ValueError(f"'{name}' is set by the pipeline; valid: its own field, or to leave it out")
        if "policy.type" not in given:
            raise ValueError("policy.type is missing; valid: a policy of LeRobot, for example act")
        return given


class EvaluateConfig(StrictModel):
    """How the policy is tried.

    Attributes:
        episodes: How many.
        seed: Of the first one; the others count up.
        workers: Episodes at once; 0 takes one for each core.
        latency: Time that passes for each inference [s].
    """

    episodes: Annotated[int, Field(ge=1, le=10_000)] = 20
    seed: Seed = 0
    workers: Annotated[int, Field(ge=0, le=256)] = 0
    latency: Annotated[float, Field(ge=0.0, le=10.0)] = 0.0


class GateRules(StrictModel):
    """What a policy must show before it may be promoted.

    Attributes:
        success_rate: Least success rate.
        lower_bound: Least lower end of its 95 % interval.
        errors: Most episodes that could not be judged.
        alpha: Level at which the comparison with the best so far must not call it worse.
    """

    success_rate: Share = 0.5
    lower_bound: Share = 0.0
    errors: Annotated[int, Field(ge=0)] = 0
    alpha: Annotated[float, Field(gt=0.0, lt=0.5)] = 0.05


class PublishConfig(StrictModel):
    """What goes to the Hugging Face Hub; private unless public is true.

    Attributes:
        dataset: Repository of the dataset, <owner>/<name>; empty for none.
        policy: Repository of the policy.
        public: Let the public read them.
    """

    dataset: str = ""
    policy: str = ""
    public: bool = False

    @field_validator("dataset", "policy")
    @classmethod
    def _is_repository(cls, given: str) -> str:
        if given and not is_hub_repository(given):
            raise ValueError("no name of a repository; valid: <owner>/<name>")
        return given


class DeployConfig(StrictModel):
    """Where a promoted policy runs: one word says whether anything real moves.

    Attributes:
        to: sim (a simulated world), bus (the real driver on a simulated servo bus), real (hardware), none (promoted only).
        robot: Robot; empty for the task's.
        duration: How long it runs [s]; 0 starts nothing.
        stop_when: Condition that ends the run earlier.
        wait: Longest wait for a person who resumes a real robot [s].
        options: Options of the graph: for real, port and arm or calibration; without them a graph that runs is used.
    """

    to: Literal["none", "sim", "bus", "real"] = "none"
    robot: str = ""
    duration: Annotated[float, Field(ge=0.0, le=3600.0)] = 10.0
    stop_when: dict[str, Any] = Field(default_factory=dict)
    wait: Annotated[float, Field(gt=0.0, le=86400.0)] = 600.0
    options: dict[str, Any] = Field(default_factory=dict)


class ApprovalConfig(StrictModel):
    """Who may promote, publish and overwrite.

    Attributes:
        policy: Approval policy, a file; None for the package's: that for simulations where nothing real is deployed to.
        keyring: Keyring of the operators whose signatures count; None for none.
    """

    policy: Path | None = None
    keyring: Path | None = None


class PipelineConfig(StrictModel):
    """The file.

    Attributes:
        version: 1.
        name: Name of the pipeline.
        task: Task: name, path of a YAML file, or its fields.
        record, verify, train, evaluate, gate, publish, deploy, approvals: The stages.
    """

    version: Literal[1]
    name: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,63}$")]
    task: str | dict[str, Any]
    record: RecordConfig = Field(default_factory=RecordConfig)
    verify: VerifyConfig = Field(default_factory=VerifyConfig)
    train: TrainConfig
    evaluate: EvaluateConfig = Field(default_factory=EvaluateConfig)
    gate: GateRules = Field(default_factory=GateRules)
    publish: PublishConfig = Field(default_factory=PublishConfig)
    deploy: DeployConfig = Field(default_factory=DeployConfig)
    approvals: ApprovalConfig = Field(default_factory=ApprovalConfig)

    @field_validator("task")
    @classmethod
    def _is_task(cls, given: str | dict[str, Any]) -> str | dict[str, Any]:
        try:
            load_task(task_text(given))
        except StrandsRobotsError as error:
            raise ValueError(str(error)) from None
        return given

    @property
    def task_text(self) -> str:
        """The task as `load_task` takes it."""
        return task_text(self.task)


def task_text(given: str | dict[str, Any]) -> str:
    """Return a task, named or written out, as `load_task` takes it."""
    return given if isinstance(given, str) else yaml.safe_dump(given, sort_keys=False)


def load_pipeline(path: Path) -> PipelineConfig:
    """Return the pipeline in a file; relative paths in it are seen from its folder.

    Raises:
        ConfigurationError: If it cannot be read or is not valid; the message has every field that is wrong.
    """
    path = path.expanduser().absolute()
    try:
        given = yaml.safe_load(path.read_text(encoding="utf-8"))
        config = PipelineConfig.model_validate(_with_task_file(given, path.parent))
    except OSError as error:
        raise ConfigurationError(f"the pipeline '{path}' cannot be read: {error.strerror or error}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"the pipeline '{path}' is not YAML: {' '.join(str(error).split())}") from error
    except ValidationError as error:
        problems = problems_of(error, "pipeline", PipelineConfig)
        raise ConfigurationError(f"the pipeline '{path}' is not valid: {problems}") from None
    return _with_absolute_paths(config, path.parent)


def _with_absolute_paths(config: PipelineConfig, folder: Path) -> PipelineConfig:
    def absolute(given: Path | None) -> Path | None:
        return None if given is None else folder / given.expanduser()

    approvals = config.approvals.model_copy(
        update={name: absolute(getattr(config.approvals, name)) for name in ("policy", "keyring")}
    )
    record = config.record
    if record.dataset is not None:
        record = RecordConfig(dataset=absolute(record.dataset))
    return config.model_copy(update={"approvals": approvals, "record": record})


def _with_task_file(given: Any, folder: Path) -> Any:
    """Return what the file holds with the absolute path of its task; before it is checked, as the check reads the task's file."""
    task = given.get("task") if isinstance(given, dict) else None
    if not isinstance(task, str) or not task.endswith((".yaml", ".yml")) or ":" in task:
        return given
    return {**given, "task": str(folder / Path(task).expanduser())}
