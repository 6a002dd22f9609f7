"""``drillbook drill SYSTEM --list``: the system's drills, the experiments beside them, and the faults with settings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from drillbook import places
from drillbook.drills.experiment import load_experiment
from drillbook.drills.plan import variables
from drillbook.errors import ConfigError
from drillbook.faults import FAULTS
from drillbook.faults.settings import Setting
from drillbook.model.environment import Environment
from drillbook.model.policy import DrillPlan, Policy


def listed(policy: Policy, where: Environment) -> Iterator[str]:
    """Line by line, for a terminal."""
    yield f"drills of {policy.system}:"
    width = max((len(plan.id) for plan in policy.drills), default=0)
    for plan in policy.drills:
        yield f"  {plan.id:{width}}  {_of(plan)}: {_title(plan.experiment, variables(where, policy, plan))}"
    if not policy.drills:
        yield "  none"
    drilled = {plan.experiment for plan in policy.drills}
    others = [name for name in places.experiment_names() if name not in drilled]
    yield "experiments that no drill of it uses:"
    width = max(map(len, others), default=0)
    for name in others:
        yield f"  {name:{width}}  {_title(name, {})}"
    yield "faults, and what an experiment may set:"
    for name, fault in sorted(FAULTS.items()):
        yield f"  {name}: {fault.about}"
        for key, setting in fault.settings.items():
            yield f"    {key} = {_default(setting)}: {setting.about}; {setting.expected}"


def _of(plan: DrillPlan) -> str:
    recovery = f"{plan.recovery} {plan.procedure}" if plan.procedure else plan.recovery
    return ", ".join(filter(None, (plan.component, plan.level, f"recovery {recovery}")))


def _title(experiment: str, values: Mapping[str, str]) -> str:
    """What the experiment calls itself; one that can't be used says why, and the list goes on."""
    try:
        return load_experiment(places.experiment_file(experiment), values).title
    except ConfigError as error:
        return f"can't be used: {str(error).splitlines()[0]}"


def _default(setting: Setting) -> str:
    if isinstance(setting.default, bool):
        return str(setting.default).lower()
    return str(setting.default) if setting.default != "" else '""'
