"""Label and field selectors: parsed once, then asked of each object."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from drillbook.sandbox.api import event_versions
from drillbook.sandbox.kinds import EVENT, EVENT_V1, NAMESPACE, NODE, POD, SECRET, Kind, Object
from drillbook.sandbox.status import ApiError, bad_request

type Match = Callable[[Object], bool]

_KEY: Final = r"(?:[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?/)?[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?"
_VALUE: Final = r"(?:[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?"
_TERM: Final = re.compile(
    rf"\s*(?:(?P<absent>!)\s*(?P<absent_key>{_KEY})"
    rf"|(?P<set_key>{_KEY})\s+(?P<set>in|notin)\s*\((?P<values>[^()]*)\)"
    rf"|(?P<key>{_KEY})\s*(?P<op>==|=|!=|>|<)\s*(?P<value>{_VALUE})"
    rf"|(?P<present>{_KEY}))\s*"
)


@dataclass(frozen=True, slots=True)
class Requirement:
    """One condition on a label. Operators: ``in``, ``notin``, ``exists``, ``absent``, ``>``, ``<``."""

    key: str
    operator: str
    values: frozenset[str] = frozenset()

    def holds(self, labels: Mapping[str, str]) -> bool:
        value = labels.get(self.key)
        match self.operator:
            case "in":
                return value is not None and value in self.values
            case "notin":
                return value is None or value not in self.values
            case "exists":
                return value is not None
            case "absent":
                return value is None
        if value is None or not value.lstrip("-").isdigit():
            return False
        (limit,) = self.values
        return int(value) > int(limit) if self.operator == ">" else int(value) < int(limit)


def parse_labels(text: str) -> tuple[Requirement, ...]:
    """The requirements of ``app=web,tier in (a, b),!canary``; ApiError 400 with the place that can't be read."""
    requirements: list[Requirement] = []
    position = 0
    while position < len(text.rstrip()):
        match = _TERM.match(text, position)
        end = match.end() if match else position
        if match is None or (end < len(text) and text[end] != ","):
            found = text[end:].strip() or "end of string"
            raise bad_request(f"unable to parse requirement: found '{found}', expected: an operator or ','")
        requirements.append(_requirement(match))
        position = end + 1
    return tuple(requirements)


def _requirement(match: re.Match[str]) -> Requirement:
    if match["absent"]:
        return Requirement(match["absent_key"], "absent")
    if match["present"]:
        return Requirement(match["present"], "exists")
    if match["set"]:
        values = frozenset(value.strip() for value in match["values"].split(","))
        for value in values:
            if not re.fullmatch(_VALUE, value):
                raise bad_request(f'unable to parse requirement: values: Invalid value: "{value}"')
        return Requirement(match["set_key"], match["set"], values)
    operator = {"=": "in", "==": "in", "!=": "notin"}.get(match["op"], match["op"])
    if operator in {"<", ">"} and not match["value"].isdigit():
        raise bad_request(f"for 'Gt', 'Lt' operators, the value must be an integer: \"{match['value']}\"")
    return Requirement(match["key"], operator, frozenset({match["value"]}))


def label_match(text: str) -> Match | None:
    """Whether an object's labels fit; None for an empty selector, which fits all."""
    requirements = parse_labels(text)
    if not requirements:
        return None
    return lambda obj: all(r.holds(obj["metadata"].get("labels") or {}) for r in requirements)


def selector_match(selector: Mapping[str, Any] | None) -> Callable[[Mapping[str, str]], bool]:
    """Whether labels fit a LabelSelector object; None fits nothing, an empty one everything."""
    if selector is None:
        return lambda _: False
    requirements = [
        Requirement(key, "in", frozenset({value})) for key, value in (selector.get("matchLabels") or {}).items()
    ]
    operators = {"In": "in", "NotIn": "notin", "Exists": "exists", "DoesNotExist": "absent"}
    requirements += [
        Requirement(given["key"], operators[given["operator"]], frozenset(given.get("values") or ()))
        for given in selector.get("matchExpressions") or []
    ]
    return lambda labels: all(r.holds(labels) for r in requirements)


_EVERYWHERE: Final = frozenset({"metadata.name", "metadata.namespace"})
_FIELDS: Final[Mapping[Kind, frozenset[str]]] = {
    POD: frozenset(
        f"spec.{name}" for name in ("nodeName", "restartPolicy", "schedulerName", "serviceAccountName", "hostNetwork")
    )
    | {"status.phase", "status.podIP", "status.nominatedNodeName"},
    EVENT: frozenset(
        f"involvedObject.{name}"
        for name in ("kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath")
    )
    | {"reason", "reportingComponent", "source", "type"},
    NODE: frozenset({"spec.unschedulable"}),
    NAMESPACE: frozenset({"status.phase"}),
    SECRET: frozenset({"type"}),
}

_RENAMED: Final[Mapping[Kind, Mapping[str, str]]] = {EVENT_V1: event_versions.FIELDS}
"""What a version that isn't the stored one calls by another name."""

_ONLY: Final = '"metadata.name", "metadata.namespace"'
"""Of the kinds that have no fields of their own to select by."""


def field_match(text: str, kind: Kind) -> Match | None:
    """Whether an object's fields fit ``status.phase=Running,spec.nodeName!=x``; ApiError 400 for a field that the kind
    doesn't select by."""
    terms: list[tuple[str, str, bool]] = []
    for part in filter(None, text.split(",")):
        match = re.fullmatch(r"([^=!]+)(==|=|!=)(.*)", part)
        if match is None:
            raise bad_request(f"invalid selector: '{text}'; can't understand '{part}'")
        field, operator, value = match.groups()
        field = _RENAMED.get(kind, {}).get(field, field)
        if field not in _EVERYWHERE | _FIELDS.get(kind.storage, frozenset()):
            raise _unsupported(kind, field, text)
        terms.append((field, value, operator != "!="))
    if not terms:
        return None
    return lambda obj: all((field_value(obj, field) == value) == wanted for field, value, wanted in terms)


def _unsupported(kind: Kind, field: str, text: str) -> ApiError:
    own = kind.storage in _FIELDS
    why = f"field label not supported: {field}" if own else f'"{field}" is not a known field selector: only {_ONLY}'
    return bad_request(
        f'Unable to find "{kind.api_version}, Resource={kind.plural}" that match label selector "", '
        f'field selector "{text}": {why}'
    )


def field_value(obj: Object, field: str) -> str:
    """The value that a field selector compares: a string; absent is empty, booleans are ``true`` and ``false``."""
    if field == "source":
        return str((obj.get("source") or {}).get("component") or obj.get("reportingComponent") or "")
    value: Any = obj
    for part in field.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    if field in {"spec.unschedulable", "spec.hostNetwork"}:
        return "true" if value else "false"
    return "" if value is None else str(value)


def matcher(kind: Kind, labels: str, fields: str) -> Match | None:
    """Both selectors together; None when every object fits."""
    by_labels, by_fields = label_match(labels), field_match(fields, kind)
    if by_labels and by_fields:
        return lambda obj: by_labels(obj) and by_fields(obj)
    return by_labels or by_fields
