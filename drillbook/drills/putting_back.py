"""What a procedure changes on purpose, put back when the drill is over: a drill leaves no trace, whatever it practised.

Somebody who scales by the runbook wants more pods; who drills it wants what was there before. So before anything is
broken the journal also gets the replicas and the revision of every workload that the procedure says it changes, the
other objects (``kept_objects``), and which nodes took pods where it cordons one. A restart isn't undone: it left the
same thing running. Neither are certificates and Secrets, whose new ones are as good as the old ones, nor what is in a
database.

Putting back and waiting are apart: everything is set first, and only then pods are waited for, which may need it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Final

from drillbook.drills import kept_objects
from drillbook.drills.residue import ANY
from drillbook.drills.steps.workloads import REVISION as ROLL_OUTS
from drillbook.faults.fault import Aim, PutBack
from drillbook.faults.node_drain import open_again
from drillbook.faults.templates import KINDS, see_template, set_template, template_needs, template_put_back
from drillbook.faults.workloads import read_workload, set_replicas, wait_ready, workload_path
from drillbook.model.policy import Component, Workload

if TYPE_CHECKING:
    from drillbook.clients.kube import Kube, Permission

REPLICAS: Final = "spec.replicas"
TEMPLATE: Final = "spec.template"
LEFT: Final = "spec.template.metadata.annotations"
"""What a restart changes in a template, and nobody minds."""
REVISION: Final = f"metadata.annotations.{ROLL_OUTS}"
"""The platform counts its roll-outs, those of an undo too."""
_WORDS: Final = {kind: word for word, kind in KINDS.items()}

type Changes = Mapping[tuple[str, str, str], Collection[str]]
"""The fields that a procedure changes, by kind, namespace and name of the object."""


async def keep(kube: Kube, changes: Changes) -> tuple[PutBack, ...]:
    """What is there now of all that the procedure is going to change: JSON, and never a secret. Read-only."""
    from drillbook.clients.kube import path_of

    kept: list[PutBack] = []
    objects: list[PutBack] = []
    for (kind, namespace, name), fields in changes.items():
        workload = Workload(_WORDS[kind], name) if kind in _WORDS else None
        there = workload is not None and await kube.find(workload_path(workload, namespace)) is not None
        if workload is not None and there and _template(fields):
            kept.append({"what": "template", **await template_put_back(kube, _aim(workload, namespace))})
        elif workload is not None and there and REPLICAS in fields:
            replicas = (await read_workload(kube, workload, namespace)).replicas
            named = {"kind": workload.kind, "namespace": namespace, "name": name}
            kept.append({"what": "replicas", **named, "replicas": replicas})
        if _as_object(kind, fields):
            objects.append(await kept_objects.keep_object(kube, kind, namespace, name))
    if _cordons(changes):
        # Every node that takes new pods: one that was cordoned before stays as somebody wanted it.
        nodes = await kube.list(path_of("nodes"))
        open_ = {n["metadata"]["name"]: n["metadata"]["uid"] for n in nodes if not n["spec"].get("unschedulable")}
        objects.append({"what": "nodes", "nodes": open_})
    # Put back from the end: new pods must find their settings and nodes as they were.
    return (*kept, *objects)


async def seal(kube: Kube, kept: Collection[PutBack]) -> None:
    """What the journal must not hold is kept beside it; once it is written down, and before anything is changed."""
    for one in kept:
        if one["what"] == kept_objects.WHAT:
            await kept_objects.seal(kube, one)


async def put(kube: Kube, one: PutBack) -> str:
    """Set it as it was kept and wait for nothing; returns what was done. Safe twice. Raises DrillbookError."""
    match one["what"]:
        case "template":
            changed = await set_template(kube, one)
            return f"{one['kind']}/{one['name']} has its template again: {', '.join(changed)}" if changed else ""
        case "replicas":
            return await _scale_back(kube, one)
        case "nodes":
            opened = await open_again(kube, one["nodes"])
            return f"{', '.join(opened)} takes new pods again" if opened else ""
        case _:
            return await kept_objects.put_object(kube, one)


async def see_back(kube: Kube, one: PutBack, seconds: float) -> None:
    """Wait for the pods of what was set, as many as its spec asks for by then: an autoscaler may want another number.

    Raises DrillAborted when they aren't Ready within ``seconds``.
    """
    if one["what"] == "template":
        await see_template(kube, one, seconds)
    elif one["what"] == "replicas":
        await wait_ready(kube, Workload(one["kind"], one["name"]), str(one["namespace"]), None, seconds)


def needs(changes: Changes) -> tuple[Permission, ...]:
    """What keeping and putting back take."""
    from drillbook.clients.kube import Permission

    wanted: list[Permission] = []
    for (kind, namespace, name), fields in changes.items():
        if kind in _WORDS and _template(fields):
            # Replicas are put back by the same verbs by which a step changes them.
            wanted += template_needs(_aim(Workload(_WORDS[kind], name), namespace)).to_repair
        if _as_object(kind, fields):
            wanted += kept_objects.object_needs(kind, namespace, fields)
    wanted += [Permission(verb, "nodes") for verb in ("get", "list", "patch") if _cordons(changes)]
    return tuple(dict.fromkeys(wanted))


def left(changes: Changes) -> Changes:
    """The fields that may still differ when everything is put back."""
    return {key: fields for key, changed in changes.items() if (fields := _left(key[0], changed))}


def _left(kind: str, fields: Collection[str]) -> Collection[str]:
    if kind in _WORDS:
        restarted = {one for one in fields if one.startswith((LEFT, REVISION))}
        return restarted | ({LEFT, REVISION} if _template(fields) else set())
    if kind in kept_objects.PUT_BACK:
        # What was deleted is another object with the same content.
        return {"metadata.uid"} if ANY in fields else set()
    return set() if kind == "Node" else fields


def _template(fields: Collection[str]) -> bool:
    return any(one == ANY or (one.startswith(TEMPLATE) and not one.startswith(LEFT)) for one in fields)


def _as_object(kind: str, fields: Collection[str]) -> bool:
    """Whether something else of it may be changed than what workloads and nodes have of their own."""
    if kind in kept_objects.WORKLOADS:
        return any(one == ANY or (one.startswith("metadata.") and one != REVISION) for one in fields)
    return kind in kept_objects.PUT_BACK and bool(fields)


def _cordons(changes: Changes) -> bool:
    return any(kind == "Node" for kind, _, _ in changes)


def _aim(workload: Workload, namespace: str) -> Aim:
    return Aim(Component(workload.name, namespace, workload))


async def _scale_back(kube: Kube, one: PutBack) -> str:
    workload, namespace, replicas = Workload(one["kind"], one["name"]), str(one["namespace"]), int(one["replicas"])
    if (await read_workload(kube, workload, namespace)).replicas == replicas:
        return ""
    await set_replicas(kube, workload, namespace, replicas)
    return f"{workload} is scaled back to {replicas}"
