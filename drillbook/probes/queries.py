"""Which queries a probe asks, read off its own code, so that what people are shown is what is sent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import CodeType, FunctionType
from typing import Any, Final

_PACKAGE: Final = "drillbook."
_WORDS: Final = ("SELECT ", "SHOW ", "WITH ")
"""How a query begins."""


def queries_of(probe: Callable[..., Any]) -> tuple[str, ...]:
    """The SQL in a probe and in the functions of Drillbook that it calls, each once, on one line.

    What a query puts in for a parameter is left as it stands in the code.
    """
    start = getattr(probe, "func", probe)
    found = [" ".join(text.split()) for text in _texts(start, set())] if isinstance(start, FunctionType) else []
    return tuple(dict.fromkeys(found))


def _texts(function: FunctionType, seen: set[FunctionType]) -> Iterator[str]:
    if function in seen:
        return
    seen.add(function)
    for value in _values(function.__code__, function.__globals__):
        if isinstance(value, str) and _is_query(value):
            yield value
        elif isinstance(value, FunctionType) and value.__module__.startswith(_PACKAGE):
            yield from _texts(value, seen)


def _is_query(text: str) -> bool:
    """A whole one: what ends in a blank on its only line is a piece of a sentence."""
    return text.strip().startswith(_WORDS) and ("\n" in text or not text.endswith(" "))


def _values(code: CodeType, names: dict[str, Any]) -> Iterator[Any]:
    """Every constant of a function's code and every global that it names, those of functions inside it too."""
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _values(constant, names)
        else:
            yield constant
    for name in code.co_names:
        if name in names:
            yield names[name]
