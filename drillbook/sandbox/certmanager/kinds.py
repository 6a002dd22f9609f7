"""The kinds that cert-manager adds to a cluster."""

from __future__ import annotations

from typing import Final

from drillbook.sandbox.kinds import Kind

GROUP: Final = "cert-manager.io"
_STATUS: Final = ("status",)
_ALL: Final = ("cert-manager",)

CERTIFICATE: Final = Kind(
    GROUP, "v1", "Certificate", "certificates", True, ("cert", "certs"), _STATUS, _ALL, counted=True
)
CERTIFICATE_REQUEST: Final = Kind(
    GROUP, "v1", "CertificateRequest", "certificaterequests", True, ("cr", "crs"), _STATUS, _ALL, counted=True
)
ISSUER: Final = Kind(GROUP, "v1", "Issuer", "issuers", True, ("iss",), _STATUS, _ALL, counted=True)
CLUSTER_ISSUER: Final = Kind(
    GROUP, "v1", "ClusterIssuer", "clusterissuers", False, ("ciss",), _STATUS, _ALL, counted=True
)
CERT_MANAGER_KINDS: Final = (CERTIFICATE, CERTIFICATE_REQUEST, ISSUER, CLUSTER_ISSUER)
