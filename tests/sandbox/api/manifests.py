"""Small objects for tests."""

from __future__ import annotations

from drillbook.sandbox.kinds import Object


def pod(name: str = "web", **spec: object) -> Object:
    """A pod with one container."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": "web"}},
        "spec": {"containers": [{"name": "main", "image": "example/web:1"}], **spec},
    }


def deployment(name: str = "web", **spec: object) -> Object:
    """A deployment of one container."""
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [{"name": "main", "image": "example/web:1"}]},
            },
            **spec,
        },
    }


def config_map(name: str = "settings", labels: dict[str, str] | None = None, **data: str) -> Object:
    """A config map."""
    metadata = {"name": name} | ({"labels": labels} if labels else {})
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def service(name: str = "web", **spec: object) -> Object:
    """A service with one port."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"selector": {"app": name}, "ports": [{"port": 80}], **spec},
    }
