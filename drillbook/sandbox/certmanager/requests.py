"""CertificateRequests: approved, and signed by the run's authority when their issuer is ready."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from drillbook.clock import SYSTEM_CLOCK, Clock
from drillbook.sandbox.certmanager import secrets, signing
from drillbook.sandbox.certmanager.conditions import holds, with_one
from drillbook.sandbox.certmanager.durations import duration
from drillbook.sandbox.certmanager.issuers import issuer_for, served
from drillbook.sandbox.certmanager.wish import DEFAULT_USAGES, LIFETIME, IssuerRef
from drillbook.sandbox.cluster import Cluster
from drillbook.sandbox.controllers.controller import Controller, Key, own_key
from drillbook.sandbox.controllers.pods import condition, is_terminating
from drillbook.sandbox.controllers.times import written
from drillbook.sandbox.kinds import CERTIFICATE_REQUEST, CLUSTER_ISSUER, ISSUER, Object
from drillbook.sandbox.store import Change

APPROVER: Final = "cert-manager-certificaterequests-approver"
SIGNER: Final = "cert-manager-certificaterequests-issuer"
APPROVED: Final = "Certificate request has been approved by cert-manager.io"
ISSUED: Final = "Certificate fetched from issuer successfully"


class CertificateRequests(Controller):
    """One step at a time: approval, then the signature."""

    name = "cert-manager-certificaterequests"
    watches = (CERTIFICATE_REQUEST, ISSUER, CLUSTER_ISSUER)

    def __init__(self, cluster: Cluster, clock: Clock = SYSTEM_CLOCK) -> None:
        super().__init__(cluster)
        self._clock = clock

    def keys(self, change: Change) -> Iterable[Key]:
        if change.kind == CERTIFICATE_REQUEST:
            return [own_key(change.object)]
        return [own_key(request) for request in self.store.list(CERTIFICATE_REQUEST, change.namespace)]

    async def reconcile(self, key: Key) -> None:
        request = self.store.get(CERTIFICATE_REQUEST, *key)
        if request is None or is_terminating(request):
            return
        ready = condition(request, "Ready")
        if ready is not None and ready["reason"] in {"Issued", "Failed", "Denied"}:
            return
        if not holds(request, "Approved") and not holds(request, "Denied"):
            request = self._set(request, "Approved", "True", "cert-manager.io", APPROVED)
            self.cluster.events.normal(request, APPROVER, "cert-manager.io", APPROVED)
        if holds(request, "Denied"):
            self._fail(request, "Denied", "The CertificateRequest was denied by an approval controller")
            return
        reference = IssuerRef.read(request["spec"]["issuerRef"])
        if not served(reference):
            return
        issuer = issuer_for(self.store, key[0], reference)
        if issuer is None:
            resource = f"{reference.kind.lower()}.{reference.group}"
            self._wait(
                request,
                "IssuerNotFound",
                f'Referenced "{reference.kind}" not found: {resource} "{reference.name}" not found',
            )
        elif not holds(issuer, "Ready"):
            self._wait(request, "IssuerNotReady", "Referenced issuer does not have a Ready status condition")
        else:
            self._sign(request)

    def _sign(self, request: Object) -> None:
        spec = request["spec"]
        try:
            signed = signing.sign(
                self.cluster.authority,
                secrets.decoded(spec["request"]),
                lifetime=duration(spec["duration"]) if spec.get("duration") else LIFETIME,
                usages=spec.get("usages") or DEFAULT_USAGES,
                is_ca=bool(spec.get("isCA")),
                now=self._clock.now(),
            )
        except ValueError as error:
            why = f"Failed to sign the request: {error}"
            self._fail(request, "Failed", why)
            self.cluster.events.warning(request, SIGNER, "SigningError", why)
            return
        result = {
            "certificate": secrets.encoded(signed),
            "ca": secrets.encoded(self.cluster.authority.pem),
        }
        self._set(request, "Ready", "True", "Issued", ISSUED, **result)
        self.cluster.events.normal(request, SIGNER, "CertificateIssued", ISSUED)

    def _wait(self, request: Object, reason: str, message: str) -> None:
        ready = condition(request, "Ready")
        if ready is None or ready["reason"] != "Pending":
            self.cluster.events.normal(request, SIGNER, reason, message)
        self._set(request, "Ready", "False", "Pending", message)

    def _fail(self, request: Object, reason: str, message: str) -> None:
        self._set(request, "Ready", "False", reason, message, failureTime=written(self._clock.now()))

    def _set(self, request: Object, type_: str, value: str, reason: str, message: str, **more: str) -> Object:
        conditions = with_one(request, type_, value, reason, message, self._clock.now(), generation=False)

        def change(draft: Object) -> None:
            draft["status"] = (draft.get("status") or {}) | {"conditions": conditions} | more

        return self.store.mutate(CERTIFICATE_REQUEST, *own_key(request), change)
