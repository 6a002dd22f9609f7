"""What a cluster has before anybody asks for anything: namespaces, nodes, classes, and the API's own Service."""

from __future__ import annotations

from typing import Final

from drillbook.sandbox import certmanager, roles
from drillbook.sandbox.cluster import Cluster
from drillbook.sandbox.controllers import nodes
from drillbook.sandbox.controllers.admission import create
from drillbook.sandbox.controllers.claims import standard_class
from drillbook.sandbox.kinds import ENDPOINTS, INGRESS_CLASS, NAMESPACE, SERVICE, STORAGE_CLASS, Object
from drillbook.sandbox.network.addresses import API_PORT

SYSTEM_NAMESPACES: Final = ("default", "kube-system", "kube-public", "kube-node-lease", "ingress-system")
INGRESS_CLASS_NAME: Final = "drillbook"


def seed(cluster: Cluster) -> None:
    """Fill an empty store."""
    for name in SYSTEM_NAMESPACES:
        namespace: Object = {
            "metadata": {"name": name, "labels": {"kubernetes.io/metadata.name": name}},
            "spec": {"finalizers": ["kubernetes"]},
            "status": {"phase": "Active"},
        }
        create(cluster.store, NAMESPACE, namespace)
    roles.install(cluster.store)
    nodes.register(cluster)
    create(cluster.store, STORAGE_CLASS, standard_class())
    default = {"ingressclass.kubernetes.io/is-default-class": "true"}
    ingress_class: Object = {
        "metadata": {"name": INGRESS_CLASS_NAME, "annotations": default},
        "spec": {"controller": "drillbook.dev/ingress"},
    }
    create(cluster.store, INGRESS_CLASS, ingress_class)
    _api_service(cluster)
    certmanager.install(cluster)


def identity(cluster: Cluster) -> str:
    """The cluster's identity: the UID of the namespace kube-system."""
    return str(cluster.store.need(NAMESPACE, "", "kube-system")["metadata"]["uid"])


def _api_service(cluster: Cluster) -> None:
    labels = {"component": "apiserver", "provider": "kubernetes"}
    port = {"name": "https", "protocol": "TCP", "port": 443, "targetPort": API_PORT}
    meta = {"name": "kubernetes", "namespace": "default", "labels": labels}
    create(cluster.store, SERVICE, {"metadata": meta, "spec": {"ports": [port]}})
    addresses = [{"ip": cluster.addresses.api}]
    subsets = [{"addresses": addresses, "ports": [{"name": "https", "port": API_PORT, "protocol": "TCP"}]}]
    create(cluster.store, ENDPOINTS, {"metadata": meta, "subsets": subsets})
