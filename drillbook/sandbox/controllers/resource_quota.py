"""ResourceQuota: ``status.used``, kept current for whoever looks. Refusing what is too much is admission's part."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from drillbook.sandbox.controllers.controller import Controller, Key, own_key
from drillbook.sandbox.controllers.pods import is_terminating
from drillbook.sandbox.kinds import POD, RESOURCE_QUOTA, Object
from drillbook.sandbox.quota import COUNTABLE, used_by
from drillbook.sandbox.store import Change

LOOK_AGAIN: Final = 30.0
"""Seconds between looks while a pod is being deleted: at the end of its grace it stops counting, and nobody says so."""


class ResourceQuotas(Controller):
    """Counts again whenever something that a quota may count comes, goes or changes."""

    name = "resourcequota"
    watches = COUNTABLE

    def keys(self, change: Change) -> Iterable[Key]:
        if change.kind == RESOURCE_QUOTA and change.type != "DELETED":
            return [own_key(change.object), *self._of(change.namespace)]
        return self._of(change.namespace)

    def _of(self, namespace: str) -> list[Key]:
        return [own_key(quota) for quota in self.store.list(RESOURCE_QUOTA, namespace)]

    async def reconcile(self, key: Key) -> None:
        quota = self.store.get(RESOURCE_QUOTA, *key)
        if quota is None or is_terminating(quota):
            return
        hard = (quota.get("spec") or {}).get("hard") or {}
        used = used_by(self.store, quota)
        status: Object = {
            "hard": dict(hard),
            "used": {name: str(amount) for name, amount in sorted(used.items())},
        }
        self.store.mutate(RESOURCE_QUOTA, *key, lambda draft: draft.update(status=status))
        if any(is_terminating(pod) for pod in self.store.list(POD, key[0])):
            self.queue.add_after(key, LOOK_AGAIN)
