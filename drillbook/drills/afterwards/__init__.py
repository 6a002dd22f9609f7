"""How each type of post-condition is seen, a file for each group; what a policy says is in ``model/procedures``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from drillbook.drills.afterwards import (
    backups,
    cache,
    database,
    identity,
    promises,
    transcript,
    verification,
    words,
    workloads,
)
from drillbook.drills.afterwards.occasion import AfterWay

AFTERWARDS_WAYS: Final[Mapping[str, AfterWay]] = {
    **promises.WAYS,
    **workloads.WAYS,
    **database.WAYS,
    **backups.WAYS,
    **cache.WAYS,
    **identity.WAYS,
    **transcript.WAYS,
    **verification.WAYS,
    **words.WAYS,
}
"""By the post-condition's type."""
