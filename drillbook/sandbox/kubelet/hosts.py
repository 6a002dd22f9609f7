"""Names of Services, as files that stand for /etc/hosts: one per namespace, kept as the Services are."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from drillbook.sandbox.cluster import Cluster
from drillbook.sandbox.controllers.controller import Controller, Key
from drillbook.sandbox.kinds import ENDPOINTS, NAMESPACE, SERVICE, Object
from drillbook.sandbox.store import Change

DOMAIN = "cluster.local"


class HostsFiles(Controller):
    """Writes the hosts file of every namespace."""

    name = "hosts"
    watches = (SERVICE, ENDPOINTS, NAMESPACE)

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(cluster)
        self._folder = cluster.state / "hosts"
        self._folder.mkdir(exist_ok=True)

    def keys(self, change: Change) -> Iterable[Key]:
        # Every namespace sees the Services of all others, under longer names; one key writes them all.
        if change.kind is ENDPOINTS:
            service = self.store.get(SERVICE, change.namespace, change.name)
            if service is None or service["spec"].get("clusterIP") != "None":
                return []
        return [("", "all")]

    def write_again(self) -> None:
        """Names lead elsewhere than before: write every file soon."""
        self.queue.add(("", "all"))

    async def reconcile(self, key: Key) -> None:
        for namespace in self.store.list(NAMESPACE):
            self.file(namespace["metadata"]["name"])

    def file(self, namespace: str) -> Path:
        """The hosts file of a namespace, up to date.

        Written in place: a container has this very file mounted, so it must stay the same one.
        """
        path = self._folder / namespace
        text = self._text(namespace).encode()
        if not path.exists() or path.read_bytes() != text:
            descriptor = os.open(path, os.O_CREAT | os.O_WRONLY, 0o644)
            try:
                os.posix_fallocate(descriptor, 0, len(text))  # on a full disk nothing is better than half of it
                os.pwrite(descriptor, text, 0)
                os.truncate(descriptor, len(text))
            finally:
                os.close(descriptor)
        return path

    def _text(self, namespace: str) -> str:
        lines = ["127.0.0.1 localhost", "::1 localhost ip6-localhost ip6-loopback"]
        for service in self.store.list(SERVICE):
            lines += self._lines(service, namespace)
        return "\n".join(lines) + "\n"

    def _lines(self, service: Object, seen_from: str) -> list[str]:
        name, home = service["metadata"]["name"], service["metadata"]["namespace"]
        names = [f"{name}.{home}", f"{name}.{home}.svc", f"{name}.{home}.svc.{DOMAIN}"]
        if home == seen_from:
            names.insert(0, name)
        address = service["spec"].get("clusterIP")
        if address and address != "None":
            return [f"{address} {' '.join(names)}"]
        if address != "None":
            return []
        lines = []
        endpoints = self.store.get(ENDPOINTS, home, name) or {}
        for subset in endpoints.get("subsets") or ():
            for entry in subset.get("addresses") or ():
                own = [f"{entry['hostname']}.{n}" for n in names] if entry.get("hostname") else []
                address = self.cluster.stand_ins.get(entry["ip"], entry["ip"])
                lines.append(f"{address} {' '.join([*own, *names])}")
        return lines
