"""Certificates for Ingresses that ask for them by annotation, one for each entry of ``spec.tls``."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from drillbook.sandbox.certmanager.shim_annotations import (
    CLUSTER_ISSUER_ANNOTATION,
    ISSUER_ANNOTATION,
    BadAnnotations,
    fields_of,
    issuer_of,
)
from drillbook.sandbox.certmanager.wish import DEFAULT_USAGES
from drillbook.sandbox.controllers.admission import create
from drillbook.sandbox.controllers.controller import Controller, Key, controller_of, own_key, owner_key, owner_reference
from drillbook.sandbox.controllers.pods import delete, is_terminating
from drillbook.sandbox.kinds import CERTIFICATE, INGRESS, Object
from drillbook.sandbox.store import Change

COMPONENT: Final = "cert-manager-ingress-shim"


class IngressShim(Controller):
    """Keeps the Certificates of Ingresses: created, changed and deleted as the Ingress says."""

    name = "cert-manager-ingress-shim"
    watches = (INGRESS, CERTIFICATE)

    def keys(self, change: Change) -> Iterable[Key]:
        return [own_key(change.object)] if change.kind is INGRESS else owner_key(change.object, INGRESS)

    async def reconcile(self, key: Key) -> None:
        ingress = self.store.get(INGRESS, *key)
        if ingress is None or is_terminating(ingress):
            return
        annotations = ingress["metadata"].get("annotations") or {}
        if not {ISSUER_ANNOTATION, CLUSTER_ISSUER_ANNOTATION} & annotations.keys():
            return
        try:
            wanted = self._wanted(ingress, annotations)
        except BadAnnotations as why:
            self.cluster.events.warning(ingress, COMPONENT, "BadConfig", str(why))
            return
        for name, spec in wanted.items():
            self._ensure(ingress, name, spec)
        used = {tls.get("secretName") for tls in ingress["spec"].get("tls") or ()}
        for certificate in self.store.list(CERTIFICATE, key[0]):
            if _is_ours(certificate, ingress) and certificate["spec"].get("secretName") not in used:
                delete(self.store, CERTIFICATE, certificate)
                self._say(ingress, "DeleteCertificate", "deleted unrequired", certificate["metadata"]["name"])

    def _wanted(self, ingress: Object, annotations: Mapping[str, str]) -> dict[str, Object]:
        """The specs of the Certificates that there should be, by name. Raises BadAnnotations."""
        issuer, extra = issuer_of(annotations), fields_of(annotations)
        entries: Sequence[Object] = ingress["spec"].get("tls") or ()
        names = [tls.get("secretName") for tls in entries]
        for number, name in enumerate(names):
            if name and name in names[:number]:
                raise BadAnnotations(
                    f'spec.tls[{names.index(name)}].secretName: Invalid value: "{name}": this secret name must only '
                    f"appear in a single TLS entry but is also used in spec.tls[{number}].secretName"
                )
        wanted = {}
        for number, tls in enumerate(entries):
            hosts, name = tls.get("hosts") or [], tls.get("secretName")
            missing = [field for field, value in (("hosts", hosts), ("secretName", name)) if not value]
            if missing or not name:
                text = ", ".join(f"spec.tls[{number}].{field}: Required value" for field in missing)
                self.cluster.events.warning(ingress, COMPONENT, "BadConfig", f"Skipped a TLS block: {text}")
                continue
            hosts = list(dict.fromkeys(hosts))
            spec: Object = {"secretName": name, "issuerRef": issuer, "usages": list(DEFAULT_USAGES)} | extra
            dns = [host for host in hosts if not _is_address(host)]
            addresses = [host for host in hosts if _is_address(host)]
            spec["dnsNames"] = dns + extra.get("dnsNames", [])
            if addresses or extra.get("ipAddresses"):
                spec["ipAddresses"] = addresses + extra.get("ipAddresses", [])
            wanted[str(name)] = spec
        return wanted

    def _ensure(self, ingress: Object, name: str, spec: Object) -> None:
        namespace, labels = ingress["metadata"]["namespace"], ingress["metadata"].get("labels") or {}
        existing = self.store.get(CERTIFICATE, namespace, name)
        if existing is None:
            meta: Object = {"name": name, "namespace": namespace, "ownerReferences": [owner_reference(ingress)]}
            if labels:
                meta["labels"] = labels
            create(self.store, CERTIFICATE, {"metadata": meta, "spec": spec})
            self._say(ingress, "CreateCertificate", "created", name)
            return
        if not _is_ours(existing, ingress):
            return  # somebody made it by hand, or for another Ingress: theirs to keep
        if existing["spec"] == spec and (existing["metadata"].get("labels") or {}) == labels:
            return

        def change(draft: Object) -> None:
            draft["spec"], draft["metadata"]["labels"] = spec, labels

        self.store.mutate(CERTIFICATE, namespace, name, change)
        self._say(ingress, "UpdateCertificate", "updated", name)

    def _say(self, ingress: Object, reason: str, what: str, name: str) -> None:
        self.cluster.events.normal(ingress, COMPONENT, reason, f'Successfully {what} Certificate "{name}"')


def _is_ours(certificate: Object, ingress: Object) -> bool:
    return bool((controller_of(certificate) or {}).get("uid") == ingress["metadata"]["uid"])


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
