"""Records into ``run.json``, schema ``drillbook.run/v1``. Every other format is made from what comes out here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from drillbook.clock import iso
from drillbook.model.drill import Detection, DrillResult, PostCondition, RecoveryPoint
from drillbook.model.limit import Limit
from drillbook.model.observation import Observation
from drillbook.model.policy import AnyLimit, Source
from drillbook.model.proof import Proof
from drillbook.model.run import SCHEMA, LoadResult, NotAsked, Run
from drillbook.model.text_limit import OwedLimit
from drillbook.model.verdict import Verdict, Waiver
from drillbook.report.encode_timeline import interval, timeline_names
from drillbook.report.numbers import UNITS, number, plain, text, words

Json = dict[str, Any]


def run(record: Run, verdicts: Sequence[Json] | None = None) -> Json:
    """The whole document; ``verdicts`` are the record's, from whoever has encoded them already."""
    return {
        "schema": SCHEMA,
        "run": {
            "id": record.id,
            "command": text(record.command),
            "started": iso(record.started),
            "finished": iso(record.finished),
            "took_seconds": number((record.finished - record.started).total_seconds()),
            "status": text(record.status),
            "exit_code": int(record.exit_code),
            "versions": plain(record.versions),
            "problems": [text(p) for p in record.problems],
        },
        "system": {"name": text(record.system), "title": text(record.title)},
        "environment": {"name": text(record.environment), "class": text(record.environment_class)},
        "verdicts": [verdict(v) for v in record.verdicts] if verdicts is None else list(verdicts),
        "drills": [drill(d, name) for d, name in zip(record.drills, timeline_names(record.drills), strict=True)],
        "load": load(record.load) if record.load else None,
        "waivers": plain(record.waivers),
        "not_asked": not_asked(record.not_asked) if record.not_asked else None,
        "proofs": [proof(p) for p in record.proofs],
    }


def not_asked(given: NotAsked) -> Json:
    """The objectives that the run left out by itself, and why."""
    return {"text": text(given.sentence), "objectives": [text(name) for name in given.objectives]}


def proof(given: Proof) -> Json:
    """What became of one check when what it watches was really broken."""
    return {
        "id": text(given.id),
        "status": given.status.value,
        "reason": text(given.reason),
        "limit": text(given.limit),
        "where": text(given.where),
        "detected": verdict(given.detected) if given.detected else None,
        "about": text(given.about),
        "seen": text(given.seen),
        "unplanted": text(given.unplanted),
        "implied": [text(name) for name in given.implied],
        "alarms": [text(name) for name in given.alarms],
        "detected_seconds": number(given.detected_seconds),
        "back_seconds": number(given.back_seconds),
        "took_seconds": number(given.took_seconds),
    }


def verdict(judged: Verdict) -> Json:
    """One objective, judged."""
    objective, seen = judged.objective, judged.observation
    return {
        "id": text(judged.id),
        "status": judged.status.value,
        "reason": text(judged.reason),
        "indicator": objective.indicator,
        "component": plain(objective.component),
        "via": objective.via,
        "covers": list(objective.covers),
        "parameters": plain(objective.parameters),
        "value": number(seen.value),
        "unit": UNITS[seen.dimension],
        "text": words(seen.value, seen.dimension) if seen.text is None else text(seen.text) or "an empty text",
        "bounds": bounds(seen),
        "samples": seen.samples,
        "limit": limit(objective.limit),
        "margin": number(judged.margin),
        "severity": judged.severity.value,
        "source": source(judged.source),
        "policy_line": objective.line,
        "note": text(objective.note),
        "limit_from": text(objective.limit_from),
        "where": text(seen.where),
        "problem": text(seen.problem),
        "remedy": text(seen.remedy),
        "waiver": waiver(judged.waiver) if judged.waiver else None,
        "at": iso(seen.at),
        "took_seconds": number(seen.took_seconds),
        "evidence": plain(seen.evidence),
    }


def bounds(seen: Observation) -> Json | None:
    """The interval that the evidence supports; a side that is null is unbounded, and ``text`` says so."""
    if seen.value is None:
        return None
    low, high = words(seen.low, seen.dimension), words(seen.high, seen.dimension)
    return {
        "lower": number(seen.low),
        "upper": number(seen.high),
        "text": low if seen.low == seen.high else f"{low} to {high}",
    }


def limit(given: AnyLimit) -> Json:
    """What must hold: the good condition; ``value`` is null for a text, and for a limit that nobody has said yet."""
    if not isinstance(given, Limit):
        comparator = None if isinstance(given, OwedLimit) else given.comparator
        return {"comparator": comparator, "value": None, "text": text(given)}
    return {
        "comparator": given.comparator,
        "value": number(given.quantity.value),
        "text": f"{given.comparator} {words(given.quantity.value, given.dimension)}",
    }


def source(given: Source) -> Json:
    """Where the runbook says so; ``line`` is the first one."""
    return {
        "document": text(given.document),
        "section": text(given.section),
        "line": given.lines[0],
        "last_line": given.lines[1],
    }


def waiver(given: Waiver) -> Json:
    """Who answers for a violation, until when and up to what."""
    return {
        "owner": text(given.owner),
        "reason": text(given.reason),
        "expires": given.expires.isoformat(),
        "ceiling": limit(given.ceiling),
        "ticket": text(given.ticket),
        "line": given.line,
    }


def load(seen: LoadResult) -> Json:
    """Traffic that was sent; ``verdicts`` is empty where it was background only."""
    return {
        "requests": seen.requests,
        "failures": seen.failures,
        "rate_per_second": number(seen.rate),
        "seconds": number(seen.seconds),
        "verdicts": [verdict(v) for v in seen.verdicts],
    }


def drill(result: DrillResult, timeline_file: str) -> Json:
    """One drill, judged; its samples and events are in ``timeline_file``, beside ``run.json``."""
    writes, plan = result.writes, result.plan
    return {
        "id": text(result.id),
        "status": result.status.value,
        "reason": text(result.reason),
        "experiment": text(plan.experiment),
        "component": text(plan.component),
        "level": text(plan.level),
        "recovery": text(plan.recovery),
        "note": text(plan.note),
        "source": source(plan.source),
        "fault": {
            "kind": text(result.fault.kind),
            "landed": result.fault.landed,
            "targets": [text(t) for t in result.fault.targets],
            "evidence": plain(result.fault.evidence),
        },
        "baseline_held": result.baseline_held,
        "load_flowed": result.load_flowed,
        "outages": [interval(o) for o in result.outages],
        "outage_seconds": number(result.outage_seconds),
        "recovery_seconds": (
            {"lower": number(result.recovery.lower), "upper": number(result.recovery.upper)}
            if result.recovery
            else None
        ),
        "limit_seconds": number(result.limit_seconds),
        "limit_from": text(result.limit_from),
        "limit_ours": result.limit_ours,
        "detected_seconds": number(result.detected_seconds),
        "writes": {
            "sent": writes.sent,
            "acknowledged": writes.acknowledged,
            "lost": writes.lost,
            "duplicated": writes.duplicated,
            "altered": writes.altered,
            "unanswered": writes.unanswered,
            "phantom": writes.phantom,
            "rejected": writes.rejected,
            "lost_keys": [text(k) for k in writes.lost_keys],
            "after_backup": writes.after_backup,
        },
        "objectives_after": [verdict(v) for v in result.objectives_after],
        "recovery_point": recovery_point(result.recovery_point) if result.recovery_point else None,
        "detection": detection(result.detection) if result.detection else None,
        "then": [condition(one) for one in result.then],
        "violations": [{"of": one.of.value, "reason": text(one.reason)} for one in result.violations],
        "residue": [text(r) for r in result.residue],
        "undone": result.undone,
        "aborted": result.aborted,
        "took_seconds": number(result.took_seconds),
        "timeline": timeline_file,
    }


def recovery_point(given: RecoveryPoint) -> Json:
    """To which moment a restored backup brought the data back."""
    return {
        "backup": text(given.backup),
        "seconds": number(given.seconds),
        "limit_seconds": number(given.limit_seconds),
    }


def detection(given: Detection) -> Json:
    """What became of the alert that the runbook names for this failure."""
    return {
        "alert": text(given.alert),
        "status": given.status.value,
        "reason": text(given.reason),
        "fired_seconds": number(given.fired_seconds),
        "limit_seconds": number(given.limit_seconds),
        "severity": text(given.severity),
        "cleared_seconds": number(given.cleared_seconds),
    }


def condition(given: PostCondition) -> Json:
    """One thing that must be true after the procedure, judged."""
    return {
        "type": given.type,
        "text": text(given.text),
        "status": given.status.value,
        "reason": text(given.reason),
        "source": source(given.source),
    }
