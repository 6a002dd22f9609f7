"""What an Ingress's annotations say about the Certificates that it wants."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from drillbook.sandbox.certmanager.durations import duration
from drillbook.sandbox.certmanager.signing import USAGES
from drillbook.sandbox.certmanager.wish import GROUP
from drillbook.sandbox.kinds import CLUSTER_ISSUER, ISSUER, Object

ISSUER_ANNOTATION: Final = f"{GROUP}/issuer"
CLUSTER_ISSUER_ANNOTATION: Final = f"{GROUP}/cluster-issuer"
_TEXTS: Final = {"commonName": "common-name", "duration": "duration", "renewBefore": "renew-before"}
_LISTS: Final = {"dnsNames": "alt-names", "ipAddresses": "ip-sans", "usages": "usages"}
_NUMBERS: Final = {
    "revisionHistoryLimit": "revision-history-limit",
    "renewBeforePercentage": "renew-before-percentage",
}
_SHORTEST: Final = {"duration": "1h", "renewBefore": "5m"}
_KEY_FIELDS: Final = ("algorithm", "encoding", "size", "rotation-policy")


class BadAnnotations(ValueError):
    """Annotations of an Ingress that contradict each other or can't be read."""


def issuer_of(annotations: Mapping[str, str]) -> Object:
    """The reference to the issuer. Raises BadAnnotations."""
    kind, group = f"{GROUP}/issuer-kind", f"{GROUP}/issuer-group"
    for one, other in (
        (ISSUER_ANNOTATION, CLUSTER_ISSUER_ANNOTATION),
        (CLUSTER_ISSUER_ANNOTATION, group),
        (CLUSTER_ISSUER_ANNOTATION, kind),
    ):
        if one in annotations and other in annotations:
            raise BadAnnotations(
                "Could not determine issuer for ingress due to bad annotations: "
                f'both "{one}" and "{other}" may not be set'
            )
    name = annotations.get(CLUSTER_ISSUER_ANNOTATION) or annotations.get(ISSUER_ANNOTATION)
    if not name:
        raise BadAnnotations(
            "Could not determine issuer for ingress due to bad annotations: "
            "failed to determine issuer name to be used for ingress resource"
        )
    cluster = CLUSTER_ISSUER_ANNOTATION in annotations
    reference = {"name": name, "kind": CLUSTER_ISSUER.name if cluster else annotations.get(kind, ISSUER.name)}
    return reference | ({"group": annotations[group]} if group in annotations else {})


def fields_of(annotations: Mapping[str, str]) -> dict[str, Any]:
    """The fields of the spec that annotations set. Raises BadAnnotations."""

    def given(names: Mapping[str, str]) -> dict[str, str]:
        found = {field: annotations.get(f"{GROUP}/{name}", "") for field, name in names.items()}
        return {field: text for field, text in found.items() if text}

    spec: dict[str, Any] = dict(given(_TEXTS))
    for field in _SHORTEST.keys() & spec.keys():
        _check_duration(field, spec[field], _SHORTEST[field])
    spec |= {field: [part.strip() for part in text.split(",")] for field, text in given(_LISTS).items()}
    for field, text in given(_NUMBERS).items():
        if not text.isdecimal() or int(text) < 1:
            name = f"{GROUP}/{_NUMBERS[field]}"
            raise BadAnnotations(f'invalid ingress annotation "{name}": "{text}" is not a positive number')
        spec[field] = int(text)
    for usage in spec.get("usages", ()):
        if usage not in USAGES:
            raise BadAnnotations(f'invalid ingress annotation "{GROUP}/usages": invalid key usage name "{usage}"')
    key = given({field: f"private-key-{field}" for field in _KEY_FIELDS})
    return spec | ({"privateKey": _private_key(key)} if key else {})


def _check_duration(field: str, text: str, least: str) -> None:
    try:
        found = duration(text)
    except ValueError as error:
        raise BadAnnotations(f"invalid ingress annotation: {error}") from None
    if found < duration(least):
        raise BadAnnotations(f"invalid ingress annotation: {field} must be greater than or equal to {least}")


def _private_key(key: Mapping[str, str]) -> dict[str, Any]:
    choices = {
        "algorithm": ("RSA", "ECDSA", "Ed25519"),
        "encoding": ("PKCS1", "PKCS8"),
        "rotation-policy": ("Never", "Always"),
        "size": ("256", "384", "521") if key.get("algorithm") == "ECDSA" else ("2048", "3072", "4096", "8192"),
    }
    for field, text in key.items():
        if text not in choices[field]:
            raise BadAnnotations(
                f'invalid ingress annotation "{GROUP}/private-key-{field}": '
                f'"{text}" is none of {", ".join(choices[field])}'
            )
    found: dict[str, Any] = {field: text for field, text in key.items() if field in {"algorithm", "encoding"}}
    if "size" in key:
        found["size"] = int(key["size"])
    if "rotation-policy" in key:
        found["rotationPolicy"] = key["rotation-policy"]
    return found
