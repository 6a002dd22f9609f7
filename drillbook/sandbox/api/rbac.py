"""Role-based access control: Roles and ClusterRoles, bound to users, groups and ServiceAccounts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from drillbook.sandbox.api.access import MASTERS, Ask, User
from drillbook.sandbox.kinds import CLUSTER_ROLE, CLUSTER_ROLE_BINDING, ROLE, ROLE_BINDING, Object
from drillbook.sandbox.store import Store

OWN_REVIEWS: Final[dict[str, Any]] = {
    "verbs": ["create"],
    "apiGroups": ["authorization.k8s.io", "authentication.k8s.io"],
    "resources": ["selfsubjectaccessreviews", "selfsubjectrulesreviews", "selfsubjectreviews"],
}
"""What Kubernetes' ``system:basic-user`` gives everybody who has logged in."""


class RoleBased:
    """Allows what some bound role allows, and nothing else; ``system:masters`` may do everything."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def authorize(self, user: User, ask: Ask) -> tuple[bool, str]:
        """May ``user`` do that, and by which binding."""
        if MASTERS in user.groups:
            return True, ""
        for rule, reason in self._rules_of(user, ask.namespace):
            if _allows(rule, ask):
                return True, reason
        return False, ""

    def rules(self, user: User, namespace: str) -> list[dict[str, object]]:
        """What ``user`` may do in a namespace, as PolicyRule objects."""
        if MASTERS in user.groups:
            return [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}]
        return [dict(rule) for rule, _ in self._rules_of(user, namespace)]

    def _rules_of(self, user: User, namespace: str) -> Iterator[tuple[Object, str]]:
        yield OWN_REVIEWS, ""
        for binding in self._store.list(CLUSTER_ROLE_BINDING):
            yield from self._bound(user, binding, "")
        for binding in self._store.list(ROLE_BINDING, namespace) if namespace else ():
            yield from self._bound(user, binding, namespace)

    def _bound(self, user: User, binding: Object, namespace: str) -> Iterator[tuple[Object, str]]:
        if not any(_is(user, subject, namespace) for subject in binding.get("subjects") or ()):
            return
        reference = binding["roleRef"]
        if reference["kind"] == "ClusterRole":
            role = self._store.get(CLUSTER_ROLE, "", reference["name"])
        else:
            role = self._store.get(ROLE, namespace, reference["name"])
        if role is None:
            return
        name = binding["metadata"]["name"]
        where = f"{namespace}/{name}" if namespace else name
        reason = f'RBAC: allowed by {binding["kind"]} "{where}" of {reference["kind"]} "{reference["name"]}"'
        for rule in role.get("rules") or ():
            yield rule, reason


def _is(user: User, subject: Object, namespace: str) -> bool:
    match subject["kind"]:
        case "User":
            return bool(subject["name"] == user.name)
        case "Group":
            return subject["name"] in user.groups
        case "ServiceAccount":
            return user.name == f"system:serviceaccount:{subject.get('namespace') or namespace}:{subject['name']}"
        case _:
            return False


def _allows(rule: Object, ask: Ask) -> bool:
    resource = f"{ask.resource}/{ask.subresource}" if ask.subresource else ask.resource
    resources = rule.get("resources") or ()
    fits = "*" in resources or resource in resources or (ask.subresource and f"*/{ask.subresource}" in resources)
    names = rule.get("resourceNames") or ()
    return bool(
        _among(ask.verb, rule.get("verbs"))
        and _among(ask.group, rule.get("apiGroups"))
        and fits
        and (not names or ask.name in names)
    )


def _among(value: str, allowed: list[str] | None) -> bool:
    return value in (allowed or ()) or "*" in (allowed or ())
