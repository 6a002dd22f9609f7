"""HTTP errors: a stand-in that answers nothing but one status joins a component's Service, or takes it over.

It is a pod with nginx. Beside the real pods it gets its share of the requests, as a bad replica would; alone it gets
all of them, as when an upstream answers 429 to everybody.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Final

from drillbook.errors import Refused
from drillbook.faults.creating import CONFIG_MAP, LABEL, POD, create, created_needs, remove
from drillbook.faults.dependency_down import DependencyDown
from drillbook.faults.fault import Aim, Landing, Needs, PutBack, Target
from drillbook.faults.services import ready_addresses, select, service_of, wait_addresses
from drillbook.faults.settings import Setting
from drillbook.faults.workloads import is_ready, read_workload, workload_of

if TYPE_CHECKING:
    from drillbook.clients.kube import Kube, Object

NGINX: Final = """
worker_processes 1;
events { worker_connections 512; }
http {
    access_log /dev/stdout;
    error_log /dev/stderr warn;
    server {
        listen ${POD_IP}:%(port)d;
        location = /drillbook-ready { access_log off; return 204; }
        location / { add_header Retry-After %(retry)d always; return %(status)d; }
    }
}
"""


class HttpErrors(DependencyDown):
    """Creates a pod that answers errors, and leads requests to it."""

    name = "http-errors"
    about = "A component answers HTTP errors: to a share of the requests, or to all of them."
    settings: ClassVar = {
        "status": Setting(503, "what it answers", low=400, high=599),
        "alone": Setting(False, "whether every request gets it, and not only the share of one more pod"),
        "retry_after": Setting(1, "the header Retry-After of its answers", low=0, high=3600, unit="s"),
        "image": Setting("nginx:1.31-alpine", "an image of nginx that this cluster can pull"),
    }

    def needs(self, aim: Aim) -> Needs:
        from drillbook.clients.kube import Permission

        namespace, needs = aim.component.namespace, super().needs(aim)
        pairs = [created_needs(kind, namespace) for kind in (POD, CONFIG_MAP)]
        creating, deleting = [p for c, r, _ in pairs for p in (c, r)], [p for _, r, d in pairs for p in (r, d)]
        logs = Permission("get", "pods/log", "", namespace)
        return Needs((*needs.to_break, *creating, logs), (*needs.to_repair, *deleting))

    async def how(self, kube: Kube, aim: Aim) -> str:
        name, port = (await service_of(kube, aim))["metadata"]["name"], await _port(kube, aim)
        whom = "takes over" if aim.settings["alone"] else "joins"
        status = aim.settings["status"]
        return f"a pod of {aim.settings['image']} that answers {status} on port {port} {whom} Service {name}"

    async def put_back(self, kube: Kube, aim: Aim) -> PutBack:
        return {**await super().put_back(kube, aim), "stand_in": _name(aim)}

    async def inject(self, kube: Kube, aim: Aim, targets: Sequence[Target]) -> tuple[Target, ...]:
        service, name, namespace = await service_of(kube, aim), _name(aim), aim.component.namespace
        port = await _port(kube, aim)
        words = {"port": port, "status": aim.settings["status"], "retry": aim.settings["retry_after"]}
        data: Object = {"data": {"nginx.conf.template": NGINX % words}}
        await create(kube, CONFIG_MAP, self.name, namespace, name, data)
        # Alone it has none of the component's labels, so that nothing else takes it for one of its pods.
        labels = {} if aim.settings["alone"] else dict(service["spec"]["selector"])
        spec = _pod_spec(name, aim.settings["image"], _port_name(service), port)
        await create(kube, POD, self.name, namespace, name, {"labels": {**labels, STAND_IN: name}, "spec": spec})
        if aim.settings["alone"]:
            for target in targets:
                await select(kube, target, {STAND_IN: name})
        return tuple(targets)

    async def landed(self, kube: Kube, aim: Aim, targets: Sequence[Target], before: PutBack) -> Landing:
        from drillbook.clients.kube import path_of

        found = await kube.find(path_of("pods", aim.component.namespace, _name(aim)))
        if not targets or found is None or not is_ready(found):
            return Landing(False, {"stand-in": "is not ready"})
        led_to = await ready_addresses(kube, aim.component.namespace, targets[0].name)
        own = (found.get("status") or {}).get("podIP")
        status = f" {aim.settings['status']} "
        answered = (await kube.logs(aim.component.namespace, _name(aim), tail=200)).count(status)
        among = own in led_to and (len(led_to) == 1 or not aim.settings["alone"])
        return Landing(among, {"ready addresses": len(led_to), "stand-in": own, "answers in its log": answered})

    async def undo(self, kube: Kube, put_back: PutBack, seconds: float) -> str:
        namespace, name = str(put_back["namespace"]), str(put_back["name"])
        await select(kube, Target("Service", namespace, name, str(put_back["uid"])), dict(put_back["selector"]))
        for kind in (POD, CONFIG_MAP):
            await remove(kube, kind, self.name, namespace, str(put_back["stand_in"]), seconds)
        count = await wait_addresses(kube, namespace, name, int(put_back["addresses"]), seconds)
        return f"the stand-in is gone, Service {name} leads to {count} ready pods"


STAND_IN: Final = f"{LABEL}-stand-in"


def _name(aim: Aim) -> str:
    return f"drillbook-http-errors-{aim.component.id}"


def _port_name(service: Object) -> str:
    wanted: Any = service["spec"]["ports"][0].get("targetPort")
    return wanted if isinstance(wanted, str) else "http"


async def _port(kube: Kube, aim: Aim) -> int:
    """The number of the port that the Service's requests come to. Raises Refused where it can't be told."""
    service = await service_of(kube, aim)
    if len(service["spec"]["ports"]) != 1:
        raise Refused(f"Service {service['metadata']['name']} has several ports, and the stand-in has one")
    one = service["spec"]["ports"][0]
    wanted = one.get("targetPort", one["port"])
    if isinstance(wanted, int):
        return wanted
    pods = (await read_workload(kube, workload_of(aim.component), aim.component.namespace)).pods
    ports = [p for pod in pods for c in pod["spec"]["containers"] for p in c.get("ports") or ()]
    for port in ports:
        if port.get("name") == wanted:
            return int(port["containerPort"])
    raise Refused(f"no pod of component {aim.component.id!r} has a port named {wanted!r}")


def _pod_spec(name: str, image: str, port_name: str, port: int) -> Object:
    container = {
        "name": "stand-in",
        "image": image,
        "ports": [{"name": port_name, "containerPort": port}],
        "env": [
            {"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
            {"name": "NGINX_ENVSUBST_OUTPUT_DIR", "value": "/etc/nginx"},
            {"name": "NGINX_ENVSUBST_FILTER", "value": "^POD_IP$"},
        ],
        "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"cpu": "200m", "memory": "64Mi"}},
        "readinessProbe": {"httpGet": {"path": "/drillbook-ready", "port": port}, "periodSeconds": 1},
        "volumeMounts": [{"name": "configuration", "mountPath": "/etc/nginx/templates"}],
    }
    return {
        "containers": [container],
        "terminationGracePeriodSeconds": 1,
        "volumes": [{"name": "configuration", "configMap": {"name": name}}],
    }
