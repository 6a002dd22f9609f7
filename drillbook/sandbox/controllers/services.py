"""Service addresses: each Service without one gets a clusterIP of its own from the sandbox's network."""

from __future__ import annotations

from collections.abc import Iterable

from drillbook.sandbox.cluster import Cluster
from drillbook.sandbox.controllers.controller import Controller, Key, own_key
from drillbook.sandbox.kinds import SERVICE, Object
from drillbook.sandbox.network.addresses import AddressesExhausted
from drillbook.sandbox.status import ApiError
from drillbook.sandbox.store import Change


class ServiceAddresses(Controller):
    """Allocates and gives back clusterIPs."""

    name = "service-addresses"
    watches = (SERVICE,)

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(cluster)
        self._held: dict[Key, str] = {}

    def allocate(self, service: Object) -> str:
        """An address for a Service that is about to be created. ApiError 500 when none is left."""
        try:
            return self.cluster.addresses.services.take()
        except AddressesExhausted as error:
            raise ApiError(500, "InternalError", f"failed to allocate a serviceIP: {error}") from error

    def keys(self, change: Change) -> Iterable[Key]:
        return [own_key(change.object)]

    async def reconcile(self, key: Key) -> None:
        service = self.store.get(SERVICE, *key)
        address = _wanted(service)
        held = self._held.get(key)
        if held is not None and held != address:
            self.cluster.addresses.services.give_back(held)
            del self._held[key]
        if service is None or address == "None":
            return
        if address is None:
            address = self.allocate(service)
            self.store.mutate(SERVICE, *key, lambda draft: _give(draft, address))
        self.cluster.addresses.services.reserve(address)
        self._held[key] = address


def _wanted(service: Object | None) -> str | None:
    """The address that a Service has, ``None`` as a word for one that has none on purpose; None for one to be given."""
    if service is None or service["spec"].get("type") == "ExternalName":
        return "None"
    return service["spec"].get("clusterIP") or None


def _give(service: Object, address: str) -> None:
    service["spec"]["clusterIP"] = address
    service["spec"]["clusterIPs"] = [address]
