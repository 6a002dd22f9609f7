"""What people attest: read from the environment's attestations, and nothing once they have expired."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

from drillbook.model.attestation import Attestation
from drillbook.model.observation import Observation
from drillbook.model.policy import Component
from drillbook.model.quantity import Dimension, Quantity
from drillbook.probes.scene import Scene

_AGES = "say the time of day too, as in when: 2026-11-02T10:00Z"


async def age(scene: Scene, _component: Component | None, parameters: Mapping[str, Any]) -> Observation:
    """How long ago somebody says that it was done; a day without a time of day leaves a day's doubt."""
    found = _counting(scene, Dimension.DURATION, parameters)
    if isinstance(found, Observation):
        return found
    now = scene.clock.now()
    youngest, oldest = max(now - found.latest, timedelta()), now - found.earliest
    doubt = found.latest != found.earliest
    return scene.seen(
        Dimension.DURATION,
        _where(scene, found),
        _seconds(oldest),
        low=_seconds(youngest),
        remedy=_AGES if doubt else "",
        evidence=_evidence(found),
    )


async def duration(scene: Scene, _component: Component | None, parameters: Mapping[str, Any]) -> Observation:
    """The duration that somebody says it took, or that was agreed on."""
    found = _counting(scene, Dimension.DURATION, parameters)
    if isinstance(found, Observation):
        return found
    value = Quantity.parse(found.value, Dimension.DURATION).value
    return scene.seen(Dimension.DURATION, _where(scene, found), value, evidence=_evidence(found))


async def fact(scene: Scene, _component: Component | None, parameters: Mapping[str, Any]) -> Observation:
    """What somebody says is so, word by word."""
    found = _counting(scene, Dimension.TEXT, parameters)
    if isinstance(found, Observation):
        return found
    return Observation(
        Dimension.TEXT,
        _where(scene, found),
        scene.clock.now(),
        text=found.value,
        samples=1,
        evidence=_evidence(found),
    )


def _counting(scene: Scene, dimension: Dimension, parameters: Mapping[str, Any]) -> Attestation | Observation:
    """The attestation that counts now; otherwise an observation of nothing that says what to write where."""
    name = str(parameters["attests"])
    file = scene.environment.attestations_file
    remedy = f"attest it: {name} in {file}, with who, when, evidence and expires"
    found = (scene.environment.attestations or {}).get(name)
    if found is None:
        return scene.unseen(dimension, f"{file}", f"nobody has attested {name}", remedy=remedy)
    now, where = scene.clock.now(), _where(scene, found)
    if found.expired(now):
        told = f"the attestation by {found.who} counted until {found.expires} (UTC)"
        return scene.unseen(dimension, where, told, remedy=remedy, evidence=_evidence(found))
    if found.earliest > now:
        told = f"the attestation by {found.who} is dated {found.when}, which is still to come"
        return scene.unseen(dimension, where, told, remedy=remedy, evidence=_evidence(found))
    return found


def _where(scene: Scene, found: Attestation) -> str:
    return f"{scene.environment.attestations_file}:{found.line}, attested by {found.who}"


def _evidence(found: Attestation) -> Mapping[str, Any]:
    said = {"who": found.who, "when": found.when, "evidence": found.evidence, "expires": found.expires.isoformat()}
    return said | ({"value": found.value} if found.value else {})


def _seconds(span: timedelta) -> Decimal:
    return Decimal(span // timedelta(milliseconds=1)) / 1000
