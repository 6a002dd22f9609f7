"""The name of a component doesn't resolve any more, while the component itself is well.

Where Chaos Mesh is installed, its DNSChaos does that for the pods that ask. Elsewhere the Service is deleted, and made
again with the same address: a name is gone when its Service is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, ClassVar, Final

from drillbook.errors import DrillbookError, Refused
from drillbook.faults.creating import Kind, create, remove, served
from drillbook.faults.fault import Aim, Candidate, Fault, Landing, Needs, PutBack, Target, Traces
from drillbook.faults.places import Place, exec_permissions, place_in, shell
from drillbook.faults.services import service_candidates, service_of, service_permissions, wait_addresses
from drillbook.faults.settings import Setting
from drillbook.faults.workloads import PLURALS, is_ready, workload_of

if TYPE_CHECKING:
    from drillbook.clients.kube import Kube, Object

DNS_CHAOS: Final = Kind("DNSChaos", "dnschaos", "chaos-mesh.org", "v1alpha1")
_ASK: Final = 'command -v getent >/dev/null || exit 77; getent hosts "$1" >/dev/null'
_MOST_ASKED: Final = 8


class DnsFailing(Fault):
    """Takes a name away."""

    name = "dns-failing"
    about = "The name of a component doesn't resolve any more."
    settings: ClassVar = {
        "seconds": Setting(300, "how long it lasts if nobody ends it; by Chaos Mesh only", low=1, high=3600, unit="s")
    }

    def needs(self, aim: Aim) -> Needs:
        from drillbook.clients.kube import Permission

        namespace, plural = aim.component.namespace, PLURALS[workload_of(aim.component).kind]
        chaos = [Permission(v, "dnschaos", "chaos-mesh.org", namespace) for v in ("create", "get", "delete")]
        look = (Permission("get", plural, "apps", namespace), *exec_permissions(namespace))
        both = (*service_permissions(namespace, "get", "create", "delete"), *chaos)
        return Needs((*look, *both), both)

    async def how(self, kube: Kube, aim: Aim) -> str:
        service = await service_of(kube, aim)
        place, name = await _asker(kube, aim), service["metadata"]["name"]
        if await served(kube, DNS_CHAOS):
            return f"Chaos Mesh makes it: DNSChaos {_name(aim)} for the name {name}; it is looked for from {place}"
        if service["spec"].get("type") == "LoadBalancer":
            raise Refused(
                f"this cluster has no DNSChaos, so Service {name} would be deleted and made again: expected one whose "
                "address comes back, found type LoadBalancer, which would get another from outside; install Chaos Mesh"
            )
        return (
            f"this cluster has no DNSChaos: Service {name} is deleted, and made again with the address "
            f"{service['spec'].get('clusterIP')}; it is looked for from {place}"
        )

    async def candidates(self, kube: Kube, aim: Aim) -> tuple[Candidate, ...]:
        return await service_candidates(kube, aim)

    async def put_back(self, kube: Kube, aim: Aim) -> PutBack:
        found = await service_of(kube, aim)
        meta, namespace = found["metadata"], aim.component.namespace
        kept = {key: meta[key] for key in ("name", "labels", "annotations", "ownerReferences") if key in meta}
        return {
            "namespace": namespace,
            "service": {"apiVersion": "v1", "kind": "Service", "metadata": kept, "spec": found["spec"]},
            "created": _name(aim),
            "asker": asdict(await _asker(kube, aim)),
        }

    async def inject(self, kube: Kube, aim: Aim, targets: Sequence[Target]) -> tuple[Target, ...]:
        from drillbook.clients.kube import path_of

        chaos, namespace = await served(kube, DNS_CHAOS), aim.component.namespace
        for target in targets:
            if chaos:
                await create(kube, DNS_CHAOS, self.name, namespace, _name(aim), {"spec": _spec(aim, target.name)})
            else:
                await kube.delete(path_of("services", namespace, target.name), uid=target.uid)
        return tuple(targets)

    async def landed(self, kube: Kube, aim: Aim, targets: Sequence[Target], before: PutBack) -> Landing:
        if not targets:
            return Landing(False)
        resolves = {t.name: await _resolves(kube, Place(**before["asker"]), t.name) for t in targets}
        return Landing(not any(resolves.values()), {"resolves": resolves})

    async def undo(self, kube: Kube, put_back: PutBack, seconds: float) -> str:
        from drillbook.clients.kube import path_of

        namespace, service = str(put_back["namespace"]), dict(put_back["service"])
        if await served(kube, DNS_CHAOS):
            await remove(kube, DNS_CHAOS, self.name, namespace, str(put_back["created"]), seconds)
        name = str(service["metadata"]["name"])
        found = await kube.find(path_of("services", namespace, name))
        if found is None:
            await kube.create(path_of("services", namespace), service)
        count = await wait_addresses(kube, namespace, name, 1, seconds)
        return f"Service {name} {'is made again' if found is None else 'is there'}, and leads to {count} ready pods"

    def traces(self, aim: Aim, before: PutBack) -> Traces:
        """A Service that was made again is another object with the same content."""
        return {("Service", aim.component.namespace, aim.component.service or ""): ("metadata.uid",)}


def _name(aim: Aim) -> str:
    return f"drillbook-dns-failing-{aim.component.id}"


def _spec(aim: Aim, service: str) -> Object:
    return {
        "action": "error",
        "mode": "all",
        "patterns": [f"{service}*"],
        "selector": {"namespaces": [aim.component.namespace]},
        "duration": f"{aim.settings['seconds']}s",
    }


async def _asker(kube: Kube, aim: Aim) -> Place:
    """A pod in which the name resolves now. Read-only; raises Refused."""
    from drillbook.clients.kube import path_of

    namespace, name = aim.component.namespace, aim.component.service or ""
    pods = [pod for pod in await kube.list(path_of("pods", namespace)) if is_ready(pod)]
    for place in [place for pod in pods if (place := place_in(pod))][:_MOST_ASKED]:
        if await _resolves(kube, place, name):
            return place
    raise Refused(f"no pod in namespace {namespace} was seen to resolve {name!r} (it takes a shell with getent)")


async def _resolves(kube: Kube, place: Place, name: str) -> bool:
    try:
        return (await shell(kube, place, _ASK, name)).exit_code == 0
    except DrillbookError:
        return False
