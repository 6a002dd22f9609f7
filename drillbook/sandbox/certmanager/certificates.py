"""Certificates: kept issued, renewed in time, and honest about whether they are ready."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Final

from drillbook.clock import SYSTEM_CLOCK, Clock
from drillbook.sandbox.certmanager import secrets, signing
from drillbook.sandbox.certmanager.conditions import holds, with_one
from drillbook.sandbox.certmanager.issuance import Issuance, current_request, revision_of
from drillbook.sandbox.certmanager.policies import Sight, request_mismatch, why_issue, why_not_ready
from drillbook.sandbox.certmanager.renewal import renewal_time
from drillbook.sandbox.certmanager.wish import Wish
from drillbook.sandbox.cluster import Cluster
from drillbook.sandbox.controllers.controller import Controller, Key, own_key, owner_key
from drillbook.sandbox.controllers.pods import is_terminating, moment
from drillbook.sandbox.controllers.times import written
from drillbook.sandbox.kinds import CERTIFICATE, CERTIFICATE_REQUEST, SECRET, Object
from drillbook.sandbox.store import Change

TRIGGER: Final = "cert-manager-certificates-trigger"
READY: Final = "Certificate is up to date and has not expired"
RIVALS_AGAIN: Final = 180.0
FIRST_BACK_OFF: Final = timedelta(hours=1)
LONGEST_BACK_OFF: Final = timedelta(hours=32)


class Certificates(Controller):
    """Triggers issuances, moves them on, and tells the status.

    What makes it issue is the Secret, the spec, the time, and the status condition Issuing (which is how people ask for
    a renewal). No annotation does, whatever its name.
    """

    name = "cert-manager-certificates"
    watches = (CERTIFICATE, CERTIFICATE_REQUEST, SECRET)

    def __init__(self, cluster: Cluster, clock: Clock = SYSTEM_CLOCK) -> None:
        super().__init__(cluster)
        self._clock = clock
        self._issuance = Issuance(cluster, clock)

    def keys(self, change: Change) -> Iterable[Key]:
        if change.kind == CERTIFICATE:
            # Others may wait for the Secret that this one gives up.
            name = change.object["spec"].get("secretName")
            return [own_key(change.object), *self._of_secret(change.namespace, name)]
        if change.kind == CERTIFICATE_REQUEST:
            return owner_key(change.object, CERTIFICATE)
        return self._of_secret(change.namespace, change.name)

    def _of_secret(self, namespace: str, name: str | None) -> list[Key]:
        return [
            own_key(certificate)
            for certificate in self.store.list(CERTIFICATE, namespace)
            if name in {certificate["spec"].get("secretName"), _next_key(certificate)}
        ]

    async def reconcile(self, key: Key) -> None:
        certificate = self.store.get(CERTIFICATE, *key)
        if certificate is None or is_terminating(certificate):
            return
        wish = Wish.read(certificate)
        if holds(certificate, "Issuing"):
            await self._issuance.move_on(certificate, wish)
        elif self._owns_secret(certificate, wish):
            self._trigger(certificate, wish)
        else:
            self.queue.add_after(key, RIVALS_AGAIN)
        certificate = self.store.get(CERTIFICATE, *key)
        if certificate is not None:  # not deleted while its key was being made
            self._tell_status(certificate, wish)

    def _trigger(self, certificate: Object, wish: Wish) -> None:
        """Set the Issuing condition when there is a reason to."""
        wait = self._back_off(certificate, wish)
        if wait > timedelta(0):
            self.queue.add_after(own_key(certificate), wait.total_seconds())
            return
        sight = self._sight(certificate, wish)
        found = why_issue(sight)
        if found is None:
            self._keep_described(sight)
            return
        conditions = with_one(certificate, "Issuing", "True", found.reason, found.message, self._clock.now())
        self.store.mutate(
            CERTIFICATE,
            *own_key(certificate),
            lambda draft: draft.setdefault("status", {}).update(conditions=conditions),
        )
        self.cluster.events.normal(certificate, TRIGGER, "Issuing", found.message)

    def _keep_described(self, sight: Sight) -> None:
        """Annotations and labels of the Secret that somebody took away come back, without a new certificate."""
        if sight.secret is None:
            return
        pem = secrets.pair_of(sight.secret).certificate
        wanted = {
            "annotations": secrets.annotations_of(sight.certificate, pem),
            "labels": secrets.labels_of(sight.certificate),
        }

        def describe(draft: Object) -> None:
            for field, pairs in wanted.items():
                draft["metadata"][field] = (draft["metadata"].get(field) or {}) | pairs

        self.store.mutate(SECRET, *own_key(sight.secret), describe)

    def _back_off(self, certificate: Object, wish: Wish) -> timedelta:
        """How long to wait after failures: an hour, doubling, at most 32; nothing when the spec has changed since."""
        status = certificate.get("status") or {}
        failed = status.get("lastFailureTime")
        if not failed:
            return timedelta(0)
        following = int(status.get("revision", 0)) + 1
        requests = self._issuance.requests(certificate)
        if any(revision_of(request) == following and request_mismatch(request, wish) for request in requests):
            return timedelta(0)
        attempts = max(1, int(status.get("failedIssuanceAttempts", 1)))
        delay = min(FIRST_BACK_OFF * (1 << min(attempts - 1, 10)), LONGEST_BACK_OFF)
        return delay - (self._clock.now() - moment(failed))

    def _owns_secret(self, certificate: Object, wish: Wish) -> bool:
        """Of several Certificates with one Secret only one issues: the one it was issued for, else the oldest."""
        rivals = [
            other
            for other in self.store.list(CERTIFICATE, certificate["metadata"]["namespace"])
            if other["spec"].get("secretName") == wish.secret
        ]
        rivals.sort(key=lambda other: (other["metadata"]["creationTimestamp"], other["metadata"]["name"]))
        names = [rival["metadata"]["name"] for rival in rivals]
        secret = self.store.get(SECRET, certificate["metadata"]["namespace"], wish.secret)
        issued_for = (secret or {"metadata": {}})["metadata"].get("annotations", {}).get(secrets.CERTIFICATE_NAME)
        owner = issued_for if issued_for in names else names[0]
        return bool(certificate["metadata"]["name"] == owner)

    def _sight(self, certificate: Object, wish: Wish) -> Sight:
        return Sight(
            certificate=certificate,
            wish=wish,
            secret=self.store.get(SECRET, certificate["metadata"]["namespace"], wish.secret),
            request=current_request(self._issuance.requests(certificate), certificate),
            now=self._clock.now(),
        )

    def _tell_status(self, certificate: Object, wish: Wish) -> None:
        """Ready or not, from when to when, and when it will be renewed; and a timer for that."""
        sight = self._sight(certificate, wish)
        trouble = why_not_ready(sight)
        value, reason, message = (
            ("True", "Ready", READY) if trouble is None else ("False", trouble.reason, trouble.message)
        )
        conditions = with_one(certificate, "Ready", value, reason, message, sight.now)
        issued = signing.read(secrets.pair_of(sight.secret).certificate) if sight.secret is not None else None
        times: dict[str, str] = {}
        if issued is not None:
            start, end = issued.not_valid_before_utc, issued.not_valid_after_utc
            due = renewal_time(start, end, wish)
            times = {"notBefore": written(start), "notAfter": written(end), "renewalTime": written(due)}
            for at in (due, end + timedelta(seconds=1)):
                if at > sight.now:
                    self.queue.add_after(own_key(certificate), (at - sight.now).total_seconds())
                    break

        def change(draft: Object) -> None:
            kept = {
                field: found
                for field, found in (draft.get("status") or {}).items()
                if field not in {"notBefore", "notAfter", "renewalTime"}
            }
            draft["status"] = kept | times | {"conditions": conditions}

        self.store.mutate(CERTIFICATE, *own_key(certificate), change)


def _next_key(certificate: Object) -> str | None:
    found = (certificate.get("status") or {}).get("nextPrivateKeySecretName")
    return None if found is None else str(found)
