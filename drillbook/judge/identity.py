"""What proves identity after a recovery: a certificate that is new and served, old credentials refused; pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CertificateSight:
    """Serial numbers of one certificate, in hexadecimal."""

    before: str
    """What the Secret held before the fault."""
    kept: str
    """What it holds after the recovery."""
    served: str
    """What a client is shown after the recovery."""


def certificate_problems(sight: CertificateSight, *, renewed: bool) -> Iterator[str]:
    """A sentence for each; ``renewed``: a procedure was followed that promises a new certificate."""
    if sight.served != sight.kept:
        yield (
            f"the certificate with serial {sight.kept} is kept and one with serial {sight.served} is served: whoever "
            "serves it has not taken the new one"
        )
    if renewed and sight.kept == sight.before:
        yield f"the certificate was not renewed: its serial is {sight.kept}, as before the fault"


def credential_problems(*, old_works: bool) -> Iterator[str]:
    """After a rotation nobody may get in with what was before."""
    if old_works:
        yield "the old credentials still work after the rotation"
