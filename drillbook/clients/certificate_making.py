"""A certificate for given names and a given key that lasts as long as is wanted, to stand in a real one's place.

It is signed by its own key, so no client that verifies trusts it. The key never leaves the process.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


def self_signed(names: tuple[str, ...], key: bytes, lasts: timedelta) -> bytes:
    """PEM of a certificate for the PEM key ``key``; it began a day ago and ends ``lasts`` from now.

    Raises ValueError or TypeError for what is no private key.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    private = serialization.load_pem_private_key(key, None)
    if not isinstance(private, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
        raise TypeError("expected an RSA or elliptic curve private key")
    now = datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, names[0][:64])])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + lasts)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
        .sign(private, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM)
