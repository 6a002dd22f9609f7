"""Certificates for Ingresses that ask cert-manager for them: issued by the run's own CA into the Secret they name."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from cryptography import x509

from drillbook.sandbox.certificates import SERVER_LIFETIME
from drillbook.sandbox.controllers.admission import create
from drillbook.sandbox.controllers.controller import Controller, Key, own_key
from drillbook.sandbox.controllers.pods import is_terminating
from drillbook.sandbox.kinds import INGRESS, SECRET, Object
from drillbook.sandbox.store import Change

COMPONENT: Final = "cert-manager-certificates-issuing"
ISSUERS: Final = ("cert-manager.io/cluster-issuer", "cert-manager.io/issuer")
RENEWED_BEFORE: Final = SERVER_LIFETIME / 3
"""cert-manager renews when a third of the lifetime is left."""


class IngressCertificates(Controller):
    """What cert-manager's ingress-shim and its issuing do together."""

    name = "ingress-certificates"
    watches = (INGRESS, SECRET)

    def keys(self, change: Change) -> Iterable[Key]:
        if change.kind is INGRESS:
            return [own_key(change.object)]
        return [
            own_key(ingress)
            for ingress in self.store.list(INGRESS, change.namespace)
            if any(tls.get("secretName") == change.name for tls in ingress["spec"].get("tls") or ())
        ]

    async def reconcile(self, key: Key) -> None:
        ingress = self.store.get(INGRESS, *key)
        if ingress is None or is_terminating(ingress):
            return
        annotations = ingress["metadata"].get("annotations") or {}
        issuer = next((annotations[name] for name in ISSUERS if name in annotations), None)
        if issuer is None:
            return
        for tls in ingress["spec"].get("tls") or ():
            if tls.get("secretName") and tls.get("hosts"):
                wait = self._ensure(ingress, tls["secretName"], tls["hosts"], issuer)
                self.queue.add_after(key, wait.total_seconds())

    def _ensure(self, ingress: Object, name: str, hosts: Sequence[str], issuer: str) -> timedelta:
        """See that the Secret holds a certificate for these hosts; returns when it must be looked at again."""
        namespace = ingress["metadata"]["namespace"]
        secret = self.store.get(SECRET, namespace, name)
        left = good_for(secret, hosts) - RENEWED_BEFORE
        if left > timedelta(0):
            return left
        issued = self.cluster.authority.issue(list(hosts))
        data = {
            "tls.crt": _encoded(issued.certificate),
            "tls.key": _encoded(issued.key),
            "ca.crt": _encoded(self.cluster.authority.pem),
        }
        annotations = {
            "cert-manager.io/alt-names": ",".join(hosts),
            "cert-manager.io/certificate-name": name,
            "cert-manager.io/common-name": hosts[0],
            "cert-manager.io/issuer-name": issuer,
        }
        if secret is None:
            meta = {"name": name, "namespace": namespace, "annotations": annotations}
            create(self.store, SECRET, {"metadata": meta, "type": "kubernetes.io/tls", "data": data})
        else:

            def renew(draft: Object) -> None:
                draft["data"] = (draft.get("data") or {}) | data
                draft["metadata"].setdefault("annotations", {}).update(annotations)

            self.store.mutate(SECRET, namespace, name, renew)
        self.cluster.events.normal(ingress, COMPONENT, "Issuing", f"Stored new certificate in Secret {name}")
        return SERVER_LIFETIME - RENEWED_BEFORE


def good_for(secret: Object | None, hosts: Sequence[str]) -> timedelta:
    """How long the certificate of a Secret still holds for these hosts; nothing when it is missing or for others."""
    encoded = ((secret or {}).get("data") or {}).get("tls.crt")
    if not encoded:
        return timedelta(0)
    try:
        certificate = x509.load_pem_x509_certificate(base64.b64decode(encoded))
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, x509.ExtensionNotFound):
        return timedelta(0)
    if set(names.get_values_for_type(x509.DNSName)) != set(hosts):
        return timedelta(0)
    return certificate.not_valid_after_utc - datetime.now(UTC)


def _encoded(pem: bytes) -> str:
    return base64.b64encode(pem).decode()
