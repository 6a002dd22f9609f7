"""The roles that every cluster has: cluster-admin, admin, edit, view, and what everybody who has logged in may ask."""

from __future__ import annotations

from typing import Final

from drillbook.sandbox.kinds import CLUSTER_ROLE, CLUSTER_ROLE_BINDING, Object
from drillbook.sandbox.store import Store

_RBAC: Final = "rbac.authorization.k8s.io"
_READ: Final = ["get", "list", "watch"]
_WRITE: Final = ["create", "delete", "deletecollection", "patch", "update"]
_DISCOVERY: Final = [
    "/api", "/api/*", "/apis", "/apis/*", "/healthz", "/livez", "/openapi", "/openapi/*", "/readyz", "/version",
    "/version/",
]  # fmt: skip
_SEEN: Final[dict[str, list[str]]] = {
    "": [
        "configmaps", "endpoints", "events", "limitranges", "namespaces", "namespaces/status", "persistentvolumeclaims",
        "persistentvolumeclaims/status", "pods", "pods/log", "pods/status", "replicationcontrollers",
        "replicationcontrollers/scale", "replicationcontrollers/status", "resourcequotas", "resourcequotas/status",
        "serviceaccounts", "services", "services/status",
    ],
    "apps": [
        "controllerrevisions", "daemonsets", "daemonsets/status", "deployments", "deployments/scale",
        "deployments/status", "replicasets", "replicasets/scale", "replicasets/status", "statefulsets",
        "statefulsets/scale", "statefulsets/status",
    ],
    "autoscaling": ["horizontalpodautoscalers", "horizontalpodautoscalers/status"],
    "batch": ["cronjobs", "cronjobs/status", "jobs", "jobs/status"],
    "discovery.k8s.io": ["endpointslices"],
    "networking.k8s.io": ["ingresses", "ingresses/status", "networkpolicies"],
    "policy": ["poddisruptionbudgets", "poddisruptionbudgets/status"],
    "metrics.k8s.io": ["pods", "nodes"],
}  # fmt: skip
"""What ``view`` reads, by group: no Secrets, and nothing of RBAC."""
_CHANGED: Final[dict[str, list[str]]] = {
    "": [
        "configmaps", "events", "persistentvolumeclaims", "pods", "pods/attach", "pods/eviction", "pods/exec",
        "pods/portforward", "pods/proxy", "replicationcontrollers", "replicationcontrollers/scale", "secrets",
        "serviceaccounts", "serviceaccounts/token", "services", "services/proxy",
    ],
    "apps": [
        "daemonsets", "deployments", "deployments/rollback", "deployments/scale", "replicasets", "replicasets/scale",
        "statefulsets", "statefulsets/scale",
    ],
    "autoscaling": ["horizontalpodautoscalers"],
    "batch": ["cronjobs", "jobs"],
    "networking.k8s.io": ["ingresses", "networkpolicies"],
    "policy": ["poddisruptionbudgets"],
}  # fmt: skip
"""What ``edit`` changes beyond ``view``."""


def _rules(verbs: list[str], resources: dict[str, list[str]]) -> list[Object]:
    return [{"verbs": verbs, "apiGroups": [group], "resources": names} for group, names in resources.items()]


_PRIVATE: Final = ["secrets", "pods/attach", "pods/exec", "pods/portforward", "pods/proxy", "services/proxy"]
_VIEW: Final = _rules(_READ, _SEEN)
_EDIT: Final = [
    {"verbs": _READ, "apiGroups": [""], "resources": _PRIVATE},
    {"verbs": ["impersonate"], "apiGroups": [""], "resources": ["serviceaccounts"]},
    {"verbs": [*_WRITE, *_READ], "apiGroups": ["coordination.k8s.io"], "resources": ["leases"]},
    *_rules(_WRITE, _CHANGED),
]
_ADMIN: Final = [
    {"verbs": ["create"], "apiGroups": ["authorization.k8s.io"], "resources": ["localsubjectaccessreviews"]},
    {"verbs": [*_WRITE, *_READ], "apiGroups": [_RBAC], "resources": ["roles", "rolebindings"]},
]
_MASTER: Final[list[Object]] = [
    {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]},
    {"verbs": ["*"], "nonResourceURLs": ["*"]},
]
_SELF: Final[list[Object]] = [
    {
        "verbs": ["create"],
        "apiGroups": ["authorization.k8s.io"],
        "resources": ["selfsubjectaccessreviews", "selfsubjectrulesreviews"],
    },
    {"verbs": ["create"], "apiGroups": ["authentication.k8s.io"], "resources": ["selfsubjectreviews"]},
]
_ALONE: Final[dict[str, list[Object]]] = {
    "cluster-admin": _MASTER,
    "system:basic-user": _SELF,
    "system:discovery": [{"verbs": ["get"], "nonResourceURLs": _DISCOVERY}],
}
_TO_VIEW, _TO_EDIT, _TO_ADMIN = (f"{_RBAC}/aggregate-to-{name}" for name in ("view", "edit", "admin"))
_PARTS: Final[dict[str, tuple[str, list[Object]]]] = {
    "system:aggregate-to-view": (_TO_VIEW, _VIEW),
    "system:aggregate-to-edit": (_TO_EDIT, _EDIT),
    "system:aggregate-to-admin": (_TO_ADMIN, _ADMIN),
}
_SUMS: Final[dict[str, tuple[str, dict[str, str]]]] = {
    "view": (_TO_VIEW, {_TO_EDIT: "true"}),
    "edit": (_TO_EDIT, {_TO_ADMIN: "true"}),
    "admin": (_TO_ADMIN, {}),
}
"""Roles that are the sum of all roles with a label, so that a custom kind can add itself to them; and their labels."""
_BOUND: Final = {
    "cluster-admin": "system:masters",
    "system:basic-user": "system:authenticated",
    "system:discovery": "system:authenticated",
}


def install(store: Store) -> None:
    """Put the standing roles and bindings into a store that has none."""
    for name, rules in _ALONE.items():
        _role(store, name, {}, rules=rules)
    for name, (label, rules) in _PARTS.items():
        _role(store, name, {label: "true"}, rules=rules)
    for name, (label, labels) in _SUMS.items():
        selectors = {"clusterRoleSelectors": [{"matchLabels": {label: "true"}}]}
        _role(store, name, labels, aggregationRule=selectors, rules=_sum(label))
    for role, group in _BOUND.items():
        binding: Object = {
            "metadata": {"name": role, "labels": {"kubernetes.io/bootstrapping": "rbac-defaults"}},
            "roleRef": {"apiGroup": _RBAC, "kind": "ClusterRole", "name": role},
            "subjects": [{"apiGroup": _RBAC, "kind": "Group", "name": group}],
        }
        store.create(CLUSTER_ROLE_BINDING, binding)


def _sum(label: str) -> list[Object]:
    """What an aggregated role shows from the start: the role that it is named after, and those that it includes."""
    return {_TO_VIEW: _VIEW, _TO_EDIT: [*_EDIT, *_VIEW], _TO_ADMIN: [*_ADMIN, *_EDIT, *_VIEW]}[label]


def _role(store: Store, name: str, labels: dict[str, str], **rest: object) -> None:
    marked = labels | {"kubernetes.io/bootstrapping": "rbac-defaults"}
    store.create(CLUSTER_ROLE, {"metadata": {"name": name, "labels": marked}, **rest})
