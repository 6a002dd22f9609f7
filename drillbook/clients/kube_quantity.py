"""Kubernetes' own quantities: ``500m``, ``2Gi``, ``12345678n``, ``1e3``: exactly, as a Decimal in cores or bytes."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

_SUFFIXES: Final = (
    {"n": Decimal("1e-9"), "u": Decimal("1e-6"), "m": Decimal("1e-3"), "": Decimal(1)}
    | {prefix: Decimal(1000) ** power for power, prefix in enumerate("kMGTPE", 1)}
    | {f"{prefix}i": Decimal(1024) ** power for power, prefix in enumerate("KMGTPE", 1)}
)
# Grammar: k8s.io/apimachinery/pkg/api/resource. ``1E`` is an exa, ``1E3`` an exponent.
_SHAPE: Final = re.compile(
    r"([+-]?(?:[0-9]{1,30}(?:\.[0-9]{0,30})?|\.[0-9]{1,30}))(?:[eE]([+-]?[0-9]{1,2})|([A-Za-z]*))"
)


def kube_quantity(text: str | float) -> Decimal:
    """Read a quantity as the API writes it. Raises ValueError with a sentence."""
    match = _SHAPE.fullmatch(str(text))
    if match is None or (match[3] or "") not in _SUFFIXES:
        raise ValueError(f"expected a Kubernetes quantity such as 500m or 2Gi, found {text!r}")
    number = Decimal(match[1])
    return number * Decimal(10) ** int(match[2]) if match[2] else number * _SUFFIXES[match[3] or ""]
