"""A Kubernetes cluster, through the official client's own configuration, connections and authentication.

Built on ``kubernetes.aio``: every call can be cancelled, so each look has a time-out of its own, and one event loop
serves them all, so no client is ever shared between threads. Objects are the API's JSON as plain dicts: the generated
models refuse what they don't know and cost ten times as much to build. The client's process-wide default configuration
is never touched: two clusters at once don't mix.

Code without an event loop of its own calls ``asyncio.run`` around ``async with Kube.of(environment) as kube``.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from drillbook.clients.access import kubeconfig_of
from drillbook.clients.kube_connection import new_client, translated
from drillbook.clients.kube_paths import GROUPS as GROUPS
from drillbook.clients.kube_paths import path_of as path_of
from drillbook.clients.kube_paths import selector_text as selector_text
from drillbook.errors import DrillbookError, ExitCode
from drillbook.model.environment import Environment

if TYPE_CHECKING:
    from kubernetes.aio.client import ApiClient

type Object = dict[str, Any]
"""A Kubernetes object as JSON has it."""
type Objects = list[Object]

PATCH_TYPES: Final = {
    "json": "application/json-patch+json",
    "merge": "application/merge-patch+json",
    "strategic": "application/strategic-merge-patch+json",
}


class ApiRefusal(DrillbookError):
    """The API server answered, and said no."""

    exit_code = ExitCode.INCONCLUSIVE

    def __init__(self, sentence: str, code: int, reason: str) -> None:
        super().__init__(sentence)
        self.code, self.reason = code, reason
        """HTTP status and Kubernetes' word for it: ``NotFound``, ``Forbidden``, ``Conflict`` ..."""


@dataclass(frozen=True, slots=True)
class Permission:
    """One thing that somebody may want to do: the arguments of a SelfSubjectAccessReview."""

    verb: str
    resource: str
    """Plural, with its subresource if any: ``pods/exec``."""
    group: str = ""
    namespace: str = ""

    def __str__(self) -> str:
        kind = f"{self.resource}.{self.group}" if self.group else self.resource
        return f"{self.verb} {kind}" + (f" in namespace {self.namespace}" if self.namespace else "")


class Kube:
    """One client of one cluster, for one event loop."""

    def __init__(self, client: ApiClient, timeout: float) -> None:
        """``timeout``: seconds that one call may take altogether. Use ``of`` or ``connect``."""
        self.client = client
        self.timeout = timeout
        self.server = str(client.configuration.host)

    @classmethod
    @asynccontextmanager
    async def of(cls, environment: Environment, timeout: float = 10.0) -> AsyncIterator[Kube]:
        """The cluster of an environment. Raises Unreachable or ConfigError with a sentence."""
        async with cls.connect(kubeconfig_of(environment), environment.context, timeout) as kube:
            yield kube

    @classmethod
    @asynccontextmanager
    async def connect(cls, kubeconfig: Path | None, context: str | None, timeout: float = 10.0) -> AsyncIterator[Kube]:
        """The cluster of a kubeconfig; None means the usual places, as kubectl takes them, then a pod's own account."""
        client = await new_client(kubeconfig, context)
        try:
            yield cls(client, timeout)
        finally:
            close: Any = client.close
            await close()

    async def itself(self) -> Kube:
        """This client, for those who want to be given one when they come to need it."""
        return self

    async def request(
        self, method: str, path: str, *, query: Iterable[tuple[str, str]] = (), body: Any = None, accept: str = ""
    ) -> bytes:
        """Send one request, return the body. Raises ApiRefusal for an answer that isn't 2xx, Unreachable for none."""
        return await self._send(method, path, {"Accept": accept or "application/json"}, list(query), body)

    async def _send(
        self, method: str, path: str, headers: dict[str, str], query: list[tuple[str, str]], body: Any
    ) -> bytes:
        async with translated(self.server, self.timeout):
            response = await self._call(method, path, headers, query, body)
            data: bytes = await response.read()
        if not 200 <= response.status < 300:
            raise refusal(method, path, response.status, data)
        return data

    async def _call(
        self,
        method: str,
        path: str,
        headers: dict[str, str],
        query: list[tuple[str, str]],
        body: Any,
        seconds: float | None = None,
    ) -> Any:
        import aiohttp

        await self.client.update_params_for_auth(headers, query, ["BearerToken"], path, method, body)
        url = self.server + path + (f"?{urlencode(query)}" if query else "")
        timeout = aiohttp.ClientTimeout(total=seconds or self.timeout)
        return await self.client.call_api(method, url, headers, body, _request_timeout=timeout)

    async def get(self, path: str, **query: str) -> Object:
        """Read one JSON document: ``await kube.get(path_of("pods", "shop", "api-1"))``."""
        return dict(json.loads(await self.request("GET", path, query=query.items())))

    async def find(self, path: str) -> Object | None:
        """Read one object, or None where there is none."""
        try:
            return await self.get(path)
        except ApiRefusal as refused:
            if refused.code == 404:
                return None
            raise

    async def list(self, path: str, *, labels: str = "", fields: str = "") -> Objects:
        """All items of a collection, page by page."""
        items: Objects = []
        query = {"limit": "500"}
        if labels:
            query["labelSelector"] = labels
        if fields:
            query["fieldSelector"] = fields
        while True:
            page = await self.get(path, **query)
            items += page.get("items") or []
            following = (page.get("metadata") or {}).get("continue")
            if not following:
                return items
            query["continue"] = following

    async def create(self, path: str, body: Object) -> Object:
        """POST into a collection; ApiRefusal 409 where the name is taken."""
        return dict(json.loads(await self.request("POST", path, body=body)))

    async def replace(self, path: str, body: Object) -> Object:
        """PUT an object; with a resourceVersion in it, ApiRefusal 409 where it has changed since."""
        return dict(json.loads(await self.request("PUT", path, body=body)))

    async def patch(self, path: str, body: Object | Objects, kind: str = "") -> Object:
        """PATCH: a list is a JSON patch, a dict a merge patch unless ``kind`` says ``strategic``."""
        content = PATCH_TYPES[kind or ("json" if isinstance(body, list) else "merge")]
        headers = {"Accept": "application/json", "Content-Type": content}
        return dict(json.loads(await self._send("PATCH", path, headers, [], body)))

    async def delete(self, path: str, *, uid: str | None = None, grace_seconds: int | None = None) -> None:
        """DELETE; with ``uid``, ApiRefusal 409 where another object has taken the name since."""
        options: Object = {"apiVersion": "v1", "kind": "DeleteOptions"}
        if uid:
            options["preconditions"] = {"uid": uid}
        if grace_seconds is not None:
            options["gracePeriodSeconds"] = grace_seconds
        await self.request("DELETE", path, body=options)

    async def delete_pod(self, namespace: str, name: str, *, uid: str, grace_seconds: int | None = None) -> None:
        """Delete exactly that pod: a replacement of the same name has another UID and is refused (ApiRefusal 409)."""
        await self.delete(path_of("pods", namespace, name), uid=uid, grace_seconds=grace_seconds)

    async def logs(self, namespace: str, pod: str, *, container: str = "", tail: int | None = None) -> str:
        """What a container has printed."""
        query = [("container", container)] if container else []
        query += [("tailLines", str(tail))] if tail is not None else []
        data = await self.request("GET", path_of("pods", namespace, pod, "log"), query=query, accept="*/*")
        return data.decode(errors="replace")

    async def allowed(self, permission: Permission) -> bool:
        """Whether these credentials may do that, as the cluster's own authorizer says."""
        resource, _, subresource = permission.resource.partition("/")
        attributes = {
            "verb": permission.verb,
            "resource": resource,
            "subresource": subresource,
            "group": permission.group,
            "namespace": permission.namespace,
        }
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": {key: value for key, value in attributes.items() if value}},
        }
        answer = await self.create(path_of("selfsubjectaccessreviews"), review)
        return bool((answer.get("status") or {}).get("allowed", False))

    async def cluster_uid(self) -> str:
        """The UID of namespace ``kube-system``: what a cluster is known by, whatever its context is called."""
        return str((await self.get(path_of("namespaces", name="kube-system")))["metadata"]["uid"])

    async def watch(self, path: str, *, seconds: float, version: str = "", labels: str = "") -> AsyncIterator[Object]:
        """Events ``{"type", "object"}`` of a collection for so many seconds, from a resource version on.

        Raises ApiRefusal 410 when that version is too old.
        """
        query = [("watch", "true"), ("timeoutSeconds", str(max(1, round(seconds))))]
        query += [("resourceVersion", version)] if version else []
        query += [("labelSelector", labels)] if labels else []
        limit = seconds + self.timeout
        async with translated(self.server, self.timeout):
            response = await self._call("GET", path, {"Accept": "application/json"}, query, None, limit)
        try:
            if not 200 <= response.status < 300:
                raise refusal("GET", path, response.status, await response.read())
            while True:
                async with translated(self.server, limit):
                    line = await response.response.content.readline()
                if not line:
                    return
                event = json.loads(line)
                if event["type"] == "ERROR":
                    raise refusal("GET", path, event["object"].get("code", 500), json.dumps(event["object"]).encode())
                yield event
        finally:
            response.response.close()


def refusal(method: str, path: str, status: int, body: bytes) -> ApiRefusal:
    """What the API server said, as a sentence; its Status object's message where it sent one."""
    try:
        said = json.loads(body)
    except ValueError:
        said = {}
    said = said if isinstance(said, dict) else {}
    reason = str(said.get("reason") or {401: "Unauthorized", 403: "Forbidden", 404: "NotFound"}.get(status, "Unknown"))
    message = said.get("message") or body[:200].decode(errors="replace").strip() or f"HTTP {status}"
    return ApiRefusal(f"the API server refused {method} {path} ({status} {reason}): {message}", status, reason)
