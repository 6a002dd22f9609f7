"""The ``objectives`` of a policy: each an indicator, a limit, and the line of the runbook that says so."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

import yaml

from drillbook.model.indicators import INDICATORS, REQUIRED, Indicator, Parameter
from drillbook.model.limit import Limit
from drillbook.model.policy import AnyLimit, Component, Objective, Severity, SeverityLevel
from drillbook.model.quantity import Dimension, render
from drillbook.model.text_limit import REQUIRED as OWED
from drillbook.model.text_limit import OwedLimit, TextLimit
from drillbook.policy.problems import described, nearest, whole_number
from drillbook.policy.section import Section, refuse_repeats
from drillbook.policy.sources import read_source

KEYS: Final = (
    *("id", "indicator", "via", "component", "parameters", "limit", "severity", "source", "note"),
    *("covers", "tags", "abort"),
)


def read_objectives(
    top: Section, components: Mapping[str, Component], levels: Mapping[str, SeverityLevel], document: str
) -> tuple[Objective, ...]:
    """All objectives in the file's order."""
    top.not_empty("objectives", "a list of at least one objective")
    sections = top.children("objectives", KEYS)
    refuse_repeats(sections, "id")
    found = (_objective(one, components, levels, document, top.problems.file) for one in sections)
    return tuple(o for o in found if o is not None)


def _objective(
    one: Section, components: Mapping[str, Component], levels: Mapping[str, SeverityLevel], document: str, file: str
) -> Objective | None:
    objective_id = one.name("id")
    indicator = INDICATORS.get(one.choice("indicator", INDICATORS, "indicator"))
    component = one.choice("component", components, "component", default="") or None
    severity = read_severity(one, levels)
    source = read_source(one, document)
    note = one.optional_text("note") or ""
    if indicator is None:
        if one.get("limit") is None:
            one.missing("limit", 'a limit such as "<= 2 s"')
        return None
    _check_needs(one, indicator, components, component)
    via = one.choice("via", indicator.vias, f"source of {indicator.name}", default=(*indicator.vias, "")[0])
    parameters = _parameters(one, indicator.parameters_for(via), indicator.name)
    limit = _limit(one, indicator, parameters)
    if limit is None or source is None:
        return None
    return Objective(
        id=objective_id,
        indicator=indicator.name,
        component=component,
        parameters=parameters,
        limit=limit,
        severity=severity,
        source=source,
        line=one.node.start_mark.line + 1,
        note=note,
        file=file,
        via=via,
        covers=one.names("covers") or (objective_id,),
        tags=one.names("tags"),
        abort=one.flag("abort"),
    )


def read_severity(one: Section, levels: Mapping[str, SeverityLevel]) -> Severity:
    """One of ours (``high``) or one of the runbook's own levels (``P1``)."""
    word = one.choice("severity", [*Severity, *levels], "severity")
    if word in levels:
        return levels[word].severity
    return Severity(word) if word else Severity.CRITICAL


def _check_needs(
    one: Section, indicator: Indicator, components: Mapping[str, Component], component: str | None
) -> None:
    """The component must say all that the probe can't do without."""
    if not indicator.needs:
        return
    if one.get("component") is None:
        one.missing("component", f"a component, as {indicator.name} looks at one")
        return
    found = components.get(component or "")
    if found is None:
        return
    lacking = [need for need in indicator.needs if not getattr(found, need)]
    if lacking:
        one.problem(
            "component", f"{indicator.name} needs {' and '.join(lacking)}, and components.{found.id} doesn't say it"
        )
    elif "routes" in indicator.needs and not any(r.method == "GET" for r in found.routes):
        one.problem("component", f"{indicator.name} needs a GET route, and components.{found.id}.routes has none")


def _limit(one: Section, indicator: Indicator, parameters: Mapping[str, Any]) -> AnyLimit | None:
    expected = 'a limit such as "<= 2 s"'
    if one.get("limit") is None:
        one.missing("limit", expected)
        return None
    text = one.literal("limit", expected)
    if not text:
        return None
    dimension = indicator.dimension_for(parameters)
    if text == OWED:
        return OwedLimit(dimension)
    return read_limit(one, "limit", text, indicator, dimension)


def read_limit(one: Section, key: str, text: str, indicator: Indicator, dimension: Dimension) -> AnyLimit | None:
    """A limit that can hold and can fail; None, and a problem, for any other."""
    if dimension is Dimension.TEXT:
        return one.parsed(key, text, TextLimit.parse)
    limit = one.parsed(key, text, lambda t: Limit.parse(t, dimension))
    if limit is None or dimension is not indicator.dimension:
        return limit
    highest = Decimal("Infinity") if indicator.high is None else indicator.high
    verdict = limit.holds_for(indicator.low, highest)
    if verdict is not None:
        ends = [render(indicator.low, indicator.dimension), render(highest, indicator.dimension)]
        span = f"at least {ends[0]}" if indicator.high is None else f"from {ends[0]} to {ends[1]}"
        never = "fail" if verdict else "hold"
        one.problem(key, f"{text!r} can never {never}: {indicator.name} is always {span}")
        return None
    return limit


def _parameters(one: Section, known: Mapping[str, Parameter], indicator: str) -> Mapping[str, Any]:
    """Every parameter of the indicator's source, with its default where the policy says nothing."""
    inner = one.child("parameters", tuple(known) or ("none",))
    values: dict[str, Any] = {}
    for name, parameter in known.items():
        node = None if inner is None else inner.get(name)
        if node is not None and inner is not None:
            values[name] = read_parameter(inner, name, node, parameter)
        elif parameter.default is REQUIRED:
            expected = _expected(parameter)
            one.problem("parameters", f"{indicator} requires the parameter {name}: expected {expected}")
        else:
            values[name] = parameter.default
    return values


def read_parameter(inner: Section, name: str, node: yaml.Node, parameter: Parameter) -> Any:
    """The value of one parameter; a problem, and None or what was found, where it isn't what it has to be."""
    value: Any = None
    if isinstance(node, yaml.ScalarNode):
        if parameter.type is str and node.tag.endswith(":str"):
            value = node.value
        elif parameter.type is int:
            value = whole_number(node)
        elif parameter.type is float:
            value = _real(node)
    good = value is not None and (not parameter.choices or value in parameter.choices)
    if good and parameter.low is not None:
        good = value >= parameter.low
    if good and parameter.high is not None:
        good = value <= parameter.high
    if not good:
        hint = nearest(node.value, parameter.choices) if parameter.choices and isinstance(node.value, str) else ""
        inner.problem(name, f"expected {_expected(parameter)}, found {described(node)}{hint if 'did' in hint else ''}")
    return value


def _real(node: yaml.ScalarNode) -> float | None:
    if not node.tag.endswith((":int", ":float")):
        return None
    try:
        return float(node.value)
    except ValueError:
        return None


def _expected(parameter: Parameter) -> str:
    if parameter.choices:
        return f"one of {', '.join(map(str, parameter.choices))}"
    what = {int: "a whole number", float: "a number", str: "text"}[parameter.type]
    if parameter.low is not None and parameter.high is not None:
        return f"{what} from {parameter.low:g} to {parameter.high:g}"
    return what
