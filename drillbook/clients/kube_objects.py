"""Every object of a cluster, found through its own discovery: for comparing what was there before and after."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Final

from drillbook.clients.kube import ApiRefusal, Kube, Object

_MEASUREMENTS: Final = frozenset({"metrics.k8s.io", "custom.metrics.k8s.io", "external.metrics.k8s.io"})
"""Groups that serve what was measured: not objects that anybody could have changed."""
_OF_A_JOB: Final = frozenset(
    f"{prefix}{name}" for prefix in ("", "batch.kubernetes.io/") for name in ("controller-uid", "job-name")
)
_AT_ONCE: Final = 8
_KEY: Final = secrets.token_bytes(32)


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
    kube: Kube, *, without: Collection[str] = ("events",), everywhere: bool = False
) -> tuple[Object, ...]:
    """Every namespaced object that these credentials may list, with ``apiVersion`` and ``kind`` filled in.

    ``without`` names resources (plural) to leave out; a kind that may not be listed (403) is left out too: what these
    credentials may not list, they may not have changed either. ``everywhere``: the objects without a namespace too. The
    values of Secrets are replaced by a keyed digest: two snapshots of one process can be compared, nothing can be read.
    """
    resources = [r for r in await discover(kube) if (r.namespaced or everywhere) and r.plural not in without]
    gate = asyncio.Semaphore(_AT_ONCE)
    lists = await asyncio.gather(*(_filled_in(kube, resource, gate) for resource in resources))
    return tuple(item for items in lists for item in items)


async def listed(kube: Kube, path: str) -> list[Object]:
    """What is served at a collection's path; none where these credentials may not list it, or nobody can."""
    try:
        return await kube.list(path)
    except ApiRefusal as refused:
        if refused.code in {403, 404, 405}:
            return []
        raise


def as_wanted(job: Object) -> Object:
    """A Job's spec without the selector and the labels that Kubernetes gives it, by which no other one can be made."""
    if job.get("manualSelector"):
        return job
    template = job.get("template") or {}
    meta = template.get("metadata") or {}
    labels = {key: value for key, value in (meta.get("labels") or {}).items() if key not in _OF_A_JOB}
    spec = {key: value for key, value in job.items() if key != "selector"}
    return {**spec, "template": {**template, "metadata": {**meta, "labels": labels}}}


async def _filled_in(kube: Kube, resource: Resource, gate: asyncio.Semaphore) -> list[Object]:
    async with gate:
        items = await listed(kube, resource.path)
    full = [{**item, "apiVersion": resource.api_version, "kind": resource.kind} for item in items]
    return [_sealed(item) for item in full] if resource.kind == "Secret" else full


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
