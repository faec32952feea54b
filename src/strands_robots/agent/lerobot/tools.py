"""LeRobot's own commands as tools: train, evaluate, datasets, calibrate, find a port, record. Long-running, under the same policy.

A request is the exact words of the command and where it runs; that is what the policy file rules on, a person reads and the permit
covers. LeRobot's own parser has checked it before a person is asked. Output of a command is data for the model, never instructions.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from strands_robots.agent.jobs.jobs import Job, Jobs, JobSpec
from strands_robots.agent.lerobot.check import ENVIRONMENTS, check_config, command_options, resolved_config
from strands_robots.agent.lerobot.commands import COMMANDS, CommandPlan
from strands_robots.agent.lerobot.paths import LeRobotFolders, job_environment
from strands_robots.agent.lerobot.progress import read_progress, read_result
from strands_robots.agent.tools.arguments import nearest
from strands_robots.agent.tools.call import ends_with_call
from strands_robots.agent.tools.endpoint import Endpoint, Tool
from strands_robots.agent.tools.tool_answer import ToolAnswer, clean, data_answer, error_answer
from strands_robots.approvals.approval_request import CanonicalRequest, canonical_request
from strands_robots.core.errors import ConfigurationError

LOGS = ".strands_robots_jobs"
LINES = 12
MOST_LINES = 60
MOST_OPTIONS = 40
_CANCEL_WAIT = 15.0

Resolver = Callable[[str, tuple[str, ...], Mapping[str, str]], Mapping[str, Any]]


class Gatekeeper(Protocol):
    """What of the graph's port this needs: `agent.endpoint.GraphPort` has it."""

    def is_shown(self, name: str, kind: str) -> bool:
        """Return whether the policy lets something be a tool at all."""
        ...

    def admit(self, request: CanonicalRequest) -> ToolAnswer | None:
        """Return None when exactly this request may be made now, else what the model is told."""
        ...

    def called(self, endpoint: Endpoint, answer: ToolAnswer, started: float) -> None:
        """Record a call."""
        ...

    def record(self, kind: str, details: Mapping[str, Any]) -> None:
        """Record something else."""
        ...


class LerobotTools:
    """A `ToolFamily`. `close` ends every job.

    Args:
        port: Asks for permission and records.
        workspace: Folders in which LeRobot may read and write.
        program: The words that begin the command of a plan; None runs LeRobot's own module.
        resolve: Returns what LeRobot makes of arguments.
        patience: How long an interrupted job may take to end [s].
    """

    words = "LeRobot: train, evaluate, datasets, calibrate, find a port, record"

    def __init__(
        self,
        port: Gatekeeper,
        workspace: LeRobotFolders,
        program: Callable[[CommandPlan], tuple[str, ...]] | None = None,
        resolve: Resolver = resolved_config,
        patience: float = 10.0,
    ) -> None:
        self._port = port
        self._workspace = workspace
        self._program = program or (lambda plan: (sys.executable, "-m", plan.program))
        self._resolve = resolve
        self._checked: dict[tuple[str, ...], Mapping[str, Any]] = {}
        self._outputs: dict[str, Path | None] = {}
        self._jobs = Jobs(workspace.home / LOGS, self._on_end, patience)
        self._patience = patience
        self._others: list[LerobotTools] = []

    def session(self, port: Gatekeeper) -> LerobotTools:
        """Return the same for another asker, with jobs of its own; they end with this."""
        made = LerobotTools(port, self._workspace, self._program, self._resolve, self._patience)
        self._others.append(made)
        return made

    def tools(self) -> list[Tool]:
        """Return the tools."""
        started = [
            Tool(f"lerobot_{name}", command.description, command.schema, partial(self._start, name))
            for name, command in COMMANDS.items()
            if self._port.is_shown(f"lerobot/{name}", f"lerobot/action/{name.title().replace('_', '')}")
        ]
        return [*started, *self._job_tools()]

    def end_turn(self) -> None:
        """Cancel what may move something; a training goes on."""
        self._jobs.cancel_moving()

    def close(self) -> None:
        """Cancel every job and wait for its end."""
        for other in self._others:
            other.close()
        self._jobs.close()

    def _job_tools(self) -> list[Tool]:
        job_id = {"job_id": {"type": "string", "maxLength": 64}}
        wait = {"wait": {"type": "number", "minimum": 0.0, "maximum": 300.0, "description": "for its end, at most [s]"}}
        lines = {
            "lines": {"type": "integer", "minimum": 0, "maximum": MOST_LINES, "description": "last lines of its log"}
        }
        reply = {
            "reply": {
                "enum": ["enter", "c"],
                "description": "what a person at the arm wants: Enter, or c to calibrate anew",
            }
        }
        options = {
            "command": {"enum": ["train", "eval"]},
            "policy": {"type": "string", "maxLength": 64, "description": "type of the policy, for its options"},
            "env": {"enum": list(ENVIRONMENTS)},
            "query": {"type": "string", "maxLength": 64, "description": "part of a name"},
        }
        return [
            Tool("lerobot_job", "State, progress, log and result of a LeRobot job; all jobs without job_id.",
                 _object({**job_id, **wait, **lines}), self._look),
            Tool("lerobot_cancel", "Cancel a LeRobot job.", _object(job_id, "job_id"), self._cancel),
            Tool("lerobot_reply", "Tell a job what the person at the arm said. Only after they said it.",
                 _object({**job_id, **reply}, "job_id", "reply"), self._reply),
            Tool("lerobot_options", "Find LeRobot's own options for lerobot_train and lerobot_eval.",
                 _object(options, "command"), self._find_options),
        ]  # fmt: skip

    def _start(self, name: str, given: Mapping[str, Any]) -> ToolAnswer:
        """Check, ask and start; answers the job."""
        started = time.monotonic()
        plan = COMMANDS[name].plan(given, self._workspace)
        self._check(plan)
        fields = {
            "command": [f"lerobot-{name.replace('_', '-')}", *plan.arguments],
            "folder": str(plan.folder),
            "network": plan.network,
        }
        refused = self._port.admit(canonical_request(plan.name, plan.kind, fields))
        if refused is not None:
            return refused
        spec = JobSpec(
            f"lerobot-{name.replace('_', '-')}", (*self._program(plan), *plan.arguments), plan.folder,
            job_environment(plan.network), read_progress, plan.replies, plan.moves,
        )  # fmt: skip
        job = self._jobs.start(spec)
        self._outputs[job.job_id] = plan.output
        if plan.moves:
            ends_with_call(lambda: self._jobs.cancel(job))
        self._port.record("job_start", {"job": job.job_id, "name": plan.name, "command": fields["command"]})
        job.ended.wait(float(given.get("wait", 1.0)))
        answer = self._state(job, LINES)
        self._port.called(Endpoint(plan.name, plan.kind), answer, started)
        return answer

    def _check(self, plan: CommandPlan) -> None:
        """Ask LeRobot what it makes of the arguments, once, and refuse what is more than the request says."""
        if not plan.has_config:
            return
        if plan.arguments not in self._checked:
            if len(self._checked) > 64:
                self._checked.clear()
            self._checked[plan.arguments] = self._resolve(plan.command, plan.arguments, job_environment(plan.network))
        check_config(self._checked[plan.arguments], plan.network, self._workspace.inside)

    def _look(self, given: Mapping[str, Any]) -> ToolAnswer:
        started = time.monotonic()
        if "job_id" not in given:
            answer = data_answer({"jobs": [{"job_id": job.job_id, "state": job.state} for job in self._jobs.all()]})
        else:
            job = self._jobs.find(given["job_id"])
            job.ended.wait(float(given.get("wait", 0.0)))
            answer = self._state(job, int(given.get("lines", LINES)))
        self._port.called(Endpoint("lerobot/job", "lerobot/msg/Job"), answer, started)
        return answer

    def _cancel(self, given: Mapping[str, Any]) -> ToolAnswer:
        started = time.monotonic()
        job = self._jobs.find(given["job_id"])
        self._jobs.cancel(job)
        job.ended.wait(_CANCEL_WAIT)
        answer = self._state(job, LINES)
        self._port.called(Endpoint("lerobot/cancel", "lerobot/srv/Cancel"), answer, started)
        return answer

    def _reply(self, given: Mapping[str, Any]) -> ToolAnswer:
        started = time.monotonic()
        job = self._jobs.find(given["job_id"])
        self._jobs.reply(job, given["reply"])
        job.ended.wait(1.0)
        answer = self._state(job, LINES)
        self._port.called(Endpoint("lerobot/reply", "lerobot/srv/Reply"), answer, started)
        return answer

    def _find_options(self, given: Mapping[str, Any]) -> ToolAnswer:
        started = time.monotonic()
        chosen = [f"--{name}.type={given[name]}" for name in ("policy", "env") if name in given]
        if not all(word.partition("=")[2].replace("_", "").isalnum() for word in chosen):
            raise ConfigurationError("policy is a type, as act or diffusion; lerobot_options without it lists them")
        options = command_options(given["command"], tuple(chosen))
        query = str(given.get("query", "")).lower()
        found = {name: entry for name, entry in options.items() if query in name.lower()}
        if found:
            shown = dict(list(found.items())[:MOST_OPTIONS])
            answer = data_answer({"options": shown, "shown": len(shown), "in_all": len(found)})
        else:
            answer = error_answer(
                "nothing_found", f"no option has '{query}' in its name", nearest=nearest(query, list(options))
            )
        self._port.called(Endpoint("lerobot/options", "lerobot/msg/Options"), answer, started)
        return answer

    def _state(self, job: Job, lines: int) -> ToolAnswer:
        """Return what a model reads of a job: states and numbers, and the log as bounded data."""
        is_over = job.exit_code is not None
        values: dict[str, Any] = {
            "job_id": job.job_id,
            "state": job.state,
            "elapsed": round(job.elapsed if is_over else time.monotonic() - job.started, 1),
            "progress": job.progress,
        }
        if is_over:
            values["exit_code"] = job.exit_code
            values["result"] = read_result(self._outputs.get(job.job_id))
        elif job.spec.replies:
            values["replies"] = list(job.spec.replies)
        # The newest lines first to be kept: an answer that is too long loses the oldest.
        tail = [clean(line, 240) for line in job.tail(min(lines, MOST_LINES))]
        while tail and sum(map(len, tail)) > 3500:
            tail.pop(0)
        values["log_tail"], values["log"] = tail, str(job.log)
        return data_answer(values, is_error=job.state == "failed")

    def _on_end(self, job: Job) -> None:
        details = {
            "job": job.job_id,
            "name": job.spec.name,
            "state": job.state,
            "exit_code": job.exit_code,
            "elapsed": job.elapsed,
        }
        self._port.record("job_end", details)


def _object(properties: dict[str, Any], *required: str) -> dict[str, Any]:
    schema = {"type": "object", "properties": properties, "additionalProperties": False}
    return {**schema, "required": list(required)} if required else schema
