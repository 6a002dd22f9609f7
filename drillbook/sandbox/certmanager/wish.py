"""What a Certificate asks for, with cert-manager's defaults filled in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from drillbook.sandbox.certmanager.durations import duration
from drillbook.sandbox.kinds import Object

GROUP: Final = "cert-manager.io"
LIFETIME: Final = timedelta(hours=2160)
DEFAULT_USAGES: Final = ("digital signature", "key encipherment")
_KEY_SIZES: Final = {"RSA": 2048, "ECDSA": 256, "Ed25519": 0}


@dataclass(frozen=True, slots=True)
class IssuerRef:
    """Who shall sign."""

    name: str
    kind: str = "Issuer"
    group: str = GROUP

    @classmethod
    def read(cls, reference: Object) -> IssuerRef:
        return cls(reference["name"], reference.get("kind") or "Issuer", reference.get("group") or GROUP)

    def __str__(self) -> str:
        return f"{self.kind}.{self.group}/{self.name}"


@dataclass(frozen=True, slots=True)
class Names:
    """For whom a certificate is."""

    common_name: str = ""
    dns: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    uris: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    organizations: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class KeyWish:
    """What private key it shall have."""

    algorithm: str = "RSA"
    size: int = 2048
    """Bits; 0 where the algorithm knows only one size."""
    encoding: str = "PKCS1"
    rotated: bool = True
    """A new key with every issuance (``rotationPolicy: Always``, cert-manager's default)."""


@dataclass(frozen=True, slots=True)
class Wish:
    """A Certificate's spec."""

    secret: str
    issuer: IssuerRef
    names: Names
    key: KeyWish
    lifetime: timedelta | None
    """None: whatever the issuer gives, 90 days here."""
    renew_before: timedelta | None
    renew_before_percent: int | None
    usages: tuple[str, ...]
    is_ca: bool
    kept_requests: int

    @classmethod
    def read(cls, certificate: Object) -> Wish:
        """From a Certificate that passed validation."""
        spec = certificate["spec"]
        key = spec.get("privateKey") or {}
        algorithm = key.get("algorithm") or "RSA"
        before = spec.get("renewBefore")
        return cls(
            secret=spec["secretName"],
            issuer=IssuerRef.read(spec["issuerRef"]),
            names=Names(
                common_name=spec.get("commonName") or "",
                dns=tuple(spec.get("dnsNames") or ()),
                addresses=tuple(spec.get("ipAddresses") or ()),
                uris=tuple(spec.get("uris") or ()),
                emails=tuple(spec.get("emailAddresses") or ()),
                organizations=tuple((spec.get("subject") or {}).get("organizations") or ()),
            ),
            key=KeyWish(
                algorithm=algorithm,
                size=key.get("size") or _KEY_SIZES[algorithm],
                encoding=key.get("encoding") or "PKCS1",
                rotated=key.get("rotationPolicy") != "Never",
            ),
            lifetime=duration(spec["duration"]) if spec.get("duration") else None,
            renew_before=duration(before) if before else None,
            renew_before_percent=spec.get("renewBeforePercentage"),
            usages=tuple(spec.get("usages") or DEFAULT_USAGES),
            is_ca=bool(spec.get("isCA")),
            kept_requests=int(spec.get("revisionHistoryLimit") or 1),
        )
