"""How a pod ended, as far as anybody saw it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Death:
    """What was seen of one pod's end."""

    exit_codes: tuple[int, ...] = ()
    """Of its containers; none where the pod was gone before anybody saw them."""
    reasons: tuple[str, ...] = ()
    """The runtime's words for it: ``Error``, ``OOMKilled``."""
    grace_seconds: int | None = None
    """``deletionGracePeriodSeconds``; None where nobody deleted it, or it was gone before anybody saw it."""

    def document(self) -> dict[str, Any]:
        """As evidence has it."""
        return {"exit_codes": list(self.exit_codes), "reasons": list(self.reasons), "grace_seconds": self.grace_seconds}

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Death:
        """From ``document``."""
        return cls(tuple(document["exit_codes"]), tuple(document["reasons"]), document["grace_seconds"])
