"""Documented recovery procedures, followed step by step, each step timed.

A step that returns has only claimed success; whether the system recovered is for the watch to say.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from drillbook.clock import SYSTEM_CLOCK, Clock, iso
from drillbook.errors import ConfigError
from drillbook.faults.workloads import (
    PLURALS,
    is_going,
    read_workload,
    set_replicas,
    wait_ready,
    workload_of,
    workload_path,
)
from drillbook.model.policy import Component, Policy, Procedure

if TYPE_CHECKING:
    from drillbook.clients.kube import Kube, Permission

RESTARTED: Final = "kubectl.kubernetes.io/restartedAt"
"""The annotation that ``kubectl rollout restart`` sets on the pod template."""
_REVISION: Final = "metadata.annotations.deployment.kubernetes.io/revision"
WAIT_SECONDS: Final = 120.0
"""How long a step waits where the runbook gives it no time."""


@dataclass(frozen=True, slots=True)
class StepResult:
    """One step as it was done; times are on the monotonic clock."""

    text: str
    begun: float
    took: float
    documented: timedelta | None
    problem: str = ""
    """Why the step failed; empty where it claims success."""


def describe(step: Mapping[str, Any]) -> str:
    """``rollout_restart api``, ``scale api to 5``."""
    more = f" to {step['replicas']}" if step["type"] == "scale" else ""
    return f"{step['type']} {step['component']}{more}"


async def run_step(kube: Kube, policy: Policy, step: Mapping[str, Any], clock: Clock = SYSTEM_CLOCK) -> None:
    """Do one step. Raises DrillbookError when it can't be done."""
    component = _component(policy, step)
    workload, namespace = workload_of(component), component.namespace
    match step["type"]:
        case "rollout_restart":
            body = {"spec": {"template": {"metadata": {"annotations": {RESTARTED: iso(clock.now())}}}}}
            await kube.patch(workload_path(workload, namespace), body, "strategic")
        case "scale":
            await set_replicas(kube, workload, namespace, int(step["replicas"]))
        case "delete_pods":
            for pod in (await read_workload(kube, workload, namespace)).pods:
                if not is_going(pod):
                    await kube.delete_pod(namespace, pod["metadata"]["name"], uid=pod["metadata"]["uid"])
        case "wait_ready":
            replicas = (await read_workload(kube, workload, namespace)).replicas
            await wait_ready(kube, workload, namespace, replicas, _seconds(step))
        case unknown:
            raise ConfigError(f"no recovery step of type {unknown!r}")


def _seconds(step: Mapping[str, Any]) -> float:
    within = step.get("within")
    return within.total_seconds() if isinstance(within, timedelta) else WAIT_SECONDS


def permissions(policy: Policy, procedure: Procedure | None) -> tuple[Permission, ...]:
    """What following the procedure needs."""
    from drillbook.clients.kube import Permission

    wanted: list[Permission] = []
    for step in procedure.steps if procedure else ():
        component = _component(policy, step)
        plural, namespace = PLURALS[workload_of(component).kind], component.namespace
        wanted += [Permission("get", plural, "apps", namespace), Permission("list", "pods", "", namespace)]
        if step["type"] in {"rollout_restart", "scale"}:
            wanted.append(Permission("patch", plural, "apps", namespace))
        if step["type"] == "delete_pods":
            wanted.append(Permission("delete", "pods", "", namespace))
    return tuple(dict.fromkeys(wanted))


def expected_changes(policy: Policy, procedure: Procedure | None) -> Mapping[tuple[str, str, str], Collection[str]]:
    """The fields that the procedure changes by what it says, by kind, namespace and name of the object."""
    kinds = {"deployment": "Deployment", "statefulset": "StatefulSet"}
    fields = {
        "rollout_restart": (f"spec.template.metadata.annotations.{RESTARTED}", _REVISION),
        "scale": ("spec.replicas",),
    }
    changes: dict[tuple[str, str, str], set[str]] = {}
    for step in procedure.steps if procedure else ():
        component = _component(policy, step)
        workload = workload_of(component)
        name = (kinds[workload.kind], component.namespace, workload.name)
        changes.setdefault(name, set()).update(fields.get(step["type"], ()))
    return changes


def _component(policy: Policy, step: Mapping[str, Any]) -> Component:
    return policy.components[step["component"]]
