"""What only people can say: a dated attestation answers it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from drillbook.model.indicators.base import Indicator, Parameter
from drillbook.model.quantity import Dimension

ATTESTED: Final = "attested."
"""How the names of these indicators begin."""

_ASKED: Final[Mapping[str, Parameter]] = {
    # Whose attestation answers it; the objective's own id where the policy says none.
    "attests": Parameter(str, None),
    # What it is about, in the policy's own words, so that two places that speak of one thing can be compared.
    "subject": Parameter(str, None),
}

INDICATORS: Final[tuple[Indicator, ...]] = (
    # How long ago it was done: a limit on a cadence.
    Indicator("attested.age", Dimension.DURATION, parameters=_ASKED),
    # The duration that it took, or that was agreed on.
    Indicator("attested.time", Dimension.DURATION, parameters=_ASKED),
    Indicator("attested.fact", Dimension.TEXT, parameters=_ASKED),
)


def attests(name: str, objective: str, parameters: Mapping[str, object]) -> str | None:
    """The id whose attestation answers an objective of indicator ``name``; None where a machine observes it."""
    return str(parameters.get("attests") or objective) if name.startswith(ATTESTED) else None
