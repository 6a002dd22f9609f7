"""What the shipped roles allow the account that drills, decided as an API server decides, without one.

The files are made for Solar. For another system its namespaces take the place of Solar's, the namespace of its own
Prometheus that of ``monitoring``, and that of its environment's journals that of ``default``, as the files say.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, cast

import yaml

from drillbook.clients.kube import Kube, Permission
from drillbook.model.policy import Policy

DEPLOY = Path(__file__).parents[2] / "deploy"
DRILLS, CHECKS = DEPLOY / "rbac-drills.yaml", DEPLOY / "rbac-checks.yaml"
ACCOUNT = ("drillbook", "drillbook-drills")
SOLARS, MONITORING, JOURNALS = "solar-pv-llm-ai", "monitoring", "default"
CHANGES = frozenset({"create", "patch", "update", "delete"})


class Right(NamedTuple):
    """One thing that a role allows."""

    scope: str
    """The namespace of the role as the file has it; empty for the whole cluster."""
    group: str
    resource: str
    verb: str


def documents() -> list[dict[str, Any]]:
    return [one for path in (CHECKS, DRILLS) for one in yaml.safe_load_all(path.read_text(encoding="utf-8"))]


@cache
def granted() -> frozenset[Right]:
    """Everything that is bound to the account, but for what is bound for single names."""
    return frozenset(right for rules, scope in _bound() for right in _rights(rules, scope))


def _bound() -> Iterator[tuple[list[dict[str, Any]], str]]:
    found = documents()
    for binding in found:
        subjects = [(one["namespace"], one["name"]) for one in binding.get("subjects", ())]
        if ACCOUNT in subjects:
            scope, wanted = binding["metadata"].get("namespace", ""), binding["roleRef"]
            assert wanted["kind"] == ("Role" if scope else "ClusterRole")
            (role,) = (
                one
                for one in found
                if (one["kind"], one["metadata"]["name"]) == (wanted["kind"], wanted["name"])
                and one["metadata"].get("namespace", "") == scope
            )
            yield role["rules"], scope


def _rights(rules: list[dict[str, Any]], scope: str) -> Iterator[Right]:
    for rule in rules:
        # Who is asked about a resource and no name doesn't answer with a rule for single names.
        if "resourceNames" not in rule:
            for group in rule["apiGroups"]:
                yield from (Right(scope, group, what, verb) for what in rule["resources"] for verb in rule["verbs"])


@dataclass(frozen=True)
class Account:
    """The account in one system's cluster, as the authorizer knows it."""

    policy: Policy
    rights: frozenset[Right]
    journals: str | None = None
    """The environment's ``journal``."""

    def may(self, permission: Permission) -> bool:
        scopes = {""}
        if permission.namespace in self.policy.namespaces:
            scopes.add(SOLARS)
        if permission.namespace in self._monitoring():
            scopes.add(MONITORING)
        if permission.namespace == self.journals:
            scopes.add(JOURNALS)
        return any(Right(s, permission.group, permission.resource, permission.verb) in self.rights for s in scopes)

    async def allowed(self, permission: Permission) -> bool:
        """As ``Kube.allowed`` asks it."""
        return self.may(permission)

    def without(self, permission: Permission) -> Account:
        """The same account, with that verb of that resource in no role."""
        gone = (permission.group, permission.resource, permission.verb)
        return replace(self, rights=frozenset(one for one in self.rights if one[1:] != gone))

    @property
    def kube(self) -> Kube:
        """In place of a cluster's client, for whoever asks for nothing but permissions."""
        return cast(Kube, self)

    def _monitoring(self) -> set[str]:
        return {one.namespace for one in self.policy.components.values() if one.engine == "prometheus"} or {MONITORING}
