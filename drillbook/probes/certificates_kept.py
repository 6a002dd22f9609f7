"""How long the certificates stay good that a cluster keeps: in Secrets, or as cert-manager's Certificates.

What is kept is not what is served: a server that never reloads goes on with the one before. So what the Ingress serves
is looked at too, and the older of the two decides.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from drillbook.clients.access import authority_of
from drillbook.clients.kube import Object, path_of
from drillbook.clients.reach import Endpoint, tls_endpoints
from drillbook.clients.tls import Certificate, certificates_in, handshake
from drillbook.clock import iso
from drillbook.errors import ConfigError, DrillbookError, Unreachable
from drillbook.model.observation import Observation
from drillbook.model.policy import Component
from drillbook.model.quantity import Dimension
from drillbook.probes.scene import Scene, needed


@dataclass(frozen=True, slots=True)
class Kept:
    """One kept certificate."""

    where: str
    until: datetime | None
    """When it ends; None where there is none to rely on."""
    serials: frozenset[str]
    """Those that the Secret holds, leaf first; empty where the Secret was not read."""
    evidence: Mapping[str, Any]


async def in_secret(scene: Scene, component: Component | None, parameters: Mapping[str, Any]) -> Observation:
    """Seconds until the first certificate in the Ingress's TLS Secrets ends, and no more than what is served has."""
    asked = needed(component, "certificate.time_left")
    names = [parameters["name"]] if parameters["name"] else await _secret_names(scene, asked)
    kept = [await _from_secret(scene, asked, name) for name in names]
    return await _least(scene, asked, kept)


async def in_cert_manager(scene: Scene, component: Component | None, parameters: Mapping[str, Any]) -> Observation:
    """Seconds until the first of the Ingress's Certificates ends, and no more than what is served has.

    A Certificate that cert-manager doesn't call Ready (never issued, expired, for other names) has no time left: 0.
    """
    asked = needed(component, "certificate.time_left")
    name = parameters["name"]
    kube = await scene.kube()
    found = await kube.list(path_of("certificates", asked.namespace))
    if name:
        chosen = [one for one in found if one["metadata"]["name"] == name]
    else:
        secrets = await _secret_names(scene, asked)
        chosen = [one for one in found if one["spec"].get("secretName") in secrets]
    if not chosen:
        wanted = f"Certificate {name}" if name else f"Certificate for the Secrets of Ingress {asked.ingress}"
        problem = f"there is no {wanted} in namespace {asked.namespace}"
        remedy = "name one (parameter name), or observe what is served (via: tls)"
        return scene.unseen(Dimension.DURATION, f"Certificates in {asked.namespace}", problem, remedy=remedy)
    return await _least(scene, asked, [_from_certificate(one) for one in chosen])


async def _least(scene: Scene, component: Component, kept: list[Kept]) -> Observation:
    now = scene.clock.now()
    left = [(one.where, (one.until - now).total_seconds() if one.until else 0.0) for one in kept]
    evidence: dict[str, Any] = {"kept": [dict(one.evidence) for one in kept]}
    remedy = ""
    known = frozenset().union(*(one.serials for one in kept))
    if component.ingress is not None:
        served = await _served(scene, component)
        if isinstance(served, str):
            evidence["served"] = served
            remedy = f"make what is served visible from here: {served}"
        else:
            evidence["served"] = [
                {"endpoint": str(endpoint), "serial": leaf.serial, "not_after": iso(leaf.not_after)}
                for endpoint, leaf in served
            ]
            for endpoint, leaf in served:
                if known and leaf.serial not in known:
                    remedy = f"reload the server: {endpoint} still serves serial {leaf.serial}, which isn't kept"
                left.append((f"{endpoint} serves serial {leaf.serial}", (leaf.not_after - now).total_seconds()))
    where, least = min(left, key=lambda pair: pair[1])
    value = round(least)
    return scene.seen(Dimension.DURATION, where, value, samples=len(kept), remedy=remedy, evidence=evidence)


async def _served(scene: Scene, component: Component) -> list[tuple[Endpoint, Certificate]] | str:
    """The leaf that each name of the Ingress is served with, or why none was seen."""
    try:
        endpoints = await tls_endpoints(scene.kube, scene.environment, component)
        ca = authority_of(scene.environment, component.id)
        seen = await asyncio.gather(*(handshake(endpoint, ca=ca) for endpoint in endpoints))
    except DrillbookError as error:
        return str(error)
    return [(endpoint, shake.presented[0]) for endpoint, shake in zip(endpoints, seen, strict=True)]


async def _secret_names(scene: Scene, component: Component) -> list[str]:
    if component.ingress is None:
        raise ConfigError(f"component {component.id!r} has no ingress, so the parameter name must say which is meant")
    kube = await scene.kube()
    ingress = await kube.find(path_of("ingresses", component.namespace, component.ingress))
    where = f"Ingress {component.namespace}/{component.ingress}"
    if ingress is None:
        raise Unreachable(f"{where} of component {component.id!r} isn't there")
    entries = (ingress.get("spec") or {}).get("tls") or ()
    names = sorted({entry["secretName"] for entry in entries if entry.get("secretName")})
    if not names:
        raise Unreachable(f"{where} names no Secret under spec.tls, so no certificate is kept for it")
    return names


async def _from_secret(scene: Scene, component: Component, name: str) -> Kept:
    where = f"Secret {component.namespace}/{name}"
    kube = await scene.kube()
    found = await kube.find(path_of("secrets", component.namespace, name))
    text = ((found or {}).get("data") or {}).get("tls.crt")
    if text is None:
        raise Unreachable(f"{where} {'has no tls.crt' if found else 'is not there'}, so no certificate is kept in it")
    try:
        chain = certificates_in(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError) as error:
        raise Unreachable(f"tls.crt of {where} holds no certificate that can be read") from error
    # A root that comes along is trusted by itself or not at all; clients don't look at its end.
    relied = [one for one in chain if one.subject != one.issuer] or [chain[0]]
    told = [{"subject": one.subject, "serial": one.serial, "not_after": iso(one.not_after)} for one in chain]
    evidence = {"secret": name, "chain": told}
    return Kept(where, min(one.not_after for one in relied), frozenset(one.serial for one in chain), evidence)


def _from_certificate(found: Object) -> Kept:
    status = found.get("status") or {}
    ready: Object = next((one for one in status.get("conditions") or () if one["type"] == "Ready"), {})
    good = ready.get("status") == "True" and "notAfter" in status
    until = datetime.fromisoformat(status["notAfter"]) if good else None
    evidence = {
        "certificate": found["metadata"]["name"],
        "ready": ready.get("status", "Unknown"),
        "reason": ready.get("reason", ""),
        "message": ready.get("message", ""),
        "not_after": status.get("notAfter"),
        "renewal_time": status.get("renewalTime"),
    }
    told = "" if good else f", which is not Ready: {evidence['message'] or 'nothing was issued yet'}"
    where = f"Certificate {found['metadata']['namespace']}/{found['metadata']['name']}{told}"
    return Kept(where, until, frozenset(), evidence)
