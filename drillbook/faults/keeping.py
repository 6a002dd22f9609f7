"""What an undo needs and a journal must not hold: kept in a Secret beside the journal until the undo is done.

``inject`` keeps before it breaks, and the undo forgets last. So where nothing is kept, nothing was broken, or it is put
back already; and what is kept is enough for any machine. Its name follows from fault and target: what an earlier drill
left refuses the next one.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from typing import TYPE_CHECKING, Any, Final

from drillbook.errors import Refused
from drillbook.faults.fault import Target

if TYPE_CHECKING:
    from drillbook.clients.kube import Kube, Permission

LABEL: Final = "drillbook.dev/kept"
MOST_BYTES: Final = 700_000
"""Compressed; a Secret holds a mebibyte, in base64."""


def kept_name(fault: str, target: Target) -> str:
    """The name of the Secret that keeps for that fault and target."""
    digest = hashlib.sha256(f"{target.kind}/{target.namespace}/{target.name}/{target.uid}".encode()).hexdigest()
    return f"drillbook-kept-{fault}-{digest[:12]}"


def keep_permissions(namespace: str) -> tuple[Permission, ...]:
    """What keeping, reading and forgetting take."""
    from drillbook.clients.kube import Permission

    return tuple(Permission(verb, "secrets", "", namespace) for verb in ("get", "create", "delete"))


async def keep(kube: Kube, namespace: str, name: str, document: Any) -> None:
    """Keep a JSON document. Raises Refused when one is kept already, or this one is too large."""
    from drillbook.clients.kube import ApiRefusal, path_of

    packed = gzip.compress(json.dumps(document).encode())
    if len(packed) > MOST_BYTES:
        raise Refused(f"what would have to be kept for the undo has {len(packed):,} bytes, and {MOST_BYTES:,} can be")
    body = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "labels": {LABEL: "true"}},
        "data": {"document": base64.b64encode(packed).decode()},
    }
    try:
        await kube.create(path_of("secrets", namespace), body)
    except ApiRefusal as refused:
        if refused.code == 409:
            raise Refused(
                f"Secret {namespace}/{name} still holds what an earlier drill broke: finish its undo with "
                "`drillbook recover`"
            ) from refused
        raise


async def kept(kube: Kube, namespace: str, name: str) -> Any | None:
    """The document, or None where nothing is kept."""
    from drillbook.clients.kube import path_of

    found = await kube.find(path_of("secrets", namespace, name))
    if found is None:
        return None
    return json.loads(gzip.decompress(base64.b64decode(found["data"]["document"])))


async def forget(kube: Kube, namespace: str, name: str) -> None:
    """Keep it no longer. Safe twice."""
    from drillbook.clients.kube import ApiRefusal, path_of

    try:
        await kube.delete(path_of("secrets", namespace, name))
    except ApiRefusal as refused:
        if refused.code != 404:
            raise
