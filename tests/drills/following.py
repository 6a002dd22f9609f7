"""Single steps, written as a policy writes them, followed in a running Solar."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import yaml

from drillbook.clients.kube import Kube, Object, path_of
from drillbook.drills.recovery import Claim, run_step
from drillbook.drills.steps.ground import Ground
from drillbook.errors import DrillAborted
from drillbook.model.policy import Policy
from drillbook.model.procedures import Entry
from drillbook.policy.entries import Known, read_steps
from drillbook.policy.problems import Problems
from drillbook.policy.section import section
from tests.drills.conftest import NAMESPACE, Solar


def steps(policy: Policy, *texts: str) -> tuple[Entry, ...]:
    """Steps as a policy would have them; raises ConfigError for what it couldn't say."""
    problems = Problems("step")
    node = yaml.compose(f"steps: [{', '.join(texts)}]", yaml.SafeLoader)
    assert node is not None
    top = section(node, "", problems, ())
    assert top is not None
    found = read_steps(top, Known(policy.components, [o.id for o in policy.objectives], policy.path.parent))
    problems.settle()
    return found


def follow(system: Solar, *texts: str, ground: Callable[[Ground], Ground] = lambda ground: ground) -> list[str]:
    """Follow steps one after another on one ground; what each claims."""

    async def walk(kube: Kube) -> list[Claim]:
        here = ground(Ground(kube, system.policy, system.environment))
        return [await run_step(here, step) for step in steps(system.policy, *texts)]

    return [claim.text for claim in system.on_kube(walk)]


def complaint(system: Solar, *texts: str) -> str:
    """Why the steps can't be followed."""
    with pytest.raises(DrillAborted) as caught:
        follow(system, *texts)
    return str(caught.value)


def read(system: Solar, resource: str, name: str) -> Object:
    """One object of the system's namespace."""

    async def get(kube: Kube) -> Object:
        return await kube.get(path_of(resource, NAMESPACE, name))

    return system.on_kube(get)
