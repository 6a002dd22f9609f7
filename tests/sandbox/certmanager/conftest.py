"""A stage with cert-manager on it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from drillbook.sandbox.certificates import Authority
from drillbook.sandbox.certmanager import install
from drillbook.sandbox.certmanager.certificates import Certificates
from drillbook.sandbox.certmanager.ingress_shim import IngressShim
from drillbook.sandbox.certmanager.issuers import Issuers
from drillbook.sandbox.certmanager.requests import CertificateRequests
from drillbook.sandbox.controllers.garbage import GarbageCollector
from tests.sandbox.controllers.stage import Stage, staged


@pytest.fixture(scope="session")
def authority() -> Authority:
    return Authority("test")


@pytest.fixture
def stage(authority: Authority) -> Iterator[Stage]:
    """cert-manager, its own issuer, and the garbage collector."""
    with staged(authority) as made:
        install(made.cluster)
        for kind in (CertificateRequests, Certificates, Issuers):
            made.add(lambda cluster, kind=kind: kind(cluster, made.clock))  # type: ignore[misc]
        made.add(IngressShim)
        made.add(GarbageCollector)
        made.settle()
        yield made
