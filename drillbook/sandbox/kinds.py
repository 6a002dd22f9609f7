"""The kinds that the sandbox serves: one line each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

Object = dict[str, Any]
"""A Kubernetes object as JSON has it."""


@dataclass(frozen=True, slots=True, eq=False)
class Kind:
    """One served kind."""

    group: str
    version: str
    name: str
    plural: str
    namespaced: bool = True
    short: tuple[str, ...] = ()
    subresources: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    counted: bool = False
    """A change of ``spec`` raises ``metadata.generation``."""
    stored_as: Kind | None = None
    """This is another API version's view of objects that are stored as that kind."""

    custom: Object | None = None
    """The version of the CustomResourceDefinition that this kind comes from; None for what is built in."""

    def __eq__(self, other: object) -> bool:
        """A kind is what its group, version and plural say; the rest may change with its definition."""
        if self is other:
            return True
        if not isinstance(other, Kind):
            return NotImplemented
        return (self.plural, self.group, self.version) == (other.plural, other.group, other.version)

    def __hash__(self) -> int:
        return hash((self.group, self.version, self.plural))

    @property
    def singular(self) -> str:
        return self.name.lower()

    @property
    def storage(self) -> Kind:
        """The kind under which the store keeps the objects."""
        return self.stored_as or self

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def resource(self) -> str:
        """As error messages name it: ``pods``, ``deployments.apps``."""
        return f"{self.plural}.{self.group}" if self.group else self.plural


_ALL: Final = ("all",)
_SCALED: Final = ("status", "scale")
_STATUS: Final = ("status",)

NAMESPACE = Kind("", "v1", "Namespace", "namespaces", False, ("ns",), ("status", "finalize"))
NODE = Kind("", "v1", "Node", "nodes", False, ("no",), ("status", "proxy"))
POD = Kind(
    "", "v1", "Pod", "pods", True, ("po",),
    ("status", "log", "exec", "attach", "portforward", "eviction", "binding", "ephemeralcontainers", "resize"),
    _ALL, counted=True,
)  # fmt: skip
POD_TEMPLATE = Kind("", "v1", "PodTemplate", "podtemplates")
SERVICE = Kind("", "v1", "Service", "services", True, ("svc",), ("status", "proxy"), _ALL)
ENDPOINTS = Kind("", "v1", "Endpoints", "endpoints", True, ("ep",))
CONFIG_MAP = Kind("", "v1", "ConfigMap", "configmaps", True, ("cm",))
SECRET = Kind("", "v1", "Secret", "secrets")
EVENT = Kind("", "v1", "Event", "events", True, ("ev",))
EVENT_V1 = Kind("events.k8s.io", "v1", "Event", "events", True, ("ev",), stored_as=EVENT)
CLAIM = Kind("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims", True, ("pvc",), _STATUS)
VOLUME = Kind("", "v1", "PersistentVolume", "persistentvolumes", False, ("pv",), _STATUS)
SERVICE_ACCOUNT = Kind("", "v1", "ServiceAccount", "serviceaccounts", True, ("sa",), ("token",))
REPLICATION_CONTROLLER = Kind(
    "", "v1", "ReplicationController", "replicationcontrollers", True, ("rc",), _SCALED, _ALL, counted=True
)
RESOURCE_QUOTA = Kind("", "v1", "ResourceQuota", "resourcequotas", True, ("quota",), _STATUS)
LIMIT_RANGE = Kind("", "v1", "LimitRange", "limitranges", True, ("limits",))
DEPLOYMENT = Kind("apps", "v1", "Deployment", "deployments", True, ("deploy",), _SCALED, _ALL, counted=True)
REPLICA_SET = Kind("apps", "v1", "ReplicaSet", "replicasets", True, ("rs",), _SCALED, _ALL, counted=True)
STATEFUL_SET = Kind("apps", "v1", "StatefulSet", "statefulsets", True, ("sts",), _SCALED, _ALL, counted=True)
DAEMON_SET = Kind("apps", "v1", "DaemonSet", "daemonsets", True, ("ds",), _STATUS, _ALL, counted=True)
CONTROLLER_REVISION = Kind("apps", "v1", "ControllerRevision", "controllerrevisions")
JOB = Kind("batch", "v1", "Job", "jobs", True, (), _STATUS, _ALL, counted=True)
CRON_JOB = Kind("batch", "v1", "CronJob", "cronjobs", True, ("cj",), _STATUS, _ALL, counted=True)
AUTOSCALER = Kind(
    "autoscaling", "v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers", True, ("hpa",), _STATUS, _ALL
)
AUTOSCALER_V1 = Kind(
    "autoscaling", "v1", "HorizontalPodAutoscaler", "horizontalpodautoscalers", True, ("hpa",), _STATUS, _ALL,
    stored_as=AUTOSCALER,
)  # fmt: skip
DISRUPTION_BUDGET = Kind(
    "policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets", True, ("pdb",), _STATUS, counted=True
)
ENDPOINT_SLICE = Kind("discovery.k8s.io", "v1", "EndpointSlice", "endpointslices", counted=True)
INGRESS = Kind("networking.k8s.io", "v1", "Ingress", "ingresses", True, ("ing",), _STATUS, counted=True)
INGRESS_CLASS = Kind("networking.k8s.io", "v1", "IngressClass", "ingressclasses", False, counted=True)
NETWORK_POLICY = Kind("networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies", True, ("netpol",), counted=True)
STORAGE_CLASS = Kind("storage.k8s.io", "v1", "StorageClass", "storageclasses", False, ("sc",))
LEASE = Kind("coordination.k8s.io", "v1", "Lease", "leases")
PRIORITY_CLASS = Kind("scheduling.k8s.io", "v1", "PriorityClass", "priorityclasses", False, ("pc",), counted=True)
ROLE = Kind("rbac.authorization.k8s.io", "v1", "Role", "roles")
ROLE_BINDING = Kind("rbac.authorization.k8s.io", "v1", "RoleBinding", "rolebindings")
CLUSTER_ROLE = Kind("rbac.authorization.k8s.io", "v1", "ClusterRole", "clusterroles", False)
CLUSTER_ROLE_BINDING = Kind("rbac.authorization.k8s.io", "v1", "ClusterRoleBinding", "clusterrolebindings", False)
CUSTOM_RESOURCE_DEFINITION = Kind(
    "apiextensions.k8s.io", "v1", "CustomResourceDefinition", "customresourcedefinitions", False, ("crd", "crds"),
    _STATUS, ("api-extensions",), counted=True,
)  # fmt: skip

_CERT_MANAGER: Final = "cert-manager.io"
_CERTIFICATES: Final = ("cert-manager",)
CERTIFICATE = Kind(
    _CERT_MANAGER, "v1", "Certificate", "certificates", True, ("cert", "certs"), _STATUS, _CERTIFICATES, counted=True
)
CERTIFICATE_REQUEST = Kind(
    _CERT_MANAGER, "v1", "CertificateRequest", "certificaterequests", True, ("cr", "crs"), _STATUS, _CERTIFICATES,
    counted=True,
)  # fmt: skip
ISSUER = Kind(_CERT_MANAGER, "v1", "Issuer", "issuers", True, ("iss",), _STATUS, _CERTIFICATES, counted=True)
CLUSTER_ISSUER = Kind(
    _CERT_MANAGER, "v1", "ClusterIssuer", "clusterissuers", False, ("ciss",), _STATUS, _CERTIFICATES, counted=True
)
"""cert-manager's kinds: every cluster that the runbooks speak of has them, so they are built in here."""

NETWORK_CHAOS = Kind("chaos-mesh.org", "v1alpha1", "NetworkChaos", "networkchaos", True, (), _STATUS, counted=True)
"""Chaos Mesh's kind for network faults: the same YAML serves a cluster that has Chaos Mesh."""

KINDS: Final = (
    NAMESPACE, NODE, POD, POD_TEMPLATE, SERVICE, ENDPOINTS, CONFIG_MAP, SECRET, EVENT, CLAIM, VOLUME, SERVICE_ACCOUNT,
    REPLICATION_CONTROLLER, RESOURCE_QUOTA, LIMIT_RANGE, DEPLOYMENT, REPLICA_SET, STATEFUL_SET, DAEMON_SET,
    CONTROLLER_REVISION, JOB, CRON_JOB, AUTOSCALER, AUTOSCALER_V1, DISRUPTION_BUDGET, ENDPOINT_SLICE, INGRESS,
    INGRESS_CLASS, NETWORK_POLICY, STORAGE_CLASS, EVENT_V1, LEASE, PRIORITY_CLASS, ROLE, ROLE_BINDING, CLUSTER_ROLE,
    CLUSTER_ROLE_BINDING, CUSTOM_RESOURCE_DEFINITION, CERTIFICATE, CERTIFICATE_REQUEST, ISSUER, CLUSTER_ISSUER,
    NETWORK_CHAOS,
)  # fmt: skip
