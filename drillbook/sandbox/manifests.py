"""Applying a folder of manifests as ``kubectl apply`` does: file by file, through the API."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml

from drillbook.errors import ConfigError
from drillbook.sandbox.kinds import KINDS, Kind, Object

if TYPE_CHECKING:
    import aiohttp

LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"


def read(folder: Path) -> Iterator[tuple[str, Object]]:
    """Every object of every file, with the place it is from (``20-database.yaml``). Raises ConfigError."""
    files = sorted(path for path in folder.glob("*") if path.suffix in {".yaml", ".yml", ".json"})
    if not files:
        raise ConfigError(f"{folder} holds no manifests: expected Kubernetes YAML files (*.yaml) there")
    for path in files:
        try:
            documents = list(yaml.load_all(path.read_text(encoding="utf-8"), Loader=_loader()))
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"{path} can't be read: {error}") from error
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            problem = getattr(error, "problem", None) or "not YAML"
            raise ConfigError.at(path, mark.line + 1 if mark else None, f"expected YAML: {problem}") from error
        for document in documents:
            if document is not None:
                yield from _objects(path, document)


async def apply(session: aiohttp.ClientSession, api: str, ca: ssl.SSLContext, token: str, folder: Path) -> int:
    """Create all objects of a folder; returns how many. Raises ConfigError with the API's own sentence."""
    kinds = {(kind.api_version, kind.name): kind for kind in KINDS}
    count = 0
    for place, obj in read(folder):
        kind = kinds.get((obj["apiVersion"], obj["kind"]))
        if kind is None:
            raise ConfigError(f"{place}: the sandbox doesn't serve {obj['kind']} of {obj['apiVersion']}")
        await _create(session, api, ca, token, kind, place, obj)
        count += 1
    return count


def path_of(kind: Kind, namespace: str) -> str:
    """Where objects of a kind are created: ``/apis/apps/v1/namespaces/x/deployments``."""
    root = f"/apis/{kind.group}/{kind.version}" if kind.group else f"/api/{kind.version}"
    return f"{root}/namespaces/{namespace}/{kind.plural}" if kind.namespaced else f"{root}/{kind.plural}"


async def _create(
    session: aiohttp.ClientSession, api: str, ca: ssl.SSLContext, token: str, kind: Kind, place: str, obj: Object
) -> None:
    namespace = str(obj["metadata"].get("namespace") or "default")
    url = f"{api}{path_of(kind, namespace)}?fieldManager=kubectl-client-side-apply&fieldValidation=Strict"
    body = json.dumps(_as_applied(kind, obj, namespace))
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    async with session.post(url, data=body, headers=headers, ssl=ca) as answer:
        if answer.status != 201:
            said: Mapping[str, Any] = await answer.json()
            raise ConfigError(f"{place}: {kind.name} {obj['metadata'].get('name')}: {said.get('message')}")


def _as_applied(kind: Kind, obj: Object, namespace: str) -> Object:
    """With the note that kubectl leaves of what was applied, so that a later ``kubectl apply`` can tell the changes."""
    obj = dict(obj)
    obj["metadata"] = dict(obj["metadata"])
    if kind.namespaced:
        obj["metadata"]["namespace"] = namespace
    annotations = dict(obj["metadata"].get("annotations") or {})
    obj["metadata"]["annotations"] = annotations
    note = json.dumps(obj, separators=(",", ":"), sort_keys=True) + "\n"
    obj["metadata"]["annotations"] = annotations | {LAST_APPLIED: note}
    return obj


def _objects(path: Path, document: Any) -> Iterator[tuple[str, Object]]:
    if not isinstance(document, dict) or not document.get("kind") or not document.get("apiVersion"):
        raise ConfigError(f"{path}: expected Kubernetes objects with apiVersion and kind, found {document!r:.80}")
    if document["kind"] == "List":
        for item in document.get("items") or ():
            yield from _objects(path, item)
        return
    if not isinstance(document.get("metadata"), dict) or not document["metadata"].get("name"):
        raise ConfigError(f"{path}: expected metadata.name in each object, found a {document['kind']} without one")
    yield path.name, document


def _loader() -> type[yaml.SafeLoader]:
    """libyaml's loader where PyYAML has it: ten times as fast."""
    return getattr(yaml, "CSafeLoader", yaml.SafeLoader)
