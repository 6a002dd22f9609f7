"""A namespace is lost: it is deleted, with everything that is in it.

Lock and journal of such a drill are in another namespace, and so is what the undo makes everything again from: all that
people put into the namespace, kept in a Secret there before anything is deleted. What was on the volumes of its claims
is gone for good. So outside of a sandbox a drill of it must say that the data is elsewhere.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Final

from drillbook.errors import DrillAborted, Refused
from drillbook.faults.fault import Aim, Candidate, Fault, Landing, Needs, PutBack, Target, Traces
from drillbook.faults.keeping import forget, keep, kept, kept_name
from drillbook.faults.objects import target_of
from drillbook.faults.rebuilding import content_of, is_issued, rebuild, see_ready
from drillbook.faults.settings import Setting
from drillbook.faults.workloads import is_going

if TYPE_CHECKING:
    from drillbook.clients.kube import Kube, Object

POLL_SECONDS: Final = 0.2
_SERVICE: Final = ("metadata", "spec.clusterIP", "spec.clusterIPs", "spec.ports")
_CLAIM: Final = ("metadata", "spec.volumeName")


class NamespaceLost(Fault):
    """Deletes the namespace of a component."""

    name = "namespace-lost"
    about = "A namespace is deleted, with everything that is in it."
    settings: ClassVar = {
        "data": Setting(
            "here",
            "where the data of its claims is: here, and lost with them, or elsewhere (in another place, or in a backup "
            "that the procedure restores)",
            choices=("here", "elsewhere"),
        )
    }
    destroys = True
    takes_namespace = True

    def needs(self, aim: Aim) -> Needs:
        from drillbook.clients.kube import Permission

        # Objects of every kind are read and made again, roles among them: only an administrator of the cluster may.
        everything = (Permission("*", "*", "*"),)
        return Needs(everything, everything)

    async def how(self, kube: Kube, aim: Aim) -> str:
        if not aim.home or aim.home == aim.component.namespace:
            raise Refused(f"namespace {aim.component.namespace} has no other beside it that keeps what it is made of")
        content = await content_of(kube, aim.component.namespace)
        claims = sum(one["body"]["kind"] == "PersistentVolumeClaim" for one in content)
        lost = f"; the data of its {claims} claims is gone for good" if claims else ""
        return (
            f"namespace {aim.component.namespace} is deleted, and made again from {len(content)} objects that are kept "
            f"in namespace {aim.home}{lost}"
        )

    async def candidates(self, kube: Kube, aim: Aim) -> tuple[Candidate, ...]:
        from drillbook.clients.kube import path_of

        found = await _namespace(kube, aim.component.namespace)
        if found is None:
            return ()
        pods = await kube.list(path_of("pods", aim.component.namespace))
        return (Candidate(target_of("Namespace", found), pods=max(1, len(pods))),)

    async def put_back(self, kube: Kube, aim: Aim) -> PutBack:
        namespace = aim.component.namespace
        found = await _namespace(kube, namespace)
        if found is None:
            raise Refused(f"namespace {namespace} is not there")
        content = await content_of(kube, namespace)
        return {
            "namespace": namespace,
            "uid": found["metadata"]["uid"],
            "home": aim.home,
            "kept": kept_name(self.name, target_of("Namespace", found)),
            "objects": [[one["body"]["kind"], one["body"]["metadata"]["name"]] for one in content],
            "issued": [one["body"]["metadata"]["name"] for one in content if is_issued(one["body"])],
        }

    async def inject(self, kube: Kube, aim: Aim, targets: Sequence[Target]) -> tuple[Target, ...]:
        from drillbook.clients.kube import path_of

        for target in targets:
            found = await _namespace(kube, target.name)
            if found is None or found["metadata"]["uid"] != target.uid:
                raise DrillAborted(f"{target} is not there any more")
            meta = {key: found["metadata"][key] for key in ("labels", "annotations") if key in found["metadata"]}
            content = await content_of(kube, target.name)
            await keep(kube, aim.home, kept_name(self.name, target), {"metadata": meta, "content": content})
            await kube.delete(path_of("namespaces", name=target.name), uid=target.uid)
        return tuple(targets)

    async def landed(self, kube: Kube, aim: Aim, targets: Sequence[Target], before: PutBack) -> Landing:
        found = await _namespace(kube, str(before["namespace"]))
        state = "gone" if found is None else "ending" if is_going(found) else "there"
        replaced = found is not None and found["metadata"]["uid"] != before["uid"]
        # While it is ending nothing can be made in it, and so nobody could begin to recover.
        return Landing(state == "gone" or replaced, {"namespace": state, "replaced": replaced})

    async def undo(self, kube: Kube, put_back: PutBack, seconds: float) -> str:
        namespace, home, name = (str(put_back[key]) for key in ("namespace", "home", "kept"))
        document = await kept(kube, home, name)
        if document is None:
            return f"namespace {namespace} is as it was"
        found = await _until_it_stays(kube, namespace, seconds)
        if found is not None and found["metadata"]["uid"] == put_back["uid"]:
            await forget(kube, home, name)
            return f"namespace {namespace} was not deleted"
        told = await _make_again(kube, namespace, document, found is None, seconds)
        await forget(kube, home, name)
        return told

    def traces(self, aim: Aim, before: PutBack) -> Traces:
        namespace = aim.component.namespace
        fields = {"Service": _SERVICE, "PersistentVolumeClaim": _CLAIM}
        made: dict[tuple[str, str, str], Sequence[str]] = {
            ("Namespace", "", namespace): ("metadata",),
            ("ConfigMap", namespace, "kube-root-ca.crt"): ("metadata",),
            ("ServiceAccount", namespace, "default"): ("metadata",),
            # Each claim is bound to another volume, whose name nobody knows before.
            ("PersistentVolume", "", "*"): ("*",),
        }
        made |= {(kind, namespace, name): fields.get(kind, ("metadata",)) for kind, name in before.get("objects", ())}
        return made | {("Secret", namespace, name): ("*",) for name in before.get("issued", ())}


async def _make_again(kube: Kube, namespace: str, document: Any, missing: bool, seconds: float) -> str:
    """The namespace with all that was in it, every workload ready."""
    from drillbook.clients.kube import path_of

    if missing:
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {**document["metadata"], "name": namespace}}
        await kube.create(path_of("namespaces"), body)
    else:
        # Whoever recovered it may have made it without the labels that it had.
        await kube.patch(path_of("namespaces", name=namespace), {"metadata": document["metadata"]})
    made, changed = await rebuild(kube, document["content"])
    if changed:
        # Pods that were started with other settings and Secrets go on with those.
        for pod in await kube.list(path_of("pods", namespace)):
            await kube.delete_pod(namespace, pod["metadata"]["name"], uid=pod["metadata"]["uid"])
    ready = await see_ready(kube, namespace, document["content"], seconds)
    return f"namespace {namespace} is there: {made} objects made, {changed} changed back, {ready} workloads ready"


async def _namespace(kube: Kube, namespace: str) -> Object | None:
    from drillbook.clients.kube import path_of

    return await kube.find(path_of("namespaces", name=namespace))


async def _until_it_stays(kube: Kube, namespace: str, seconds: float) -> Object | None:
    """The namespace, or None where it is gone; one that is ending is waited for. Raises DrillAborted."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while (found := await _namespace(kube, namespace)) is not None and is_going(found):
        if loop.time() > deadline:
            told = [c.get("message", "") for c in (found.get("status") or {}).get("conditions") or ()]
            raise DrillAborted(
                f"namespace {namespace} is still ending after {seconds:g} s: {'; '.join(told) or 'no reason'}"
            )
        await asyncio.sleep(POLL_SECONDS)
    return found
