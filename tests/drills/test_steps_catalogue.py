"""Every type of step is declared and can be followed, and no step deletes data where nothing is being broken."""

from __future__ import annotations

from dataclasses import replace

import pytest

from drillbook.drills.recovery import describe, permissions, refuse_data_elsewhere
from drillbook.drills.steps import WAYS, planted
from drillbook.errors import ConfigError
from drillbook.model.procedures import AFTERWARDS, STEPS, by_people_alone, changes_data
from drillbook.places import system_dir, systems_with_policy
from drillbook.policy import load_policy, load_requirements
from drillbook.policy.coverage import Answer, coverage

POLICIES = {name: load_policy(system_dir(name) / "policy.yaml") for name in systems_with_policy()}
each_system = pytest.mark.parametrize("name", POLICIES)


def test_what_is_declared_and_what_can_be_followed_are_the_same() -> None:
    assert set(WAYS) - set(planted.WAYS) == set(STEPS)
    assert all(kind.name == name for name, kind in (*STEPS.items(), *AFTERWARDS.items()))


@each_system
def test_every_step_can_be_described_and_says_what_it_needs(name: str) -> None:
    policy = POLICIES[name]
    for procedure in policy.procedures.values():
        assert all(describe(step) for step in procedure.steps)
        machines = [step for step in procedure.steps if step.type not in {"human", "check", "http"}]
        assert bool(machines) == bool(permissions(policy, procedure)), procedure.id
        assert not procedure.steps or not by_people_alone(procedure.steps)


@each_system
def test_every_procedure_of_a_runbook_is_answered(name: str) -> None:
    requirements = load_requirements(system_dir(name))
    assert requirements is not None
    found = coverage(name, requirements, POLICIES[name]).procedures
    assert [one.row.id for one in found if one.answer is Answer.MISSING] == []


@each_system
def test_every_statement_is_one_whole_statement(name: str) -> None:
    """A comma in a list that isn't quoted cuts a statement in two."""
    verbs = {"SELECT", "SHOW", "VACUUM", "ALTER", "CREATE", "DROP", "DELETE"}
    for procedure in POLICIES[name].procedures.values():
        for step in procedure.steps:
            assert {statement.split()[0] for statement in step.values.get("statements", ())} <= verbs


@each_system
def test_a_procedure_is_on_paper_only_with_a_reason(name: str) -> None:
    for procedure in POLICIES[name].procedures.values():
        assert bool(procedure.steps) != bool(procedure.document_only)
        assert len(procedure.document_only) > 40 or procedure.steps


def test_data_is_deleted_only_where_the_drill_breaks_something() -> None:
    policy = POLICIES["solar"]
    flush = policy.procedures["cache-flush"]
    assert [changes_data(step) for step in flush.steps] == [True]
    refuse_data_elsewhere(policy, flush, "solar-pv-llm-ai")
    elsewhere = replace(policy.components["cache"], namespace="elsewhere")
    moved = replace(policy, components={**policy.components, "cache": elsewhere})
    with pytest.raises(
        ConfigError, match=r"redis cache FLUSHALL \(000_.*:171\) can delete data in namespace elsewhere"
    ):
        refuse_data_elsewhere(moved, flush, "solar-pv-llm-ai")
    refuse_data_elsewhere(moved, policy.procedures["restart"], "solar-pv-llm-ai")
