"""Who asks, and whether they may: bearer tokens name a user, an authorizer answers for each request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

MASTERS: Final = "system:masters"
"""The group that may do everything, as in Kubernetes."""


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who holds a token."""

    name: str
    groups: tuple[str, ...] = ()
    uid: str = ""
    extra: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


ADMIN: Final = User("kubernetes-admin", (MASTERS, "system:authenticated"))


@dataclass(frozen=True, slots=True)
class Ask:
    """One thing that somebody wants to do."""

    verb: str
    group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""


class Authorizer(Protocol):
    """Decides; the place where Role and RoleBinding are read."""

    def authorize(self, user: User, ask: Ask) -> tuple[bool, str]:
        """May ``user`` do that, and why (or why not)."""
        ...

    def rules(self, user: User, namespace: str) -> list[dict[str, object]]:
        """What ``user`` may do in a namespace, as PolicyRule objects."""
        ...


class MastersOnly:
    """Everything for ``system:masters``, nothing for anyone else but the reviews that everybody may ask for."""

    def authorize(self, user: User, ask: Ask) -> tuple[bool, str]:
        if MASTERS in user.groups:
            return True, ""
        own_reviews = ask.group in {"authorization.k8s.io", "authentication.k8s.io"} and ask.resource.startswith("self")
        return (True, "") if own_reviews else (False, "")

    def rules(self, user: User, namespace: str) -> list[dict[str, object]]:
        if MASTERS in user.groups:
            return [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}]
        return []


def refusal(user: User, ask: Ask, reason: str) -> str:
    """The sentence of a 403, as Kubernetes words it."""
    resource = f"{ask.resource}/{ask.subresource}" if ask.subresource else ask.resource
    named = f"{resource}{'.' + ask.group if ask.group else ''}{f' "{ask.name}"' if ask.name else ''}"
    place = f'in the namespace "{ask.namespace}"' if ask.namespace else "at the cluster scope"
    text = (
        f'{named} is forbidden: User "{user.name}" cannot {ask.verb} resource "{resource}" '
        f'in API group "{ask.group}" {place}'
    )
    return f"{text}: {reason}" if reason else text
