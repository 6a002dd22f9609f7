"""The official client's models as a strict schema: a field that they don't know is a field that Kubernetes drops."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from kubernetes import client

BY_VERSION: Final = {
    "v1": "V1",
    "apps/v1": "V1",
    "batch/v1": "V1",
    "networking.k8s.io/v1": "V1",
    "policy/v1": "V1",
    "rbac.authorization.k8s.io/v1": "V1",
    "storage.k8s.io/v1": "V1",
    "autoscaling/v2": "V2",
}
"""How the client prefixes the models of an API version."""

SCALARS: Final[dict[str, tuple[type, ...]]] = {
    "str": (str,),
    "int": (int,),
    "bool": (bool,),
    "float": (int, float),
    "object": (object,),
    "datetime": (str,),
    "bytearray": (str,),
    "IntOrString": (int, str),
}


def problems(obj: dict[str, Any]) -> Iterator[str]:
    """A sentence for each unknown field and each value of a wrong type; kinds that no model knows give none."""
    prefix = BY_VERSION.get(obj["apiVersion"])
    if prefix is not None:
        yield from _value(obj, f"{prefix}{obj['kind']}", obj["kind"])


def _value(value: Any, wanted: str, where: str) -> Iterator[str]:
    if container := re.fullmatch(r"(List|Dict|list|dict)[\[(](?:str, )?(.+)[\])]", wanted):
        yield from _many(value, container[1].lower(), container[2], where)
    elif wanted in SCALARS:
        right = isinstance(value, SCALARS[wanted]) and (wanted != "int" or not isinstance(value, bool))
        if not right:
            yield f"{where}: expected {wanted}, found {value!r}"
    elif not isinstance(value, dict):
        yield f"{where}: expected an object, found {value!r}"
    else:
        model = getattr(client, wanted)
        fields = {json: model.openapi_types[python] for python, json in model.attribute_map.items()}
        for name, inner in value.items():
            if name not in fields:
                yield f"{where}.{name}: no such field"
            else:
                yield from _value(inner, fields[name], f"{where}.{name}")


def _many(value: Any, shape: str, inner: str, where: str) -> Iterator[str]:
    if shape == "list" and isinstance(value, list):
        for number, item in enumerate(value):
            yield from _value(item, inner, f"{where}[{number}]")
    elif shape == "dict" and isinstance(value, dict):
        for key, item in value.items():
            yield from _value(item, inner, f"{where}[{key}]")
    else:
        yield f"{where}: expected a {shape}, found {value!r}"
