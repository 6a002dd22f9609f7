"""A Secret as a target: its content is kept in the cluster before it is broken, and put back from there.

Whatever made it meanwhile (cert-manager, an operator, a person who followed the runbook) is overruled by the undo: a
drill leaves what it found, its annotations too, so that nobody takes the old content for something new.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from drillbook.errors import DrillAborted, Refused
from drillbook.faults.fault import Aim, Candidate, Needs, PutBack, Target
from drillbook.faults.keeping import forget, keep, keep_permissions, kept, kept_name
from drillbook.faults.objects import target_of

if TYPE_CHECKING:
    from drillbook.clients.kube import Kube, Object, Permission

RETRY_SECONDS: Final = 0.2
_KEPT_META: Final = ("name", "labels", "annotations", "ownerReferences")


def secret_needs(aim: Aim, *verbs: str) -> Needs:
    """To break with those verbs, to keep, and to put back."""
    from drillbook.clients.kube import Permission

    namespace = aim.component.namespace

    def each(*names: str) -> tuple[Permission, ...]:
        return tuple(Permission(verb, "secrets", "", namespace) for verb in names)

    keeping = keep_permissions(namespace)
    return Needs((*each("get", *verbs), *keeping), (*each("get", "create", "update"), *keeping))


async def read_secret_object(kube: Kube, namespace: str, name: str) -> Object:
    """The Secret. Raises Refused where there is none."""
    from drillbook.clients.kube import path_of

    found = await kube.find(path_of("secrets", namespace, name))
    if found is None:
        raise Refused(f"there is no Secret {namespace}/{name}")
    return found


async def secret_candidate(kube: Kube, namespace: str, name: str) -> tuple[Candidate, ...]:
    """The Secret, which takes no pod along."""
    found = await read_secret_object(kube, namespace, name)
    why = "is immutable" if found.get("immutable") else ""
    return (Candidate(target_of("Secret", found), why, pods=0),)


async def keep_secret(kube: Kube, fault: str, target: Target, **more: Any) -> Object:
    """Keep what it holds now, with ``more`` that an undo must know; returns it. Raises Refused."""
    found = await read_secret_object(kube, target.namespace, target.name)
    if found["metadata"]["uid"] != target.uid:
        raise Refused(f"{target} is another object than was chosen")
    meta = {key: found["metadata"][key] for key in _KEPT_META if key in found["metadata"]}
    document = {"metadata": meta, "type": found.get("type", "Opaque"), "data": found.get("data") or {}, **more}
    await keep(kube, target.namespace, kept_name(fault, target), document)
    return found


def secret_put_back(fault: str, target: Target) -> PutBack:
    """Names only: what they hold is kept by the injection."""
    return {"namespace": target.namespace, "secret": target.name, "uid": target.uid, "kept": kept_name(fault, target)}


async def restore_secret(kube: Kube, put_back: PutBack, seconds: float) -> Object | None:
    """The Secret with its old content; what was kept, or None where nothing was broken. Safe twice.

    What was kept stays kept: whoever has more to put back forgets it after that.
    """
    from drillbook.clients.kube import ApiRefusal, path_of

    namespace, name = str(put_back["namespace"]), str(put_back["secret"])
    document: Object | None = await kept(kube, namespace, str(put_back["kept"]))
    if document is None:
        return None
    wanted: Object = {"apiVersion": "v1", "kind": "Secret", "type": document["type"], "data": document["data"]}
    wanted["metadata"] = document["metadata"]
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while True:
        found = await kube.find(path_of("secrets", namespace, name))
        if found is not None and _same(found, wanted):
            return document
        try:
            if found is None:
                await kube.create(path_of("secrets", namespace), wanted)
            else:
                meta = {**wanted["metadata"], "uid": found["metadata"]["uid"]}
                meta["resourceVersion"] = found["metadata"]["resourceVersion"]
                await kube.replace(path_of("secrets", namespace, name), {**wanted, "metadata": meta})
        except ApiRefusal as refused:
            # Somebody else was faster, such as a controller that makes it anew: look again.
            if refused.code not in {404, 409}:
                raise
        if loop.time() > deadline:
            raise DrillAborted(f"Secret {namespace}/{name} is changed again and again: it could not be put back")
        await asyncio.sleep(RETRY_SECONDS)


async def is_restored(kube: Kube, put_back: PutBack, document: Object) -> bool:
    """Whether the Secret holds what was kept. Read-only."""
    from drillbook.clients.kube import path_of

    found = await kube.find(path_of("secrets", str(put_back["namespace"]), str(put_back["secret"])))
    return found is not None and _same(found, document)


async def forget_secret(kube: Kube, put_back: PutBack) -> None:
    """Everything is put back: keep it no longer."""
    await forget(kube, str(put_back["namespace"]), str(put_back["kept"]))


def _same(found: Object, wanted: Object) -> bool:
    meta, old = found["metadata"], wanted["metadata"]
    same_meta = all((meta.get(key) or {}) == (old.get(key) or {}) for key in ("labels", "annotations"))
    return same_meta and (found.get("data") or {}) == wanted["data"]
