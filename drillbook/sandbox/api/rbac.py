"""Role-based access control: Roles and ClusterRoles, bound to users, groups and ServiceAccounts."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Final

from drillbook.sandbox.api.access import MASTERS, Ask, User
from drillbook.sandbox.api.selectors import selector_match
from drillbook.sandbox.kinds import CLUSTER_ROLE, CLUSTER_ROLE_BINDING, ROLE, ROLE_BINDING, Object
from drillbook.sandbox.store import Store

_EVERYTHING: Final[list[Object]] = [
    {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]},
    {"verbs": ["*"], "nonResourceURLs": ["*"]},
]


class RoleBased:
    """Allows what some bound role allows, and nothing else; ``system:masters`` may do everything."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def authorize(self, user: User, ask: Ask) -> tuple[bool, str]:
        """May ``user`` do that, and by which binding; or which role of a binding is missing."""
        if MASTERS in user.groups:
            return True, ""
        missing: list[str] = []
        for rule, reason in self._rules_of(user, ask.namespace, missing):
            if _allows(rule, ask):
                return True, reason
        return False, f"RBAC: {', '.join(missing)}" if missing else ""

    def rules(self, user: User, namespace: str) -> list[Object]:
        """What ``user`` may do in a namespace, as PolicyRule objects."""
        if MASTERS in user.groups:
            return list(_EVERYTHING)
        return [dict(rule) for rule, _ in self._rules_of(user, namespace, [])]

    def _rules_of(self, user: User, namespace: str, missing: list[str]) -> Iterator[tuple[Object, str]]:
        for binding in self._store.list(CLUSTER_ROLE_BINDING):
            yield from self._bound(user, binding, "", missing)
        for binding in self._store.list(ROLE_BINDING, namespace) if namespace else ():
            yield from self._bound(user, binding, namespace, missing)

    def _bound(self, user: User, binding: Object, namespace: str, missing: list[str]) -> Iterator[tuple[Object, str]]:
        who = next((s for s in binding.get("subjects") or () if _is(user, s, namespace)), None)
        if who is None:
            return
        reference = binding["roleRef"]
        kind = CLUSTER_ROLE if reference["kind"] == "ClusterRole" else ROLE
        role = self._store.get(kind, namespace if kind is ROLE else "", reference["name"])
        if role is None:
            missing.append(f'{kind.singular}.{kind.group} "{reference["name"]}" not found')
            return
        name = binding["metadata"]["name"]
        where = f"{name}/{namespace}" if namespace else name
        subject = f'{who["kind"]} "{_shown(who, namespace)}"'
        of = f'{reference["kind"]} "{reference["name"]}"'
        reason = f'RBAC: allowed by {binding["kind"]} "{where}" of {of} to {subject}'
        for rule in self.rules_in(role):
            yield rule, reason

    def rules_in(self, role: Object, seen: frozenset[str] = frozenset()) -> Iterator[Object]:
        """The rules of a role; those of an aggregated one are the rules of all roles that its selectors fit.

        A part may be such a sum itself, as ``edit`` is of ``admin``; ``seen`` keeps circles from going on for ever.
        """
        selectors = (role.get("aggregationRule") or {}).get("clusterRoleSelectors")
        if not selectors:
            yield from role.get("rules") or ()
            return
        seen |= {role["metadata"]["name"]}
        fits = [selector_match(selector) for selector in selectors]
        for part in self._store.list(CLUSTER_ROLE):
            meta = part["metadata"]
            if meta["name"] not in seen and any(fit(meta.get("labels") or {}) for fit in fits):
                yield from self.rules_in(part, seen)


def covered(rule: Object, own: list[Object]) -> bool:
    """Whether everything that a rule allows is allowed by rules of one's own."""
    asks = [Ask(verb, path=url) for verb in rule.get("verbs") or () for url in rule.get("nonResourceURLs") or ()]
    for verb, group, resource, name in product(
        rule.get("verbs") or (),
        rule.get("apiGroups") or (),
        rule.get("resources") or (),
        rule.get("resourceNames") or [""],
    ):
        plural, _, subresource = resource.partition("/")
        asks.append(Ask(verb, group, plural, subresource, name=name))
    return all(any(_allows(one, ask) for one in own) for ask in asks)


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


def _shown(subject: Object, namespace: str) -> str:
    if subject["kind"] == "ServiceAccount":
        return f"{subject['name']}/{subject.get('namespace') or namespace}"
    return str(subject["name"])


def _allows(rule: Object, ask: Ask) -> bool:
    if not _among(ask.verb, rule.get("verbs")):
        return False
    if ask.path:
        urls = rule.get("nonResourceURLs") or ()
        return any(url in {"*", ask.path} or (url.endswith("*") and ask.path.startswith(url[:-1])) for url in urls)
    resource = f"{ask.resource}/{ask.subresource}" if ask.subresource else ask.resource
    resources = rule.get("resources") or ()
    fits = "*" in resources or resource in resources or (ask.subresource and f"*/{ask.subresource}" in resources)
    names = rule.get("resourceNames") or ()
    return bool(_among(ask.group, rule.get("apiGroups")) and fits and (not names or ask.name in names))


def _among(value: str, allowed: list[str] | None) -> bool:
    return value in (allowed or ()) or "*" in (allowed or ())
