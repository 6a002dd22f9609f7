"""What Kubernetes promises of objects, as a plain model: what each call answers, and what is there afterwards."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from drillbook.sandbox.kinds import Object

GROUP = "any-calls.example.com"
FOREGROUND, ORPHAN = "foregroundDeletion", "orphan"
GARBAGE = {"Foreground": FOREGROUND, "Orphan": ORPHAN}


@dataclass(frozen=True, slots=True)
class Sort:
    """A kind whose objects hold one text somewhere."""

    name: str
    api_version: str
    path: str
    """Of the collection, with ``{space}`` for the namespace."""
    place: tuple[str, ...]
    """Where the text is."""
    counted: bool
    custom: bool = False

    def body(self, name: str, text: str, labels: dict[str, str], finalizers: list[str]) -> Object:
        """An object as a client sends it."""
        obj: Object = {"apiVersion": self.api_version, "kind": self.name, "metadata": {"name": name, "labels": labels}}
        if finalizers:
            obj["metadata"]["finalizers"] = finalizers
        if self.name == "Deployment":
            template = {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [{"name": "main", "image": "example/web:1"}]},
            }
            obj["spec"] = {"replicas": 0, "selector": {"matchLabels": {"app": name}}, "template": template}
        put(obj, self.place, text)
        return obj

    def text_of(self, obj: Object) -> str:
        found: Any = obj
        for key in self.place:
            found = found[key]
        return str(found)


SORTS = (
    Sort("ConfigMap", "v1", "/api/v1/namespaces/{space}/configmaps", ("data", "text"), counted=False),
    Sort(
        "Deployment",
        "apps/v1",
        "/apis/apps/v1/namespaces/{space}/deployments",
        ("spec", "template", "metadata", "annotations", "text"),
        counted=True,
    ),
    Sort(
        "Widget",
        f"{GROUP}/v1",
        f"/apis/{GROUP}/v1/namespaces/{{space}}/widgets",
        ("spec", "text"),
        counted=True,
        custom=True,
    ),
)


def put(obj: Object, place: tuple[str, ...], text: str) -> Object:
    """Write a text at a place, making what is on the way."""
    for key in place[:-1]:
        obj = obj.setdefault(key, {})
    obj[place[-1]] = text
    return obj


@dataclass
class Entry:
    """One object, as the model knows it."""

    uid: str
    version: int
    text: str
    labels: dict[str, str]
    finalizers: list[str]
    generation: int = 1
    deleting: bool = False

    def deleted(self, policy: str | None) -> None:
        """What a deletion does to it: a policy that is told replaces the one told before."""
        if policy is not None:
            self.finalizers = [name for name in self.finalizers if name not in GARBAGE.values()]
            self.finalizers += [GARBAGE[policy]] if policy in GARBAGE else []
        if not self.deleting and self.finalizers:
            self.deleting = True
            self.generation += 1

    def face(self, sort: Sort) -> tuple[Any, ...]:
        """All that a client may rely on."""
        generation = self.generation if sort.counted else None
        return self.uid, self.version, self.text, self.labels, self.finalizers, self.deleting, generation


def face_of(sort: Sort, obj: Object) -> tuple[Any, ...]:
    """The same, of an object that the server sent."""
    meta = obj["metadata"]
    return (
        meta["uid"],
        int(meta["resourceVersion"]),
        sort.text_of(obj),
        meta.get("labels") or {},
        meta.get("finalizers") or [],
        "deletionTimestamp" in meta,
        meta.get("generation") if sort.counted else None,
    )


@dataclass
class Seen:
    """What a client had listed at some time, for a watch from then on."""

    sort: Sort
    selector: str
    version: str
    objects: dict[str, tuple[Any, ...]] = field(default_factory=dict)


def fits(labels: dict[str, str], selector: str) -> bool:
    """Whether labels fit one of the selectors that the machine uses."""
    tests = {
        "": True,
        "tier=a": labels.get("tier") == "a",
        "tier!=a": labels.get("tier") != "a",
        "tier in (a,b)": labels.get("tier") in {"a", "b"},
        "tier notin (a)": labels.get("tier") != "a",
        "tier": "tier" in labels,
        "!tier": "tier" not in labels,
    }
    return tests[selector]


SELECTORS = ("", "tier=a", "tier!=a", "tier in (a,b)", "tier notin (a)", "tier", "!tier")
DEFINITION: Object = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": f"widgets.{GROUP}"},
    "spec": {
        "group": GROUP,
        "scope": "Namespaced",
        "names": {"kind": "Widget", "plural": "widgets"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "properties": {"spec": {"type": "object", "properties": {"text": {"type": "string"}}}},
                    }
                },
            }
        ],
    },
}
