"""The columns of custom resources: those that their definition names, or the age."""

from __future__ import annotations

import re
from typing import Any, Final

from drillbook.sandbox.api.tables.cells import AGE, NAME, Column, since
from drillbook.sandbox.kinds import Kind, Object

_STEP: Final = re.compile(
    r"""\.?(?P<name>(?:[^.\[\]\\]|\\.)+)|\[\?\(@\.(?P<key>\w+)\s*==\s*["'](?P<value>[^"']*)["']\)\]|\[(?P<index>\d+)\]"""
)


def columns_of(kind: Kind) -> tuple[Column, ...]:
    """The Table's columns of a custom kind."""
    printed = (kind.custom or {}).get("additionalPrinterColumns")
    return (NAME, *(_column(given) for given in printed)) if printed else (NAME, AGE)


def _column(given: Object) -> Column:
    path, date = given["jsonPath"], given["type"] == "date"

    def cell(obj: Object) -> Any:
        found = look(obj, path)
        return since(found) if date and isinstance(found, str) else "<unknown>" if date else found

    return Column(given["name"], cell, given["type"], given.get("priority", 0), given.get("format", ""))


def look(obj: Any, path: str) -> Any:
    """The value at a simple JSONPath: names, indices and ``[?(@.type=="Ready")]``; None when nothing is there."""
    for step in _STEP.finditer(path):
        if step["name"] is not None:
            obj = obj.get(step["name"].replace("\\", "")) if isinstance(obj, dict) else None
        elif not isinstance(obj, list):
            return None
        elif step["index"] is not None:
            obj = obj[int(step["index"])] if int(step["index"]) < len(obj) else None
        else:
            fits = (item for item in obj if isinstance(item, dict) and item.get(step["key"]) == step["value"])
            obj = next(fits, None)
    return obj
