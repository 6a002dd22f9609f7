"""Small texts that many tables share: ages, lists, selectors."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from drillbook.sandbox.kinds import Object

_MINUTE, _HOUR, _DAY, _YEAR = 60, 3600, 86400, 365 * 86400
NONE: Final = "<none>"
UNKNOWN: Final = "<unknown>"


@dataclass(frozen=True, slots=True)
class Column:
    """One column; priority 1 shows with ``-o wide`` only."""

    name: str
    cell: Callable[[Object], Any]
    type: str = "string"
    priority: int = 0
    format: str = ""


def duration(seconds: float) -> str:
    """As kubectl shortens time: ``45s``, ``3m20s``, ``5h12m``, ``2d3h``, ``400d``."""
    if seconds < -1:
        return "<invalid>"
    whole = max(0, int(seconds))
    if whole < 2 * _MINUTE:
        return f"{whole}s"
    if whole < 10 * _MINUTE:
        return _two(whole, _MINUTE, "m", 1, "s")
    if whole < 3 * _HOUR:
        return f"{whole // _MINUTE}m"
    if whole < 8 * _HOUR:
        return _two(whole, _HOUR, "h", _MINUTE, "m")
    if whole < 2 * _DAY:
        return f"{whole // _HOUR}h"
    if whole < 8 * _DAY:
        return _two(whole, _DAY, "d", _HOUR, "h")
    if whole < 2 * _YEAR:
        return f"{whole // _DAY}d"
    if whole < 8 * _YEAR:
        return _two(whole, _YEAR, "y", _DAY, "d")
    return f"{whole // _YEAR}y"


def _two(seconds: int, big: int, big_letter: str, small: int, small_letter: str) -> str:
    first, rest = seconds // big, seconds % big // small
    return f"{first}{big_letter}{rest}{small_letter}" if rest else f"{first}{big_letter}"


def since(moment: str | None) -> str:
    """How long ago an API time was."""
    if not moment:
        return UNKNOWN
    return duration((datetime.now(UTC) - datetime.fromisoformat(moment)).total_seconds())


def age(obj: Object) -> str:
    return since(obj["metadata"].get("creationTimestamp"))


def at(obj: Any, *path: str, default: Any = None) -> Any:
    """A value deep inside, or the default."""
    for step in path:
        obj = obj.get(step) if isinstance(obj, dict) else None
    return default if obj is None else obj


def pairs(labels: Mapping[str, str] | None) -> str:
    """``app=web,tier=front``."""
    return ",".join(f"{key}={value}" for key, value in sorted((labels or {}).items())) or NONE


def selector(given: Mapping[str, Any] | None) -> str:
    """A LabelSelector in one line."""
    if not given:
        return NONE
    parts = [f"{key}={value}" for key, value in sorted((given.get("matchLabels") or {}).items())]
    for expression in given.get("matchExpressions") or []:
        key, values = expression["key"], ",".join(expression.get("values") or [])
        words = {"In": f"{key} in ({values})", "NotIn": f"{key} notin ({values})", "Exists": key}
        parts.append(words.get(expression["operator"], f"!{key}"))
    return ",".join(parts) or NONE


def containers(spec: Any) -> tuple[str, str]:
    """Names and images of a pod spec's containers."""
    found = at(spec, "containers", default=[])
    return ",".join(c.get("name", "") for c in found), ",".join(c.get("image", "") for c in found)


def few(items: Iterable[str], most: int = 3) -> str:
    """The first few, and how many more."""
    found = list(items)
    if not found:
        return NONE
    return ",".join(found[:most]) + (f" + {len(found) - most} more..." if len(found) > most else "")


def modes(given: Iterable[str] | None) -> str:
    """Access modes, shortened: ``RWO,ROX``."""
    short = {"ReadWriteOnce": "RWO", "ReadOnlyMany": "ROX", "ReadWriteMany": "RWX", "ReadWriteOncePod": "RWOP"}
    return ",".join(short.get(mode, mode) for mode in given or [])


NAME: Final = Column("Name", lambda obj: obj["metadata"]["name"], format="name")
AGE: Final = Column("Age", age)
CONTAINERS: Final = Column("Containers", lambda o: containers(at(o, "spec", "template", "spec"))[0], priority=1)
IMAGES: Final = Column("Images", lambda o: containers(at(o, "spec", "template", "spec"))[1], priority=1)
SELECTOR: Final = Column("Selector", lambda o: selector(at(o, "spec", "selector")), priority=1)
