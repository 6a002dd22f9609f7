"""Where the resources that Drillbook speaks of are served, and how a selector is written into a URL."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

GROUPS: Final = {
    "namespaces": "/api/v1",
    "nodes": "/api/v1",
    "pods": "/api/v1",
    "services": "/api/v1",
    "secrets": "/api/v1",
    "configmaps": "/api/v1",
    "events": "/api/v1",
    "persistentvolumeclaims": "/api/v1",
    "resourcequotas": "/api/v1",
    "deployments": "/apis/apps/v1",
    "replicasets": "/apis/apps/v1",
    "statefulsets": "/apis/apps/v1",
    "daemonsets": "/apis/apps/v1",
    "controllerrevisions": "/apis/apps/v1",
    "endpointslices": "/apis/discovery.k8s.io/v1",
    "ingresses": "/apis/networking.k8s.io/v1",
    "networkpolicies": "/apis/networking.k8s.io/v1",
    "horizontalpodautoscalers": "/apis/autoscaling/v2",
    "jobs": "/apis/batch/v1",
    "cronjobs": "/apis/batch/v1",
    "leases": "/apis/coordination.k8s.io/v1",
    "poddisruptionbudgets": "/apis/policy/v1",
    "selfsubjectaccessreviews": "/apis/authorization.k8s.io/v1",
    "certificates": "/apis/cert-manager.io/v1",
    "issuers": "/apis/cert-manager.io/v1",
    "networkchaos": "/apis/chaos-mesh.org/v1alpha1",
    "dnschaos": "/apis/chaos-mesh.org/v1alpha1",
    "podmetrics": "/apis/metrics.k8s.io/v1beta1",
}
"""Where each resource that Drillbook speaks of is served."""


def path_of(resource: str, namespace: str | None = None, name: str | None = None, subresource: str = "") -> str:
    """The URL path of a resource in GROUPS: ``path_of("pods", "shop", "api-1", "log")``."""
    parts = [GROUPS[resource]]
    if namespace:
        parts += ["namespaces", quote(namespace, safe="")]
    parts.append("pods" if resource == "podmetrics" else resource)
    parts += [quote(name, safe="")] if name else []
    return "/".join(parts + ([subresource] if subresource else []))


def selector_text(selector: Mapping[str, Any]) -> str:
    """A ``spec.selector`` (or plain labels) as the API's ``labelSelector`` parameter writes it."""
    labels = selector.get("matchLabels", {}) if _is_selector(selector) else selector
    terms = [f"{key}={value}" for key, value in labels.items()]
    for expression in selector.get("matchExpressions", ()) if _is_selector(selector) else ():
        key, values = expression["key"], ",".join(expression.get("values", ()))
        match expression["operator"]:
            case "In":
                terms.append(f"{key} in ({values})")
            case "NotIn":
                terms.append(f"{key} notin ({values})")
            case "Exists":
                terms.append(key)
            case _:
                terms.append(f"!{key}")
    return ",".join(terms)


def _is_selector(selector: Mapping[str, Any]) -> bool:
    return "matchLabels" in selector or "matchExpressions" in selector
