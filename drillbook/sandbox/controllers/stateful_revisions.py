"""The revisions of a StatefulSet's template, kept as ControllerRevision objects, so that it can be rolled back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from drillbook.sandbox.controllers.admission import create
from drillbook.sandbox.controllers.controller import controller_of, owner_reference
from drillbook.sandbox.controllers.labels import labels_of
from drillbook.sandbox.controllers.templates import template_hash
from drillbook.sandbox.kinds import CONTROLLER_REVISION, POD, Object
from drillbook.sandbox.store import Store

REVISION_LABEL: Final = "controller-revision-hash"


@dataclass(frozen=True, slots=True)
class Revisions:
    """Where a rolling update comes from and goes to."""

    current: str
    update: str
    current_template: Object | None


def keep(store: Store, stateful_set: Object) -> Revisions:
    """See that the present template has a revision, and forget those past the history limit that nobody needs."""
    namespace, name = stateful_set["metadata"]["namespace"], stateful_set["metadata"]["name"]
    template = stateful_set["spec"]["template"]
    update = f"{name}-{template_hash(template)}"
    owned = sorted(
        (
            found
            for found in store.list(CONTROLLER_REVISION, namespace)
            if (controller_of(found) or {}).get("uid") == stateful_set["metadata"]["uid"]
        ),
        key=lambda found: int(found["revision"]),
    )
    newest = int(owned[-1]["revision"]) if owned else 0
    mine = next((found for found in owned if found["metadata"]["name"] == update), None)
    if mine is None:
        meta = {
            "name": update,
            "namespace": namespace,
            "labels": labels_of({"metadata": template.get("metadata") or {}}) | {REVISION_LABEL: update},
            "ownerReferences": [owner_reference(stateful_set)],
        }
        data = {"spec": {"template": template | {"$patch": "replace"}}}
        owned.append(create(store, CONTROLLER_REVISION, {"metadata": meta, "data": data, "revision": newest + 1}))
    elif int(mine["revision"]) < newest:  # rolled back to: now it is the newest
        store.mutate(CONTROLLER_REVISION, namespace, update, lambda draft: draft.update(revision=newest + 1))
    current = str((stateful_set.get("status") or {}).get("currentRevision") or update)
    _forget(store, stateful_set, owned, {current, update})
    found = store.get(CONTROLLER_REVISION, namespace, current)
    kept = {k: v for k, v in found["data"]["spec"]["template"].items() if k != "$patch"} if found else None
    return Revisions(current, update, kept)


def _forget(store: Store, stateful_set: Object, owned: list[Object], needed: set[str]) -> None:
    namespace = stateful_set["metadata"]["namespace"]
    used = needed | {labels_of(pod).get(REVISION_LABEL, "") for pod in store.list(POD, namespace)}
    idle = [found for found in owned if found["metadata"]["name"] not in used]
    limit = int(stateful_set["spec"].get("revisionHistoryLimit", 10))
    for found in idle[: max(0, len(idle) - limit)]:
        store.remove(CONTROLLER_REVISION, namespace, found["metadata"]["name"])
