"""The ``drills`` of a policy: what is broken on purpose, and which documented way back is followed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from drillbook.model.policy import Component, DrillPlan, Procedure, SeverityLevel, Source
from drillbook.places import experiment_names
from drillbook.policy.section import Section, refuse_repeats
from drillbook.policy.sources import read_source

DRILL_KEYS: Final = (
    *("id", "experiment", "component", "settings", "level", "within", "recovery", "procedure"),
    *("alert", "recovery_point", "source", "note", "covers"),
)
RECOVERIES: Final = ("self", "procedure", "manual")
OWED: Final = "required"
"""The word for a time that the runbook doesn't give: an environment must."""


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
    level = one.choice("level", levels, "severity level", default="")
    within = _within(one, levels.get(level))
    recovery = one.choice("recovery", RECOVERIES, "recovery", default="self")
    procedure = None
    if recovery != "self":
        procedure = one.choice("procedure", procedures, "procedure") or None
        if recovery == "procedure" and procedure and procedures[procedure].document_only:
            one.problem(
                "procedure",
                f"no drill can follow {procedure}: procedures.{procedure} is document_only; people can, with "
                "recovery: manual",
            )
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
        recovery_point=one.optional_duration("recovery_point"),
        alert=one.optional_text("alert", "the name of the alert that the runbook gives for this failure") or "",
        within=within,
    )


def _within(one: Section, level: SeverityLevel | None) -> timedelta | None:
    """The drill's own time; None where its level has one, or the runbook none, which the drill must then say."""
    if level is None and one.get("level") is not None:
        return None  # A level that isn't known is a problem already.
    said = one.literal("within", f"a duration such as '15 min', or {OWED}")
    if level is not None and level.resolution is not None:
        if said == OWED:
            one.problem("within", f"expected no {OWED} time: severities.{level.name} has a resolution time")
    elif one.get("within") is None:
        found = f"severities.{level.name} has no resolution time" if level else "there is no level"
        advice = f"say within: the time that the runbook gives, or {OWED} where it gives none"
        one.problem("level" if level else "within", f"{found}, so nothing limits this drill's recovery: {advice}")
    return None if said in {None, OWED} else one.optional_duration("within")


def _settings(one: Section) -> Mapping[str, str]:
    """Texts and numbers, as they are written: the experiment reads them from its environment."""
    inner = one.child("settings", ())
    if inner is None:
        return {}
    values = {name: inner.literal(name, "a text or a number") for name in inner.keys}
    return {name: value for name, value in values.items() if value is not None}
