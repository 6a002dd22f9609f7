"""What one drill is going to do, resolved from policy, experiment and environment before anything is looked at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from drillbook import places
from drillbook.drills.afterwards import conditions
from drillbook.drills.blast_radius import Radius
from drillbook.drills.duration import UNDO_SECONDS, until_undo
from drillbook.drills.experiment import Experiment, load_experiment
from drillbook.drills.guard import Intent
from drillbook.drills.outlasting import other_namespace
from drillbook.drills.recovery import permissions, refuse_data_elsewhere
from drillbook.drills.signals import LONGEST_INTERVAL
from drillbook.errors import ConfigError
from drillbook.faults import fault_named
from drillbook.faults.fault import Aim, Fault
from drillbook.faults.settings import read_settings
from drillbook.judge.recovery import too_fine
from drillbook.model.environment import Environment
from drillbook.model.policy import DrillPlan, Policy, Procedure
from drillbook.model.verdict import Verdict, Waiver
from drillbook.policy.given_times import TimeLimit, time_limit

DEFAULT_TIMEOUT: Final = 120.0
OWN_VARIABLES: Final = frozenset({"system", "environment", "sandbox", "component"})
SUSTAINED_SECONDS: Final = 2.0
"""How long every signal must be good, without a single bad answer, to count as recovered (and as a baseline)."""


@dataclass(frozen=True, slots=True)
class Order:
    """What somebody asked for."""

    policy: Policy
    environment: Environment
    waivers: tuple[Waiver, ...]
    plan: DrillPlan
    folder: Path
    """The run's folder; everything that the drill writes goes there."""
    run_id: str
    timeout_seconds: float = DEFAULT_TIMEOUT
    confirmed: bool = False
    production: bool = False
    steady: tuple[Verdict, ...] = ()
    """All objectives as they were judged a moment ago, by whoever orders; empty: the drill looks for itself."""

    @property
    def id(self) -> str:
        """``RUN/DRILL``: unlike any other drill's, ever."""
        return f"{self.run_id}/{self.plan.id}"


@dataclass(frozen=True, slots=True)
class Briefing:
    """Everything that follows from the order without looking at the cluster."""

    experiment: Experiment
    intent: Intent
    procedure: Procedure | None
    limit: TimeLimit | None
    """In what time it must recover; None where neither the runbook nor the environment says so."""
    ends_seconds: float
    """So long after its beginning it is ended and undone, whatever it is at."""
    by_hand: bool = False
    """People follow the procedure, and Drillbook doesn't."""

    @property
    def limit_seconds(self) -> float | None:
        return self.limit.time.total_seconds() if self.limit else None

    @property
    def fault(self) -> Fault:
        return self.intent.fault

    @property
    def aim(self) -> Aim:
        return self.intent.aim


def drill_plan(policy: Policy, drill: str) -> DrillPlan:
    """The drill of that id. Raises ConfigError that lists those there are."""
    for plan in policy.drills:
        if plan.id == drill:
            return plan
    known = ", ".join(plan.id for plan in policy.drills) or "none"
    raise ConfigError(f"{policy.path}: no drill {drill!r}; the drills of {policy.system} are {known}")


def variables(environment: Environment, policy: Policy, plan: DrillPlan) -> dict[str, str]:
    """The environment variables by which an experiment is told where to go."""
    return {
        "DRILLBOOK_SYSTEM": policy.system,
        "DRILLBOOK_ENVIRONMENT": environment.name,
        "DRILLBOOK_SANDBOX": environment.sandbox or "",
        "DRILLBOOK_COMPONENT": plan.component,
    } | {f"DRILLBOOK_{name.upper()}": value for name, value in plan.settings.items()}


def brief(order: Order) -> Briefing:
    """Resolve an order. Raises ConfigError for whatever can't be run as it is written."""
    policy, plan = order.policy, order.plan
    names = variables(order.environment, policy, plan)
    experiment = load_experiment(places.experiment_file(plan.experiment), names)
    for setting in plan.settings:
        if setting in OWN_VARIABLES or setting not in experiment.configuration:
            known = ", ".join(name for name in experiment.configuration if name not in OWN_VARIABLES) or "none"
            raise ConfigError(
                f"{policy.path}: drill {plan.id!r}: experiment {plan.experiment} takes no setting {setting!r}; "
                f"it takes {known}"
            )
    fault, aim, radius = aimed(policy, plan.component, experiment.injection.arguments, order.environment)
    radius = replace(radius, experiment=f"experiment {plan.experiment}")
    procedure = policy.procedures[plan.procedure] if plan.recovery != "self" and plan.procedure else None
    by_hand = plan.recovery == "manual"
    refuse_data_elsewhere(policy, procedure, aim.component.namespace)
    limit = time_limit(policy, order.environment, plan)
    if problem := too_fine(limit.time.total_seconds() if limit else None, LONGEST_INTERVAL):
        raise ConfigError(f"{policy.path}: drill {plan.id!r}: {problem}")
    ends = until_undo(order.timeout_seconds, procedure, by_hand=by_hand, alert=bool(plan.alert))
    intent = Intent(
        policy,
        order.environment,
        fault,
        aim,
        radius,
        order.confirmed,
        order.production,
        lasts_seconds=ends + UNDO_SECONDS,
        # Also where people follow it: what they began and didn't finish is put back by Drillbook.
        repairs=permissions(policy, procedure),
        looks=conditions.permissions(policy, procedure),
    )
    return Briefing(experiment, intent, procedure, limit, ends, by_hand)


def aimed(
    policy: Policy, component: str, arguments: Mapping[str, Any], environment: Environment | None = None
) -> tuple[Fault, Aim, Radius]:
    """Fault, aim and radius from the arguments of an ``inject`` activity. Raises ConfigError."""
    if component not in policy.components:
        known = ", ".join(policy.components)
        raise ConfigError(f"{policy.path}: no component {component!r}; the components are {known}")
    fault = fault_named(str(arguments["fault"]))
    try:
        aim = Aim(
            component=policy.components[component],
            pods=_whole(arguments, "pods", 1),
            grace_seconds=_whole(arguments, "grace_seconds", 0),
            settings=read_settings(fault.name, fault.settings, arguments.get("settings")),
            home=other_namespace(policy, environment, policy.components[component].namespace),
        )
        radius = Radius(
            namespaces=frozenset(policy.namespaces),
            most_pods=_whole(arguments, "most_pods", 1),
            most_percent=_number(arguments, "most_percent", 100),
            within_budgets=_truth(arguments, "within_budgets", True),
            most_nodes=_whole(arguments, "most_nodes", 0),
        )
    except (TypeError, ValueError) as error:
        raise ConfigError(f"the experiment's injection of {component!r}: {error}") from error
    return fault, aim, radius


def _number(arguments: Mapping[str, Any], name: str, default: float) -> float:
    value = arguments.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{name}: expected a number, found {value!r}")
    return float(value)


def _truth(arguments: Mapping[str, Any], name: str, default: bool) -> bool:
    value = arguments.get(name, default)
    if not isinstance(value, bool):
        raise TypeError(f"{name}: expected true or false, found {value!r}")
    return value


def _whole(arguments: Mapping[str, Any], name: str, default: int) -> int:
    value = arguments.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name}: expected a whole number, found {value!r}")
    return value
