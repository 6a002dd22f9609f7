"""A limit in another unit than its query returns. The unit of a query is read off Prometheus' naming of metrics."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from drillbook.model.limit import Limit
from drillbook.model.policy import Policy
from drillbook.model.quantity import Dimension
from drillbook.policy.lint.finding import Finding, found

_SUFFIXES: Final = {
    "_seconds": Dimension.DURATION,
    "_bytes": Dimension.BYTES,
    "_ratio": Dimension.RATIO,
    "_percent": Dimension.RATIO,
    "_cores": Dimension.CORES,
}
_METRIC: Final = re.compile(r"\b[a-z][a-z0-9]*(?:_[a-z0-9]+)+\b")
_SELECTORS: Final = re.compile(r"\{[^}]*\}|\[[^\]]*\]|\"[^\"]*\"|\b(?:by|without|on|ignoring)\s*\([^)]*\)")
_COMPARED: Final = re.compile(r"\s(?:<=|>=|==|!=|<|>)\s*(?:bool\s+)?[0-9.eE+-]+\s*$")
_RATES: Final = re.compile(r"\bi?rate\s*\(")


def of_another_unit(policy: Policy) -> Sequence[Finding]:
    """Objectives whose query returns another dimension than their limit is in.

    A query says in its parameter ``of`` which objective it speaks of, and in ``documented`` how the runbook writes it
    where it is not asked as written.
    """
    by_id = {objective.id: objective for objective in policy.objectives}
    findings = []
    for asking in policy.objectives:
        judged = by_id.get(str(asking.parameters.get("of")))
        returned = dimension_of(str(asking.parameters.get("documented") or asking.parameters.get("query") or ""))
        if judged is None or returned is None or not isinstance(judged.limit, Limit):
            continue
        if judged.limit.dimension is not returned:
            sentence = f"{judged.id} is limited in {judged.limit.dimension.noun}, and its query returns {returned.noun}"
            findings.append(found("different units", sentence, judged, asking))
    return findings


def dimension_of(expression: str) -> Dimension | None:
    """What a PromQL expression returns, as far as its metrics are named by the conventions; None where they aren't.

    A quotient of two like things is a ratio, a rate of a counter is so much a second, a rate of seconds (of CPU) is
    cores, and a quantile is what its buckets are in.
    """
    bare = _COMPARED.sub("", _SELECTORS.sub("", expression))
    units = {_metric_dimension(name) for name in _METRIC.findall(bare) if not name.startswith(_FUNCTIONS)}
    if len(units) != 1:
        return None
    (unit,) = units
    if "/" in bare:
        return Dimension.RATIO if re.search(r"/\s*[0-9.]+", bare) is None else None
    if "histogram_quantile" in bare or not _RATES.search(bare):
        return unit
    return {Dimension.COUNT: Dimension.RATE, Dimension.DURATION: Dimension.CORES}.get(unit)


_FUNCTIONS: Final = ("histogram_", "label_", "avg_over", "max_over", "min_over", "sum_over", "count_over", "quantile_")


def _metric_dimension(name: str) -> Dimension:
    base = re.sub(r"_(?:total|bucket|sum|count)$", "", name)
    if name.endswith("_count"):
        return Dimension.COUNT
    return next((dimension for suffix, dimension in _SUFFIXES.items() if base.endswith(suffix)), Dimension.COUNT)
