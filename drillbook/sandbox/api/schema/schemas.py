"""Reads the tables into records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from drillbook.sandbox.kinds import Kind

SCALARS: Final = frozenset(
    "string integer number boolean time microtime bytes quantity int-or-string any".split()  # noqa: SIM905
)
_PLAIN: Final = frozenset({"string", "integer", "number", "boolean", "bytes"})
_OWN_TYPES: Final = {("autoscaling/v1", "HorizontalPodAutoscaler"): "V1", ("events.k8s.io/v1", "Event"): "V1"}


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a type."""

    name: str
    type: str
    """A scalar's name or a type's."""
    container: str = ""
    """``[]`` for a list of ``type``, ``{}`` for a map of it, empty for one; ``{}[]`` for a map of lists."""
    required: bool = False
    optional: bool = False
    """An empty value (0, false, "") means something else than none."""
    merge: str | None = None
    """How strategic merge pairs the list's entries: a key, ``""`` for primitives, None for replacing the list."""
    keep: bool = False
    number: tuple[int, ...] = ()
    """Where the binary encoding has it: the field's number, or the path to it."""

    def leaves_out(self, value: Any) -> bool:
        """Whether Kubernetes' JSON leaves the field out when it has that value."""
        if value or self.required or self.optional:
            return False
        return bool(self.container) or self.type in _PLAIN


@dataclass(frozen=True, slots=True)
class Type:
    """One type and its fields."""

    name: str
    fields: Mapping[str, Field]


class Schemas:
    """All types by name; a kind's type carries the kind's name."""

    def __init__(self, types: Mapping[str, Type]) -> None:
        self.types = types

    def of(self, kind: Kind) -> Type | None:
        """The type of a kind, or None for a kind without one: a custom resource."""
        return self.named(kind.api_version, kind.name) if kind.custom is None else None

    def named(self, api_version: str, kind: str) -> Type | None:
        """The type of a kind by its name; a version that isn't the stored one carries it in the type's name."""
        suffix = _OWN_TYPES.get((api_version, kind), "")
        return self.types.get(kind + suffix)


@cache
def builtin() -> Schemas:
    """The tables beside this file."""
    types: dict[str, Type] = {}
    for path in sorted(Path(__file__).parent.glob("*.txt")):
        types |= parse(path.read_text())
    return Schemas(types)


def parse(text: str) -> dict[str, Type]:
    """A table's types. ValueError when a line can't be read."""
    bodies: dict[str, list[str]] = {}
    current: list[str] | None = None
    for line in text.splitlines():
        if not line.startswith(" "):
            current = bodies.setdefault(line.strip(), [])
        elif current is None:
            raise ValueError(f"a field before the first type: {line!r}")
        else:
            current.append(line.strip())
    return {name: Type(name, dict(_fields(" ".join(lines)))) for name, lines in bodies.items()}


def _fields(body: str) -> list[tuple[str, Field]]:
    return [(field.name, field) for field in (_field(part.split()) for part in body.split(",") if part.strip())]


def _field(words: list[str]) -> Field:
    if len(words) < 2:
        raise ValueError(f"expected 'name type', found {words!r}")
    name, type_, *flags = words
    container = type_[: max(type_.rfind("}"), type_.rfind("]")) + 1]
    return Field(
        name=name.removesuffix("!"),
        type=type_[len(container) :].removesuffix("?"),
        container=container,
        required=name.endswith("!"),
        optional=type_.endswith("?"),
        merge=next((flag.partition("=")[2] for flag in flags if flag.startswith("merge")), None),
        keep="keep" in flags,
        number=next((tuple(map(int, flag[1:].split("."))) for flag in flags if flag.startswith("#")), ()),
    )
