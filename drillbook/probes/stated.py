"""What a setting says, in the dimension that the objective asks it in: as it is written, or as a quantity."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drillbook.model.observation import Observation
from drillbook.model.quantity import Dimension, Quantity
from drillbook.probes.scene import Scene


def stated(
    scene: Scene,
    where: str,
    text: str,
    dimension: Dimension,
    *,
    unit: str = "",
    remedy: str = "",
    evidence: Mapping[str, Any] | None = None,
) -> Observation:
    """An observation of ``text`` as a ``dimension``; ``unit`` is the one that a bare number has there.

    Where it can't be read so, nothing is observed, and the observation says what stands there.
    """
    told = {"stated": text} | dict(evidence or {})
    if dimension is Dimension.TEXT:
        return scene.told(where, text, remedy=remedy, evidence=told)
    bare = text.strip().lstrip("+-").replace(".", "", 1).isdigit()
    try:
        value = Quantity.parse(f"{text} {unit}".strip() if bare else text, dimension).value
    except ValueError as error:
        advice = "ask it as: text, or as what it is"
        return scene.unseen(dimension, where, f"it says {text!r}: {error}", remedy=advice, evidence=told)
    return scene.seen(dimension, where, value, remedy=remedy, evidence=told)
