"""A cluster that says what was recorded: real HTTP, the real client, and states that no sandbox can be brought to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from aiohttp import web

from drillbook.model.observation import Observation
from drillbook.model.policy import Workload
from tests.clients.servers import serving
from tests.probes.scenes import component, environment, look, objective

BORN = "2020-01-01T00:00:00Z"
DEPLOYMENT = "/apis/apps/v1/namespaces/shop/deployments/web"
PODS = "/api/v1/namespaces/shop/pods"


@contextmanager
def cluster(answers: Mapping[str, Any]) -> Iterator[Path]:
    """The kubeconfig of an API server that answers these paths: a list as a collection, text as a log, else 404."""

    async def answer(request: web.Request) -> web.Response:
        found = answers.get(request.path)
        if found is None:
            return web.json_response({"kind": "Status", "reason": "NotFound", "message": request.path}, status=404)
        if isinstance(found, str):
            return web.Response(text=found)
        return web.json_response({"items": found} if isinstance(found, list) else found)

    with serving(answer) as server, TemporaryDirectory() as folder:
        kubeconfig = Path(folder) / "kubeconfig"
        kubeconfig.write_text(
            f"""
apiVersion: v1
kind: Config
clusters: [{{name: c, cluster: {{server: "http://127.0.0.1:{server.port}"}}}}]
users: [{{name: u, user: {{token: a}}}}]
contexts: [{{name: x, context: {{cluster: c, user: u}}}}]
current-context: x
"""
        )
        yield kubeconfig


def seen(
    answers: Mapping[str, Any], indicator: str, *, via: str = "", whom: str | None = "api", **parameters: Any
) -> Observation:
    """One look at Deployment ``web`` of such a cluster."""

    one = component(workload=Workload("deployment", "web"), service="web", ingress="web", port=80)
    asked = replace(objective(indicator, whom, **parameters), via=via)
    with cluster({DEPLOYMENT: deployment()} | dict(answers)) as kubeconfig:
        return look(one, environment(kubeconfig=kubeconfig), asked)[indicator]


def deployment(**status: Any) -> dict[str, Any]:
    """A Deployment of two replicas, rolled out."""
    template = {"spec": {"containers": [{"name": "web", "image": "registry:5000/shop/web:v2"}]}}
    return {
        "metadata": {"name": "web", "namespace": "shop", "uid": "d1", "generation": 2, "creationTimestamp": BORN},
        "spec": {"replicas": 2, "selector": {"matchLabels": {"app": "web"}}, "template": template},
        "status": {"observedGeneration": 2, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2} | status,
    }


def pod(name: str = "web-1", status: Mapping[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    """A pod of it; ``status`` is its one container's."""
    container = {"name": "web", "image": fields.pop("image", "registry:5000/shop/web:v2")} | fields.pop("container", {})
    said = {"name": "web", "restartCount": 0, "state": {"running": {}}} | dict(status or {})
    return {
        "metadata": {"name": name, "namespace": "shop", "uid": name, "creationTimestamp": fields.pop("born", BORN)},
        "spec": {"containers": [container]},
        "status": {"phase": "Running", "startTime": BORN, "containerStatuses": [said]},
    } | fields
