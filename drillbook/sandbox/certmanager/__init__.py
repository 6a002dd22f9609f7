"""cert-manager, as far as its users see it: Certificates are issued into Secrets, renewed, and issued again.

What is not here: ACME (no order, no challenge: the run's authority signs for every issuer), keystores, trust stores.
"""

from __future__ import annotations

from drillbook.sandbox.certmanager.certificates import Certificates
from drillbook.sandbox.certmanager.ingress_shim import IngressShim
from drillbook.sandbox.certmanager.issuers import Issuers
from drillbook.sandbox.certmanager.requests import CertificateRequests
from drillbook.sandbox.cluster import Cluster
from drillbook.sandbox.controllers.admission import create
from drillbook.sandbox.controllers.controller import Controller
from drillbook.sandbox.kinds import CLUSTER_ISSUER

OWN_ISSUER = "letsencrypt"
"""The ClusterIssuer that every sandbox has, named as the usual one of real clusters."""


def cert_manager(cluster: Cluster) -> list[Controller]:
    """cert-manager's controllers."""
    return [kind(cluster) for kind in (CertificateRequests, Certificates, IngressShim, Issuers)]


def install(cluster: Cluster) -> None:
    """What cert-manager has from the start in every sandbox: one issuer for all namespaces."""
    acme = {
        "server": "https://acme-v02.api.letsencrypt.org/directory",
        "privateKeySecretRef": {"name": f"{OWN_ISSUER}-account"},
        "solvers": [{"http01": {"ingress": {}}}],
    }
    create(cluster.store, CLUSTER_ISSUER, {"metadata": {"name": OWN_ISSUER}, "spec": {"acme": acme}})
