"""Names of Services, as files that stand for /etc/hosts: one per pod, kept as the Services are."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from drillbook.sandbox.controllers.controller import Controller, Key
from drillbook.sandbox.kinds import ENDPOINTS, POD, SERVICE, Object
from drillbook.sandbox.store import Change

DOMAIN = "cluster.local"


class HostsFiles(Controller):
    """Writes the hosts file of every pod that has one."""

    name = "hosts"
    watches = (SERVICE, ENDPOINTS)

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
        names: dict[str, str] = {}
        for pod in self.store.list(POD):
            if self._place(pod).exists():
                home = pod["metadata"]["namespace"]
                names[home] = names.get(home) or self._names(home)
                self._write(pod, names[home])

    def file(self, pod: Object) -> Path:
        """The hosts file of a pod that has an address, up to date. OSError when the disk has no room for it."""
        return self._write(pod, self._names(pod["metadata"]["namespace"]))

    def _place(self, pod: Object) -> Path:
        return self.cluster.state / "pods" / str(pod["metadata"]["uid"]) / "hosts"

    def _write(self, pod: Object, names: str) -> Path:
        """Written in place: a container has this very file mounted, so it must stay the same one."""
        path = self._place(pod)
        text = (own_lines(pod) + names).encode()
        if not path.exists() or path.read_bytes() != text:
            descriptor = os.open(path, os.O_CREAT | os.O_WRONLY, 0o644)
            try:
                os.posix_fallocate(descriptor, 0, len(text))  # on a full disk nothing is better than half of it
                os.pwrite(descriptor, text, 0)
                os.truncate(descriptor, len(text))
            finally:
                os.close(descriptor)
        return path

    def _names(self, namespace: str) -> str:
        """The Services as a namespace sees them, which a cluster's name server would know."""
        lines = [line for service in self.store.list(SERVICE) for line in self._lines(service, namespace)]
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


def own_lines(pod: Object) -> str:
    """What a kubelet writes: the usual names, the pod's own, and its ``hostAliases``."""
    spec, home = pod["spec"], pod["metadata"]["namespace"]
    lines = ["127.0.0.1 localhost", "::1 localhost ip6-localhost ip6-loopback"]
    host = spec.get("hostname") or pod["metadata"]["name"]
    address = (pod.get("status") or {}).get("podIP")
    if address and not spec.get("hostNetwork"):
        full = [f"{host}.{spec['subdomain']}.{home}.svc.{DOMAIN}"] if spec.get("subdomain") else []
        lines.append(" ".join([address, *full, host]))
    lines += [" ".join([alias["ip"], *(alias.get("hostnames") or ())]) for alias in spec.get("hostAliases") or ()]
    return "\n".join(lines) + "\n"
