"""Stages evaluate, compare and gate: how good the policy is, whether it is worse than the best so far, and whether it may go on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from strands_robots.core.errors import StrandsRobotsError
from strands_robots.dataset.files import read_json, write_json
from strands_robots.evaluation.compare.comparison import compare
from strands_robots.evaluation.compare.outcomes import read_outcomes
from strands_robots.evaluation.digests import files_sha256, results_digest
from strands_robots.evaluation.episode_result import EpisodeResult, PolicyChoice
from strands_robots.evaluation.results_file import NAME, read_results
from strands_robots.evaluation.run_record import task_identity, versions
from strands_robots.evaluation.runner import EvaluationConfig, evaluate
from strands_robots.evaluation.statistics import wilson_interval
from strands_robots.evaluation.task import load_task
from strands_robots.learning.pipeline.content_hash import canonical_sha256
from strands_robots.learning.pipeline.promotion import PROMOTE, Authority, require_approval
from strands_robots.learning.pipeline.stage import Context, GateClosedError
from strands_robots.learning.pipeline.train_stage import ADAPTER, POLICY

RESULTS = "results"
COMPARISON = "comparison.json"
PROMOTION = "promotion.json"


class EvaluateStage:
    """Runs seeded episodes; after a kill it goes on with the ones that are not on the disk."""

    name = "evaluate"

    def inputs(self, context: Context) -> Mapping[str, Any]:
        """Return policy, task, episodes and versions; the number of workers does not decide the result."""
        return {"policy": context.done["train"].outputs, **_conditions(context)}

    def run(self, context: Context, folder: Path, key: str) -> Mapping[str, Any]:
        """Run the episodes that are missing."""
        return _evaluate(context, context.done["train"].folder / POLICY, folder / RESULTS, self.name)

    def outputs(self, context: Context, folder: Path) -> Mapping[str, str]:
        """Return the digest of everything that repeats in the results."""
        return {"evaluation": evaluation_digest(folder / RESULTS)}


class CompareStage:
    """Holds the results against those of the best policy so far: the one that was promoted last."""

    name = "compare"

    def inputs(self, context: Context) -> Mapping[str, Any]:
        """Return the results of both."""
        best = best_so_far(context)
        return {"evaluation": context.done["evaluate"].outputs, "policy": context.done["train"].outputs,
                "best": None if best is None else {"policy": best["policy_sha256"], "since": best["since"]},
                "alpha": context.config.gate.alpha, **_conditions(context)}  # fmt: skip

    def run(self, context: Context, folder: Path, key: str) -> Mapping[str, Any]:
        """Compare pair by pair; a best policy that was tried under other conditions is tried again under these."""
        best = best_so_far(context)
        if best is None:
            found: dict[str, Any] = {"best": None, "verdict": 0, "words": "there is no best policy yet"}
            write_json(folder / COMPARISON, found)
            return found
        results = Path(best["evaluation_folder"])
        if best["conditions_sha256"] != conditions_sha256(context) or not (results / NAME).is_file():
            results = folder / "best"
            _evaluate(context, Path(best["policy_folder"]), results, "compare: best so far")
        judged = compare(
            read_outcomes(results), read_outcomes(context.done["evaluate"].folder / RESULTS), context.config.gate.alpha
        )
        words = {
            1: "better than the best so far",
            -1: "worse than the best so far",
            0: "not told apart from the best so far",
        }
        found = {
            "best": best["policy_sha256"], "verdict": judged.verdict, "words": words[judged.verdict], "pairs": judged.pairs,
            "wins": judged.wins, "losses": judged.losses, "first": judged.first, "second": judged.second,
            "p_value": judged.p_value, "tasks": [asdict(row) for row in judged.rows],
        }  # fmt: skip
        write_json(folder / COMPARISON, found)
        return found

    def outputs(self, context: Context, folder: Path) -> Mapping[str, str]:
        """Return the hash of the comparison."""
        return {"comparison": files_sha256(folder / COMPARISON)}


class GateStage:
    """Lets a policy go on that is good enough, and that a person promotes where the approval policy wants one.

    Args:
        authority: Whose word counts.
    """

    name = "gate"

    def __init__(self, authority: Authority) -> None:
        self._authority = authority

    def inputs(self, context: Context) -> Mapping[str, Any]:
        """Return results, comparison, rules, who may decide, and which robot the policy shall move by which options."""
        return {
            "policy": context.done["train"].outputs, "evaluation": context.done["evaluate"].outputs,
            "comparison": context.done["compare"].outputs, "gate": context.config.gate.model_dump(mode="json"),
            "approval_policy": self._authority.sha256, **_destination(context),
        }  # fmt: skip

    def run(self, context: Context, folder: Path, key: str) -> Mapping[str, Any]:
        """Apply the rules, ask for the promotion, and write down that it was allowed."""
        reasons = gate_reasons(context)
        if reasons:
            raise GateClosedError(f"the gate is closed: {'; '.join(reasons)}")
        facts = context.done["evaluate"].facts
        fields = {
            "pipeline": context.config.name, **_destination(context),
            "weights_sha256": context.done["train"].outputs["weights"], "policy_sha256": context.done["train"].outputs[POLICY],
            "evaluation_sha256": context.done["evaluate"].outputs["evaluation"],
            "dataset_sha256": context.done["record"].outputs["dataset"],
            "success": f"{facts['successes']} of {facts['episodes']} episodes",
            "compared": context.done["compare"].facts["words"],
        }  # fmt: skip
        allowed = require_approval(self._authority, context.journal, context.folder, PROMOTE, fields, key)
        told = {
            **fields, "digest": allowed["digest"], "decided_by": allowed["decided_by"], "rule": allowed["rule"],
            "policy_folder": str(context.done["train"].folder / POLICY),
            "evaluation_folder": str(context.done["evaluate"].folder / RESULTS), "conditions_sha256": conditions_sha256(context),
        }  # fmt: skip
        write_json(folder / PROMOTION, told)
        return told

    def outputs(self, context: Context, folder: Path) -> Mapping[str, str]:
        """Return the hash of what was promoted."""
        given = read_json(folder / PROMOTION)
        return {"promotion": given["digest"], POLICY: given["policy_sha256"]}


def gate_reasons(context: Context) -> list[str]:
    """Return why the policy is not good enough; nothing when it is."""
    facts, rules = context.done["evaluate"].facts, context.config.gate
    successes, episodes, errors = facts["successes"], facts["episodes"], facts["errors"]
    rate, lower = successes / episodes, wilson_interval(successes, episodes)[0]
    found = []
    if rate < rules.success_rate:
        found.append(f"{successes} of {episodes} episodes succeeded ({rate:.3f}); wanted: {rules.success_rate:g}")
    if lower < rules.lower_bound:
        found.append(f"the 95 % interval begins at {lower:.3f}; wanted: {rules.lower_bound:g}")
    if errors > rules.errors:
        found.append(f"{errors} episodes could not be judged; wanted: at most {rules.errors}")
    if context.done["compare"].facts["verdict"] < 0:
        found.append(f"it is worse than the best so far at alpha {rules.alpha:g}")
    return found


def best_so_far(context: Context) -> dict[str, Any] | None:
    """Return the promotion of the policy that was promoted last, the present one left out; None when there is none."""
    own = context.done["train"].outputs[POLICY]
    for number, record in reversed(list(enumerate(context.journal.records))):
        is_promotion = record["kind"] == "done" and record["stage"] == "gate"
        if is_promotion and record["outputs"][POLICY] != own:
            return {**record["facts"], "since": number}
    return None


def evaluation_digest(folder: Path) -> str:
    """Return the digest of the results in a folder."""
    return results_digest(read_results(folder / NAME).results.values())


def conditions_sha256(context: Context) -> str:
    """Return the hash of the conditions of the evaluation."""
    return canonical_sha256(_conditions(context))


def robot_of(context: Context) -> str:
    """Return the robot that the policy runs on."""
    return context.config.deploy.robot or load_task(context.config.task_text).robot


def _destination(context: Context) -> dict[str, Any]:
    """Return what a promotion is for: another robot, or another arm by its port, is another promotion."""
    deploy = context.config.deploy
    return {"to": deploy.to, "robot": robot_of(context), "options": deploy.model_dump(mode="json")["options"]}


def _conditions(context: Context) -> dict[str, Any]:
    return {
        "task": task_identity(load_task(context.config.task_text)),
        "evaluate": context.config.evaluate.model_dump(mode="json", exclude={"workers"}),
        "versions": versions(),
    }


def _evaluate(context: Context, policy: Path, output: Path, what: str) -> dict[str, Any]:
    given = context.config.evaluate
    settings = {"path": str(policy), "device": context.config.train.device}
    choice = PolicyChoice("lerobot", json.dumps(settings), str(policy / ADAPTER))

    def tell(result: EpisodeResult) -> None:
        context.tell(f"{what}: episode {result.index} {result.outcome}")

    config = EvaluationConfig(
        context.config.task_text,
        choice,
        given.episodes,
        given.seed,
        given.workers,
        output,
        is_resumed=True,
        latency=given.latency,
    )
    done = evaluate(config, tell)
    if done.errors == len(done.results):
        raise StrandsRobotsError(f"no episode could be judged; the last one: {done.results[-1].message}")
    lower, upper = done.interval
    return {"successes": done.successes, "episodes": len(done.results), "errors": done.errors, "rate": done.rate,
            "lower": lower, "upper": upper}  # fmt: skip
