"""What a URL path means: kind, namespace, name and subresource."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from drillbook.sandbox.kinds import Kind


@dataclass(frozen=True, slots=True)
class Place:
    """One collection, object or subresource."""

    kind: Kind
    namespace: str = ""
    name: str = ""
    subresource: str = ""
    rest: str = ""


class Catalogue:
    """The kinds by group, version and plural."""

    def __init__(self, kinds: tuple[Kind, ...]) -> None:
        self.kinds = kinds
        self._by_path: Mapping[tuple[str, str, str], Kind] = {(k.group, k.version, k.plural): k for k in kinds}

    def find(self, group: str, version: str, plural: str) -> Kind | None:
        return self._by_path.get((group, version, plural))

    def locate(self, path: str) -> Place | None:
        """The place that a path names, or None when no kind answers there.

        ``/api/v1/namespaces/NS/pods/NAME/log`` and ``/apis/GROUP/VERSION/...``; ``/namespaces/NAME`` and its own
        subresources are the Namespace itself.
        """
        parts = [part for part in path.split("/") if part]
        if len(parts) >= 3 and parts[0] == "api":
            group, version, parts = "", parts[1], parts[2:]
        elif len(parts) >= 4 and parts[0] == "apis":
            group, version, parts = parts[1], parts[2], parts[3:]
        else:
            return None
        namespace = ""
        if parts[0] == "namespaces" and len(parts) >= 3 and self.find(group, version, parts[2]) is not None:
            namespace, parts = parts[1], parts[2:]
        kind = self.find(group, version, parts[0])
        if kind is None or bool(namespace) > kind.namespaced:
            return None
        name = parts[1] if len(parts) > 1 else ""
        subresource = parts[2] if len(parts) > 2 else ""
        rest = "/".join(parts[3:])
        if (subresource and subresource not in kind.subresources) or (rest and subresource != "proxy"):
            return None
        return Place(kind, namespace, name, subresource, rest)
