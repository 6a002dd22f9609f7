"""What a new pod names must be there: its ServiceAccount and its PriorityClass."""

from __future__ import annotations

from typing import Final

from drillbook.sandbox.kinds import POD, PRIORITY_CLASS, SERVICE_ACCOUNT, Object
from drillbook.sandbox.status import forbidden
from drillbook.sandbox.store import Store

BUILT_IN: Final = ("system-cluster-critical", "system-node-critical")
USUAL: Final = "default"
"""Every namespace gets this account; a pod that is faster than the account is let in."""


def check_references(store: Store, pod: Object) -> None:
    """ApiError 403 for a pod that names an account or a priority class that isn't there."""
    spec, meta = pod.get("spec") or {}, pod["metadata"]
    account, namespace = spec.get("serviceAccountName") or USUAL, meta.get("namespace", "")
    if account != USUAL and store.get(SERVICE_ACCOUNT, namespace, account) is None:
        why = f'error looking up service account {namespace}/{account}: serviceaccount "{account}" not found'
        raise forbidden(POD.resource, meta.get("name", ""), why)
    priority = spec.get("priorityClassName")
    if priority and priority not in BUILT_IN and store.get(PRIORITY_CLASS, "", priority) is None:
        raise forbidden(POD.resource, meta.get("name", ""), f"no PriorityClass with name {priority} was found")
