"""``deploy/rbac-drills.yaml`` is enough for every drill of every system, and one verb less is refused in a sentence.

Decided from the files alone; that an API server decides so too is for test_drills_account.py.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from drillbook import places
from drillbook.checking import load_system
from drillbook.clients.kube import Permission
from drillbook.drills.experiment import load_experiment
from drillbook.drills.guard import Intent, permissions_suffice
from drillbook.drills.permits import own_needs
from drillbook.drills.plan import Order, aimed, brief
from drillbook.drills.recovery import permissions
from drillbook.drills.residue import PLATFORMS_OWN
from drillbook.errors import Refused
from drillbook.model.policy import Policy
from tests.drills.rights import CHANGES, JOURNALS, MONITORING, SOLARS, Account, granted

SYSTEMS = ("solar", "smartcloudops", "rag7", "aic")
PURPOSES = ("break", "repair", "look", "lock and journal", "recover", "see what must be true", "see whether earlier")


@dataclass(frozen=True)
class Case:
    """One drill, or one experiment as it is shipped, in one system."""

    of: str
    """The system; of an experiment as it is shipped: ``experiments``."""
    name: str
    intent: Intent

    @property
    def account(self) -> Account:
        """Who drills, with everything that the shipped files give."""
        return Account(self.intent.policy, granted(), self.intent.environment.journal)

    @property
    def asked(self) -> frozenset[Permission]:
        """Everything that its pre-flight asks."""
        needs = self.intent.fault.needs(self.intent.aim)
        own = own_needs(self.intent.home, self.intent.journals).values()
        after = (*self.intent.repairs, *self.intent.looks)
        return frozenset({*needs.to_break, *needs.to_repair, *after, *(one for each in own for one in each)})


@cache
def policy_of(system: str) -> Policy:
    return load_system(system, "sandbox", system)[0]


def drills(system: str) -> Iterator[Case]:
    policy, environment, _ = load_system(system, "sandbox", system)
    for plan in policy.drills:
        order = Order(policy, environment, (), plan, Path(), "run")
        yield Case(system, plan.id, brief(order).intent)


def experiments() -> Iterator[Case]:
    policy, environment, _ = load_system("solar", "sandbox", "solar")
    for path in sorted(places.bundled("experiments").glob("*.yaml")):
        experiment = load_experiment(path)
        component = str(experiment.configuration["component"])
        fault, aim, radius = aimed(policy, component, experiment.injection.arguments, environment)
        yield Case("experiments", path.stem, Intent(policy, environment, fault, aim, radius))


@cache
def cases() -> tuple[Case, ...]:
    found = [*experiments(), *(one for system in SYSTEMS for one in drills(system))]
    # No right in a namespace outlasts it: whoever may only drill is refused.
    return tuple(one for one in found if not one.intent.fault.takes_namespace)


def test_every_system_and_every_experiment_is_looked_at() -> None:
    shipped = {path.stem for path in places.bundled("experiments").glob("*.yaml")}
    assert {one.name for one in cases() if one.of == "experiments"} == shipped - {"namespace-lost"}
    for system in SYSTEMS:
        wanted = {plan.id for plan in policy_of(system).drills if plan.experiment != "namespace-lost"}
        assert {one.name for one in cases() if one.of == system} == wanted


def test_the_roles_are_enough_for_everything_that_a_drill_asks() -> None:
    missing: dict[str, list[str]] = {}
    for case in cases():
        account = case.account
        if refused := sorted(str(one) for one in case.asked if not account.may(one)):
            missing[f"{case.of} {case.name}"] = refused
        else:
            said = asyncio.run(permissions_suffice(account.kube, case.intent))
            assert said.endswith("permissions to break and to repair are there")
    assert missing == {}


@pytest.mark.parametrize("system", ["experiments", *SYSTEMS])
def test_one_verb_less_is_refused_and_the_sentence_says_which_where_what_for_and_what_to_do(system: str) -> None:
    for case in (one for one in cases() if one.of == system):
        for permission in case.asked:
            account = case.account.without(permission)
            with pytest.raises(Refused) as refused:
                asyncio.run(permissions_suffice(account.kube, case.intent))
            said = str(refused.value)
            assert said.startswith("not injecting: these credentials may not ")
            assert f" {permission}, " in said, (case.name, said)
            assert any(f", which the drill needs to {purpose}" in said for purpose in PURPOSES), said
            assert "deploy/rbac-drills.yaml" in said
            assert "ServiceAccount drillbook-drills" in said


def test_what_may_be_changed_may_be_listed_or_nobody_could_see_what_became_of_it() -> None:
    rights = granted()
    changed = [one for one in rights if one.verb in CHANGES and "/" not in one.resource]
    blind = {one for one in changed if one.resource not in PLATFORMS_OWN and one._replace(verb="list") not in rights}
    assert sorted(blind) == []


def test_the_roles_change_nothing_that_no_drill_changes() -> None:
    """Rights that are there for no reason are what an attacker finds."""
    asked = {one for case in cases() for one in case.asked}
    for system in SYSTEMS:
        policy = policy_of(system)
        asked |= {one for procedure in policy.procedures.values() for one in permissions(policy, procedure)}
    used = {(one.group, one.resource, one.verb) for one in asked}
    assert sorted({one[1:] for one in granted() if one.verb in CHANGES} - used) == []
    assert all("*" not in text for one in granted() for text in one)


def test_the_account_sees_what_a_check_sees_and_the_monitoring_is_where_it_is_in_each_system() -> None:
    for system in SYSTEMS:
        policy = policy_of(system)
        account = Account(policy, granted())
        for namespace in policy.namespaces:
            assert account.may(Permission("list", "horizontalpodautoscalers", "autoscaling", namespace))
        for component in policy.components.values():
            if component.engine == "prometheus":
                assert account.may(Permission("create", "pods/exec", "", component.namespace))
    assert {one.scope for one in granted()} == {"", SOLARS, MONITORING, JOURNALS}
