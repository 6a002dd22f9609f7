"""Ways in that lead elsewhere: one path of an Ingress, or one port of a Service."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from drillbook.clients.kube import Object, path_of
from drillbook.errors import ConfigError
from drillbook.model.policy import Component
from drillbook.proof.stage import Stage

NOBODY: Final = "drillbook-proof-nobody"
"""A Service that isn't there."""
_ANYBODY: Final = "drillbook-proof-anybody"
LITTLE: Final = {name: {"cpu": "10m", "memory": "64Mi"} for name in ("requests", "limits")}
"""What a pod of ours asks for: a namespace with a quota takes none that says nothing."""
_PORT: Final = 8099
_SERVER: Final = """
import http.server, os
class Open(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
http.server.ThreadingHTTPServer((os.environ["POD_IP"], %d), Open).serve_forever()
"""
_DEAD_PORT: Final = 1
"""Where no container of a system listens."""


@asynccontextmanager
async def path_astray(stage: Stage, component: Component, path: str, service: str = NOBODY) -> AsyncIterator[str]:
    """That one path of the component's host leads to another Service; every other path stays as it was."""
    if component.ingress is None:
        raise ConfigError(f"component {component.id!r} has no ingress in the policy")
    where = path_of("ingresses", component.namespace, component.ingress)
    rules = (await stage.kube.get(where))["spec"]["rules"]
    # As probes find the way in: the first rule that leads to the Service, else, with a proxy between, the first.
    mine = min(range(len(rules)), key=lambda number: component.service not in _services(rules[number]))
    backend = {"service": {"name": service, "port": {"number": 80}}}
    entry = {"path": path, "pathType": "Exact", "backend": backend}
    patch: list[Object] = [{"op": "add", "path": f"/spec/rules/{mine}/http/paths/0", "value": entry}]
    asked = f"{rules[mine].get('host', '')}{path}"
    async with stage.changed(where, patch):
        yield f"Ingress {component.namespace}/{component.ingress}: {asked} leads to {service}"


@asynccontextmanager
async def path_open(stage: Stage, component: Component, path: str) -> AsyncIterator[str]:
    """That one path of the component's host leads to somebody who answers everybody with 200."""
    labels = {"app": _ANYBODY}
    pod: Object = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": _ANYBODY, "labels": labels},
        "spec": {
            "containers": [
                {
                    "name": "open",
                    "image": "python:3",
                    "resources": LITTLE,
                    "command": ["python3", "-c", _SERVER % _PORT],
                    "env": [{"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}],
                    "readinessProbe": {"tcpSocket": {"port": _PORT}, "periodSeconds": 1},
                }
            ]
        },
    }
    service: Object = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": _ANYBODY},
        "spec": {"selector": labels, "ports": [{"port": 80, "targetPort": _PORT}]},
    }
    pods, services = path_of("pods", component.namespace), path_of("services", component.namespace)
    async with stage.present(pods, pod), stage.present(services, service):
        await stage.until(f"pod {_ANYBODY} to be Ready", lambda: _is_ready(stage, f"{pods}/{_ANYBODY}"))
        async with path_astray(stage, component, path, _ANYBODY) as what:
            yield what


async def _is_ready(stage: Stage, path: str) -> bool:
    conditions = ((await stage.kube.get(path)).get("status") or {}).get("conditions") or ()
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


@asynccontextmanager
async def port_astray(stage: Stage, component: Component) -> AsyncIterator[str]:
    """The port of the component's Service leads to where nobody listens; its endpoints stay ready."""
    if component.service is None:
        raise ConfigError(f"component {component.id!r} has no service in the policy")
    where = path_of("services", component.namespace, component.service)
    ports = (await stage.kube.get(where))["spec"]["ports"]
    number = next((n for n, port in enumerate(ports) if port["port"] == component.port), 0)
    patch: list[Object] = [{"op": "add", "path": f"/spec/ports/{number}/targetPort", "value": _DEAD_PORT}]
    async with stage.changed(where, patch):
        yield f"Service {component.namespace}/{component.service}: port {ports[number]['port']} leads nowhere"


def behind_port(stage: Stage, component: Component) -> frozenset[str]:
    """Ids of what may fail of ``port_astray``: whatever is asked of that Service, and of those who need it.

    Who talks to a database or a cache through it answers its own users with errors.
    """
    same = {c.id for c in stage.policy.components.values() if _shares_service(c, component)}
    asked = frozenset(o.id for o in stage.objectives if o.component in same)
    return asked | (stage.asking("http.*", "pool.*", "backup.*", "log.*") if component.engine else frozenset())


def same_path(stage: Stage, component: Component, *indicators: str) -> frozenset[str]:
    """Ids of the questions of these indicators to the same host."""
    same = [c.id for c in stage.policy.components.values() if _shares_service(c, component)]
    return frozenset().union(*(stage.asking(*indicators, component=one) for one in same))


def _shares_service(one: Component, other: Component) -> bool:
    return (one.namespace, one.service) == (other.namespace, other.service)


def _services(rule: dict[str, Any]) -> set[str | None]:
    paths = (rule.get("http") or {}).get("paths") or ()
    return {((path.get("backend") or {}).get("service") or {}).get("name") for path in paths}
