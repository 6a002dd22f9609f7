"""A limit and what was seen, as a small bar, and the distance between them in words."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, Final

from markupsafe import Markup, escape

WIDE: Final = 160
HIGH: Final = 16
_EXACT: Final = {"==", "!="}

Json = Mapping[str, Any]


def margin(verdict: Json) -> str:
    """How far inside the limit the worse end of what was seen is, as a part of the limit."""
    comparator, share = verdict["limit"]["comparator"], verdict["margin"]
    if comparator is None:
        return "no limit given"
    if verdict["unit"] == "text" and verdict["status"] != "inconclusive":
        return "as documented" if verdict["status"] == "pass" else "not as documented"
    if verdict["value"] is None and verdict["bounds"] is None:
        return "nothing seen"
    if comparator in _EXACT:
        same = verdict["value"] == verdict["limit"]["value"]
        return "as documented" if same == (comparator == "==") else "not as documented"
    if verdict["status"] == "inconclusive":
        return "on both sides"
    if share is None:
        return "no bound" if verdict["bounds"] and _open(verdict["bounds"]) else "–"
    if share == 0:
        return "at the limit"
    if share > 1 and comparator.startswith(">"):
        return f"{share + 1:.3g} × the limit"
    percent = abs(share) * 100
    amount = f"{math.floor(percent)} %" if percent >= 1 else f"{percent:.1g} %"
    if share > 0:
        return f"{amount} to spare"
    return f"{-share + 1:.3g} × the limit" if share < -1 and comparator.startswith("<") else f"{amount} beyond"


def gauge(verdict: Json) -> Markup:
    """The bar: the good side of the limit tinted, a tick at the limit, the interval and the value upon it.

    Empty for limits that are met exactly or not at all: there is no distance to draw.
    """
    limit, bounds = verdict["limit"], verdict["bounds"]
    if limit["comparator"] in _EXACT or limit["value"] is None or bounds is None:
        return Markup("")
    label = f"{verdict['text']} against {limit['text']}"
    head = (
        f'<svg class="gauge {verdict["status"]}" viewBox="0 0 {WIDE} {HIGH}" role="img" aria-label="{escape(label)}">'
    )
    return Markup("".join([head, *_shapes(verdict), "</svg>"]))  # noqa: S704 - its only text was escaped


def _open(bounds: Json) -> bool:
    return bounds["lower"] is None or bounds["upper"] is None


def _shapes(verdict: Json) -> Iterator[str]:
    bound, bounds = float(verdict["limit"]["value"]), verdict["bounds"]
    known = [float(n) for n in (verdict["value"], bounds["lower"], bounds["upper"]) if n is not None]
    scale = max([abs(bound), *known, 1e-12]) * 1.18

    def x(value: float | None, otherwise: float) -> float:
        return otherwise if value is None else max(0.0, min(1.0, float(value) / scale)) * WIDE

    edge, middle = x(bound, 0), HIGH / 2
    below = verdict["limit"]["comparator"].startswith("<")
    yield f'<rect class="track" x="0" y="{middle - 3}" width="{WIDE}" height="6" rx="3"/>'
    begin, end = (0.0, edge) if below else (edge, float(WIDE))
    yield f'<rect class="inside" x="{begin:.1f}" y="{middle - 3}" width="{max(end - begin, 0):.1f}" height="6" rx="3"/>'
    low, high = x(bounds["lower"], 0.0), x(bounds["upper"], float(WIDE))
    yield f'<rect class="interval" x="{low:.1f}" y="{middle - 3}" width="{max(high - low, 0):.1f}" height="6" rx="2"/>'
    yield f'<line class="limit" x1="{edge:.1f}" x2="{edge:.1f}" y1="0" y2="{HIGH}"/>'
    at = min(max(x(verdict["value"], float(WIDE)), 4.0), WIDE - 4.0)
    yield f'<circle class="value" cx="{at:.1f}" cy="{middle}" r="4"/>'
