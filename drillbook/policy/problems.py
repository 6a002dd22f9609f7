"""What is wrong with a file, collected like a linter does, and the words for what was found instead."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

from drillbook.errors import ConfigError

MOST_TOLD: Final = 40
"""Problems told at once; the rest is a number."""


@dataclass
class Problems:
    """The problems of one file, each with its line."""

    file: str
    found: list[tuple[int, str]] = field(default_factory=list)

    def add(self, node: yaml.Node, path: str, sentence: str) -> None:
        """Record one; ``path`` is the field's, such as ``objectives[2].limit``."""
        line = node.start_mark.line + 1
        self.found.append((line, f"{path}: {sentence}" if path else sentence))

    def settle(self) -> None:
        """Raise ConfigError with all problems, a line each, by line number; return when there are none."""
        if not self.found:
            return
        ordered = sorted(dict.fromkeys(self.found), key=lambda p: p[0])
        lines = [f"{self.file}:{line}: {sentence}" for line, sentence in ordered[:MOST_TOLD]]
        if len(ordered) > MOST_TOLD:
            lines.append(f"{self.file}: and {len(ordered) - MOST_TOLD} more")
        raise ConfigError("\n".join(lines))


def nearest(name: str, known: Iterable[str]) -> str:
    """``; did you mean 'x'?`` or ``; known are a, b``: the end of a sentence about a name that isn't known."""
    names = sorted(map(str, known))
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; known are {', '.join(names)}" if names else "; there are none"


def described(node: yaml.Node) -> str:
    """What a node is, for sentences: ``a list``, ``the number 3``, ``the text 'x'``."""
    if isinstance(node, yaml.MappingNode):
        return "a mapping"
    if isinstance(node, yaml.SequenceNode):
        return "a list"
    value = node.value if len(node.value) <= 60 else f"{node.value[:57]}..."
    match node.tag.rpartition(":")[2]:
        case "null":
            return "nothing"
        case "int" | "float":
            return f"the number {value}"
        case "bool":
            return f"the word {value}, which YAML reads as true or false"
        case "timestamp":
            return f"the date {value}"
    return f"the text {value!r}"


def kind_of(node: yaml.Node) -> str:
    """Like ``described``, without the value: for places where somebody may have put a secret."""
    if isinstance(node, yaml.MappingNode | yaml.SequenceNode):
        return described(node)
    return described(node) if node.tag.endswith(":null") else "a single value"


def whole_number(node: yaml.Node) -> int | None:
    """A plain decimal integer; None for anything else, also for YAML's 0x10, 1_000 and 1:30."""
    if (
        isinstance(node, yaml.ScalarNode)
        and node.tag.endswith(":int")
        and re.fullmatch(r"[+-]?[0-9]{1,18}", node.value)
    ):
        return int(node.value)
    return None


def plain(node: yaml.Node) -> Any:
    """A node as JSON values: for request bodies, which are passed on as they are."""
    if isinstance(node, yaml.MappingNode):
        return {str(key.value): plain(value) for key, value in node.value}
    if isinstance(node, yaml.SequenceNode):
        return [plain(item) for item in node.value]
    match node.tag.rpartition(":")[2]:
        case "null":
            return None
        case "bool" if node.value.lower() in {"true", "false"}:
            return node.value.lower() == "true"
        case "float" if re.fullmatch(r"[+-]?[0-9]+\.[0-9]+", node.value):
            return float(node.value)
    number = whole_number(node)
    return str(node.value) if number is None else number
