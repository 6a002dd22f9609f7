"""Namespace deletion: a namespace that is Terminating is emptied, and goes when nothing is left in it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from drillbook.sandbox.controllers.controller import Controller, Key
from drillbook.sandbox.controllers.pods import delete, is_terminating, with_condition
from drillbook.sandbox.custom import custom_kinds
from drillbook.sandbox.kinds import EVENT, KINDS, NAMESPACE, POD, Object
from drillbook.sandbox.store import Change

_CONTENT: Final = tuple(kind for kind in KINDS if kind.namespaced and kind.stored_as is None)

_LOOK_AGAIN: Final = 1.0


class Namespaces(Controller):
    """Empties namespaces. Pods go last among equals: what would make new ones goes before them."""

    name = "namespace"
    watches = (NAMESPACE, *(kind for kind in _CONTENT if kind is not EVENT))

    def keys(self, change: Change) -> Iterable[Key]:
        if change.kind is NAMESPACE:
            return [("", change.name)] if change.type != "DELETED" else []
        # Whatever happens in a namespace that is on its way out may be the last thing that it waits for.
        namespace = self.store.get(NAMESPACE, "", change.namespace)
        return [("", change.namespace)] if namespace is not None and is_terminating(namespace) else []

    async def reconcile(self, key: Key) -> None:
        name = key[1]
        namespace = self.store.get(NAMESPACE, "", name)
        if namespace is None or not is_terminating(namespace):
            return
        content = (*_CONTENT, *(kind for kind in custom_kinds(self.store) if kind.namespaced and not kind.stored_as))
        for kind in sorted(content, key=lambda kind: kind is POD):
            for obj in self.store.list(kind, name):
                if not is_terminating(obj):
                    delete(self.store, kind, obj)
        left = [(kind, len(found)) for kind in content if (found := self.store.list(kind, name))]
        if not left:
            self.store.remove(NAMESPACE, "", name)
            return
        told = ", ".join(f"{kind.resource} has {count} resource instances" for kind, count in left)

        def tell(draft: Object) -> None:
            status = draft.setdefault("status", {})
            status["phase"] = "Terminating"
            status["conditions"] = with_condition(
                status.get("conditions") or (),
                "NamespaceContentRemaining",
                "True",
                "SomeResourcesRemain",
                f"Some resources are remaining: {told}",
            )

        self.store.mutate(NAMESPACE, "", name, tell)
        # Changes of custom kinds are not watched, since those come and go: look again.
        self.queue.add_after(key, _LOOK_AGAIN)
