"""cert-manager's kinds, with the columns that its CustomResourceDefinitions declare."""

from __future__ import annotations

from typing import Final

from drillbook.sandbox.api.tables.cells import AGE, NAME, Column, at
from drillbook.sandbox.kinds import Object


def _condition(name: str, type_: str, field: str = "status", priority: int = 0) -> Column:
    def cell(obj: Object) -> str:
        found = (c for c in at(obj, "status", "conditions", default=[]) if c["type"] == type_)
        return str(next((c.get(field, "") for c in found), ""))

    return Column(name, cell, priority=priority)


def _issuer(priority: int) -> Column:
    return Column("Issuer", lambda obj: at(obj, "spec", "issuerRef", "name", default=""), priority=priority)


_READY: Final = _condition("Ready", "Ready")
_STATUS: Final = _condition("Status", "Ready", "message", priority=1)
CERTIFICATE_COLUMNS: Final = (
    NAME,
    _READY,
    Column("Secret", lambda obj: at(obj, "spec", "secretName", default="")),
    _issuer(1),
    _STATUS,
    Column("Expiration", lambda obj: at(obj, "status", "notAfter", default=""), priority=1),
    AGE,
)
CERTIFICATE_REQUEST_COLUMNS: Final = (
    NAME,
    _condition("Approved", "Approved"),
    _condition("Denied", "Denied"),
    _READY,
    _issuer(0),
    Column("Requester", lambda obj: at(obj, "spec", "username", default="")),
    _STATUS,
    AGE,
)
ISSUER_COLUMNS: Final = (NAME, _READY, _STATUS, AGE)
