"""What a procedure changes on purpose, put back when the drill is over: a drill leaves no trace, whatever it practised.

Somebody who scales by the runbook wants more pods; who drills it wants what was there before. So before anything is
broken the journal also gets the replicas and the revision of every workload that the procedure says it changes, its
autoscalers and settings, and which nodes took pods where it cordons one. A restart isn't undone: it left the same thing
running. Neither are certificates and Secrets, whose new ones are as good as the old ones, nor what is in a database.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from drillbook.drills.residue import ANY
from drillbook.drills.steps.objects import PLURALS, permission
from drillbook.drills.steps.workloads import KINDS
from drillbook.faults.fault import Aim, PutBack
from drillbook.faults.node_drain import open_again
from drillbook.faults.templates import restore_template, template_needs, template_put_back
from drillbook.faults.workloads import read_workload, set_replicas, wait_ready
from drillbook.model.policy import Component, Policy, Workload

if TYPE_CHECKING:
    from drillbook.clients.kube import Kube, Permission

PARTS: Final = {"ConfigMap": "data", "HorizontalPodAutoscaler": "spec"}
"""The objects beside workloads that are put back, and the part of each that people decide."""
REPLICAS: Final = "spec.replicas"
TEMPLATE: Final = "spec.template"
LEFT: Final = "spec.template.metadata.annotations"
"""What a restart changes in a template, and nobody minds."""

type Changes = Mapping[tuple[str, str, str], Collection[str]]
"""The fields that a procedure changes, by kind, namespace and name of the object."""


async def keep(kube: Kube, policy: Policy, changes: Changes) -> tuple[PutBack, ...]:
    """What is there now of all that the procedure is going to change: JSON, and never a secret."""
    from drillbook.clients.kube import path_of

    kept: list[PutBack] = []
    for component, fields in _workloads(policy, changes):
        if _template(fields):
            kept.append({"what": "template", **await template_put_back(kube, Aim(component))})
        elif (workload := component.workload) is not None:
            replicas = (await read_workload(kube, workload, component.namespace)).replicas
            kept.append({"what": "replicas", **_named(component, workload), "replicas": replicas})
    for kind, namespace, name in _objects(changes):
        found = await kube.find(_path(kind, namespace, name))
        part = None if found is None else found.get(PARTS[kind])
        kept.append({"what": kind, "namespace": namespace, "name": name, "part": part})
    if _cordons(changes):
        # Every node that takes new pods: one that was cordoned before stays as somebody wanted it.
        nodes = await kube.list(path_of("nodes"))
        open_ = {n["metadata"]["name"]: n["metadata"]["uid"] for n in nodes if not n["spec"].get("unschedulable")}
        kept.append({"what": "nodes", "nodes": open_})
    return tuple(kept)


async def restore(kube: Kube, kept: Iterable[PutBack], seconds: float) -> str:
    """Everything as it was kept; returns what was done. Safe twice. Raises DrillbookError where it can't be done."""
    done = [await _restore(kube, one, seconds) for one in kept]
    return ", ".join(filter(None, done))


def needs(policy: Policy, changes: Changes) -> tuple[Permission, ...]:
    """What keeping and restoring take."""
    from drillbook.clients.kube import Permission

    wanted: list[Permission] = []
    for component, fields in _workloads(policy, changes):
        # Replicas are put back by the same verbs by which a step changes them.
        wanted += template_needs(Aim(component)).to_repair if _template(fields) else ()
    for kind, namespace, name in _objects(changes):
        verbs = ("get", "patch", "create", "delete") if ANY in changes[kind, namespace, name] else ("get", "patch")
        wanted += [permission(verb, kind, namespace) for verb in verbs]
    wanted += [Permission(verb, "nodes") for verb in ("get", "list", "patch") if _cordons(changes)]
    return tuple(dict.fromkeys(wanted))


def _workloads(policy: Policy, changes: Changes) -> list[tuple[Component, Collection[str]]]:
    """Each workload once, as one of its components, that is scaled or gets another template."""
    found: dict[tuple[str, str, str], Component] = {}
    for component in policy.components.values():
        workload = component.workload
        if workload is not None and workload.kind in KINDS:
            found.setdefault((KINDS[workload.kind], component.namespace, workload.name), component)
    named = [(found[key], fields) for key, fields in changes.items() if key in found]
    return [(component, fields) for component, fields in named if _template(fields) or REPLICAS in fields]


def _template(fields: Collection[str]) -> bool:
    return any(one == ANY or (one.startswith(TEMPLATE) and not one.startswith(LEFT)) for one in fields)


def _cordons(changes: Changes) -> bool:
    return any(kind == "Node" for kind, _, _ in changes)


def _objects(changes: Changes) -> list[tuple[str, str, str]]:
    return [key for key in changes if key[0] in PARTS]


def _named(component: Component, workload: Workload) -> dict[str, str]:
    return {"kind": workload.kind, "namespace": component.namespace, "name": workload.name}


async def _restore(kube: Kube, one: PutBack, seconds: float) -> str:
    match one["what"]:
        case "template":
            return await restore_template(kube, one, seconds)
        case "replicas":
            return await _scale_back(kube, one, seconds)
        case "nodes":
            opened = await open_again(kube, one["nodes"])
            return f"{', '.join(opened)} takes new pods again" if opened else ""
        case _:
            return await _put_object_back(kube, one)


async def _scale_back(kube: Kube, one: PutBack, seconds: float) -> str:
    workload, namespace, replicas = Workload(one["kind"], one["name"]), str(one["namespace"]), int(one["replicas"])
    if (await read_workload(kube, workload, namespace)).replicas == replicas:
        return ""
    await set_replicas(kube, workload, namespace, replicas)
    # As many as its spec asks for: an autoscaler may want another number by now, and is right.
    await wait_ready(kube, workload, namespace, None, seconds)
    return f"{workload} is scaled back to {replicas}"


async def _put_object_back(kube: Kube, one: PutBack) -> str:
    kind, namespace, name = str(one["what"]), str(one["namespace"]), str(one["name"])
    part, path, key = one["part"], _path(kind, namespace, name), PARTS[kind]
    found = await kube.find(path)
    if part is None:
        if found is None:
            return ""
        await kube.delete(path, uid=found["metadata"]["uid"])
        return f"{kind} {name} is gone again"
    if found is None:
        body: dict[str, Any] = {"metadata": {"name": name, "namespace": namespace}, key: part}
        await kube.create(_path(kind, namespace), {**_version(kind), **body})
        return f"{kind} {name} is there again"
    if found.get(key) == part:
        return ""
    await kube.patch(path, [{"op": "add", "path": f"/{key}", "value": part}])
    return f"{kind} {name} is as it was"


def _version(kind: str) -> dict[str, str]:
    return {"apiVersion": "v1" if kind == "ConfigMap" else "autoscaling/v2", "kind": kind}


def _path(kind: str, namespace: str, name: str | None = None) -> str:
    from drillbook.clients.kube import path_of

    return path_of(PLURALS[kind], namespace, name)
