"""Typed entries of a procedure, read by their catalogues: each key known, well shaped, pointing at what is there."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

import yaml

from drillbook.model.policy import Component
from drillbook.model.procedures import AFTERWARDS, STEPS, Entry, EntryType, Key, Shape
from drillbook.model.procedures.entry import COMMON
from drillbook.policy.problems import described, nearest
from drillbook.policy.section import NAME, Section
from drillbook.policy.sources import read_lines

_READS: Final = frozenset({"PING", "INFO", "GET", "KEYS", "SCAN", "DBSIZE", "TTL", "TYPE", "LLEN", "EXISTS", "SLOWLOG"})
"""Commands of Redis that change nothing; CONFIG is one of them with GET."""


@dataclass(frozen=True, slots=True)
class Known:
    """What entries may point at."""

    components: Mapping[str, Component]
    objectives: Collection[str]
    """Ids of the policy's objectives."""
    system_dir: Path


def read_steps(one: Section, known: Known) -> tuple[Entry, ...]:
    """The ``steps`` of a procedure, in order."""
    return tuple(read_step(step, known) for step in one.children("steps", ()))


def read_step(one: Section, known: Known) -> Entry:
    """One step."""
    return _entry(one, known, STEPS, "step")


def read_afterwards(one: Section, known: Known, steps: int) -> tuple[Entry, ...]:
    """The ``then`` of a procedure; ``steps``: how many it has, to which an entry may point by number."""
    found = []
    for inner in one.children("then", ()):
        entry = _entry(inner, known, AFTERWARDS, "post-condition")
        if (number := entry.values.get("step")) is not None and number > steps:
            inner.problem("step", f"expected the number of a step from 1 to {steps}, found {number}")
        found.append(entry)
    return tuple(found)


def _entry(one: Section, known: Known, catalogue: Mapping[str, EntryType], what: str) -> Entry:
    name = one.choice("type", catalogue, f"{what} type")
    kind = catalogue.get(name)
    if kind is None:
        return Entry("", None)
    timed = ("within",) if what == "step" else ()
    common = (*COMMON, *timed) if kind.needs is not None else tuple(k for k in (*COMMON, *timed) if k != "component")
    allowed = (*common, *(key.name for key in kind.keys))
    for key in one.keys:
        if key not in allowed:
            one.problem(key, f"a {name} {what} has no such key{nearest(key, allowed)}")
    values = {key.name: _value(one, key, known) for key in kind.keys}
    entry = Entry(
        type=name,
        component=_component(one, kind, what, known.components),
        values=values,
        lines=read_lines(one),
        note=one.optional_text("note") or "",
        within=one.optional_duration("within") if timed else None,
    )
    _refuse_unsaid_writes(one, entry)
    return entry


def _component(one: Section, kind: EntryType, what: str, components: Mapping[str, Component]) -> str | None:
    if kind.needs is None:
        return None
    name = one.choice("component", components, "component")
    found = components.get(name)
    if found is None:
        return name or None
    lacking = [need for need in kind.needs if not getattr(found, need)]
    if lacking:
        problem = f"a {kind.name} {what} needs a {' and a '.join(lacking)}, and components.{name} doesn't say one"
        one.problem("component", problem)
    elif kind.engine and found.engine != kind.engine:
        problem = f"a {kind.name} {what} needs the engine {kind.engine}, and components.{name} has {found.engine}"
        one.problem("component", problem)
    return name


def _value(one: Section, key: Key, known: Known) -> Any:
    if one.get(key.name) is None:
        if key.required:
            one.missing(key.name, _expected(key))
        return key.default
    return _READERS[key.shape](one, key, known)


def _objectives(one: Section, key: Key, known: Known) -> tuple[str, ...]:
    one.not_empty(key.name, _expected(key))
    found = one.names(key.name)
    for name in found:
        if name not in known.objectives:
            one.problem(key.name, f"unknown objective {name!r}{nearest(name, known.objectives)}")
    return found


def _words(one: Section, key: Key, _known: Known) -> tuple[str, ...]:
    one.not_empty(key.name, _expected(key))
    found = []
    for path, node in one.items(key.name):
        if isinstance(node, yaml.ScalarNode) and node.value:
            found.append(str(node.value))
        else:
            one.problems.add(node, path, f"expected a text, found {described(node)}")
    return tuple(found)


def _texts(one: Section, key: Key, _known: Known) -> Mapping[str, str]:
    """Texts by name; of a secret only the place, never a value."""
    inner = one.child(key.name, ())
    expected = "SECRET/KEY of a Kubernetes Secret" if key.shape is Shape.SECRETS else "a text"
    found: dict[str, str] = {}
    for name in inner.keys if inner else ():
        value = inner.literal(name, expected) if inner else None
        if inner and value is not None and key.shape is Shape.SECRETS and not _is_secret_key(value):
            inner.problem(name, f"expected {expected}, found something else")
        elif value is not None:
            found[name] = value
    return found


def _is_secret_key(text: str) -> bool:
    name, _, key = text.partition("/")
    return bool(NAME.fullmatch(name) and key and "/" not in key)


def _object(one: Section, key: Key, _known: Known) -> str:
    text = one.text(key.name, _expected(key))
    kind, _, name = text.partition("/")
    if text and not (kind.isidentifier() and NAME.fullmatch(name)):
        one.problem(key.name, f"expected {_expected(key)}, found {text!r}")
    return text


def _file(one: Section, key: Key, known: Known) -> str:
    text = one.text(key.name)
    path = PurePosixPath(text)
    if text and (path.is_absolute() or ".." in path.parts):
        one.problem(key.name, f"expected a path below the system's folder, found {text!r}")
    elif text and not (known.system_dir / path).exists():
        one.problem(key.name, f"expected a file of the system's folder, found nothing at {text!r}")
    return text


def _other(one: Section, key: Key, known: Known) -> str:
    name = one.choice(key.name, known.components, "component")
    if name and known.components[name].workload is None:
        one.problem(key.name, f"expected a component with a workload, and components.{name} doesn't say one")
    return name


_READERS: Final[Mapping[Shape, Callable[[Section, Key, Known], Any]]] = {
    Shape.INTEGER: lambda one, key, _: one.integer(key.name, key.low, key.high),
    Shape.FLAG: lambda one, key, _: one.flag(key.name),
    Shape.CHOICE: lambda one, key, _: one.choice(key.name, key.choices, key.name),
    Shape.NAME: lambda one, key, _: one.name(key.name),
    Shape.TEXT: lambda one, key, _: one.text(key.name),
    Shape.NAMES: _words,
    Shape.WORDS: _words,
    Shape.OBJECTIVES: _objectives,
    Shape.TEXTS: _texts,
    Shape.SECRETS: _texts,
    Shape.OBJECT: _object,
    Shape.FILE: _file,
    Shape.COMPONENT: _other,
}


def _refuse_unsaid_writes(one: Section, step: Entry) -> None:
    """A command to Redis that isn't known to only read must say that it writes; psql and exec can be held to it."""
    command = step.values.get("command")
    if step.type != "redis" or not command or step.values["writes"]:
        return
    words = [word.upper() for word in command]
    if words[0] not in _READS and words[:2] != ["CONFIG", "GET"]:
        one.problem("command", f"{command[0]} may change data: say writes: true, or use a command that only reads")


def _expected(key: Key) -> str:
    return {
        Shape.TEXT: "a text",
        Shape.NAME: "a name",
        Shape.NAMES: "a list of names",
        Shape.OBJECT: "an object such as configmap/settings",
        Shape.WORDS: "a list of texts, one for each word",
        Shape.INTEGER: f"a whole number from {key.low} to {key.high}",
        Shape.FLAG: "true or false",
        Shape.COMPONENT: "a component with a workload",
        Shape.FILE: "a file of the system's folder, such as procedures/autoscaler.yaml",
        Shape.OBJECTIVES: "a list of the policy's objectives",
        Shape.TEXTS: "names with texts",
        Shape.SECRETS: "names, each with SECRET/KEY",
        Shape.CHOICE: f"one of {', '.join(key.choices)}",
    }[key.shape]
