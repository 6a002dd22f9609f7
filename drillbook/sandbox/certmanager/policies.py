"""Why a certificate must be issued (again), and why it is not ready: looked at, never done.

The order of the questions is cert-manager's, because the first one that finds something gives the reason that people
read. Source: ``internal/controller/certificates/policies`` of cert-manager.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cryptography import x509

from drillbook.sandbox.certmanager import keys, secrets, signing
from drillbook.sandbox.certmanager.durations import duration
from drillbook.sandbox.certmanager.renewal import renewal_time
from drillbook.sandbox.certmanager.wish import DEFAULT_USAGES, IssuerRef, Names, Wish
from drillbook.sandbox.controllers.times import written
from drillbook.sandbox.kinds import Object

RENEWING: Final = "Renewing"
HEAD: Final = "Issuing certificate as Secret"
"""How most reasons begin."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What there is to look at."""

    certificate: Object
    wish: Wish
    secret: Object | None
    request: Object | None
    """The CertificateRequest of the current revision, when it is still there."""
    now: datetime


@dataclass(frozen=True, slots=True)
class Finding:
    """A reason and the sentence that goes with it."""

    reason: str
    message: str


def why_issue(sight: Sight) -> Finding | None:
    """Why a certificate must be issued now; None when the one that there is will do."""
    found = _unfit(sight)
    if isinstance(found, Finding):
        return found
    due = renewal_time(found.not_valid_before_utc, found.not_valid_after_utc, sight.wish)
    if sight.now >= due:
        return Finding(RENEWING, f"Renewing certificate as renewal was scheduled at {written(due)}")
    return None


def why_not_ready(sight: Sight) -> Finding | None:
    """Why the certificate can't be relied on; None when it can."""
    found = _unfit(sight)
    if isinstance(found, Finding):
        return found
    end = found.not_valid_after_utc
    if sight.now > end:
        return Finding("Expired", f"Certificate expired on {end:%a, %d %b %Y %H:%M:%S} UTC")
    return None


def request_mismatch(request: Object, wish: Wish) -> list[str]:
    """The fields of a Certificate's spec that a CertificateRequest doesn't have as they are now."""
    spec = request["spec"]
    found = signing.read_request(secrets.decoded(spec["request"]))
    if found is None:
        return ["spec.request"]
    fields = _names_mismatch(signing.names_of(found), wish.names)
    if bool(spec.get("isCA")) != wish.is_ca:
        fields.append("spec.isCA")
    if sorted(spec.get("usages") or DEFAULT_USAGES) != sorted(wish.usages):
        fields.append("spec.usages")
    if spec.get("duration") and wish.lifetime is not None and duration(spec["duration"]) != wish.lifetime:
        fields.append("spec.duration")
    if IssuerRef.read(spec["issuerRef"]) != wish.issuer:
        fields.append("spec.issuerRef")
    return fields


def _unfit(sight: Sight) -> Finding | x509.Certificate:
    """The certificate in the Secret, or why it doesn't fit."""
    secret, wish = sight.secret, sight.wish
    if secret is None:
        return Finding("DoesNotExist", f"{HEAD} does not exist")
    read = _read(secret)
    if isinstance(read, Finding):
        return read
    key, certificate = read
    issuer = secrets.issuer_of(secret)
    if issuer is not None and issuer != wish.issuer:
        return Finding("IncorrectIssuer", f'{HEAD} was previously issued by "{issuer}"')
    name = (secret["metadata"].get("annotations") or {}).get(secrets.CERTIFICATE_NAME)
    if name is not None and name != sight.certificate["metadata"]["name"]:
        return Finding(
            "IncorrectCertificate",
            f'Secret was issued for "{name}". If this message is not transient, you might have two conflicting '
            "Certificates pointing to the same secret.",
        )
    if field := keys.mismatch(key, wish.key):
        return Finding("SecretMismatch", f"Existing private key is not up to date for spec: [{field}]")
    return _outdated(sight, key, certificate) or certificate


def _read(secret: Object) -> Finding | tuple[keys.Key, x509.Certificate]:
    """Key and certificate of a Secret that belong together, or why it has none."""
    if not secret.get("data"):
        return Finding("MissingData", f"{HEAD} does not contain any data")
    pair = secrets.pair_of(secret)
    if not pair.key:
        return Finding("MissingData", f"{HEAD} does not contain a private key")
    if not pair.certificate:
        return Finding("MissingData", f"{HEAD} does not contain a certificate")
    key, certificate = keys.read(pair.key), signing.read(pair.certificate)
    if key is None:
        return Finding("InvalidKeyPair", f"{HEAD} contains invalid private key data")
    if certificate is None:
        return Finding("InvalidCertificate", f"{HEAD} contains an invalid certificate")
    if keys.public(key) != signing.public_of(certificate):
        return Finding("InvalidKeyPair", f"{HEAD} contains a private key that does not match the certificate")
    return key, certificate


def _outdated(sight: Sight, key: keys.Key, certificate: x509.Certificate) -> Finding | None:
    """Whether the spec has moved on since the certificate was issued."""
    if sight.request is None:
        fields = _loose_mismatch(signing.names_of(certificate), sight.wish.names)
        if fields:
            text = f"Issuing certificate as Existing issued Secret is not up to date for spec: [{_listed(fields)}]"
            return Finding("SecretMismatch", text)
        return None
    asked = signing.read_request(secrets.decoded(sight.request["spec"]["request"]))
    if asked is not None and signing.public_of(asked) != keys.public(key):
        return Finding(
            "SecretMismatch", "Secret contains a private key that does not match the current CertificateRequest"
        )
    fields = request_mismatch(sight.request, sight.wish)
    if fields:
        text = f"Fields on existing CertificateRequest resource not up to date: [{_listed(fields)}]"
        return Finding("RequestChanged", text)
    return None


def _names_mismatch(found: Names, wished: Names) -> list[str]:
    fields = {
        "spec.ipAddresses": (found.addresses, wished.addresses),
        "spec.uris": (found.uris, wished.uris),
        "spec.emailAddresses": (found.emails, wished.emails),
        "spec.dnsNames": (found.dns, wished.dns),
        "spec.commonName": ((found.common_name,), (wished.common_name,)),
        "spec.subject.organizations": (found.organizations, wished.organizations),
    }
    return [field for field, (has, wants) in fields.items() if sorted(has) != sorted(wants)]


def _loose_mismatch(found: Names, wished: Names) -> list[str]:
    """Without the request only the names can be compared, and issuers may move one between subject and the rest."""
    has = {*found.dns, found.common_name} - {""}
    wants = {*wished.dns, wished.common_name} - {""}
    fields = ["spec.dnsNames"] if has != wants else []
    if sorted(found.addresses) != sorted(wished.addresses):
        fields.append("spec.ipAddresses")
    if sorted(found.uris) != sorted(wished.uris):
        fields.append("spec.uris")
    if sorted(found.emails) != sorted(wished.emails):
        fields.append("spec.emailAddresses")
    return fields


def _listed(fields: Iterable[str]) -> str:
    return " ".join(fields)
