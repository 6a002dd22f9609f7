"""The kinds that make pods."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from drillbook.sandbox.api.names import Cause, forbidden_field, invalid, label_causes, required, unsupported
from drillbook.sandbox.api.selectors import selector_match
from drillbook.sandbox.api.validation.pods import template
from drillbook.sandbox.kinds import Object
from drillbook.sandbox.store import clone

_OPERATORS: Final = ("DoesNotExist", "Exists", "In", "NotIn")
_STATEFUL_MUTABLE: Final = (
    "replicas", "ordinals", "template", "updateStrategy", "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy", "minReadySeconds",
)  # fmt: skip
_SCHEDULE: Final = re.compile(
    r"@(?:yearly|annually|monthly|weekly|daily|midnight|hourly)|@every \S+|(?:[\d*/,A-Za-z?-]+\s+){4}[\d*/,A-Za-z?#L-]+"
)


def deployment(obj: Object) -> list[Cause]:
    spec = obj["spec"]
    causes = _common(obj)
    strategy = spec.get("strategy", {})
    if strategy.get("type") not in {"Recreate", "RollingUpdate"}:
        causes.append(unsupported(strategy.get("type", ""), ("Recreate", "RollingUpdate"), "spec.strategy.type"))
    elif strategy["type"] == "Recreate" and strategy.get("rollingUpdate"):
        why = "may not be specified when strategy `type` is 'Recreate'"
        causes.append(forbidden_field("spec.strategy.rollingUpdate", why))
    elif strategy["type"] == "RollingUpdate":
        rolling = strategy.get("rollingUpdate", {})
        causes += _share(rolling.get("maxSurge"), "spec.strategy.rollingUpdate.maxSurge")
        causes += _share(rolling.get("maxUnavailable"), "spec.strategy.rollingUpdate.maxUnavailable")
        if all(rolling.get(name) in {0, "0%"} for name in ("maxSurge", "maxUnavailable")):
            why = "may not be 0 when `maxSurge` is 0"
            causes.append(invalid(rolling["maxUnavailable"], why, "spec.strategy.rollingUpdate.maxUnavailable"))
    return causes


def replica_set(obj: Object) -> list[Cause]:
    return _common(obj)


def daemon_set(obj: Object) -> list[Cause]:
    return _common(obj)


def stateful_set(obj: Object) -> list[Cause]:
    causes = _common(obj)
    policy = obj["spec"].get("podManagementPolicy")
    if policy not in {"OrderedReady", "Parallel"}:
        causes.append(unsupported(policy, ("OrderedReady", "Parallel"), "spec.podManagementPolicy"))
    return causes


def stateful_set_change(old: Object, new: Object) -> list[Cause]:
    before, after = clone(old["spec"]), clone(new["spec"])
    for spec in (before, after):
        for field in _STATEFUL_MUTABLE:
            spec.pop(field, None)
        for claim in spec.get("volumeClaimTemplates") or []:
            claim.pop("status", None)
    if before == after:
        return []
    names = ", ".join(f"'{name}'" for name in _STATEFUL_MUTABLE[:-1])
    why = f"updates to statefulset spec for fields other than {names} and '{_STATEFUL_MUTABLE[-1]}' are forbidden"
    return [forbidden_field("spec", why)]


def selector_change(old: Object, new: Object) -> list[Cause]:
    """A workload's selector stays as it was made."""
    before, after = old["spec"].get("selector"), new["spec"].get("selector")
    return [] if before == after else [invalid(after, "field is immutable", "spec.selector")]


def job(obj: Object) -> list[Cause]:
    spec = obj["spec"]
    causes = _counts(spec, ("parallelism", "completions", "backoffLimit", "ttlSecondsAfterFinished"), "spec")
    causes += template(obj)
    policy = ((spec.get("template") or {}).get("spec") or {}).get("restartPolicy")
    if policy not in {"OnFailure", "Never"}:
        causes.append(unsupported(policy, ("OnFailure", "Never"), "spec.template.spec.restartPolicy"))
    return causes


def job_change(old: Object, new: Object) -> list[Cause]:
    causes: list[Cause] = []
    for field in ("selector", "template", "completionMode"):
        before, after = old["spec"].get(field), new["spec"].get(field)
        if field == "template" and old["spec"].get("suspend"):
            before, after = (_without_placing(template) for template in (before, after))
        if before != after:
            causes.append(invalid(after, "field is immutable", f"spec.{field}"))
    return causes


def _without_placing(template: Object) -> Object:
    """A template without what may still change while a Job is suspended: where its pods are to run."""
    changing = ("nodeSelector", "affinity", "tolerations", "schedulingGates")
    spec = {name: value for name, value in template.get("spec", {}).items() if name not in changing}
    metadata = {k: v for k, v in template.get("metadata", {}).items() if k not in {"labels", "annotations"}}
    return template | {"spec": spec, "metadata": metadata}


def cron_job(obj: Object) -> list[Cause]:
    spec = obj["spec"]
    causes: list[Cause] = []
    schedule = spec.get("schedule", "")
    if not schedule:
        causes.append(required("spec.schedule"))
    elif not _SCHEDULE.fullmatch(schedule.strip()):
        causes.append(invalid(schedule, "expected exactly 5 fields", "spec.schedule"))
    policies = ("Allow", "Forbid", "Replace")
    if spec.get("concurrencyPolicy") not in policies:
        causes.append(unsupported(spec.get("concurrencyPolicy"), policies, "spec.concurrencyPolicy"))
    return causes + template(spec.get("jobTemplate") or {}, "spec.jobTemplate.spec.template")


def autoscaler(obj: Object) -> list[Cause]:
    spec = obj["spec"]
    target = spec.get("scaleTargetRef") or {}
    causes = [required(f"spec.scaleTargetRef.{field}") for field in ("kind", "name") if not target.get(field)]
    least, most = spec.get("minReplicas", 1), spec.get("maxReplicas", 0)
    if least < 1:
        causes.append(invalid(least, "must be greater than or equal to 1", "spec.minReplicas"))
    if most < 1:
        causes.append(invalid(most, "must be greater than 0", "spec.maxReplicas"))
    elif most < least:
        causes.append(invalid(most, "must be greater than or equal to `minReplicas`", "spec.maxReplicas"))
    return causes


def disruption_budget(obj: Object) -> list[Cause]:
    spec = obj.get("spec") or {}
    if "minAvailable" in spec and "maxUnavailable" in spec:
        return [invalid(spec, "minAvailable and maxUnavailable cannot be both set", "spec")]
    fields = ("minAvailable", "maxUnavailable")
    return [cause for field in fields if field in spec for cause in _share(spec[field], f"spec.{field}")]


def _common(obj: Object) -> list[Cause]:
    """Replicas, selector and template, and that the one fits the other."""
    spec = obj["spec"]
    causes = _counts(spec, ("replicas", "minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds"), "spec")
    selector = spec.get("selector")
    if selector is None:
        causes.append(required("spec.selector"))
    else:
        problems = selector_causes(selector, "spec.selector")
        causes += problems
        if not selector.get("matchLabels") and not selector.get("matchExpressions"):
            causes.append(invalid(selector, "empty selector is invalid for deployment", "spec.selector"))
        elif not problems:
            labels = ((spec.get("template") or {}).get("metadata") or {}).get("labels") or {}
            if not selector_match(selector)(labels):
                why = "`selector` does not match template `labels`"
                causes.append(invalid(labels, why, "spec.template.metadata.labels"))
    causes += template(obj)
    policy = ((spec.get("template") or {}).get("spec") or {}).get("restartPolicy", "Always")
    if policy != "Always":
        causes.append(unsupported(policy, ("Always",), "spec.template.spec.restartPolicy"))
    return causes


def selector_causes(selector: Mapping[str, Any], at: str) -> list[Cause]:
    """A LabelSelector."""
    causes = label_causes(selector.get("matchLabels"), f"{at}.matchLabels")
    for i, expression in enumerate(selector.get("matchExpressions") or []):
        place = f"{at}.matchExpressions[{i}]"
        operator, values = expression.get("operator"), expression.get("values") or []
        if operator not in _OPERATORS:
            causes.append(invalid(operator, "not a valid selector operator", f"{place}.operator"))
        elif operator in {"In", "NotIn"} and not values:
            causes.append(required(f"{place}.values", "must be specified when `operator` is 'In' or 'NotIn'"))
        elif operator in {"Exists", "DoesNotExist"} and values:
            why = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
            causes.append(forbidden_field(f"{place}.values", why))
    return causes


def _counts(spec: Mapping[str, Any], fields: tuple[str, ...], at: str) -> list[Cause]:
    return [
        invalid(spec[field], "must be greater than or equal to 0", f"{at}.{field}")
        for field in fields
        if spec.get(field, 0) < 0
    ]


def _share(value: Any, at: str) -> list[Cause]:
    """A number that isn't negative, or a percentage."""
    if isinstance(value, str) and not re.fullmatch(r"\d+%", value):
        return [invalid(value, "a valid percent string must be a numeric string followed by an ending '%'", at)]
    if isinstance(value, int) and value < 0:
        return [invalid(value, "must be greater than or equal to 0", at)]
    return []
