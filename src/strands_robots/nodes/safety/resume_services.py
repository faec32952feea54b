"""The services safety/resume and safety/resume_challenge of safety_node."""

from __future__ import annotations

import time
from collections.abc import Callable

from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from strands_robots.srv import GetResumeChallenge, ResumeGraph

from strands_robots.audit.event import Durability
from strands_robots.control.tally import Tally
from strands_robots.core.errors import ResumeRefusedError
from strands_robots.ros.audit.audit_publisher import AuditPublisher
from strands_robots.ros.messages.conversions import clip
from strands_robots.safety.resume import AuthorityConfig, ResumeAuthority, ResumeRequest
from strands_robots.safety.supervisor import Supervisor


class ResumeServices:
    """Asks the supervisor, and reports every resume and every refusal to the log and to the audit.

    Args:
        node: safety_node.
        supervisor: The latch of the graph.
        authority: The supervisor's own; gives challenges.
        config: Its options.
        audit: Where resumes and refusals are reported.
        on_armed: Called at once after a resume.
        check: Called before a resume; raises ResumeRefusedError when there must be none now.
    """

    def __init__(
        self,
        node: Node,
        supervisor: Supervisor,
        authority: ResumeAuthority,
        config: AuthorityConfig,
        audit: AuditPublisher,
        on_armed: Callable[[], None],
        check: Callable[[], None] = lambda: None,
    ) -> None:
        self._log = node.get_logger()
        self._supervisor = supervisor
        self._authority = authority
        self._config = config
        self._audit = audit
        self._on_armed = on_armed
        self._check = check
        self._refusals = Tally()
        node.create_service(GetResumeChallenge, "safety/resume_challenge", self._on_challenge)
        node.create_service(ResumeGraph, "safety/resume", self._on_resume)
        node.create_timer(1.0, self._flush, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def _on_challenge(
        self, request: GetResumeChallenge.Request, response: GetResumeChallenge.Response
    ) -> GetResumeChallenge.Response:
        stop = self._supervisor.stop
        if stop is None:
            response.message = "nothing is stopped; valid: ask after a stop"
            return response
        response.success = True
        response.challenge = self._authority.challenge(stop.stop_id, time.monotonic())
        response.signature_needed = bool(response.challenge)
        response.rule = self._config.rule.value if response.signature_needed else ""
        response.run_id, response.session = clip(self._config.run_id, 64), self._config.session
        response.stop_id = stop.stop_id
        response.stop_source, response.stop_reason = clip(stop.sources[0], 128), clip(stop.reason, 256)
        response.lifetime = self._config.lifetime if response.signature_needed else 0.0
        response.message = clip(f"stop {stop.stop_id} by {stop.sources[0]}: {stop.reason}", 512)
        return response

    def _on_resume(self, request: ResumeGraph.Request, response: ResumeGraph.Response) -> ResumeGraph.Response:
        asked = ResumeRequest(
            source=request.source,
            reason=request.reason,
            stop_id=request.stop_id,
            challenge=request.challenge,
            key_id=request.key_id,
            signature=bytes(request.signature),
        )
        try:
            self._check()
            response.arm_epoch = self._supervisor.resume(asked, time.monotonic())
        except ResumeRefusedError as error:
            response.message, response.refusal = str(error), clip(error.reason, 32)
            self._report_refusal(asked, error)
            return response
        self._on_armed()
        response.success = True
        source, reason = clip(asked.source, 128), clip(asked.reason, 256)
        response.message = f"armed by '{source}': {reason}"
        self._log.info(response.message)
        details = {
            "stop_id": asked.stop_id,
            "arm_epoch": response.arm_epoch,
            "reason": asked.reason,
            "rule": self._config.rule.value if asked.signature else "unsigned",
            **_evidence(asked),
        }
        self._audit.record("resume_accepted", details, actor=source, durability=Durability.NOW)
        return response

    def _report_refusal(self, asked: ResumeRequest, error: ResumeRefusedError) -> None:
        if not self._refusals.is_told(error.reason):
            return
        source = clip(asked.source, 128)
        self._log.warning(f"resume by '{source}' refused ({error.reason}): {clip(str(error), 512)}")
        details = {"refusal": error.reason, "message": str(error), "stop_id": asked.stop_id, **_evidence(asked)}
        self._audit.record("resume_refused", details, actor=source)

    def _flush(self) -> None:
        """Once a second: what was only counted."""
        for refusal, count in self._refusals.take().items():
            self._log.warning(f"{count} more resumes refused ({refusal})")
            self._audit.record("resume_refused", {"refusal": refusal, "count": count})


def _evidence(asked: ResumeRequest) -> dict[str, object]:
    """Return what is needed to check the signature later."""
    if not asked.signature and not asked.challenge:
        return {}
    return {"challenge": asked.challenge, "key_id": asked.key_id, "signature": asked.signature}
