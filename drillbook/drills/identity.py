"""Looks after a recovery, and before the undo, at what proves identity: certificates and passwords."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from drillbook.errors import Unreachable
from drillbook.faults.certificates import leaf_of
from drillbook.faults.keeping import kept
from drillbook.faults.secrets import read_secret_object
from drillbook.judge.identity import CertificateSight, certificate_problems, credential_problems
from drillbook.model.environment import Environment
from drillbook.model.policy import Component

if TYPE_CHECKING:
    from drillbook.clients.kube import Kube
    from drillbook.clients.secrets import Secret


async def identity_problems(
    kube: Kube, environment: Environment, component: Component, put_back: Mapping[str, Any], *, procedure: bool
) -> tuple[str, ...]:
    """What is wrong, by what the fault wrote down before it. Raises DrillbookError where that can't be seen."""
    if "serial" in put_back:
        sight = await _certificate(kube, environment, component, put_back)
        return tuple(certificate_problems(sight, renewed=procedure))
    works = await _old_password_works(kube, environment, component, put_back)
    return tuple(credential_problems(old_works=works))


async def _certificate(
    kube: Kube, environment: Environment, component: Component, put_back: Mapping[str, Any]
) -> CertificateSight:
    found = await read_secret_object(kube, str(put_back["namespace"]), str(put_back["secret"]))
    served = await served_serial(kube, environment, component)
    return CertificateSight(str(put_back["serial"]), leaf_of(found).serial, served)


async def _old_password_works(
    kube: Kube, environment: Environment, component: Component, put_back: Mapping[str, Any]
) -> bool:
    from drillbook.clients.secrets import Secret

    document: Any = await kept(kube, str(put_back["namespace"]), str(put_back["kept"]))
    if document is None:
        raise Unreachable("the old password is not kept any more, so nobody could try it")
    old = Secret(base64.b64decode(document["data"][put_back["key"]]).decode())
    return await lets_in(kube, environment, component, old)


async def served_serial(kube: Kube, environment: Environment, component: Component) -> str:
    """The serial number of the certificate that a client is shown now, in hexadecimal. Raises Unreachable."""
    from drillbook.clients.access import authority_of
    from drillbook.clients.reach import http_endpoint
    from drillbook.clients.tls import handshake

    endpoint = await http_endpoint(kube.itself, environment, component)
    shown = await handshake(endpoint, ca=authority_of(environment, component.id))
    if not shown.presented:
        raise Unreachable(f"{endpoint} presented no certificate")
    return shown.presented[0].serial


async def lets_in(kube: Kube, environment: Environment, component: Component, password: Secret) -> bool:
    """Whether the database lets its user in with that password. Raises Unreachable where it doesn't answer."""
    from drillbook.clients.postgres import TurnedAway, open_postgres
    from drillbook.clients.reach import tcp_endpoint

    endpoint = await tcp_endpoint(kube.itself, environment, component)
    try:
        async with open_postgres(endpoint, user=component.user, database=component.database, password=password):
            return True
    except TurnedAway:
        return False
