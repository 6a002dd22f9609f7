"""A container's environment variables, by Kubernetes' rules."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping
from decimal import ROUND_CEILING, Decimal
from typing import Final

from drillbook.sandbox.api.quantities import parse
from drillbook.sandbox.kinds import CONFIG_MAP, SECRET, SERVICE, Object
from drillbook.sandbox.store import Store

_REFERENCE: Final = re.compile(r"\$(\$|\(([-._a-zA-Z][-._a-zA-Z0-9]*)\))")
_VARIABLE: Final = re.compile(r"[-._a-zA-Z][-._a-zA-Z0-9]*")


class ConfigMissing(Exception):
    """A ConfigMap, a Secret or a key that the container needs isn't there: CreateContainerConfigError."""


def expand(text: str, env: Mapping[str, str]) -> str:
    """``$(NAME)`` becomes its value, ``$$`` one dollar; a name without a value stays as it is written."""

    def replace(match: re.Match[str]) -> str:
        if match[1] == "$":
            return "$"
        return env.get(match[2], match[0])

    return _REFERENCE.sub(replace, text)


def container_env(store: Store, pod: Object, container: Object, base: Mapping[str, str]) -> dict[str, str]:
    """``base`` with the container's ``envFrom`` and ``env`` over it. Raises ConfigMissing."""
    env = dict(base)
    namespace = pod["metadata"]["namespace"]
    for source in container.get("envFrom") or ():
        prefix = source.get("prefix", "")
        for name, value in _all_of(store, namespace, source).items():
            if _VARIABLE.fullmatch(prefix + name):
                env[prefix + name] = value
    for variable in container.get("env") or ():
        if variable.get("valueFrom"):
            found = _value_from(store, pod, container, variable["valueFrom"])
            if found is not None:
                env[variable["name"]] = found
        else:
            env[variable["name"]] = expand(str(variable.get("value") or ""), env)
    return env


def service_env(services: Iterable[Object]) -> dict[str, str]:
    """``REDIS_SERVICE_HOST`` and its like, for the Services that there are when the container starts."""
    env: dict[str, str] = {}
    for service in services:
        spec = service["spec"]
        address, ports = spec.get("clusterIP"), spec.get("ports") or ()
        if not address or address == "None" or not ports:
            continue
        name = service["metadata"]["name"].upper().replace("-", "_")
        env[f"{name}_SERVICE_HOST"] = address
        env[f"{name}_SERVICE_PORT"] = str(ports[0]["port"])
        first = ports[0]
        env[f"{name}_PORT"] = f"{first.get('protocol', 'TCP').lower()}://{address}:{first['port']}"
        for port in ports:
            protocol = port.get("protocol", "TCP")
            if port.get("name"):
                env[f"{name}_SERVICE_PORT_{port['name'].upper().replace('-', '_')}"] = str(port["port"])
            stem = f"{name}_PORT_{port['port']}_{protocol}"
            env |= {
                stem: f"{protocol.lower()}://{address}:{port['port']}",
                f"{stem}_PROTO": protocol.lower(),
                f"{stem}_PORT": str(port["port"]),
                f"{stem}_ADDR": address,
            }
    return env


def services_seen_by(store: Store, namespace: str) -> list[Object]:
    """The Services whose addresses a pod of that namespace gets: its own, and the API server's."""
    seen = store.list(SERVICE, namespace)
    api = store.get(SERVICE, "default", "kubernetes")
    return [*([api] if api and namespace != "default" else []), *seen]


def decoded(data: Mapping[str, str]) -> dict[str, bytes]:
    """A Secret's values."""
    return {key: base64.b64decode(value) for key, value in data.items()}


def _all_of(store: Store, namespace: str, source: Object) -> dict[str, str]:
    for field, kind in (("configMapRef", CONFIG_MAP), ("secretRef", SECRET)):
        reference = source.get(field)
        if not reference:
            continue
        found = store.get(kind, namespace, reference["name"])
        if found is None:
            if reference.get("optional"):
                return {}
            raise ConfigMissing(f'{kind.name.lower()} "{reference["name"]}" not found')
        if kind is SECRET:
            return {key: value.decode() for key, value in decoded(found.get("data") or {}).items()}
        return {key: str(value) for key, value in (found.get("data") or {}).items()}
    return {}


def _value_from(store: Store, pod: Object, container: Object, source: Object) -> str | None:
    namespace = pod["metadata"]["namespace"]
    if reference := source.get("configMapKeyRef"):
        return _one_of(
            store.get(CONFIG_MAP, namespace, reference["name"]), "configmap", "ConfigMap", namespace, reference
        )
    if reference := source.get("secretKeyRef"):
        found = _one_of(store.get(SECRET, namespace, reference["name"]), "secret", "Secret", namespace, reference)
        return None if found is None else base64.b64decode(found).decode()
    if reference := source.get("fieldRef"):
        return field_value(pod, reference["fieldPath"])
    if reference := source.get("resourceFieldRef"):
        return _resource_value(pod, container, reference)
    return None


def _one_of(found: Object | None, word: str, kind: str, namespace: str, reference: Object) -> str | None:
    if found is None:
        if reference.get("optional"):
            return None
        raise ConfigMissing(f'{word} "{reference["name"]}" not found')
    data = found.get("data") or {}
    if reference["key"] not in data:
        if reference.get("optional"):
            return None
        raise ConfigMissing(f"couldn't find key {reference['key']} in {kind} {namespace}/{reference['name']}")
    return str(data[reference["key"]])


def field_value(pod: Object, path: str) -> str:
    """A pod's own field as the downward API gives it; an unset one is empty."""
    meta, spec, status = pod["metadata"], pod["spec"], pod.get("status") or {}
    plain = {
        "metadata.name": meta["name"],
        "metadata.namespace": meta["namespace"],
        "metadata.uid": meta["uid"],
        "spec.nodeName": spec.get("nodeName", ""),
        "spec.serviceAccountName": spec.get("serviceAccountName", "default"),
        "status.podIP": status.get("podIP", ""),
        "status.podIPs": ",".join(entry["ip"] for entry in status.get("podIPs") or ()),
        "status.hostIP": status.get("hostIP", ""),
        "status.hostIPs": status.get("hostIP", ""),
    }
    if path in plain:
        return str(plain[path])
    for field in ("labels", "annotations"):
        pairs = meta.get(field) or {}
        if path == f"metadata.{field}":
            return "\n".join(f'{key}="{value}"' for key, value in sorted(pairs.items()))
        if path.startswith(f"metadata.{field}['") and path.endswith("']"):
            return str(pairs.get(path[len(f"metadata.{field}['") : -2], ""))
    raise ConfigMissing(f"unsupported fieldPath: {path}")


def _resource_value(pod: Object, container: Object, reference: Object) -> str:
    wanted = reference.get("containerName") or container["name"]
    of = next((c for c in pod["spec"]["containers"] if c["name"] == wanted), container)
    kind, _, resource = reference["resource"].partition(".")
    text = ((of.get("resources") or {}).get(kind) or {}).get(resource)
    value = parse(str(text)) if text is not None else Decimal(0)
    divisor = parse(str(reference.get("divisor") or "1")) or Decimal(1)
    return str((value / divisor).to_integral_value(rounding=ROUND_CEILING))
