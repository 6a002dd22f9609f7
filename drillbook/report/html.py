"""The page for people: one file, nothing fetched, no script, readable on a phone, by day and by night, and on paper."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from drillbook.report import headline
from drillbook.report.gauge import gauge, margin
from drillbook.report.spans import span
from drillbook.report.timeline_svg import draw, zoom

Json = Mapping[str, Any]

_COMPARATORS: Final[Mapping[str, str]] = {"<=": "≤", ">=": "≥", "==": "=", "!=": "≠"}
TEMPLATES: Final = Path(__file__).with_name("templates")
WORDS: Final[Mapping[str, str]] = {
    "pass": "Pass",
    "fail": "Fail",
    "inconclusive": "Inconclusive",
    "waived": "Waived",
    "interrupted": "Interrupted",
    "error": "Error",
    "aborted": "Aborted",
    "refused": "Refused",
    "nothing judged": "Nothing judged",
}


def page(document: Json, timelines: Mapping[str, Json]) -> str:
    """``run.json``, and the timelines that it names by their file, as one HTML page."""
    templates = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters.update(
        span=span,
        moment=moment,
        margin=margin,
        gauge=gauge,
        facts=facts,
        typeset=typeset,
        in_order=headline.in_order,
    )
    return templates.get_template("page.html.j2").render(
        document=document,
        run=document["run"],
        word=headline.word(document),
        words=WORDS,
        sentence=headline.sentence(document),
        counts=headline.counts(headline.judged(document)),
        tally=headline.counts,
        tally_of=lambda found: Counter(one["status"] for one in found),
        meaning=headline.MEANING,
        timelines=timelines,
        draw=draw,
        zoom=zoom,
        broken=broken,
        seen=seen,
    )


def moment(iso: str) -> str:
    """``2026-11-21T09:45:00.000Z`` as ``21 Nov 2026, 09:45:00 UTC``."""
    return f"{datetime.fromisoformat(iso):%d %b %Y, %H:%M:%S} UTC".lstrip("0")


def typeset(limit: str) -> str:
    """``<= 2 s`` as a page writes it: ``≤ 2 s``."""
    comparator, space, quantity = limit.partition(" ")
    return f"{_COMPARATORS.get(comparator, comparator)}{space}{quantity}"


def facts(evidence: Json) -> list[tuple[str, str]]:
    """Evidence as names and values: texts as they are, everything else as JSON on one line."""
    return [(k, v if isinstance(v, str) else json.dumps(v, ensure_ascii=False)) for k, v in evidence.items()]


def broken(drill: Json) -> list[Json]:
    """The objectives that did not hold after a drill."""
    return [v for v in drill["objectives_after"] if v["status"] != "pass"]


def seen(drill: Json) -> list[tuple[str, bool]]:
    """What a drill must have seen to prove anything, and whether it did."""
    return [
        ("baseline held", drill["baseline_held"]),
        ("load flowed", drill["load_flowed"]),
        ("fault landed", drill["fault"]["landed"]),
        ("recovered", drill["recovery_seconds"] is not None),
        ("undone", drill["undone"]),
        ("nothing else changed", not drill["residue"]),
    ]
