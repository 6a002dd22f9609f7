"""What stands between pods right now: injected faults and NetworkPolicies. The balancers ask it, nobody else decides.

While there is neither, ``active`` is False and nobody asks anything. A change is told to all balancers, so that open
connections feel it, too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol
from weakref import WeakSet

from drillbook.sandbox.kinds import NAMESPACE, POD, Object
from drillbook.sandbox.network.injection import Injection
from drillbook.sandbox.network.peers import HOST, Peers, Processes
from drillbook.sandbox.network.policies import allowed, selects, types_of
from drillbook.sandbox.network.sockets import Address
from drillbook.sandbox.network.treatment import BLOCKED, FREE, Treatment
from drillbook.sandbox.store import Store


class Judged(Protocol):
    """Something with connections."""

    def judge_again(self) -> None: ...


class Guard:
    """Knows the rules, the pods and their addresses."""

    def __init__(self, store: Store, processes: Processes) -> None:
        self.peers = Peers(processes)
        self.active = False
        self._store = store
        self._injections: dict[str, Injection] = {}
        self._policies: Sequence[Object] = ()
        self._judged: WeakSet[Judged] = WeakSet()
        self._listeners: list[Callable[[], None]] = []
        self._change = asyncio.Event()
        self._pods: tuple[int, dict[str, Object], dict[str, Object]] = (-1, {}, {})

    def watch(self, judged: Judged) -> None:
        """Tell this one of every change, for as long as it lives."""
        self._judged.add(judged)

    def on_change(self, listener: Callable[[], None]) -> None:
        """Call this after every change, when all connections know."""
        self._listeners.append(listener)

    def inject(self, cause: str, injection: Injection) -> None:
        """A fault begins, or is another one now."""
        if self._injections.get(cause) != injection:
            self._injections[cause] = injection
            self._changed()

    def recover(self, cause: str) -> None:
        """A fault is over; one that never was is fine."""
        if self._injections.pop(cause, None) is not None:
            self._changed()

    def enforce(self, policies: Sequence[Object]) -> None:
        """These NetworkPolicies hold. Called again when the labels that they look at have changed."""
        if policies or self._policies:
            self._policies = tuple(policies)
            self._changed()

    async def change(self) -> None:
        """Wait for the next change."""
        await self._change.wait()

    def pod_of(self, local: Address, remote: Address) -> str:
        """The uid of the pod that has the socket ``local`` connected with ``remote``; HOST when none has."""
        return self.peers.pod_of(local, remote)

    def ways(self, client: str, endpoint: Address) -> tuple[Treatment, Treatment]:
        """From the pod ``client`` (by uid, or HOST) to an endpoint, and back."""
        by_uid, by_address = self._index()
        server = by_address.get(endpoint[0])
        server_uid = str(server["metadata"]["uid"]) if server else HOST
        asking = by_uid.get(client)
        # What the machine itself sends counts as the node's traffic, which no policy keeps from its pods.
        if asking is not None and not allowed(self._policies, self._namespace_labels, asking, server, endpoint[1]):
            return BLOCKED, BLOCKED
        forth = back = FREE
        for injection in self._injections.values():
            forth += injection.on_way(client, server_uid)
            back += injection.on_way(server_uid, client)
        return forth, back

    def causes_between(self, one: str, other: str) -> list[str]:
        """The causes of all that was injected between two pods, in either direction."""
        return [
            cause
            for cause, injection in self._injections.items()
            if injection.on_way(one, other) != FREE or injection.on_way(other, one) != FREE
        ]

    def pod_at(self, address: str) -> Object | None:
        """The pod that has this address."""
        return self._index()[1].get(address)

    def pod_with(self, uid: str) -> Object | None:
        """The pod that has this uid."""
        return self._index()[0].get(uid)

    def concerned(self) -> Mapping[str, Object]:
        """The pods, by address, that something may stand before: nobody should pass the balancer by to reach them."""
        if not self.active:
            return {}
        by_uid, by_address = self._index()
        everybody = any(injection.reaches_everybody for injection in self._injections.values()) or any(
            "Egress" in types_of(policy) and any(selects(policy, pod) for pod in by_uid.values())
            for policy in self._policies
        )
        if everybody:
            return by_address
        named = frozenset().union(*(injection.pods for injection in self._injections.values()))
        return {
            address: pod
            for address, pod in by_address.items()
            if pod["metadata"]["uid"] in named or any(selects(policy, pod) for policy in self._policies)
        }

    def _namespace_labels(self, name: str) -> Mapping[str, str]:
        namespace = self._store.get(NAMESPACE, "", name)
        labels = dict((namespace or {"metadata": {}})["metadata"].get("labels") or {})
        return {"kubernetes.io/metadata.name": name} | labels

    def _index(self) -> tuple[dict[str, Object], dict[str, Object]]:
        """Pods by uid and by address, as of now. A pod with its node's own address can't be told from the node."""
        version, by_uid, by_address = self._pods
        if version != self._store.version:
            by_uid = {str(pod["metadata"]["uid"]): pod for pod in self._store.list(POD)}
            by_address = {
                str(status["podIP"]): pod
                for pod in by_uid.values()
                if (status := pod.get("status") or {}).get("podIP")
                and status.get("phase") not in {"Succeeded", "Failed"}
                and not pod["spec"].get("hostNetwork")
            }
            self._pods = (self._store.version, by_uid, by_address)
        return by_uid, by_address

    def _changed(self) -> None:
        self.active = bool(self._injections or self._policies)
        self._change.set()
        self._change.clear()
        for judged in list(self._judged):
            judged.judge_again()
        for listener in self._listeners:
            listener()
