"""Which groups, versions and resources there are: in the old form, document by document, and in the aggregated one."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, Final

from aiohttp import web

from drillbook.sandbox.api.answers import json_answer
from drillbook.sandbox.api.virtual import verbs
from drillbook.sandbox.kinds import Kind, Object
from drillbook.sandbox.status import ApiError

_CHANGE: Final = ("get", "patch", "update")
_SUBRESOURCES: Final[dict[str, tuple[str, str, str, tuple[str, ...]]]] = {
    "scale": ("autoscaling", "v1", "Scale", _CHANGE),
    "log": ("", "v1", "Pod", ("get",)),
    "exec": ("", "v1", "PodExecOptions", ("create", "get")),
    "attach": ("", "v1", "PodAttachOptions", ("create", "get")),
    "portforward": ("", "v1", "PodPortForwardOptions", ("create", "get")),
    "eviction": ("policy", "v1", "Eviction", ("create",)),
    "binding": ("", "v1", "Binding", ("create",)),
    "token": ("authentication.k8s.io", "v1", "TokenRequest", ("create",)),
    "finalize": ("", "v1", "Namespace", ("update",)),
}
"""Group, version, kind and verbs of subresources that answer with another kind than their own."""
_PROXY_VERBS: Final = ("create", "delete", "get", "patch", "update")
_AGGREGATED: Final = "as=APIGroupDiscoveryList"
_PREFERRED: Final = {"autoscaling": "v2"}


class Discovery:
    """The documents; the kinds may grow while the server runs."""

    def __init__(self, kinds: Sequence[Kind]) -> None:
        self._kinds = tuple(kinds)

    def answer(self, path: str, accept: str) -> web.Response | None:
        """The document at that path, or None when there is none."""
        parts = [part for part in path.split("/") if part]
        if parts in (["api"], ["apis"]):
            return self._root(parts[0], accept)
        if len(parts) == 2 and parts[0] == "api":
            return self._resources("", parts[1])
        if len(parts) == 2 and parts[0] == "apis" and self._versions(parts[1]):
            return json_answer({"kind": "APIGroup", "apiVersion": "v1"} | self._group(parts[1]))
        if len(parts) == 3 and parts[0] == "apis":
            return self._resources(parts[1], parts[2])
        return None

    def _groups(self) -> list[str]:
        return list(dict.fromkeys(kind.group for kind in self._kinds if kind.group))

    def _versions(self, group: str) -> list[str]:
        found = list(dict.fromkeys(kind.version for kind in self._kinds if kind.group == group))
        return sorted(found, key=lambda version: version != _PREFERRED.get(group, found[0]))

    def _of(self, group: str, version: str) -> list[Kind]:
        return [kind for kind in self._kinds if (kind.group, kind.version) == (group, version)]

    def _root(self, root: str, accept: str) -> web.Response:
        if _AGGREGATED in accept:
            groups = [""] if root == "api" else self._groups()
            version = "v2" if "v=v2;" in accept.replace(" ", "") + ";" else "v2beta1"
            answer = json_answer(self._aggregated(groups, version))
            answer.headers["Content-Type"] = f"application/json;g=apidiscovery.k8s.io;v={version};{_AGGREGATED}"
            answer.headers["Vary"] = "Accept"
            answer.headers["ETag"] = f'"{hashlib.sha256(answer.body or b"").hexdigest()}"'  # type: ignore[arg-type]
            return answer
        if root == "api":
            everywhere = [{"clientCIDR": "0.0.0.0/0", "serverAddress": ""}]
            return json_answer({"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": everywhere})
        groups_ = [self._group(group) for group in self._groups()]
        return json_answer({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups_})

    def _group(self, group: str) -> Object:
        versions = [{"groupVersion": f"{group}/{version}", "version": version} for version in self._versions(group)]
        return {"name": group, "versions": versions, "preferredVersion": versions[0]}

    def _resources(self, group: str, version: str) -> web.Response:
        kinds = self._of(group, version)
        if not kinds:
            raise ApiError(404, "NotFound", "the server could not find the requested resource", details={})
        resources = [entry for kind in kinds for entry in _legacy(kind)]
        group_version = f"{group}/{version}" if group else version
        return json_answer(
            {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": resources}
        )

    def _aggregated(self, groups: list[str], version: str) -> Object:
        items = [
            {
                "metadata": {"name": group, "creationTimestamp": None} if group else {"creationTimestamp": None},
                "versions": [
                    {
                        "version": found,
                        "resources": [_modern(kind) for kind in self._of(group, found)],
                        "freshness": "Current",
                    }
                    for found in self._versions(group)
                ],
            }
            for group in groups
        ]
        return {
            "kind": "APIGroupDiscoveryList",
            "apiVersion": f"apidiscovery.k8s.io/{version}",
            "metadata": {},
            "items": items,
        }


def _subresource(kind: Kind, name: str) -> tuple[str, str, str, tuple[str, ...]]:
    if name == "proxy":
        return "", "v1", f"{kind.name}ProxyOptions", _PROXY_VERBS
    return _SUBRESOURCES.get(name, (kind.group, kind.version, kind.name, _CHANGE))


def _legacy(kind: Kind) -> list[Object]:
    own: dict[str, Any] = {
        "name": kind.plural,
        "singularName": kind.singular,
        "namespaced": kind.namespaced,
        "kind": kind.name,
        "verbs": list(verbs(kind)),
    }
    if kind.short:
        own["shortNames"] = list(kind.short)
    if kind.categories:
        own["categories"] = list(kind.categories)
    entries = [own]
    for name in kind.subresources:
        group, version, shown, allowed = _subresource(kind, name)
        entry: Object = {"name": f"{kind.plural}/{name}", "singularName": "", "namespaced": kind.namespaced}
        if (group, version) != (kind.group, kind.version):
            entry |= {"group": group, "version": version}
        entries.append(entry | {"kind": shown, "verbs": list(allowed)})
    return entries


def _modern(kind: Kind) -> Object:
    shown: Object = {
        "resource": kind.plural,
        "responseKind": {"group": kind.group, "version": kind.version, "kind": kind.name},
        "scope": "Namespaced" if kind.namespaced else "Cluster",
        "singularResource": kind.singular,
        "verbs": list(verbs(kind)),
    }
    if kind.short:
        shown["shortNames"] = list(kind.short)
    if kind.categories:
        shown["categories"] = list(kind.categories)
    if kind.subresources:
        shown["subresources"] = [
            {
                "subresource": name,
                "responseKind": dict(zip(("group", "version", "kind"), _subresource(kind, name)[:3], strict=True)),
                "verbs": list(_subresource(kind, name)[3]),
            }
            for name in kind.subresources
        ]
    return shown
