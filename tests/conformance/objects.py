"""Small objects for the tests."""

from __future__ import annotations

from typing import Any

type Object = dict[str, Any]

FOREVER = "trap 'exit 0' TERM; echo started; while true; do sleep 0.2; done"


def config_map(name: str = "settings", labels: dict[str, str] | None = None, **data: str) -> Object:
    metadata: Object = {"name": name} | ({"labels": labels} if labels else {})
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def container(image: str, script: str = FOREVER, **more: Any) -> Object:
    return {"name": "main", "image": image, "command": ["sh", "-c", script], **more}


def pod(image: str, script: str = FOREVER, name: str = "one", **spec: Any) -> Object:
    """A pod that runs a shell script, and ends quickly when it is told to."""
    main = container(image, script, **spec.pop("container", {}))
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": "one"}},
        "spec": {"containers": [main], "terminationGracePeriodSeconds": 5, **spec},
    }


def template(image: str, script: str = FOREVER, app: str = "web", **more: Any) -> Object:
    main = container(image, script, **more)
    return {"metadata": {"labels": {"app": app}}, "spec": {"containers": [main], "terminationGracePeriodSeconds": 5}}


def deployment(image: str, name: str = "web", **spec: Any) -> Object:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": {"selector": {"matchLabels": {"app": name}}, "template": template(image, app=name), **spec},
    }


def service(name: str = "web", **spec: Any) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"selector": {"app": name}, "ports": [{"port": 80, "targetPort": 8080}], **spec},
    }
