"""Alert rules and queries, by what Prometheus makes of them; and who an Alertmanager tells."""

from __future__ import annotations

from typing import Final

from drillbook.model.indicators.base import Indicator, Parameter
from drillbook.model.quantity import Dimension

# of: the objective whose indicator and limit the expression speaks of. documented: as the runbook writes it, where that
# isn't what is asked here; the lint tries that one.
_SPEAKS_OF: Final = {"of": Parameter(str), "documented": Parameter(str, None)}
VIAS: Final = ("prometheus", "alertmanager")
"""Sources that are programs beside the system."""
TOOLS: Final = {
    "prometheus": (("prometheus",), ("promtool",)),
    "alertmanager": (("alertmanager", "prometheus-alertmanager"), ("amtool",)),
}
"""What a machine needs for a sandbox to have such a source: of each group of names, one program."""

INDICATORS: Final[tuple[Indicator, ...]] = (
    # 1 where a rule of that name is loaded and can be evaluated, else 0.
    Indicator("alert.loaded", Dimension.COUNT, parameters={"alert": Parameter(str)}, vias=VIAS[:1]),
    # What is wrong with the rule that is loaded, on series with and without the fault.
    Indicator("alert.findings", Dimension.COUNT, parameters={"alert": Parameter(str)} | _SPEAKS_OF, vias=VIAS[:1]),
    # What is wrong with a query that people type, and metrics in it that nobody exports.
    Indicator("query.findings", Dimension.COUNT, parameters={"query": Parameter(str)} | _SPEAKS_OF, vias=VIAS[:1]),
    # Through which channels an alert with that severity is told: "pagerduty, slack #alerts-critical".
    Indicator("alert.receiver", Dimension.TEXT, parameters={"severity": Parameter(str)}, vias=VIAS[1:]),
)
