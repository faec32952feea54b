"""Every reason for which an approval, a decision or a permit is refused."""

from __future__ import annotations

import enum

from strands_robots.core.errors import StrandsRobotsError


class ApprovalRefusal(enum.Enum):
    """Why; the values are what services answer and what is audited."""

    MALFORMED = "malformed"
    NO_ASKER = "no_asker"
    FORBIDDEN = "forbidden"
    RATE_LIMITED = "rate_limited"
    TOO_MANY_PENDING = "too_many_pending"
    ALREADY_PENDING = "already_pending"
    DECLINED_LATELY = "declined_lately"
    UNKNOWN_REQUEST = "unknown_request"
    ALREADY_DECIDED = "already_decided"
    WRONG_REQUEST = "wrong_request"
    UNKNOWN_KEY = "unknown_key"
    NO_ROLE = "no_role"
    OWN_REQUEST = "own_request"
    WRONG_SIGNATURE = "wrong_signature"
    UNKNOWN_PERMIT = "unknown_permit"
    PENDING = "pending"
    DECLINED = "declined"
    EXPIRED = "expired"
    ALREADY_USED = "already_used"
    WRONG_ASKER = "wrong_asker"
    NOT_RECORDED = "not_recorded"


class ApprovalRefusedError(StrandsRobotsError):
    """An approval, a decision or a permit was refused; nothing may be done on its strength."""

    def __init__(self, refusal: ApprovalRefusal, message: str) -> None:
        super().__init__(message)
        self.refusal = refusal
