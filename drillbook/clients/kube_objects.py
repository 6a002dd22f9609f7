"""Every object of a cluster, found through its own discovery: for comparing what was there before and after."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Final

from drillbook.clients.kube import ApiRefusal, Kube, Object, Permission
from drillbook.errors import DrillbookError, ExitCode

_MEASUREMENTS: Final = frozenset({"metrics.k8s.io", "custom.metrics.k8s.io", "external.metrics.k8s.io"})
"""Groups that serve what was measured: not objects that anybody could have changed."""
_OF_A_JOB: Final = frozenset(
    f"{prefix}{name}" for prefix in ("", "batch.kubernetes.io/") for name in ("controller-uid", "job-name")
)
_AT_ONCE: Final = 8
_FORBIDDEN: Final = 403
_NOT_SERVED: Final = frozenset({404, 405})
CHANGES: Final = ("patch", "update", "create", "delete")
"""The verbs by which an object comes, goes or becomes another."""
_KEY: Final = secrets.token_bytes(32)


class Unlisted(DrillbookError):
    """These credentials may change what they may not list."""

    exit_code = ExitCode.INCONCLUSIVE

    def __init__(self, where: Sequence[str]) -> None:
        super().__init__(
            f"these credentials may change and not list {', '.join(where)}, so nobody could see what became of them: "
            "give the verb list for each, as deploy/rbac-drills.yaml does, or take the rights to change them away"
        )


@dataclass(frozen=True, slots=True)
class Resource:
    """One kind of object that a cluster serves and that can be listed."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool

    @property
    def api_version(self) -> str:
        """As its objects have it: ``apps/v1``."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def path(self) -> str:
        """The collection over all namespaces."""
        return f"{self._root}/{self.plural}"

    def __str__(self) -> str:
        """As a Role has it, with its group: ``deployments.apps``."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    def collection(self, namespace: str) -> str:
        """That of one namespace."""
        return f"{self._root}/namespaces/{namespace}/{self.plural}"

    @property
    def _root(self) -> str:
        return f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"


async def discover(kube: Kube) -> tuple[Resource, ...]:
    """All resources that the cluster serves and lets be listed, each in its group's preferred version."""
    groups = (await kube.get("/apis")).get("groups") or []
    versions = [("", "v1")] + [
        (group["name"], group["preferredVersion"]["version"]) for group in groups if group["name"] not in _MEASUREMENTS
    ]
    lists = await asyncio.gather(*(kube.get(f"/apis/{g}/{v}" if g else f"/api/{v}") for g, v in versions))
    return tuple(
        Resource(group, version, found["name"], found["kind"], bool(found["namespaced"]))
        for (group, version), answer in zip(versions, lists, strict=True)
        for found in answer.get("resources") or ()
        if "/" not in found["name"] and "list" in found.get("verbs", ())
    )


async def snapshot(
    kube: Kube, *, namespaces: Collection[str] = (), without: Collection[str] = ("events",), everywhere: bool = False
) -> tuple[Object, ...]:
    """Every namespaced object that these credentials may list, with ``apiVersion`` and ``kind`` filled in.

    Who may not list a kind over all namespaces (403), as with a Role, gets it from each of ``namespaces``. A kind that
    may neither be listed nor changed is left out. Raises Unlisted where something may be changed and not be listed:
    nobody could see then what became of it.

    ``without`` names resources (plural) to leave out. ``everywhere``: the objects without a namespace too. The values
    of Secrets are replaced by a keyed digest: two snapshots of one process can be compared, nothing can be read.
    """
    resources = [r for r in await discover(kube) if (r.namespaced or everywhere) and r.plural not in without]
    gate = asyncio.Semaphore(_AT_ONCE)
    looks = await asyncio.gather(*(_look(kube, resource, namespaces, gate) for resource in resources))
    if unlisted := sorted(where for look in looks for where in look.hidden):
        raise Unlisted(unlisted)
    return tuple(item for look in looks for item in look.items)


async def listed(kube: Kube, path: str) -> list[Object]:
    """What is served at a collection's path; none where these credentials may not list it, or nobody can."""
    return await _all(kube, path) or []


def as_wanted(job: Object) -> Object:
    """A Job's spec without the selector and the labels that Kubernetes gives it, by which no other one can be made."""
    if job.get("manualSelector"):
        return job
    template = job.get("template") or {}
    meta = template.get("metadata") or {}
    labels = {key: value for key, value in (meta.get("labels") or {}).items() if key not in _OF_A_JOB}
    spec = {key: value for key, value in job.items() if key != "selector"}
    return {**spec, "template": {**template, "metadata": {**meta, "labels": labels}}}


@dataclass(frozen=True, slots=True)
class _Look:
    """What was seen of one kind."""

    items: list[Object]
    hidden: tuple[str, ...] = ()
    """Where these credentials may change it, and not see what they changed."""


async def _look(kube: Kube, resource: Resource, namespaces: Collection[str], gate: asyncio.Semaphore) -> _Look:
    async with gate:
        items = await _all(kube, resource.path)
        if items is not None:
            return _Look([_filled_in(resource, item) for item in items])
        lists = {one: await _all(kube, resource.collection(one)) for one in namespaces if resource.namespaced}
        # No namespace stands for all of them, of which these credentials may not see each.
        blind = ("", *(namespace for namespace, found in lists.items() if found is None))
        hidden = [_place(resource, one) for one in blind if await _changeable(kube, resource, one)]
        return _Look([_filled_in(resource, item) for found in lists.values() for item in found or ()], tuple(hidden))


def _place(resource: Resource, namespace: str) -> str:
    if not resource.namespaced:
        return str(resource)
    return f"{resource} in {f'namespace {namespace}' if namespace else 'every namespace'}"


async def _all(kube: Kube, path: str) -> list[Object] | None:
    """What is served at a collection's path; None where these credentials may not list it."""
    try:
        return await kube.list(path)
    except ApiRefusal as refused:
        if refused.code == _FORBIDDEN:
            return None
        if refused.code in _NOT_SERVED:
            return []
        raise


async def _changeable(kube: Kube, resource: Resource, namespace: str) -> bool:
    """Whether these credentials may make, change or delete such objects there; everywhere, for no namespace."""
    wanted = (Permission(verb, resource.plural, resource.group, namespace) for verb in CHANGES)
    return any(await asyncio.gather(*map(kube.allowed, wanted)))


def _filled_in(resource: Resource, item: Object) -> Object:
    full = {**item, "apiVersion": resource.api_version, "kind": resource.kind}
    return _sealed(full) if resource.kind == "Secret" else full


def _sealed(secret: Object) -> Object:
    """The Secret with a digest in place of each value, also where kubectl keeps a copy of what was applied."""
    digests: dict[str, Any] = {
        name: blake2b(str(value).encode(), key=_KEY, digest_size=12).hexdigest()
        for name, value in (secret.get("data") or {}).items()
    }
    metadata = dict(secret["metadata"])
    metadata["annotations"] = {
        name: "" if name == "kubectl.kubernetes.io/last-applied-configuration" else value
        for name, value in (metadata.get("annotations") or {}).items()
    }
    return {**secret, "data": digests, "metadata": metadata}
