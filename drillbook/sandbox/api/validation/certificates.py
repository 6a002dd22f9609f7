"""cert-manager's kinds, held to what its definitions and its webhook ask for."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from drillbook.sandbox.api.names import Cause, forbidden_field, invalid, required, subdomain_error, unsupported
from drillbook.sandbox.certmanager.durations import duration
from drillbook.sandbox.certmanager.signing import USAGES
from drillbook.sandbox.kinds import Object

_NAMES: Final = ("commonName", "dnsNames", "uris", "emailAddresses", "ipAddresses", "otherNames", "literalSubject")
_SHORTEST: Final = timedelta(hours=1)
_LATEST_RENEWAL: Final = timedelta(minutes=5)
_LIFETIME: Final = timedelta(days=90)
_EC_SIZES: Final = ("256", "384", "521")


def certificate(obj: Object) -> list[Cause]:
    spec = obj.get("spec") or {}
    causes: list[Cause] = []
    secret = spec.get("secretName")
    if not secret:
        causes.append(required("spec.secretName", "must be specified"))
    elif why := subdomain_error(str(secret)):
        causes.append(invalid(secret, why, "spec.secretName"))
    causes += _issuer(spec)
    if not any(spec.get(name) for name in _NAMES):
        why = (
            "at least one of commonName (from the commonName field or from a literalSubject), dnsNames, emailSANs, "
            "ipAddresses, otherNames, or uriSANs must be set"
        )
        causes.append(invalid("", why, "spec"))
    if len(spec.get("commonName") or "") > 64:
        causes.append(("FieldValueTooLong", "Too long: may not be more than 64 bytes", "spec.commonName"))
    for number, usage in enumerate(spec.get("usages") or ()):
        if usage not in USAGES:
            causes.append(unsupported(usage, USAGES, f"spec.usages[{number}]"))
    return causes + _key(spec.get("privateKey") or {}) + _times(spec)


def request(obj: Object) -> list[Cause]:
    spec = obj.get("spec") or {}
    causes = _issuer(spec)
    if not spec.get("request"):
        causes.append(required("spec.request", "must be specified"))
    return causes


def request_change(old: Object, new: Object) -> list[Cause]:
    """What was asked for stays as it was asked for."""
    why = "cannot change spec after creation"
    return [] if old.get("spec") == new.get("spec") else [forbidden_field("spec", why)]


def _issuer(spec: Object) -> list[Cause]:
    reference = spec.get("issuerRef") or {}
    if not reference.get("name"):
        return [required("spec.issuerRef.name", "must be specified")]
    kinds = ("Issuer", "ClusterIssuer")
    if reference.get("group") in {None, "", "cert-manager.io"} and reference.get("kind") not in {None, "", *kinds}:
        return [invalid(reference["kind"], f"must be one of {' or '.join(kinds)}", "spec.issuerRef.kind")]
    return []


def _key(key: Object) -> list[Cause]:
    algorithm, size = key.get("algorithm") or "RSA", key.get("size") or 0
    if algorithm not in {"RSA", "ECDSA", "Ed25519"}:
        return [unsupported(algorithm, ("RSA", "ECDSA", "Ed25519"), "spec.privateKey.algorithm")]
    if algorithm == "RSA" and size and not 2048 <= size <= 8192:
        return [invalid(size, "must be between 2048 and 8192 for rsa keyAlgorithm", "spec.privateKey.size")]
    if algorithm == "ECDSA" and size and str(size) not in _EC_SIZES:
        return [unsupported(size, _EC_SIZES, "spec.privateKey.size")]
    return []


def _times(spec: Object) -> list[Cause]:
    causes: list[Cause] = []
    read: dict[str, timedelta] = {}
    for field in ("duration", "renewBefore"):
        value: Any = spec.get(field)
        if value is None:
            continue
        try:
            read[field] = duration(value)
        except (ValueError, TypeError) as error:
            causes.append(invalid(value, str(error), f"spec.{field}"))
    lifetime, before = read.get("duration"), read.get("renewBefore")
    if lifetime is not None and lifetime < _SHORTEST:
        why = "certificate duration must be greater than 1h0m0s"
        causes.append(invalid(spec["duration"], why, "spec.duration"))
    if before is not None and before < _LATEST_RENEWAL:
        why = "certificate renewBefore must be greater than 5m0s"
        causes.append(invalid(spec["renewBefore"], why, "spec.renewBefore"))
    if before is not None and before >= (lifetime or _LIFETIME):
        asked = spec.get("duration", "2160h0m0s")
        why = f"certificate duration {asked} must be greater than renewBefore {spec['renewBefore']}"
        causes.append(invalid(spec["renewBefore"], why, "spec.renewBefore"))
    return causes
