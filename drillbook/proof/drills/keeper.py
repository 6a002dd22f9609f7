"""The system's objects as they were, put back between two drills: a procedure leaves what it says, a broken one more.

What the platform makes and replaces by itself (pods, ReplicaSets, Jobs of a CronJob, Events, Leases, endpoints) isn't
kept, nor what an issuer writes into the Secret of a certificate: the newest one is as good.
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from drillbook.clients.kube import Kube, Object
from drillbook.clients.kube_objects import as_wanted, discover, listed
from drillbook.drills.afterwards.identity import ISSUED_BY
from drillbook.drills.residue import PLATFORMS_OWN
from drillbook.drills.steps.workloads import RESTARTED, REVISION
from drillbook.faults.workloads import is_controlled
from drillbook.proof.stage import Stage

_OTHERS: Final = PLATFORMS_OWN | {"pods", "replicasets", "controllerrevisions"}
_BOOKKEEPING: Final = frozenset({"managedFields", "resourceVersion", "generation", "creationTimestamp", "uid"})
_COUNTS: Final = frozenset({RESTARTED, REVISION})
"""Annotations that only say how often and when something was rolled out: putting them back would roll out again."""

type Kept = Mapping[str, Object]
"""Objects by where they are served."""


@dataclass(frozen=True, slots=True)
class Keeper:
    """What there was."""

    stage: Stage
    kept: Kept

    @classmethod
    async def of(cls, stage: Stage) -> Keeper:
        """As it is now."""
        return cls(stage, await _objects(stage.kube, stage.policy.namespaces))

    async def put_back(self) -> tuple[str, ...]:
        """Where something was put back; what is new is deleted, what is gone is made again."""
        now = await _objects(self.stage.kube, self.stage.policy.namespaces)
        done = [path for path in now if path not in self.kept]
        for path in done:
            await self.stage.remove(path)
        for path, before in self.kept.items():
            if path not in now:
                await self.stage.again(path, before)
            elif _decided(now[path]) == _decided(before):
                continue
            elif before["kind"] == "Job":
                # What one runs can't be changed: another one in its place does.
                await self.stage.remove(path)
                await self.stage.again(path, before)
            else:
                await self.stage.put_back(path, before)
            done.append(path)
        return tuple(done)


async def _objects(kube: Kube, namespaces: Collection[str]) -> Kept:
    found: dict[str, Object] = {}
    for resource in await discover(kube):
        if not resource.namespaced or resource.plural in _OTHERS:
            continue
        for namespace in namespaces:
            collection = resource.collection(namespace)
            for item in await listed(kube, collection):
                if not _made_by_itself(item):
                    full = {**item, "apiVersion": resource.api_version, "kind": resource.kind}
                    found[f"{collection}/{item['metadata']['name']}"] = full
    return found


def _made_by_itself(item: Object) -> bool:
    return is_controlled(item) or ISSUED_BY in (item["metadata"].get("annotations") or {})


def _decided(item: Object) -> Object:
    """What a person or a file decided on: all but status and bookkeeping."""
    found: dict[str, Any] = copy.deepcopy({key: value for key, value in item.items() if key != "status"})
    meta = {key: value for key, value in found["metadata"].items() if key not in _BOOKKEEPING}
    found["metadata"] = _without_counts(meta)
    if found.get("kind") == "Job":
        found["spec"] = as_wanted(found["spec"])
    template = (found.get("spec") or {}).get("template")
    if isinstance(template, dict) and isinstance(template.get("metadata"), dict):
        template["metadata"] = _without_counts(template["metadata"])
    return found


def _without_counts(meta: dict[str, Any]) -> dict[str, Any]:
    annotations = {key: value for key, value in (meta.get("annotations") or {}).items() if key not in _COUNTS}
    rest = {key: value for key, value in meta.items() if key != "annotations"}
    return {**rest, "annotations": annotations} if annotations else rest
