"""Issuers and ClusterIssuers: whether they can sign. Here the run's own authority signs for every one of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from drillbook.clock import SYSTEM_CLOCK, Clock
from drillbook.sandbox.certmanager import secrets, signing
from drillbook.sandbox.certmanager.conditions import with_one
from drillbook.sandbox.certmanager.wish import GROUP, IssuerRef
from drillbook.sandbox.cluster import Cluster
from drillbook.sandbox.controllers.controller import Controller, Key, own_key
from drillbook.sandbox.controllers.pods import is_terminating
from drillbook.sandbox.kinds import CLUSTER_ISSUER, ISSUER, SECRET, Object
from drillbook.sandbox.store import Change, Store

OWN_NAMESPACE: Final = "cert-manager"
"""Where ClusterIssuers look for their Secrets."""
IN_FACT: Final = "in this sandbox the authority of the run signs for every issuer"
TYPES: Final = ("acme", "ca", "selfSigned", "vault", "venafi")


class Issuers(Controller):
    """Sets their Ready condition."""

    name = "cert-manager-issuers"
    watches = (ISSUER, CLUSTER_ISSUER, SECRET)

    def __init__(self, cluster: Cluster, clock: Clock = SYSTEM_CLOCK) -> None:
        super().__init__(cluster)
        self._clock = clock

    def keys(self, change: Change) -> Iterable[Key]:
        """A ClusterIssuer's key has no namespace."""
        if change.kind in {ISSUER, CLUSTER_ISSUER}:
            return [own_key(change.object)]
        places = [(issuer, change.namespace) for issuer in self.store.list(ISSUER, change.namespace)]
        if change.namespace == OWN_NAMESPACE:
            places += [(issuer, OWN_NAMESPACE) for issuer in self.store.list(CLUSTER_ISSUER)]
        return [own_key(issuer) for issuer, _ in places if _secret_name(issuer) == change.name]

    async def reconcile(self, key: Key) -> None:
        kind = ISSUER if key[0] else CLUSTER_ISSUER
        issuer = self.store.get(kind, *key)
        if issuer is None or is_terminating(issuer):
            return
        ready, reason, message = self._state(issuer, key[0] or OWN_NAMESPACE)
        conditions = with_one(issuer, "Ready", "True" if ready else "False", reason, message, self._clock.now())
        if conditions == (issuer.get("status") or {}).get("conditions"):
            return
        status: Object = {"conditions": conditions}
        if ready and "acme" in issuer["spec"]:
            status["acme"] = {"uri": "", "lastRegisteredEmail": issuer["spec"]["acme"].get("email", "")}
        self.store.mutate(kind, *key, lambda draft: draft.update(status=status))
        say = self.cluster.events.normal if ready else self.cluster.events.warning
        say(issuer, "cert-manager-issuers", reason, message)

    def _state(self, issuer: Object, namespace: str) -> tuple[bool, str, str]:
        spec = issuer.get("spec") or {}
        if "acme" in spec:
            registered = "The ACME account was registered with the ACME server"
            return True, "ACMEAccountRegistered", f"{registered} (in fact none was asked: {IN_FACT})"
        if "ca" in spec:
            trouble = self._trouble_with_ca(spec["ca"].get("secretName", ""), namespace)
            if trouble:
                return False, "ErrGetKeyPair", f"Error getting keypair for CA issuer: {trouble}"
            return True, "KeyPairVerified", f"Signing CA verified (in fact it isn't used: {IN_FACT})"
        if "selfSigned" in spec:
            return True, "IsReady", f"Ready ({IN_FACT})"
        given = next((type_ for type_ in TYPES if type_ in spec), None)
        if given is None:
            return False, "ErrInitIssuer", f"no issuer type is set: expected one of {', '.join(TYPES)} in the spec"
        return True, "IsReady", f"{given} was not asked: {IN_FACT}"

    def _trouble_with_ca(self, name: str, namespace: str) -> str:
        secret = self.store.get(SECRET, namespace, name)
        if secret is None:
            return f'secrets "{name}" not found'
        pair = secrets.pair_of(secret)
        if not pair.certificate or signing.read(pair.certificate) is None:
            return f'no certificate in the key tls.crt of secret "{namespace}/{name}"'
        return "" if pair.key else f'no private key in the key tls.key of secret "{namespace}/{name}"'


def issuer_for(store: Store, namespace: str, reference: IssuerRef) -> Object | None:
    """The issuer that is meant, when it is there."""
    if reference.kind == CLUSTER_ISSUER.name:
        return store.get(CLUSTER_ISSUER, "", reference.name)
    return store.get(ISSUER, namespace, reference.name)


def served(reference: IssuerRef) -> bool:
    """Whether cert-manager itself answers for that kind of issuer; other groups have controllers of their own."""
    return reference.group == GROUP and reference.kind in {ISSUER.name, CLUSTER_ISSUER.name}


def _secret_name(issuer: Object) -> str:
    return str(((issuer.get("spec") or {}).get("ca") or {}).get("secretName", ""))
