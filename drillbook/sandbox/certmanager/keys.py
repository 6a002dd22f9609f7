"""Private keys of certificates: made, written, and read back from Secrets."""

from __future__ import annotations

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from drillbook.sandbox.certmanager.wish import KeyWish

type Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


def make(wish: KeyWish) -> Key:
    """A new key. RSA takes a tenth of a second and more: not on the event loop."""
    if wish.algorithm == "ECDSA":
        curves: dict[int, ec.EllipticCurve] = {256: ec.SECP256R1(), 384: ec.SECP384R1(), 521: ec.SECP521R1()}
        return ec.generate_private_key(curves[wish.size])
    if wish.algorithm == "Ed25519":
        return ed25519.Ed25519PrivateKey.generate()
    return rsa.generate_private_key(public_exponent=65537, key_size=wish.size)


def written(key: Key, wish: KeyWish) -> bytes:
    """PEM, in the encoding asked for; an Ed25519 key has only one."""
    traditional = wish.encoding == "PKCS1" and not isinstance(key, ed25519.Ed25519PrivateKey)
    form = PrivateFormat.TraditionalOpenSSL if traditional else PrivateFormat.PKCS8
    return key.private_bytes(Encoding.PEM, form, NoEncryption())


def read(pem: bytes) -> Key | None:
    """The key in a PEM, or None when there is none that a certificate could have."""
    try:
        key = load_pem_private_key(pem, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None
    kinds = (rsa.RSAPrivateKey, ec.EllipticCurvePrivateKey, ed25519.Ed25519PrivateKey)
    return key if isinstance(key, kinds) else None


def mismatch(key: Key, wish: KeyWish) -> str:
    """The field of the spec that the key doesn't match; empty when it does."""
    kinds = {
        "RSA": rsa.RSAPrivateKey,
        "ECDSA": ec.EllipticCurvePrivateKey,
        "Ed25519": ed25519.Ed25519PrivateKey,
    }
    if not isinstance(key, kinds[wish.algorithm]):
        return "spec.privateKey.algorithm"
    if not isinstance(key, ed25519.Ed25519PrivateKey) and key.key_size != wish.size:
        return "spec.privateKey.size"
    return ""


def public(key: Key) -> bytes:
    """Its public half, as bytes that can be compared."""
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
