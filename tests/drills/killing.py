"""A system whose drills are killed: its sandbox, a copy of its folder with few objectives, what must be as it was."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from drillbook import places
from drillbook.clients.kube import Kube, path_of
from drillbook.drills import putting_back, residue
from drillbook.drills.content import content_of
from drillbook.drills.experiment import load_experiment
from drillbook.drills.lock import NAME as LEASE
from drillbook.drills.plan import aimed
from drillbook.drills.recovery import expected_changes
from drillbook.faults.creating import LABEL as OF_FAULT
from drillbook.faults.fault import Traces
from drillbook.faults.keeping import LABEL as KEPT
from drillbook.model.content import Content
from drillbook.model.environment import Environment
from drillbook.model.policy import DrillPlan, Policy
from drillbook.policy import load_policy

CHEAP: Final = ("workload.ready_replicas", "nodes.not_ready", "service.port", "workload.image")
"""Indicators that take no time; a drill looks at all objectives before and after."""
ROLLED: Final = ("metadata.annotations.deployment.kubernetes.io/revision", "spec.template.metadata.annotations")
"""What a roll-out leaves in a workload, also when its template is back."""
OWN_ROWS: Final = "-drill-"
"""Part of the key of every row that a drill's ledger wrote."""


def policy_of(system: str) -> Policy:
    """The shipped one."""
    return load_policy(places.bundled("systems") / system / "policy.yaml")


def few(policy: Policy) -> tuple[str, ...]:
    """Three objectives that are enough for a steady state."""
    return tuple(one.id for one in policy.objectives if one.indicator in CHEAP)[:3]


def quick_copy(policy: Policy, folder: Path, experiments: tuple[str, ...] = ()) -> None:
    """A folder from which the system's name means the same system, with few objectives and all of its drills.

    ``experiments`` get a drill each, on the component that their files name.
    """
    original, copy = policy.path.parent, folder / "systems" / policy.system
    copy.mkdir(parents=True)
    for part in ("manifests", "procedures"):
        if (original / part).is_dir():
            shutil.copytree(original / part, copy / part)
    document, hold = yaml.safe_load((original / "policy.yaml").read_text()), few(policy)
    document["objectives"] = [one for one in document["objectives"] if one["id"] in hold]
    document["drills"] = [_timed(one) for one in document["drills"]] + [_drill_of(name, policy) for name in experiments]
    (copy / "policy.yaml").write_text(yaml.safe_dump(document))
    written = yaml.safe_load((original / "procedures.yaml").read_text())
    written["procedures"] = [_bare(one, hold[0]) for one in written["procedures"]]
    (copy / "procedures.yaml").write_text(yaml.safe_dump(written))
    (copy / "environments").mkdir()
    for path in (original / "environments").glob("*.yaml"):
        environment = yaml.safe_load(path.read_text())
        given, _ = environment.pop("limits", {}), environment.pop("drill_times", {})
        environment |= {"limits": kept} if (kept := {name: given[name] for name in hold if name in given}) else {}
        (copy / "environments" / path.name).write_text(yaml.safe_dump(environment))


def _timed(drill: dict[str, Any]) -> dict[str, Any]:
    """With a time, where an environment would give it; nobody waits for an alert to kill a drill."""
    kept = {key: value for key, value in drill.items() if key not in {"alert", "covers"}}
    return kept | {"within": "5 min"} if drill.get("within") == "required" else kept


def _drill_of(name: str, policy: Policy) -> dict[str, Any]:
    component = load_experiment(places.experiment_file(name)).configuration["component"]
    source = {"section": "Incident Response > Response Times", "line": 83}
    return {"id": f"x-{name}", "experiment": name, "component": component, "level": "P1", "source": source}


def _bare(procedure: dict[str, Any], hold: str) -> dict[str, Any]:
    """Looking at an objective that this folder's policy has, too."""
    if "steps" not in procedure:
        return procedure
    steps = [step | ({"hold": [hold]} if step["type"] == "check" else {}) for step in procedure["steps"]]
    return procedure | {"then": [], "steps": steps}


@dataclass
class Cluster:
    """A system in its sandbox."""

    policy: Policy
    environment: Environment

    def on_kube[T](self, work: Callable[[Kube], Coroutine[Any, Any, T]]) -> T:
        """Do something with the cluster."""

        async def connected() -> T:
            async with Kube.of(self.environment) as kube:
                return await work(kube)

        return asyncio.run(connected())

    def tables(self) -> Mapping[str, Content | str]:
        """What every table of every database holds, but for the rows that drills wrote; or why nobody can say."""

        async def look(kube: Kube) -> Mapping[str, Content | str]:
            databases = [one for one in self.policy.components.values() if one.engine == "postgres"]
            return {one.id: await content_of(kube, self.environment, one, OWN_ROWS) for one in databases}

        return self.on_kube(look)

    def left_behind(self) -> list[str]:
        """What a drill must not leave: its lock, its undo journal, objects of its own, pods that are missing."""

        async def look(kube: Kube) -> list[str]:
            found = []
            for namespace in self.policy.namespaces:
                found += await _ours(kube, namespace)
            return found

        return self.on_kube(look)


async def _ours(kube: Kube, namespace: str) -> list[str]:
    labelled = [("configmaps", "drillbook.dev/undo"), ("secrets", KEPT)]
    labelled += [(plural, OF_FAULT) for plural in ("pods", "networkpolicies", "configmaps")]
    found = [LEASE] if await kube.find(path_of("leases", namespace, LEASE)) else []
    for plural, label in labelled:
        items = await kube.list(path_of(plural, namespace), labels=label)
        found += [f"{plural}/{one['metadata']['name']}" for one in items]
    for plural in ("deployments", "statefulsets"):
        for one in await kube.list(path_of(plural, namespace)):
            if one["status"].get("readyReplicas", 0) != one["spec"]["replicas"]:
                found.append(f"{plural}/{one['metadata']['name']} misses pods")
    return found


def allowed(policy: Policy, plan: DrillPlan | str, reports: Path) -> Traces:
    """What may differ although everything is put back, by what the drill wrote down before it broke anything.

    ``plan``: a drill of the policy, or the name of an experiment by itself.
    """
    name, settings = (plan, {}) if isinstance(plan, str) else (plan.experiment, plan.settings)
    # As a drill tells its experiment.
    told = {f"DRILLBOOK_{key.upper()}": value for key, value in settings.items()}
    experiment = load_experiment(places.experiment_file(name), told)
    component = str(experiment.configuration["component"]) if isinstance(plan, str) else plan.component
    fault, aim, _ = aimed(policy, component, experiment.injection.arguments)
    written: dict[str, Any] = {}
    for path in reports.glob("*/undo-*.jsonl"):
        for line in path.read_text().splitlines():
            written = json.loads(line).get("put_back", written)
    procedure = None if isinstance(plan, str) or not plan.procedure else policy.procedures[plan.procedure]
    changed = expected_changes(policy, procedure)
    rolled = {key: ROLLED for key in changed if key[0] in {"Deployment", "StatefulSet"}}
    return residue.together(fault.traces(aim, written), rolled, putting_back.left(changed))
