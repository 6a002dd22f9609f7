"""Reading one mapping of a YAML file, field by field, and collecting every problem on the way.

A field that can't be read is recorded as a problem and answered with a stand-in of the right type. Nothing that is
read this way leaves the package while there is a problem, because ``Problems.settle`` raises.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Final

import yaml

from drillbook.model.quantity import duration
from drillbook.policy.problems import Problems, described, kind_of, nearest, whole_number

NAME: Final = re.compile(r"[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?")
"""Ids here, and object names in Kubernetes: lower case, digits and dashes."""


class Section:
    """One mapping, the keys it may have, and where problems go."""

    def __init__(self, node: yaml.MappingNode, path: str, problems: Problems, keys: Sequence[str]) -> None:
        """Record keys that are unknown or written twice. ``path`` is empty at the top of a file."""
        self.node, self.path, self.problems = node, path, problems
        self._before = len(problems.found)
        self._values: dict[str, yaml.Node] = {}
        for key, value in node.value:
            name = key.value if isinstance(key, yaml.ScalarNode) else described(key)
            if name in self._values:
                first = self._values[name].start_mark.line + 1
                problems.add(key, self.at(name), f"this key is written twice, first on line {first}")
            elif keys and name not in keys:
                problems.add(key, self.at(name), f"unknown key{nearest(name, keys)}")
            else:
                self._values[name] = value

    @property
    def sound(self) -> bool:
        """Whether nothing was wrong in it, as far as it has been read."""
        return len(self.problems.found) == self._before

    def at(self, key: str) -> str:
        """The path of a field."""
        return f"{self.path}.{key}" if self.path else key

    def get(self, key: str) -> yaml.Node | None:
        """The node of a field; None where it is missing or empty (``key:``)."""
        node = self._values.get(key)
        return None if node is None or node.tag == "tag:yaml.org,2002:null" else node

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(self._values)

    def problem(self, key: str, sentence: str) -> None:
        """Record a problem with a field, at its line, or at the mapping's where the field is missing."""
        self.problems.add(self._values.get(key, self.node), self.at(key) if key else self.path, sentence)

    def missing(self, key: str, expected: str) -> None:
        """Record that a field is required and not there."""
        self.problem(key, f"expected {expected}, found nothing: this key is required")

    # Single values ---------------------------------------------------------------------------------------------------

    def text(self, key: str, expected: str = "text") -> str:
        """A required text; "" stands in for a bad one."""
        if self.get(key) is None:
            self.missing(key, expected)
            return ""
        return self.optional_text(key, expected) or ""

    def optional_text(self, key: str, expected: str = "text") -> str | None:
        """A text that may be missing."""
        node = self.get(key)
        if node is None:
            return None
        if not isinstance(node, yaml.ScalarNode):
            self.problem(key, f"expected {expected}, found {described(node)}")
            return None
        if not node.tag.endswith(":str"):
            self.problem(key, f"expected {expected}, found {described(node)}: put it in quotes if it is meant as text")
            return None
        if not node.value.strip():
            self.problem(key, f"expected {expected}, found an empty text")
            return None
        return str(node.value)

    def literal(self, key: str, expected: str) -> str | None:
        """A single value as it is written, whatever YAML takes it for; None where it is missing or isn't one."""
        node = self.get(key)
        if node is None or isinstance(node, yaml.ScalarNode):
            return None if node is None else str(node.value)
        self.problem(key, f"expected {expected}, found {described(node)}")
        return None

    def name(self, key: str) -> str:
        """A required id or object name: lower case letters, digits, dashes."""
        return self.text(key) and (self.optional_name(key) or "")

    def optional_name(self, key: str) -> str | None:
        """An id or object name that may be missing."""
        value = self.optional_text(key)
        if value is not None and not NAME.fullmatch(value):
            self.problem(key, f"expected a name of lower case letters, digits and dashes, found {value!r}")
            return None
        return value

    def not_empty(self, key: str, expected: str) -> None:
        """Record a list that is missing or has no items; what is no list at all is told by ``items``."""
        node = self.get(key)
        if node is None:
            self.missing(key, expected)
        elif isinstance(node, yaml.SequenceNode) and not node.value:
            self.problem(key, f"expected {expected}, found an empty list")

    def names(self, key: str) -> tuple[str, ...]:
        """The ids of a list; an absent list is empty."""
        for path, node in (items := self.items(key)):
            if not isinstance(node, yaml.ScalarNode) or not NAME.fullmatch(node.value):
                expected = "expected a name of lower case letters, digits and dashes"
                self.problems.add(node, path, f"{expected}, found {described(node)}")
        return tuple(str(node.value) for _, node in items)

    def choice(self, key: str, choices: Iterable[str], what: str, default: str | None = None) -> str:
        """One of ``choices``, called ``what`` in sentences; required where there is no default."""
        known = tuple(choices)
        if self.get(key) is None:
            if default is not None:
                return default
            self.missing(key, f"one of {', '.join(known)}" if known else what)
            return ""
        value = self.optional_text(key, what)
        if value is not None and value not in known:
            self.problem(key, f"unknown {what} {value!r}{nearest(value, known)}")
            return ""
        return value or ""

    def integer(self, key: str, low: int, high: int, default: int | None = None) -> int:
        """A whole number from ``low`` to ``high``; required where there is no default."""
        node = self.get(key)
        if node is None:
            if default is None:
                self.missing(key, f"a whole number from {low} to {high}")
            return low if default is None else default
        value = whole_number(node)
        if value is None or not low <= value <= high:
            self.problem(key, f"expected a whole number from {low} to {high}, found {described(node)}")
            return low
        return value

    def flag(self, key: str) -> bool:
        """``true`` or ``false``; false where it is missing."""
        node = self.get(key)
        if node is None:
            return False
        if not isinstance(node, yaml.ScalarNode) or node.tag != "tag:yaml.org,2002:bool":
            self.problem(key, f"expected true or false, found {described(node)}")
            return False
        return bool(yaml.safe_load(node.value))

    def optional_duration(self, key: str) -> timedelta | None:
        """A length of time above zero, such as ``15 min``."""
        value = self.literal(key, "a duration such as '15 min'")
        if value is None:
            return None
        read = self.parsed(key, value, duration)
        if read is not None and read <= timedelta(0):
            self.problem(key, f"expected a duration above zero, found {value!r}")
            return None
        return read

    def parsed[T](self, key: str, value: str, parse: Callable[[str], T]) -> T | None:
        """``parse(value)``; its ValueError becomes a problem of the field."""
        try:
            return parse(value)
        except ValueError as error:
            self.problem(key, str(error))
            return None

    # Nested ones -----------------------------------------------------------------------------------------------------

    def child(self, key: str, keys: Sequence[str]) -> Section | None:
        """A mapping inside; None (and a problem, where it isn't one) otherwise."""
        node = self.get(key)
        return None if node is None else section(node, self.at(key), self.problems, keys)

    def children(self, key: str, keys: Sequence[str]) -> list[Section]:
        """The mappings of a list; an absent list is empty."""
        found = (section(node, path, self.problems, keys) for path, node in self.items(key))
        return [s for s in found if s is not None]

    def named(self, key: str, keys: Sequence[str]) -> list[tuple[str, Section]]:
        """The mappings of a mapping, with their names."""
        outer = self.child(key, ())
        if outer is None:
            return []
        found = []
        for name in outer.keys:
            if outer.get(name) is None:
                outer.problem(name, "expected a mapping, found nothing")
            elif (inner := outer.child(name, keys)) is not None:
                found.append((name, inner))
        return found

    def each_of[T](
        self, key: str, keys: Sequence[str], known: Mapping[str, T], noun: str
    ) -> Iterator[tuple[str, T, Section]]:
        """The same, each with what the policy has by that name; a name that it doesn't have is a problem."""
        for name, inner in self.named(key, keys):
            if name in known:
                yield name, known[name], inner
            else:
                inner.problem("", f"the policy has no {noun} {name!r}{nearest(name, known)}")

    def items(self, key: str) -> list[tuple[str, yaml.Node]]:
        """The items of a list with their paths; an absent list is empty."""
        node = self.get(key)
        if node is None:
            return []
        if not isinstance(node, yaml.SequenceNode):
            self.problem(key, f"expected a list, found {kind_of(node)}")
            return []
        return [(f"{self.at(key)}[{i}]", item) for i, item in enumerate(node.value)]


def section(node: yaml.Node, path: str, problems: Problems, keys: Sequence[str]) -> Section | None:
    """``node`` as a Section; None, and a problem, where it isn't a mapping."""
    if isinstance(node, yaml.MappingNode):
        return Section(node, path, problems, keys)
    problems.add(node, path, f"expected a mapping, found {kind_of(node)}")
    return None


def refuse_repeats(sections: Iterable[Section], key: str) -> None:
    """Record each section whose ``key`` repeats that of an earlier one."""
    first: dict[str, int] = {}
    for one in sections:
        node = one.get(key)
        if not isinstance(node, yaml.ScalarNode):
            continue
        if node.value in first:
            one.problem(key, f"{node.value!r} is taken already, on line {first[node.value]}")
        else:
            first[node.value] = node.start_mark.line + 1
