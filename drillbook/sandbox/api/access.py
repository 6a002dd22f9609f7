"""Who asks, and whether they may: bearer tokens name a user, an authorizer answers for each request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

from drillbook.sandbox.kinds import Object
from drillbook.sandbox.status import ApiError

MASTERS: Final = "system:masters"
"""The group that may do everything, as in Kubernetes."""
AUTHENTICATED: Final = "system:authenticated"
"""The group of everybody who has logged in."""


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who holds a token."""

    name: str
    groups: tuple[str, ...] = ()
    uid: str = ""
    extra: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


ADMIN: Final = User("kubernetes-admin", (MASTERS, AUTHENTICATED))


@dataclass(frozen=True, slots=True)
class Ask:
    """One thing that somebody wants to do."""

    verb: str
    group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    path: str = ""
    """A path that belongs to no resource, ``/version``; then only the verb counts beside it."""


class Authorizer(Protocol):
    """Decides; the place where Role and RoleBinding are read."""

    def authorize(self, user: User, ask: Ask) -> tuple[bool, str]:
        """May ``user`` do that, and why (or why not)."""
        ...

    def rules(self, user: User, namespace: str) -> list[Object]:
        """What ``user`` may do in a namespace, as PolicyRule objects."""
        ...


def refusal(user: User, ask: Ask, reason: str) -> str:
    """The sentence of a 403, as Kubernetes words it."""
    if ask.path:
        text = f'forbidden: User "{user.name}" cannot {ask.verb} path "{ask.path}"'
        return f"{text}: {reason}" if reason else text
    resource = f"{ask.resource}/{ask.subresource}" if ask.subresource else ask.resource
    named = f"{resource}{'.' + ask.group if ask.group else ''}{f' "{ask.name}"' if ask.name else ''}"
    place = f'in the namespace "{ask.namespace}"' if ask.namespace else "at the cluster scope"
    text = (
        f'{named} is forbidden: User "{user.name}" cannot {ask.verb} resource "{resource}" '
        f'in API group "{ask.group}" {place}'
    )
    return f"{text}: {reason}" if reason else text


def refuse(user: User, ask: Ask, reason: str) -> ApiError:
    """The 403."""
    details = {"name": ask.name, "group": ask.group, "kind": ask.resource}
    return ApiError(403, "Forbidden", refusal(user, ask, reason), details={k: v for k, v in details.items() if v})
