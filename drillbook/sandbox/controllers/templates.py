"""Pod templates told apart: the short hash that names a ReplicaSet after its template."""

from __future__ import annotations

import copy
import hashlib
import json
from typing import Final

from drillbook.sandbox.kinds import Object

HASH_LABEL: Final = "pod-template-hash"
_ALPHABET: Final = "bcdfghjklmnpqrstvwxz2456789"


def template_hash(template: Object, collisions: int = 0) -> str:
    """Ten letters that differ when the template does; ``collisions`` makes others of the same template."""
    text = json.dumps(without_hash(template), sort_keys=True) + str(collisions or "")
    number = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
    letters = []
    for _ in range(10):
        number, letter = divmod(number, len(_ALPHABET))
        letters.append(_ALPHABET[letter])
    return "".join(letters)


def same_template(one: Object, other: Object) -> bool:
    """Whether two templates start the same pods: the hash label doesn't count."""
    return without_hash(one) == without_hash(other)


def without_hash(template: Object) -> Object:
    """The template as its Deployment has it."""
    bare = copy.deepcopy(template)
    meta = bare.get("metadata") or {}
    meta.pop("creationTimestamp", None)
    (meta.get("labels") or {}).pop(HASH_LABEL, None)
    return bare
