"""Permissions, asked of the cluster's own authorizer before anything is touched.

Every verb that breaks, every verb that repairs, and every one that `drillbook recover` would need after us: who may
break and not repair must not begin.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from drillbook.errors import Refused

if TYPE_CHECKING:
    from drillbook.clients.kube import Kube, Permission


async def permitted(kube: Kube, wanted: Mapping[str, tuple[Permission, ...]]) -> str:
    """All of them, each for its purpose. Raises Refused that names what is missing, for what, and what to do."""
    missing: list[str] = []
    for purpose, permissions in wanted.items():
        answers = await asyncio.gather(*(kube.allowed(permission) for permission in permissions))
        refused = [str(p) for p, allowed in zip(permissions, answers, strict=True) if not allowed]
        missing += [f"{', '.join(refused)}, which the drill needs to {purpose}"] if refused else []
    if missing:
        raise Refused(
            f"these credentials may not {', and not '.join(missing)}; deploy/rbac-drills.yaml has a rule for it: apply "
            "that in each of the system's namespaces, and use the token of its ServiceAccount drillbook-drills"
        )
    return f"all {sum(map(len, wanted.values()))} permissions to break and to repair are there"


def own_needs(namespace: str, journals: Sequence[str] = ()) -> Mapping[str, tuple[Permission, ...]]:
    """What every drill needs, whatever it breaks: to look, to lock, to write the journal, and to recover from it.

    ``journals``: where earlier drills may have left theirs.
    """
    from drillbook.clients.kube import Permission

    def each(verbs: str, resource: str, group: str = "") -> list[Permission]:
        return [Permission(verb, resource, group, namespace) for verb in verbs.split()]

    return {
        "look": (Permission("get", "namespaces"), *each("list", "poddisruptionbudgets", "policy")),
        "lock and journal": (
            *each("get create update delete", "leases", "coordination.k8s.io"),
            *each("create patch delete", "configmaps"),
        ),
        "recover": tuple(each("list", "configmaps")),
        "see whether earlier drills are undone": tuple(
            permission
            for where in journals
            if where != namespace
            for permission in (
                Permission("list", "configmaps", "", where),
                Permission("get", "leases", "coordination.k8s.io", where),
            )
        ),
    }
