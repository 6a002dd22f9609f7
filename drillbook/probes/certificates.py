"""How long the certificates that clients are shown stay good: what is served, not what some Secret holds."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from drillbook.clients.access import authority_of
from drillbook.clients.reach import Endpoint, every_address, tls_endpoints
from drillbook.clients.tls import Certificate, Handshake, handshake
from drillbook.clock import iso
from drillbook.errors import Unreachable
from drillbook.model.observation import Observation
from drillbook.model.policy import Component
from drillbook.model.quantity import Dimension
from drillbook.probes.scene import Scene, needed


async def time_left(scene: Scene, component: Component | None, _parameters: Mapping[str, Any]) -> Observation:
    """Seconds until the first certificate of the chains that the Ingress serves expires; negative once it has.

    Every name that the Ingress serves with TLS is asked for at each of its addresses, by a client that verifies. A
    chain that isn't trusted for any other reason than age has no time left to speak of: that is a problem.
    """
    asked = needed(component, "certificate.time_left")
    endpoints = await tls_endpoints(scene.kube, scene.environment, asked)
    ca = authority_of(scene.environment, asked.id)
    found = await asyncio.gather(*(served_at(endpoint, ca) for endpoint in endpoints))
    served = [one for at_name in found for one in at_name]
    evidence = {"served": [_told(endpoint, shake) for endpoint, shake in served]}
    where = ", ".join(endpoint.url for endpoint in endpoints)
    for endpoint, shake in served:
        if not shake.trusted and not shake.expired:
            problem = f"the certificate that {endpoint} serves isn't trusted: {shake.problem}"
            remedy = f"name its authority under components.{asked.id}.ca in {scene.environment.path}"
            return scene.unseen(Dimension.DURATION, where, problem, remedy=remedy, evidence=evidence)
    endpoint, first = min(
        ((endpoint, certificate) for endpoint, shake in served for certificate in shake.relied_on),
        key=lambda pair: pair[1].not_after,
    )
    left = (first.not_after - scene.clock.now()).total_seconds()
    return scene.seen(
        Dimension.DURATION,
        f"{endpoint} serves {first.subject}, serial {first.serial}",
        round(left),
        samples=len(served),
        evidence=evidence,
    )


async def served_at(endpoint: Endpoint, ca: Path | None) -> list[tuple[Endpoint, Handshake]]:
    """What is served at each address that the endpoint's name stands for: one of several can be the stale one.

    An address where nothing answers serves no certificate, and clients go on to the next: Unreachable where none does.
    """
    addresses = await every_address(endpoint)
    seen = await asyncio.gather(*(handshake(one, ca=ca) for one in addresses), return_exceptions=True)
    served = [(one, shake) for one, shake in zip(addresses, seen, strict=True) if isinstance(shake, Handshake)]
    for problem in seen:
        if isinstance(problem, BaseException) and not (served and isinstance(problem, Unreachable)):
            raise problem
    return served


def _told(endpoint: Endpoint, shake: Handshake) -> dict[str, Any]:
    def one(certificate: Certificate) -> dict[str, Any]:
        return {
            "subject": certificate.subject,
            "issuer": certificate.issuer,
            "serial": certificate.serial,
            "not_before": iso(certificate.not_before),
            "not_after": iso(certificate.not_after),
            "names": list(certificate.names),
            "relied_on": certificate in shake.relied_on,
        }

    return {
        "endpoint": str(endpoint),
        "trusted": shake.trusted,
        "problem": shake.problem,
        "chain": [one(certificate) for certificate in shake.presented],
    }
