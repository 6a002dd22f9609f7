"""Which request is next: every route in its share by weight, evenly spread, the same every time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from typing import Any

from drillbook.load.plan import Target
from drillbook.model.policy import Route


def turns(targets: Sequence[Target]) -> Iterator[tuple[Target, Route]]:
    """Smooth weighted round-robin over all routes of all targets, without end.

    Convention: as nginx balances, https://github.com/nginx/nginx/commit/52327e0627f4
    """
    entries = [(target, route) for target in targets for route in target.routes]
    total = sum(route.weight for _, route in entries)
    credit = [0] * len(entries)
    while True:
        credit = [have + route.weight for have, (_, route) in zip(credit, entries, strict=True)]
        chosen = max(range(len(entries)), key=lambda index: credit[index])
        credit[chosen] -= total
        yield entries[chosen]


def keys(prefix: str) -> Iterator[str]:
    """Keys that no other run uses: ``load-ab12-1``, ``load-ab12-2`` ..."""
    return (f"{prefix}-{number}" for number in count(1))


def filled(body: Mapping[str, Any] | None, key: str) -> dict[str, Any] | None:
    """A route's body with ``{key}`` and ``{body}`` replaced; None where it has none."""
    if body is None:
        return None
    return {name: _filled(value, key) for name, value in body.items()}


def _filled(value: Any, key: str) -> Any:
    if isinstance(value, str):
        return value.replace("{key}", key).replace("{body}", f"written by a load test as {key}")
    return value
