"""One typed entry of a procedure, a step or a post-condition, and what a policy may write in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any, Final

COMMON: Final = ("type", "component", "line", "lines", "note")
"""Keys that every entry may have; steps also take ``within``."""


class Shape(StrEnum):
    """What the value of a key looks like; the value's Python type in brackets."""

    TEXT = "text"
    """(str)"""
    NAME = "name"
    """An object's name (str)."""
    NAMES = "names"
    """(tuple of str)"""
    OBJECT = "object"
    """``kind/name`` (str)."""
    WORDS = "words"
    """A command, one text a word, never a line for a shell (tuple of str)."""
    INTEGER = "integer"
    """(int)"""
    FLAG = "flag"
    """(bool)"""
    FILE = "file"
    """A file of the system's own folder, or a folder of such files, by its path below it (str)."""
    COMPONENT = "component"
    """Another component that has pods (str)."""
    OBJECTIVES = "objectives"
    """Ids of the policy's objectives (tuple of str)."""
    TEXTS = "texts"
    """Names and texts (dict of str to str)."""
    SECRETS = "secrets"
    """Names, each with ``SECRET/KEY`` of a Kubernetes Secret, never a value (dict of str to str)."""
    CHOICE = "choice"
    """One of ``Key.choices`` (str)."""


@dataclass(frozen=True, slots=True)
class Key:
    """One key of an entry beside the common ones."""

    name: str
    shape: Shape
    required: bool = True
    low: int = 0
    high: int = 1_000
    choices: tuple[str, ...] = ()
    default: Any = None
    """What an entry has that doesn't say it."""


@dataclass(frozen=True, slots=True)
class EntryType:
    """One type of step or post-condition: what it is about and what it must say."""

    name: str
    about: str
    needs: tuple[str, ...] | None = ()
    """Fields that the component must have; ``()``: any component; None: it takes no component."""
    engine: str = ""
    """The engine that the component must be, where only one will do."""
    keys: tuple[Key, ...] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """One step, or one thing that must be true afterwards, as a policy says it."""

    type: str
    component: str | None
    values: Mapping[str, Any] = field(default_factory=dict)
    """By ``EntryType.keys``; every key is there, with its default where the policy says nothing."""
    lines: tuple[int, int] | None = None
    """Of the runbook; None where the procedure's own have to do."""
    note: str = ""
    within: timedelta | None = None
    """A step's documented (or decided) time; None: the type's own bound."""

    @property
    def span(self) -> str:
        """Its lines as sentences cite them: ``279`` or ``275-292``; empty without lines."""
        if self.lines is None:
            return ""
        first, last = self.lines
        return str(first) if first == last else f"{first}-{last}"
