"""The ``drills`` of a policy: what is broken on purpose, and which documented way back is followed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from drillbook.model.policy import Component, DrillPlan, Procedure, SeverityLevel, Source
from drillbook.places import experiment_names
from drillbook.policy.section import Section, refuse_repeats
from drillbook.policy.sources import read_source

DRILL_KEYS: Final = (
    *("id", "experiment", "component", "settings", "level", "recovery", "procedure"),
    *("source", "note", "covers"),
)
RECOVERIES: Final = ("self", "procedure")


def read_drills(
    top: Section,
    components: Mapping[str, Component],
    levels: Mapping[str, SeverityLevel],
    procedures: Mapping[str, Procedure],
    document: str,
) -> tuple[DrillPlan, ...]:
    """All drills in the file's order."""
    sections = top.children("drills", DRILL_KEYS)
    refuse_repeats(sections, "id")
    return tuple(_drill(one, components, levels, procedures, document) for one in sections)


def _drill(
    one: Section,
    components: Mapping[str, Component],
    levels: Mapping[str, SeverityLevel],
    procedures: Mapping[str, Procedure],
    document: str,
) -> DrillPlan:
    level = one.choice("level", levels, "severity level")
    if level in levels and levels[level].resolution is None:
        one.problem("level", f"severities.{level} has no resolution time, so nothing limits this drill's recovery")
    recovery = one.choice("recovery", RECOVERIES, "recovery", default="self")
    procedure = None
    if recovery == "procedure":
        procedure = one.choice("procedure", procedures, "procedure") or None
        if procedure and procedures[procedure].document_only:
            one.problem("procedure", f"no drill can follow {procedure}: procedures.{procedure} is document_only")
    elif one.get("procedure") is not None:
        one.problem("procedure", "expected no procedure, as recovery is self; say recovery: procedure to follow it")
    drill_id = one.name("id")
    return DrillPlan(
        id=drill_id,
        experiment=one.choice("experiment", experiment_names(), "experiment"),
        component=one.choice("component", components, "component"),
        level=level,
        recovery=recovery,
        procedure=procedure,
        source=read_source(one, document) or Source(document, "", (1, 1)),
        note=one.optional_text("note") or "",
        covers=one.names("covers") or (drill_id,),
        settings=_settings(one),
    )


def _settings(one: Section) -> Mapping[str, str]:
    """Texts and numbers, as they are written: the experiment reads them from its environment."""
    inner = one.child("settings", ())
    if inner is None:
        return {}
    values = {name: inner.literal(name, "a text or a number") for name in inner.keys}
    return {name: value for name, value in values.items() if value is not None}
