"""Steps on single objects: apply the objects of a file, merge one into what is there, delete one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml

from drillbook.drills.residue import ANY
from drillbook.drills.steps.ground import Changes, Ground, Way, component_of
from drillbook.errors import ConfigError, DrillAborted
from drillbook.model.policy import Policy
from drillbook.model.procedures import Entry

if TYPE_CHECKING:
    from drillbook.clients.kube import Object, Permission

PLURALS: Final[Mapping[str, str]] = {
    "Certificate": "certificates",
    "ConfigMap": "configmaps",
    "CronJob": "cronjobs",
    "Deployment": "deployments",
    "HorizontalPodAutoscaler": "horizontalpodautoscalers",
    "Ingress": "ingresses",
    "Issuer": "issuers",
    "Job": "jobs",
    "Namespace": "namespaces",
    "NetworkPolicy": "networkpolicies",
    "PersistentVolumeClaim": "persistentvolumeclaims",
    "ResourceQuota": "resourcequotas",
    "Secret": "secrets",
    "Service": "services",
    "StatefulSet": "statefulsets",
}
"""The kinds that a step may touch, and where each is served."""
_BY_WORD: Final = {kind.lower(): kind for kind in PLURALS}


def group_of(kind: str) -> str:
    """The API group of a kind; empty for the core's."""
    from drillbook.clients.kube import GROUPS

    parts = GROUPS[PLURALS[kind]].split("/")
    return parts[2] if parts[1] == "apis" else ""


def permission(verb: str, kind: str, namespace: str) -> Permission:
    """What one verb on a kind is asked as."""
    from drillbook.clients.kube import Permission

    return Permission(verb, PLURALS[kind], group_of(kind), namespace)


def objects_in(policy: Policy, file: str) -> tuple[Object, ...]:
    """The objects of a file, or of the files of a folder by name, there without those outside of the system.

    Raises ConfigError for what can't be read, and for what isn't the system's to touch.
    """
    path = policy.path.parent / file
    if not path.is_dir():
        return tuple(_checked(policy, path, one) for one in _objects_of(path))
    found = [(inner, one) for inner in sorted(path.glob("*.yaml")) for one in _objects_of(inner)]
    return tuple(_checked(policy, inner, one) for inner, one in found if _place(one) in policy.namespaces)


def _objects_of(path: Path) -> list[Any]:
    try:
        return [one for one in yaml.safe_load_all(path.read_text(encoding="utf-8")) if one is not None]
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        problem = getattr(error, "problem", None) or type(error).__name__
        raise ConfigError(f"{path} can't be read as YAML: {problem}") from None


def _place(one: Any) -> str | None:
    """The namespace that an object is in, or is; None where it is in none."""
    meta = one.get("metadata") if isinstance(one, dict) else None
    place = meta.get("name" if one.get("kind") == "Namespace" else "namespace") if isinstance(meta, dict) else None
    return None if place is None else str(place)


def _checked(policy: Policy, path: Path, one: Any) -> Object:
    kind = one.get("kind") if isinstance(one, dict) else None
    if kind not in PLURALS or not isinstance(one.get("metadata"), dict) or not one["metadata"].get("name"):
        raise ConfigError(f"{path}: expected an object of kind {', '.join(PLURALS)} with a name, found {kind!r}")
    if _place(one) not in policy.namespaces:
        raise ConfigError(
            f"{path}: expected {kind} {one['metadata']['name']} in a namespace of the system "
            f"({', '.join(policy.namespaces)}), found {_place(one)!r}"
        )
    return dict(one)


def named(step: Entry) -> tuple[str, str]:
    """Kind and name of ``configmap/settings``. Raises ConfigError for a kind that no step may touch."""
    word, _, name = step.values["object"].partition("/")
    if word not in _BY_WORD:
        raise ConfigError(f"expected an object of kind {', '.join(sorted(_BY_WORD))}, found {word!r}")
    return _BY_WORD[word], name


async def apply(ground: Ground, step: Entry) -> str:
    """Create what isn't there, merge into what is, but for Secrets: as ``kubectl apply``, and nothing is taken away."""
    done = []
    for one in objects_in(ground.policy, step.values["file"]):
        kind, name, namespace = one["kind"], one["metadata"]["name"], one["metadata"].get("namespace")
        path = _path(kind, namespace, name)
        if await ground.kube.find(path) is None:
            await ground.kube.create(_path(kind, namespace), one)
            done.append(f"{kind} {name} created")
        elif kind == "Secret":
            # What a file of manifests has for a Secret is a placeholder; the real values are there already.
            done.append(f"{kind} {name} left as it is")
        else:
            await ground.kube.patch(path, one)
            done.append(f"{kind} {name} configured")
    more = f" and {len(done) - 3} more" if len(done) > 3 else ""
    return ", ".join(done[:3]) + more if done else "the file holds no object"


async def patch(ground: Ground, step: Entry) -> str:
    """Merge the one object of a file into an object that is there, lists by their keys where the kind has them."""
    kind, name = named(step)
    given = _only(ground.policy, step)
    kind_of_patch = "merge" if kind == "Certificate" else "strategic"
    await ground.kube.patch(_path(kind, ground.component(step).namespace, name), given, kind_of_patch)
    return f"{kind} {name} is patched"


async def delete(ground: Ground, step: Entry) -> str:
    """Delete one object, which must be there."""
    kind, name = named(step)
    path = _path(kind, ground.component(step).namespace, name)
    found = await ground.kube.find(path)
    if found is None:
        raise DrillAborted(f"expected {kind} {name} to delete, found none")
    await ground.kube.delete(path, uid=found["metadata"]["uid"])
    return f"{kind} {name} is deleted"


def _only(policy: Policy, step: Entry) -> Object:
    """The fields of a patch. Raises ConfigError where the file holds something else than one mapping."""
    path = policy.path.parent / step.values["file"]
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"{path} can't be read as YAML: {getattr(error, 'problem', None) or error}") from None
    if not isinstance(found, dict) or not found or {"apiVersion", "kind", "status"} & set(found):
        raise ConfigError(f"{path}: expected the fields to change, such as spec: or data:, and no whole object")
    return found


def leaves(value: Any, path: str = "") -> Iterator[str]:
    """The fields that a patch names, down to lists, which are merged by keys that only the API server knows."""
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from leaves(inner, f"{path}.{key}" if path else str(key))
    else:
        yield path


def _path(kind: str, namespace: str | None, name: str | None = None) -> str:
    from drillbook.clients.kube import path_of

    return path_of(PLURALS[kind], namespace, name)


def _apply_needs(policy: Policy, step: Entry) -> tuple[Permission, ...]:
    found = objects_in(policy, step.values["file"])
    verbs = ("get", "create", "patch")
    asked = [(one["kind"], one["metadata"].get("namespace", "")) for one in found]
    return tuple(permission(verb, kind, namespace) for kind, namespace in asked for verb in verbs)


def _apply_changes(policy: Policy, step: Entry) -> Changes:
    found = objects_in(policy, step.values["file"])
    return {(one["kind"], one["metadata"].get("namespace", ""), one["metadata"]["name"]): (ANY,) for one in found}


def _patch_needs(policy: Policy, step: Entry) -> tuple[Permission, ...]:
    return (permission("patch", named(step)[0], component_of(policy, step).namespace),)


def _patch_changes(policy: Policy, step: Entry) -> Changes:
    from drillbook.drills.steps.workloads import REVISION

    kind, name = named(step)
    fields = (*leaves(_only(policy, step)), f"metadata.annotations.{REVISION}")
    return {(kind, component_of(policy, step).namespace, name): fields}


def _delete_needs(policy: Policy, step: Entry) -> tuple[Permission, ...]:
    kind, namespace = named(step)[0], component_of(policy, step).namespace
    return permission("get", kind, namespace), permission("delete", kind, namespace)


def _delete_changes(policy: Policy, step: Entry) -> Changes:
    kind, name = named(step)
    return {(kind, component_of(policy, step).namespace, name): (ANY,)}


WAYS: Final[Mapping[str, Way]] = {
    "apply": Way(apply, _apply_needs, lambda step: str(step.values["file"]), _apply_changes),
    "patch": Way(patch, _patch_needs, lambda step: f"{step.values['object']}", _patch_changes),
    "delete_object": Way(delete, _delete_needs, lambda step: str(step.values["object"]), _delete_changes),
}
