"""Garbage collection by owner: what belongs to an object that is gone goes too, or is let go, as its deletion said."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Final

from drillbook.sandbox.cluster import Cluster
from drillbook.sandbox.controllers.controller import Controller, Key
from drillbook.sandbox.controllers.pods import delete, is_terminating
from drillbook.sandbox.kinds import EVENT, KINDS, Kind, Object
from drillbook.sandbox.status import ApiError
from drillbook.sandbox.store import Change

FOREGROUND: Final = "foregroundDeletion"
ORPHAN: Final = "orphan"
_OWNED_OR_OWNING: Final = tuple(kind for kind in KINDS if kind.stored_as is None and kind is not EVENT)

type _Place = tuple[Kind, str, str]


class GarbageCollector(Controller):
    """Keeps the graph of owners; its keys are uids."""

    name = "garbage-collector"
    watches = _OWNED_OR_OWNING

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(cluster)
        self._places: dict[str, _Place] = {}
        self._dependents: defaultdict[str, set[str]] = defaultdict(set)

    def keys(self, change: Change) -> Iterable[Key]:
        meta = change.object["metadata"]
        uid = meta["uid"]
        owners = {owner["uid"] for owner in meta.get("ownerReferences") or ()}
        before = {o["uid"] for o in ((change.before or {}).get("metadata") or {}).get("ownerReferences") or ()}
        for lost in before - owners if change.type != "DELETED" else before | owners:
            self._forget(lost, uid)
        if change.type == "DELETED":
            self._places.pop(uid, None)
            # Its dependents have lost an owner; its owners may be waiting for it to be gone.
            return [("", key) for key in {*self._dependents.pop(uid, ()), *owners}]
        self._places[uid] = (change.kind, change.namespace, change.name)
        for owner in owners:
            self._dependents[owner].add(uid)
        return [("", uid)] if owners or is_terminating(change.object) else []

    def _forget(self, owner: str, dependent: str) -> None:
        """An owner that has no dependent left, or is gone itself, leaves no trace."""
        dependents = self._dependents.get(owner, set())
        dependents.discard(dependent)
        if not dependents:
            self._dependents.pop(owner, None)

    async def reconcile(self, key: Key) -> None:
        uid = key[1]
        found = self._object(uid)
        if found is None:
            return
        kind, obj = found
        if is_terminating(obj):
            self._process_deletion(kind, obj)
        elif obj["metadata"].get("ownerReferences"):
            self._process_owners(kind, obj)

    def _process_deletion(self, kind: Kind, obj: Object) -> None:
        finalizers = obj["metadata"].get("finalizers") or ()
        dependents = [found for uid in self._dependents.get(obj["metadata"]["uid"], ()) if (found := self._object(uid))]
        if ORPHAN in finalizers:
            for dependent_kind, dependent in dependents:
                self._drop_owner(dependent_kind, dependent, {obj["metadata"]["uid"]})
            self._lift(kind, obj, ORPHAN)
        elif FOREGROUND in finalizers:
            blocking = False
            for dependent_kind, dependent in dependents:
                if not is_terminating(dependent):
                    self._delete_foreground(dependent_kind, dependent)
                owners = dependent["metadata"].get("ownerReferences") or ()
                blocking |= any(o["uid"] == obj["metadata"]["uid"] and o.get("blockOwnerDeletion") for o in owners)
            if not blocking or not dependents:
                self._lift(kind, obj, FOREGROUND)

    def _delete_foreground(self, kind: Kind, obj: Object) -> None:
        """What owns something itself waits in turn until that is gone."""

        def hold(draft: Object) -> None:
            draft["metadata"]["finalizers"] = [*(draft["metadata"].get("finalizers") or ()), FOREGROUND]

        meta = obj["metadata"]
        if self._dependents.get(meta["uid"]):
            self._change(kind, obj, hold)
        delete(self.store, kind, self.store.get(kind, meta.get("namespace", ""), meta["name"]) or obj)

    def _process_owners(self, kind: Kind, obj: Object) -> None:
        owners = obj["metadata"]["ownerReferences"]
        absent = {owner["uid"] for owner in owners if not self._exists(owner, obj["metadata"].get("namespace", ""))}
        if len(absent) == len(owners):
            delete(self.store, kind, obj)
        elif absent:
            self._drop_owner(kind, obj, absent)

    def _exists(self, owner: Object, namespace: str) -> bool:
        """Whether an owner is there; one of a kind that nobody serves is taken to be."""
        if owner["uid"] in self._places:
            return True
        served = {(kind.api_version, kind.name): kind for kind in KINDS}
        kind = served.get((owner.get("apiVersion", ""), owner.get("kind", "")))
        if kind is None:
            return True
        found = self.store.get(kind.storage, namespace if kind.namespaced else "", owner["name"])
        return found is not None and found["metadata"]["uid"] == owner["uid"]

    def _drop_owner(self, kind: Kind, obj: Object, uids: set[str]) -> None:
        def drop(draft: Object) -> None:
            left = [o for o in draft["metadata"].get("ownerReferences") or () if o["uid"] not in uids]
            draft["metadata"]["ownerReferences"] = left
            if not left:
                del draft["metadata"]["ownerReferences"]

        self._change(kind, obj, drop)

    def _lift(self, kind: Kind, obj: Object, finalizer: str) -> None:
        def lift(draft: Object) -> None:
            draft["metadata"]["finalizers"] = [f for f in draft["metadata"]["finalizers"] if f != finalizer]

        self._change(kind, obj, lift)

    def _change(self, kind: Kind, obj: Object, change: object) -> None:
        meta = obj["metadata"]
        try:
            self.store.mutate(kind, meta.get("namespace", ""), meta["name"], change)  # type: ignore[arg-type]
        except ApiError as error:
            if error.code != 404:  # it went meanwhile
                raise

    def _object(self, uid: str) -> tuple[Kind, Object] | None:
        place = self._places.get(uid)
        found = self.store.get(*place) if place else None
        return (place[0], found) if place and found is not None and found["metadata"]["uid"] == uid else None
