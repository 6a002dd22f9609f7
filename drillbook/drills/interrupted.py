"""Whether an earlier drill still waits for its undo: what it half changed would be taken for what was there before."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from drillbook.clock import SYSTEM_CLOCK, Clock
from drillbook.drills.journal import Entry, entries_in_cluster
from drillbook.errors import Refused

if TYPE_CHECKING:
    from drillbook.clients.kube import Kube


async def nothing_unfinished(kube: Kube, namespaces: Collection[str], recover: str, clock: Clock = SYSTEM_CLOCK) -> str:
    """Look into the undo journals that lie in these namespaces. Raises Refused that names the first entry.

    ``recover``: the command that finishes them. Every drill writes its entry into the cluster before it breaks
    anything, so one that isn't there has broken nothing.
    """
    for namespace in namespaces:
        found = await entries_in_cluster(kube, namespace)
        for entry in found.entries:
            raise Refused(_left(entry, recover, expired=clock.now() > entry.expires))
        for name, why in found.unreadable.items():
            raise Refused(
                f"nobody can tell which drill the undo journal ConfigMap {namespace}/{name} is of: {why}; a person "
                f"must look, put back what is broken, and `kubectl -n {namespace} delete configmap {name}`"
            )
    return f"no earlier drill waits for its undo in {', '.join(namespaces)}"


def _left(entry: Entry, recover: str, *, expired: bool) -> str:
    where = f"{entry.namespace}/{entry.config_map}"
    found = (
        f"drill {entry.id} broke something ({entry.fault}) at {entry.written:%Y-%m-%d %H:%M} UTC and its undo isn't "
        f"finished: expected no undo journal, found ConfigMap {where}"
    )
    if expired:
        return (
            f"{found}, which is too old for `drillbook recover`: put back what its key entry says, then "
            f"`kubectl -n {entry.namespace} delete configmap {entry.config_map}`"
        )
    return f"{found}; `{recover}` finishes it, and waits for a drill that still runs"
