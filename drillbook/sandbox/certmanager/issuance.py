"""One issuance, step by step: a key, a request for it, and, once that is signed, the Secret."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Final

from drillbook.clock import Clock
from drillbook.sandbox.certmanager import keys, secrets, signing
from drillbook.sandbox.certmanager.conditions import with_one, without
from drillbook.sandbox.certmanager.policies import request_mismatch
from drillbook.sandbox.certmanager.wish import GROUP, Wish
from drillbook.sandbox.cluster import Cluster
from drillbook.sandbox.controllers.admission import create
from drillbook.sandbox.controllers.controller import controller_of, own_key, owner_reference
from drillbook.sandbox.controllers.pods import condition, delete, moment, random_suffix
from drillbook.sandbox.controllers.times import written
from drillbook.sandbox.kinds import CERTIFICATE, CERTIFICATE_REQUEST, SECRET, Object

KEY_MANAGER: Final = "cert-manager-certificates-key-manager"
REQUEST_MANAGER: Final = "cert-manager-certificates-request-manager"
ISSUING: Final = "cert-manager-certificates-issuing"
REVISION: Final = f"{GROUP}/certificate-revision"
KEY_SECRET: Final = f"{GROUP}/private-key-secret-name"
SUCCESS: Final = "The certificate has been successfully issued"


class Issuance:
    """Moves a Certificate whose Issuing condition is True on, as far as it goes now."""

    def __init__(self, cluster: Cluster, clock: Clock) -> None:
        self._cluster = cluster
        self._store = cluster.store
        self._clock = clock

    async def move_on(self, certificate: Object, wish: Wish) -> None:
        """Every step looks at what is there, so that it may be called any number of times."""
        key = await self._key(certificate, wish)
        certificate = self._store.need(CERTIFICATE, *own_key(certificate))
        revision = int((certificate.get("status") or {}).get("revision", 0)) + 1
        request = self._request(certificate, wish, key, revision)
        if request is None:
            return
        ready = condition(request, "Ready")
        if ready is None or ready["reason"] == "Pending":
            return
        if ready["reason"] == "Issued":
            self._store_pair(certificate, wish, key, request, revision)
        else:
            self._fail(certificate, ready)

    def requests(self, certificate: Object) -> list[Object]:
        """The Certificate's requests, oldest revision first."""
        uid = certificate["metadata"]["uid"]
        owned = [
            request
            for request in self._store.list(CERTIFICATE_REQUEST, certificate["metadata"]["namespace"])
            if (owner := controller_of(request)) is not None and owner["uid"] == uid
        ]
        return sorted(owned, key=revision_of)

    async def _key(self, certificate: Object, wish: Wish) -> keys.Key:
        """The key of this issuance: the one made before, the one to be kept, or a new one."""
        namespace = certificate["metadata"]["namespace"]
        name = (certificate.get("status") or {}).get("nextPrivateKeySecretName")
        kept = self._store.get(SECRET, namespace, name) if name else None
        if kept is not None:
            key = keys.read(secrets.pair_of(kept).key)
            if key is not None and not keys.mismatch(key, wish.key):
                return key
            delete(self._store, SECRET, kept)
        current = self._store.get(SECRET, namespace, wish.secret)
        key = keys.read(secrets.pair_of(current).key) if current is not None and not wish.key.rotated else None
        if key is not None and not keys.mismatch(key, wish.key):
            self._say(
                certificate,
                KEY_MANAGER,
                "Reused",
                f'Reusing private key stored in existing Secret resource "{wish.secret}"',
            )
        else:
            key = await asyncio.to_thread(keys.make, wish.key)
        self._remember(certificate, wish, key)
        return key

    def _remember(self, certificate: Object, wish: Wish, key: keys.Key) -> None:
        """Keep the key in a Secret of its own until the certificate is there."""
        name = f"{certificate['metadata']['name'][:52]}-{random_suffix()}"
        meta: Object = {
            "name": name,
            "namespace": certificate["metadata"]["namespace"],
            "labels": {secrets.NEXT_KEY: "true", secrets.OURS: "true"},
            "ownerReferences": [owner_reference(certificate)],
        }
        data = {"tls.key": secrets.encoded(keys.written(key, wish.key))}
        create(self._store, SECRET, {"metadata": meta, "type": "Opaque", "data": data})
        text = f'Stored new private key in temporary Secret resource "{name}"'
        self._say(certificate, KEY_MANAGER, "Generated", text)
        self._store.mutate(
            CERTIFICATE,
            *own_key(certificate),
            lambda draft: draft.setdefault("status", {}).update(nextPrivateKeySecretName=name),
        )

    def _request(self, certificate: Object, wish: Wish, key: keys.Key, revision: int) -> Object | None:
        """The request of this revision; one that asks for something else, or failed before, is replaced."""
        started = condition(certificate, "Issuing")
        for request in self.requests(certificate):
            if revision_of(request) != revision:
                continue
            if self._still_good(request, wish, key, started):
                return request
            delete(self._store, CERTIFICATE_REQUEST, request)
        try:
            pem = signing.request(wish.names, key)
        except ValueError as error:
            text = f"Failed to generate CSR: {error} - will not retry"
            self._cluster.events.warning(certificate, REQUEST_MANAGER, "RequestFailed", text)
            return None
        meta = certificate["metadata"]
        name = f"{meta['name'][:233]}-{revision}"
        annotations = {
            secrets.CERTIFICATE_NAME: meta["name"],
            REVISION: str(revision),
            KEY_SECRET: (certificate.get("status") or {}).get("nextPrivateKeySecretName", ""),
        }
        spec = {
            "issuerRef": certificate["spec"]["issuerRef"],
            "request": secrets.encoded(pem),
            "username": "system:serviceaccount:cert-manager:cert-manager",
            "groups": ["system:serviceaccounts", "system:serviceaccounts:cert-manager", "system:authenticated"],
        }
        spec |= {
            field: certificate["spec"][field]
            for field in ("duration", "isCA", "usages")
            if field in certificate["spec"]
        }
        body: Object = {
            "metadata": {
                "name": name,
                "namespace": meta["namespace"],
                "labels": meta.get("labels") or {},
                "annotations": annotations,
                "ownerReferences": [owner_reference(certificate)],
            },
            "spec": spec,
        }
        created = create(self._store, CERTIFICATE_REQUEST, body)
        self._say(certificate, REQUEST_MANAGER, "Requested", f'Created new CertificateRequest resource "{name}"')
        return created

    @staticmethod
    def _still_good(request: Object, wish: Wish, key: keys.Key, started: Object | None) -> bool:
        asked = signing.read_request(secrets.decoded(request["spec"]["request"]))
        if asked is None or signing.public_of(asked) != keys.public(key) or request_mismatch(request, wish):
            return False
        failed = (request.get("status") or {}).get("failureTime")
        return not (failed and started and moment(failed) < moment(started["lastTransitionTime"]))

    def _store_pair(self, certificate: Object, wish: Wish, key: keys.Key, request: Object, revision: int) -> None:
        """The end of it: certificate and key into the Secret, the revision into the status."""
        status, namespace = request["status"], certificate["metadata"]["namespace"]
        data = {
            "tls.crt": status["certificate"],
            "tls.key": secrets.encoded(keys.written(key, wish.key)),
            "ca.crt": status["ca"],
        }
        annotations = secrets.annotations_of(certificate, secrets.decoded(status["certificate"]))
        labels = secrets.labels_of(certificate)
        meta: Object = {"name": wish.secret, "namespace": namespace, "annotations": annotations, "labels": labels}
        if self._store.get(SECRET, namespace, wish.secret) is None:
            create(self._store, SECRET, {"metadata": meta, "type": "kubernetes.io/tls", "data": data})
        else:

            def renew(draft: Object) -> None:
                draft["data"] = (draft.get("data") or {}) | data
                for field, wanted in (("annotations", annotations), ("labels", labels)):
                    draft["metadata"][field] = (draft["metadata"].get(field) or {}) | wanted

            self._store.mutate(SECRET, namespace, wish.secret, renew)
        used = certificate["status"].get("nextPrivateKeySecretName")

        def done(draft: Object) -> None:
            draft["status"]["revision"] = revision
            draft["status"]["conditions"] = without(draft, "Issuing")
            for field in ("nextPrivateKeySecretName", "failedIssuanceAttempts", "lastFailureTime"):
                draft["status"].pop(field, None)

        self._store.mutate(CERTIFICATE, *own_key(certificate), done)
        if used and (secret := self._store.get(SECRET, namespace, used)) is not None:
            delete(self._store, SECRET, secret)
        self._say(certificate, ISSUING, "Issuing", SUCCESS)
        for old in self.requests(certificate)[: -wish.kept_requests]:
            delete(self._store, CERTIFICATE_REQUEST, old)

    def _fail(self, certificate: Object, ready: Object) -> None:
        message = f"The certificate request has failed to complete and will be retried: {ready['message']}"
        now = self._clock.now()

        def change(draft: Object) -> None:
            status = draft["status"]
            status["lastFailureTime"] = written(now)
            status["failedIssuanceAttempts"] = int(status.get("failedIssuanceAttempts", 0)) + 1
            status["conditions"] = with_one(draft, "Issuing", "False", ready["reason"], message, now)

        self._store.mutate(CERTIFICATE, *own_key(certificate), change)
        self._cluster.events.warning(certificate, ISSUING, ready["reason"], message)

    def _say(self, certificate: Object, component: str, reason: str, message: str) -> None:
        self._cluster.events.normal(certificate, component, reason, message)


def revision_of(request: Object) -> int:
    """Which issuance of its Certificate the request belongs to; 0 when it doesn't say."""
    text = (request["metadata"].get("annotations") or {}).get(REVISION, "")
    return int(text) if text.isdecimal() else 0


def current_request(requests: Iterable[Object], certificate: Object) -> Object | None:
    """The request of the revision that the Certificate's status names."""
    revision = int((certificate.get("status") or {}).get("revision", 0))
    return next((request for request in requests if revision and revision_of(request) == revision), None)
