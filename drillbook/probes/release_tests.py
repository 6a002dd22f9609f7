"""Tests of a release: the Jobs and pods that Helm runs after it, and whether they speak of what is released now."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from drillbook.clients.kube import Object, path_of, selector_text
from drillbook.model.observation import Observation
from drillbook.model.policy import Component
from drillbook.model.quantity import Dimension
from drillbook.probes.scene import Scene, needed
from drillbook.probes.workloads import workload

_HOOK: Final = "helm.sh/hook"
_KINDS: Final = ("jobs", "pods")
_TESTS: Final = frozenset({"test", "test-success"})
_RESTARTED: Final = "kubectl.kubernetes.io/restartedAt"
"""The annotation that ``kubectl rollout restart`` sets on the pod template."""


async def failed_tests(scene: Scene, component: Component | None, parameters: Mapping[str, Any]) -> Observation:
    """Tests in the component's namespace that failed: Jobs and pods with Helm's test hook, or with ``labels``.

    A test that began before there was a ReplicaSet of what runs now tested another release and isn't counted; one that
    hasn't ended may still fail.
    """
    asked = needed(component, "release.failed_tests")
    kube = await scene.kube()
    labels = str(parameters["labels"] or "")
    lists = await asyncio.gather(*(kube.list(path_of(kind, asked.namespace), labels=labels) for kind in _KINDS))
    # A Job's own pods are part of it.
    found = {
        f"{kind.removesuffix('s')}/{one['metadata']['name']}": one
        for kind, items in zip(_KINDS, lists, strict=True)
        for one in items
        if (labels or _is_test(one)) and not _of_job(one)
    }
    released = await _released(scene, asked)
    results = {name: _result(one) for name, one in found.items() if _began(one) >= released}
    where = f"tests of {asked.workload} in namespace {asked.namespace}"
    old = [name for name in found if name not in results]
    evidence = {"released": released.isoformat(), "results": results, "of_an_earlier_release": old}
    if not results:
        problem = "no test has run since the newest release" if found else "there is no test of a release"
        return scene.unseen(Dimension.COUNT, where, problem, remedy="run `helm test`", evidence=evidence)
    failed = sum(result == "failed" for result in results.values())
    pending = sum(result == "running" for result in results.values())
    remedy = f"wait for {pending} tests to end" if pending else ""
    return scene.seen(
        Dimension.COUNT,
        where,
        failed,
        low=failed,
        high=failed + pending,
        samples=len(results) - pending,
        remedy=remedy,
        evidence=evidence,
    )


def _is_test(one: Object) -> bool:
    hooks = (one["metadata"].get("annotations") or {}).get(_HOOK, "")
    return not _TESTS.isdisjoint(hook.strip() for hook in hooks.split(","))


def _of_job(one: Object) -> bool:
    return any(ref["kind"] == "Job" for ref in one["metadata"].get("ownerReferences") or ())


def _began(one: Object) -> datetime:
    return datetime.fromisoformat(one["metadata"]["creationTimestamp"])


def _result(one: Object) -> str:
    status = one.get("status") or {}
    ended = {c["type"] for c in status.get("conditions") or () if c["status"] == "True"}
    if status.get("phase") == "Failed" or "Failed" in ended:
        return "failed"
    return "passed" if status.get("phase") == "Succeeded" or "Complete" in ended else "running"


async def _released(scene: Scene, component: Component) -> datetime:
    """When there first was a ReplicaSet of what runs now; for a workload without any, when that was created.

    A restart makes a new ReplicaSet of the same release, and so does going back to an earlier one.
    """
    one = await workload(scene, component)
    kube = await scene.kube()
    sets = await kube.list(path_of("replicasets", component.namespace), labels=selector_text(one["spec"]["selector"]))
    own = [each for each in sets if any(r["uid"] == one["metadata"]["uid"] for r in _owners(each))]
    same = [each for each in own if _release(each) == _release(one)]
    return min((_began(each) for each in same), default=max(map(_began, own), default=_began(one)))


def _release(one: Object) -> Object:
    """The pod template without what a restart and the ReplicaSet's controller write into it."""
    template = (one.get("spec") or {}).get("template") or {}
    meta = template.get("metadata") or {}
    labels = {key: value for key, value in (meta.get("labels") or {}).items() if key != "pod-template-hash"}
    notes = {key: value for key, value in (meta.get("annotations") or {}).items() if key != _RESTARTED}
    return {"spec": template.get("spec"), "labels": labels, "annotations": notes}


def _owners(one: Object) -> list[Object]:
    return list(one["metadata"].get("ownerReferences") or ())
