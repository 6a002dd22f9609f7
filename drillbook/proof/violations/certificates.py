"""How certificates are broken: issued for less time than must be left, by cert-manager itself."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Final

from drillbook.clients.kube import Object, path_of
from drillbook.clients.tls import Certificate, certificates_in
from drillbook.errors import DrillbookError
from drillbook.model.policy import Component, Objective
from drillbook.proof.beyond import number_beyond
from drillbook.proof.stage import Stage
from drillbook.proof.violation import Planted, Unplantable, Violation

_ISSUED_SECONDS: Final = 60.0
_SHORTEST: Final = 3600
"""Seconds of the shortest certificate that cert-manager issues."""
_RENEW_BEFORE: Final = "5m0s"


@asynccontextmanager
async def issued_shortly(stage: Stage, objective: Objective) -> AsyncIterator[Planted]:
    """The certificate is issued anew, for less time than must be left; in the end for as long as before."""
    component = stage.component(objective)
    seconds = int(number_beyond(objective, -1))
    if seconds < _SHORTEST:
        raise Unplantable(
            f"{objective.id}: no certificate is issued for {seconds} s, and {objective.limit} wants no more"
        )
    certificate = await _certificate(stage, objective, component)
    name, owners = certificate["metadata"]["name"], certificate["metadata"].get("ownerReferences") or ()
    wish = path_of("certificates", component.namespace, name)
    shimmed = [path_of("ingresses", component.namespace, one["name"]) for one in owners if one["kind"] == "Ingress"]
    secret = path_of("secrets", component.namespace, certificate["spec"]["secretName"])
    before = await _kept(stage, secret)
    lasted = before.not_after - before.not_before
    # A Certificate that cert-manager makes of an Ingress is put right by it: there the Ingress says how long.
    where = shimmed[0] if shimmed else wish
    async with stage.changed(where, _lasting(timedelta(seconds=seconds), annotated=bool(shimmed))):
        try:
            await _renew(stage, wish)
            await stage.until("a shorter certificate", lambda: _lasts(stage, secret, seconds), _ISSUED_SECONDS)
            yield Planted(f"Certificate {name} issued for {seconds} s", stage.asking("certificate.time_left"))
        finally:
            # A wish without a length is content with any, so that the length is said before nothing is again.
            await stage.kube.patch(where, _lasting(lasted, annotated=bool(shimmed)))
            await _renew(stage, wish)
            former = int(lasted.total_seconds())
            await stage.until("the former certificate's length", lambda: _lasts(stage, secret, former), _ISSUED_SECONDS)


async def _certificate(stage: Stage, objective: Objective, component: Component) -> Object:
    """The Certificate that the objective names, else the first that fills a Secret of the component's Ingress."""
    name, secrets = stage.parameters(objective)["name"], set[str]()
    if component.ingress is not None:
        ingress = await stage.kube.get(path_of("ingresses", component.namespace, component.ingress))
        secrets = {entry["secretName"] for entry in ingress["spec"].get("tls") or () if entry.get("secretName")}
    for one in await stage.kube.list(path_of("certificates", component.namespace)):
        if one["metadata"]["name"] == name or one["spec"]["secretName"] in ({name} if name else secrets):
            return one
    raise Unplantable(
        f"{objective.id}: no Certificate in namespace {component.namespace} fills the Secret that is served"
    )


def _lasting(length: timedelta, *, annotated: bool) -> Object:
    duration = f"{int(length.total_seconds())}s"
    if annotated:
        keys = {"cert-manager.io/duration": duration, "cert-manager.io/renew-before": _RENEW_BEFORE}
        return {"metadata": {"annotations": keys}}
    return {"spec": {"duration": duration, "renewBefore": _RENEW_BEFORE}}


async def _renew(stage: Stage, wish: str) -> None:
    """Ask for a new certificate as ``cmctl renew`` does: another length alone is no reason for cert-manager."""
    status = (await stage.kube.get(wish)).get("status") or {}
    others = [one for one in status.get("conditions") or () if one["type"] != "Issuing"]
    issuing = {"type": "Issuing", "status": "True", "reason": "ManuallyTriggered"}
    issuing |= {
        "message": "Certificate re-issuance manually triggered",
        "lastTransitionTime": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
    }
    await stage.kube.patch(f"{wish}/status", {"status": {"conditions": [*others, issuing]}})


async def _lasts(stage: Stage, secret: str, seconds: int) -> bool:
    try:
        found = await _kept(stage, secret)
    except (DrillbookError, KeyError, ValueError):
        return False  # it is being issued
    return abs((found.not_after - found.not_before).total_seconds() - seconds) < 2


async def _kept(stage: Stage, secret: str) -> Certificate:
    """The leaf that a Secret keeps."""
    data = (await stage.kube.get(secret))["data"]["tls.crt"]
    return certificates_in(base64.b64decode(data))[0]


VIOLATIONS: Final = (Violation("certificate.time_left", issued_shortly),)
