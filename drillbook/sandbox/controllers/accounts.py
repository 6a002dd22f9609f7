"""What every namespace has from the start: a default ServiceAccount and the run's CA certificate."""

from __future__ import annotations

from collections.abc import Iterable

from drillbook.sandbox.api.account_volumes import ROOT_CA
from drillbook.sandbox.controllers.admission import create
from drillbook.sandbox.controllers.controller import Controller, Key
from drillbook.sandbox.controllers.pods import is_terminating
from drillbook.sandbox.kinds import CONFIG_MAP, NAMESPACE, SERVICE_ACCOUNT
from drillbook.sandbox.store import Change


class Accounts(Controller):
    """Puts them back when they are deleted, too."""

    name = "accounts"
    watches = (NAMESPACE, SERVICE_ACCOUNT, CONFIG_MAP)

    def keys(self, change: Change) -> Iterable[Key]:
        if change.kind is NAMESPACE:
            return [("", change.name)]
        ours = {SERVICE_ACCOUNT: "default", CONFIG_MAP: ROOT_CA}[change.kind]
        return [("", change.namespace)] if change.type == "DELETED" and change.name == ours else []

    async def reconcile(self, key: Key) -> None:
        name = key[1]
        namespace = self.store.get(NAMESPACE, "", name)
        if namespace is None or is_terminating(namespace):
            return
        if self.store.get(SERVICE_ACCOUNT, name, "default") is None:
            create(self.store, SERVICE_ACCOUNT, {"metadata": {"name": "default", "namespace": name}})
        if self.store.get(CONFIG_MAP, name, ROOT_CA) is None:
            data = {"ca.crt": self.cluster.authority.pem.decode()}
            create(self.store, CONFIG_MAP, {"metadata": {"name": ROOT_CA, "namespace": name}, "data": data})
