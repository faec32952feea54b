"""How an episode is graded, as data: an instruction, questions, and what may be suggested. Read from YAML; no I/O else."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, model_validator

from strands_robots.core.named_config import load_named
from strands_robots.core.share import config_names
from strands_robots.core.strict_model import StrictModel

Name = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[a-z][a-z0-9_]*$")]


class Criterion(StrictModel):
    """One question.

    Attributes:
        name: Its key in the answer.
        question: Answered with true (good) or false.
        required: True when the episode fails with it.
    """

    name: Name
    question: Annotated[str, Field(min_length=1, max_length=500)]
    required: bool = True


class Rubric(StrictModel):
    """How an episode is graded.

    Attributes:
        instruction: What the model is told; {task} is the task in words.
        criteria: The questions.
        knobs: Setting -> the values that a critique may suggest for it.
    """

    instruction: Annotated[str, Field(min_length=1, max_length=4000)]
    criteria: Annotated[tuple[Criterion, ...], Field(min_length=1, max_length=20)]
    knobs: dict[Name, Annotated[tuple[str | float, ...], Field(min_length=1, max_length=50)]] = Field(
        default_factory=dict
    )

    @model_validator(mode="after")
    def _usable(self) -> Rubric:
        names = [criterion.name for criterion in self.criteria]
        if len(set(names)) != len(names):
            raise ValueError(f"criteria names one twice: {', '.join(names)}")
        if not any(criterion.required for criterion in self.criteria):
            raise ValueError("no criterion is required, so nothing could fail; valid: at least one")
        return self

    def answer_schema(self) -> dict[str, Any]:
        """Return the JSON schema of an answer."""
        judged = {
            "type": "object",
            "properties": {"good": {"type": "boolean"}, "why": {"type": "string", "minLength": 1, "maxLength": 1000}},
            "required": ["good", "why"],
            "additionalProperties": False,
        }
        criteria = {
            "type": "object",
            "properties": {criterion.name: judged for criterion in self.criteria},
            "required": [criterion.name for criterion in self.criteria],
            "additionalProperties": False,
        }
        suggestion = {
            "type": "object",
            "properties": {name: {"enum": list(values)} for name, values in self.knobs.items()},
            "additionalProperties": False,
        }
        return {
            "type": "object",
            "properties": {
                "criteria": criteria,
                "summary": {"type": "string", "minLength": 1, "maxLength": 2000},
                "suggestion": suggestion,
            },
            "required": ["criteria", "summary"],
            "additionalProperties": False,
        }

    def prompt(self, task: str) -> str:
        """Return what the model is told about one episode."""
        lines = [self.instruction.replace("{task}", task or "not known"), ""]
        lines += [f"{criterion.name}: {criterion.question}" for criterion in self.criteria]
        criteria = ", ".join(f'"{c.name}": {{"good": true or false, "why": "..."}}' for c in self.criteria)
        form = f'{{"criteria": {{{criteria}}}, "summary": "..."'
        if self.knobs:
            allowed = "; ".join(f"{name}: {', '.join(map(str, values))}" for name, values in self.knobs.items())
            lines.append(f'If a setting would help, suggest it in "suggestion". Settings and their values: {allowed}')
            form += ', "suggestion": {"setting": value}'
        return "\n".join([*lines, "", f"Form of the answer: {form}}}"])

    def passes(self, criteria: dict[str, dict[str, Any]]) -> bool:
        """Return whether an answer's criteria mean that the episode is good."""
        return all(bool(criteria[criterion.name]["good"]) for criterion in self.criteria if criterion.required)


def load_rubric(name_or_path_or_text: str) -> Rubric:
    """Return a rubric: a name in config/rubrics, a YAML file, or YAML.

    Raises:
        UnknownNameError: If there is no such rubric.
        ConfigurationError: If it is not valid; the message has every field that is wrong.
    """
    return load_named("rubric", Rubric, name_or_path_or_text)


def rubric_names() -> list[str]:
    """Return the rubrics that come with the package."""
    return config_names("rubrics")
