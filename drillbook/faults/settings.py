"""The settings of faults: what an experiment may say about how a fault is done, each with its type, range and unit."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from drillbook.errors import ConfigError

_TYPES: Final = {int: "a whole number", float: "a number", str: "a text", bool: "true or false"}


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting of a fault. Its type is that of its default."""

    default: int | float | str | bool
    about: str
    """What it says, for ``drillbook drill --faults`` and the documents."""
    low: float | None = None
    """Of numbers: the smallest value that makes sense."""
    high: float | None = None
    choices: tuple[str, ...] = ()
    """Of texts: all there are; empty where any will do."""
    unit: str = ""

    def read(self, given: Any) -> int | float | str | bool:
        """The value that ``given`` stands for. A number may come as a text: environment variables are texts.

        Raises ValueError with what was expected and found.
        """
        value = self._typed(given)
        if isinstance(value, str) and self.choices and value not in self.choices:
            raise ValueError(f"expected {self.expected}, found {given!r}")
        if not isinstance(value, str | bool):
            beyond = (self.low is not None and value < self.low) or (self.high is not None and value > self.high)
            if beyond or not math.isfinite(value):
                raise ValueError(f"expected {self.expected}, found {given!r}")
        return value

    @property
    def expected(self) -> str:
        """``a whole number of seconds from 1 to 600``."""
        if self.choices:
            return "one of " + ", ".join(self.choices)
        unit = f" ({self.unit})" if self.unit else ""
        low = f" from {self.low:g}" if self.low is not None else ""
        high = f" to {self.high:g}" if self.high is not None else ""
        return f"{_TYPES[type(self.default)]}{low}{high}{unit}"

    def _typed(self, given: Any) -> int | float | str | bool:
        wanted = type(self.default)
        try:
            if wanted is bool and isinstance(given, str):
                return {"true": True, "false": False}[given.lower()]
            if wanted in {int, float} and isinstance(given, str):
                return wanted(given)
        except (KeyError, ValueError):
            raise ValueError(f"expected {self.expected}, found {given!r}") from None
        if wanted is float and isinstance(given, int) and not isinstance(given, bool):
            return float(given)
        if type(given) is not wanted:
            raise ValueError(f"expected {self.expected}, found {given!r}")
        value: int | float | str | bool = given
        return value


def read_settings(fault: str, declared: Mapping[str, Setting], given: Any) -> dict[str, Any]:
    """Every declared setting, as given or by its default. Raises ConfigError for an unknown one or a bad value."""
    if given is None:
        given = {}
    if not isinstance(given, Mapping):
        raise ConfigError(f"settings of fault {fault}: expected a mapping, found {type(given).__name__}")
    for name in given:
        if name not in declared:
            known = ", ".join(declared) or "none"
            raise ConfigError(f"fault {fault} has no setting {name!r}; its settings are {known}")
    values: dict[str, Any] = {}
    for name, setting in declared.items():
        try:
            values[name] = setting.read(given[name]) if name in given else setting.default
        except ValueError as error:
            raise ConfigError(f"setting {name} of fault {fault}: {error}") from None
    return values
