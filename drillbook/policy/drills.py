"""The ``drills`` and ``procedures`` of a policy: what is broken on purpose, and the documented way back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from drillbook.model.policy import Component, DrillPlan, Procedure, SeverityLevel, Source
from drillbook.places import experiment_names
from drillbook.policy.problems import nearest
from drillbook.policy.section import Section, refuse_repeats
from drillbook.policy.sources import read_lines, read_source

DRILL_KEYS: Final = ("id", "experiment", "component", "level", "recovery", "procedure", "source", "note", "covers")
PROCEDURE_KEYS: Final = ("id", "source", "recovers", "within", "steps", "document_only", "note", "covers")
STEPS: Final[Mapping[str, tuple[str, ...]]] = {
    "rollout_restart": (),
    "scale": ("replicas",),
    "delete_pods": (),
    "wait_ready": ("within",),
}
"""The types of steps, and what each takes beside ``component`` and ``line``."""
STEP_KEYS: Final = ("type", "component", "line", "lines", "note")
RECOVERIES: Final = ("self", "procedure")


def read_procedures(top: Section, components: Mapping[str, Component], document: str) -> Mapping[str, Procedure]:
    """Every procedure by its id."""
    sections = top.children("procedures", PROCEDURE_KEYS)
    refuse_repeats(sections, "id")
    found = (_procedure(one, components, document) for one in sections)
    return {procedure.id: procedure for procedure in found}


def _procedure(one: Section, components: Mapping[str, Component], document: str) -> Procedure:
    procedure_id = one.name("id")
    source = read_source(one, document)
    steps = tuple(_step(step, components) for step in one.children("steps", ()))
    document_only = one.optional_text("document_only", "the reason why no machine can follow it") or ""
    if one.get("document_only") is None:
        one.not_empty("steps", f"a list of at least one step ({', '.join(STEPS)}), or document_only with the reason")
    elif one.get("steps") is not None:
        one.problem("document_only", "expected either steps or document_only, found both")
    recovers = one.names("recovers")
    within = one.optional_duration("within")
    note = one.optional_text("note") or ""
    return Procedure(
        id=procedure_id,
        source=source or Source(document, "", (1, 1)),
        recovers=recovers,
        within=within,
        steps=steps,
        note=note,
        document_only=document_only,
        covers=one.names("covers") or (procedure_id,),
    )


def _step(one: Section, components: Mapping[str, Component]) -> Mapping[str, Any]:
    """``{"type", "component", "lines", "note"}``, and ``replicas`` or ``within`` (a timedelta or None) by type."""
    kind = one.choice("type", STEPS, "step type")
    extra = STEPS.get(kind, ())
    for key in one.keys:
        if kind and key not in (*STEP_KEYS, *extra):
            one.problem(key, f"a {kind} step has no such key{nearest(key, (*STEP_KEYS, *extra))}")
    component = one.choice("component", components, "component")
    if component in components and components[component].workload is None:
        one.problem("component", f"a {kind} step needs a workload, and components.{component} doesn't say one")
    step: dict[str, Any] = {"type": kind, "component": component, "lines": read_lines(one)}
    step["note"] = one.optional_text("note") or ""
    if "replicas" in extra:
        step["replicas"] = one.integer("replicas", 0, 1000)
    if "within" in extra:
        step["within"] = one.optional_duration("within")
    return step


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
    )
