"""Nobody gives away rights that they lack: what a Role says, or a binding hands out, its author must hold."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from drillbook.sandbox.api.access import Ask
from drillbook.sandbox.api.call import Call
from drillbook.sandbox.api.rbac import RoleBased, covered
from drillbook.sandbox.kinds import CLUSTER_ROLE, CLUSTER_ROLE_BINDING, ROLE, ROLE_BINDING, Kind, Object
from drillbook.sandbox.status import forbidden

_ROLES: Final = (ROLE, CLUSTER_ROLE)
_BINDINGS: Final = (ROLE_BINDING, CLUSTER_ROLE_BINDING)


def check_escalation(call: Call, obj: Object) -> None:
    """ApiError 403 for a new state of a role or binding that would give more than its author has.

    The verbs ``escalate`` on roles and ``bind`` on the role that is bound lift this, as in Kubernetes.
    """
    if call.storage in _ROLES:
        wanted: Iterable[Object] = obj.get("rules") or ()
        lifted = _may(call, "escalate", call.storage, obj["metadata"].get("name", ""))
    elif call.storage in _BINDINGS:
        reference = obj.get("roleRef") or {}
        kind = CLUSTER_ROLE if reference.get("kind") == "ClusterRole" else ROLE
        name = str(reference.get("name", ""))
        role = call.store.get(kind, call.namespace if kind is ROLE else "", name)
        wanted = () if role is None else RoleBased(call.store).rules_in(role)
        lifted = _may(call, "bind", kind, name)
    else:
        return
    if lifted:
        return
    own = call.server.authorizer.rules(call.user, call.namespace)
    missing = [rule for rule in wanted if not covered(rule, own)]
    if missing:
        who = f'user "{call.user.name}" (groups={list(call.user.groups)!r})'
        why = f"{who} is attempting to grant RBAC permissions not currently held:\n" + "\n".join(map(_shown, missing))
        raise forbidden(call.storage.resource, obj["metadata"].get("name", ""), why)


def _may(call: Call, verb: str, kind: Kind, name: str) -> bool:
    ask = Ask(verb, kind.group, kind.plural, namespace=call.namespace, name=name)
    return call.server.authorizer.authorize(call.user, ask)[0]


def _shown(rule: Object) -> str:
    words = {"apiGroups": "APIGroups", "resources": "Resources", "resourceNames": "ResourceNames"}
    words |= {"nonResourceURLs": "NonResourceURLs", "verbs": "Verbs"}
    return "{" + ", ".join(f"{words[key]}:{rule[key]!r}" for key in words if rule.get(key)) + "}"
