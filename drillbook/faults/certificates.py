"""The certificate that a component is served with: nearly expired, or gone with its Secret.

Where cert-manager looks after it, both are things that it puts right by itself; the drill sees whether it does, and
whether whoever serves the certificate notices.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Final

from drillbook.errors import DrillAborted, Refused
from drillbook.faults.creating import condition
from drillbook.faults.fault import Aim, Candidate, Fault, Landing, Needs, PutBack, Target, Traces
from drillbook.faults.keeping import kept
from drillbook.faults.objects import patch_exactly
from drillbook.faults.secrets import (
    forget_secret,
    is_restored,
    keep_secret,
    read_secret_object,
    restore_secret,
    secret_candidate,
    secret_needs,
    secret_put_back,
)
from drillbook.faults.settings import Setting

if TYPE_CHECKING:
    from drillbook.clients.kube import Kube, Object
    from drillbook.clients.tls import Certificate

CERTIFICATE: Final = "cert-manager.io/certificate-name"
"""The annotation by which cert-manager's Secrets name their Certificate."""
MOST_ISSUING_SECONDS: Final = 30.0
"""An issuing that takes longer is stuck, and writes nothing any more."""
STAYS_SECONDS: Final = 1.0
POLL_SECONDS: Final = 0.2
SECRET: Final = Setting("", "the Secret that holds it; empty means the one of the component's Ingress")


class CertificateFault(Fault):
    """What both have in common."""

    verb: str
    identity = True
    settings: ClassVar = {"secret": SECRET}

    def needs(self, aim: Aim) -> Needs:
        from drillbook.clients.kube import Permission

        needs = secret_needs(aim, self.verb)
        ingress = Permission("get", "ingresses", "networking.k8s.io", aim.component.namespace)
        issued = Permission("get", "certificates", "cert-manager.io", aim.component.namespace)
        return Needs((*needs.to_break, ingress), (*needs.to_repair, issued))

    async def candidates(self, kube: Kube, aim: Aim) -> tuple[Candidate, ...]:
        return await secret_candidate(kube, aim.component.namespace, await self._name(kube, aim))

    async def put_back(self, kube: Kube, aim: Aim) -> PutBack:
        (candidate,) = await self.candidates(kube, aim)
        leaf = leaf_of(await read_secret_object(kube, candidate.target.namespace, candidate.target.name))
        return {**secret_put_back(self.name, candidate.target), "serial": leaf.serial}

    async def undo(self, kube: Kube, put_back: PutBack, seconds: float) -> str:
        told = await _settle(kube, put_back, seconds)
        await forget_secret(kube, put_back)
        return f"Secret {put_back['secret']} {told}"

    def traces(self, aim: Aim, before: PutBack) -> Traces:
        """What cert-manager issued meanwhile stays: the content of that one Secret, which may be another object too."""
        name = ("Secret", str(before.get("namespace")), str(before.get("secret")))
        return {name: ("metadata.uid", "metadata.annotations", "metadata.labels", "data")}

    async def _name(self, kube: Kube, aim: Aim) -> str:
        """The Secret's name. Raises Refused where neither experiment nor Ingress says it."""
        from drillbook.clients.kube import path_of

        if aim.settings["secret"]:
            return str(aim.settings["secret"])
        if aim.component.ingress is None:
            raise Refused(f"component {aim.component.id!r} has no ingress, and the experiment names no secret")
        found = await kube.get(path_of("ingresses", aim.component.namespace, aim.component.ingress))
        names = [one["secretName"] for one in found["spec"].get("tls") or () if one.get("secretName")]
        if len(names) != 1:
            raise Refused(f"Ingress {aim.component.ingress} names {len(names)} Secrets with certificates, expected one")
        return str(names[0])


class CertificateExpiry(CertificateFault):
    """Puts a certificate that is about to expire in the place of the real one."""

    name = "certificate-expiry"
    about = "A certificate is about to expire."
    verb = "patch"
    settings: ClassVar = {"secret": SECRET, "hours": Setting(24, "how long it still lasts", low=1, high=2400, unit="h")}

    async def how(self, kube: Kube, aim: Aim) -> str:
        name = await self._name(kube, aim)
        leaf_of(await read_secret_object(kube, aim.component.namespace, name))
        return (
            f"Secret {name} gets a certificate of its own key that lasts {aim.settings['hours']} h more; nobody trusts "
            "it, and clients that verify are turned away while it is served"
        )

    async def inject(self, kube: Kube, aim: Aim, targets: Sequence[Target]) -> tuple[Target, ...]:
        from drillbook.clients.certificate_making import self_signed
        from drillbook.clients.tls import certificates_in

        for target in targets:
            found = await read_secret_object(kube, target.namespace, target.name)
            leaf, key = leaf_of(found), base64.b64decode(found["data"]["tls.key"])
            made = self_signed(leaf.names or (target.name,), key, timedelta(hours=aim.settings["hours"]))
            await keep_secret(kube, self.name, target, planted=certificates_in(made)[0].serial)
            await patch_exactly(kube, target, {"data": {"tls.crt": base64.b64encode(made).decode()}})
        return tuple(targets)

    async def landed(self, kube: Kube, aim: Aim, targets: Sequence[Target], before: PutBack) -> Landing:
        if not targets:
            return Landing(False)
        leaf = leaf_of(await read_secret_object(kube, targets[0].namespace, targets[0].name))
        # Whatever took the place of the planted one did so because it was there.
        evidence = {"serial before": before["serial"], "now": leaf.serial, "until": leaf.not_after.isoformat()}
        return Landing(leaf.serial != before["serial"], evidence)


class CertificateLost(CertificateFault):
    """Deletes the Secret that holds the certificate."""

    name = "certificate-lost"
    about = "The Secret that holds a certificate is deleted."
    verb = "delete"

    async def how(self, kube: Kube, aim: Aim) -> str:
        name = await self._name(kube, aim)
        leaf_of(await read_secret_object(kube, aim.component.namespace, name))
        return f"Secret {name} is deleted, and kept as a copy until it is put back"

    async def inject(self, kube: Kube, aim: Aim, targets: Sequence[Target]) -> tuple[Target, ...]:
        from drillbook.clients.kube import path_of

        for target in targets:
            await keep_secret(kube, self.name, target, planted="")
            await kube.delete(path_of("secrets", target.namespace, target.name), uid=target.uid)
        return tuple(targets)

    async def landed(self, kube: Kube, aim: Aim, targets: Sequence[Target], before: PutBack) -> Landing:
        from drillbook.clients.kube import path_of

        found = {t.name: await kube.find(path_of("secrets", t.namespace, t.name)) for t in targets}
        uids: dict[str, Any] = {name: one and one["metadata"]["uid"] for name, one in found.items()}
        gone = bool(targets) and all(uids[target.name] != target.uid for target in targets)
        words = {name: "another of its name" if uid else "gone" for name, uid in uids.items()}
        return Landing(gone, {"secrets": words if gone else {}})


async def _settle(kube: Kube, put_back: PutBack, seconds: float) -> str:
    """A Secret with a certificate that stays: the old one, or where cert-manager made a new one, that.

    Its old key would make cert-manager issue once more, so what it has issued is left. Raises DrillAborted.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while loop.time() < deadline:
        document: Any = await kept(kube, str(put_back["namespace"]), str(put_back["kept"]))
        if document is None:
            return "was not touched"
        state = await _wait_issued(kube, put_back, document, min(MOST_ISSUING_SECONDS, seconds / 2))
        if state != "new":
            await restore_secret(kube, put_back, max(1.0, deadline - loop.time()))
        await asyncio.sleep(STAYS_SECONDS)
        after = await _issued(kube, put_back, document)
        if after == "new":
            return "holds a new certificate, issued by cert-manager"
        if after != "issuing" and await is_restored(kube, put_back, document):
            return "holds its old certificate"
    raise DrillAborted(f"Secret {put_back['secret']} doesn't stay as it was: cert-manager makes it anew within seconds")


async def _wait_issued(kube: Kube, put_back: PutBack, document: Any, seconds: float) -> str:
    """What ``_issued`` says when it is no longer "issuing", or when the time is up."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while True:
        state = await _issued(kube, put_back, document)
        if state != "issuing" or loop.time() > deadline:
            return state
        await asyncio.sleep(POLL_SECONDS)


async def _issued(kube: Kube, put_back: PutBack, document: Any) -> str:
    """What cert-manager is about to do, or has done, with that Secret; empty where it does nothing."""
    from drillbook.clients.kube import path_of

    namespace, name = str(put_back["namespace"]), str(put_back["secret"])
    owner = (document["metadata"].get("annotations") or {}).get(CERTIFICATE)
    wish = await kube.find(path_of("certificates", namespace, owner)) if owner else None
    if wish is None:
        return ""
    found = await kube.find(path_of("secrets", namespace, name))
    if found is None or condition(wish, "Issuing") or not condition(wish, "Ready"):
        return "issuing"
    return "" if leaf_of(found).serial in {put_back["serial"], document["planted"]} else "new"


def leaf_of(secret: Object) -> Certificate:
    """The certificate that a Secret holds first. Raises Refused where it holds none, or no key of it."""
    from drillbook.clients.tls import certificates_in

    data = secret.get("data") or {}
    chain = certificates_in(base64.b64decode(data["tls.crt"])) if data.get("tls.crt") and data.get("tls.key") else ()
    if not chain:
        raise Refused(f"Secret {secret['metadata']['name']} holds no certificate with its key")
    return chain[0]
