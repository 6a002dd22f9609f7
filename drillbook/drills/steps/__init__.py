"""How each type of step is followed, a file for each group; what a policy says in a step is in ``model/procedures``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from drillbook.drills.steps import (
    backups,
    commands,
    credentials,
    helper_pods,
    looks,
    nodes,
    objects,
    planted,
    workloads,
)
from drillbook.drills.steps.ground import Way

WAYS: Final[Mapping[str, Way]] = {
    **workloads.WAYS,
    **objects.WAYS,
    **nodes.WAYS,
    **commands.WAYS,
    **helper_pods.WAYS,
    **backups.WAYS,
    **credentials.WAYS,
    **looks.WAYS,
    **planted.WAYS,
}
"""By the step's type."""
