"""Recoveries broken by hand are read as strictly as policies: each mistake with its line, and what was expected."""

from __future__ import annotations

from pathlib import Path

import pytest

from drillbook.errors import ConfigError
from drillbook.model.policy import Policy
from drillbook.places import system_dir, systems_with_policy
from drillbook.policy import load_policy
from drillbook.proof.drills.broken import FILE, Broken, Way, load_broken, read_broken
from tests.policy.texts import POLICY, written

HEAD = "apiVersion: drillbook/v1\nkind: BrokenRecoveries\nbroken:\n"


@pytest.fixture
def policy(tmp_path: Path) -> Policy:
    return load_policy(written(tmp_path, POLICY))


def complaint(policy: Policy, text: str) -> str:
    with pytest.raises(ConfigError) as refused:
        read_broken(written(policy.path.parent, HEAD + text, FILE), policy)
    return str(refused.value)


def test_without_the_file_nothing_is_broken_by_hand(policy: Policy) -> None:
    assert load_broken(policy) == {}


def test_steps_are_replaced_by_number_and_say_what_is_planted(policy: Policy) -> None:
    text = "  db-kill:\n    replace:\n      2: {type: scale, component: api, replicas: 0}\n"
    written(policy.path.parent, HEAD + text + "    planted: nobody is left\n    because: not recovered\n", FILE)
    found = load_broken(policy)["db-kill"]
    assert [(number, step.type, step.values) for number, step in found.replace] == [(2, "scale", {"replicas": 0})]
    assert (found.way, found.planted, found.because) == (None, "nobody is left", "not recovered")


def test_another_automatic_way_needs_its_reason(policy: Policy) -> None:
    path = written(policy.path.parent, HEAD + "  db-kill: {plant: healer, reason: it heals by itself}\n", FILE)
    assert read_broken(path, policy) == {"db-kill": Broken(Way.HEALER)}
    assert "broken.db-kill.reason: expected a text" in complaint(policy, "  db-kill: {plant: healer}\n")


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("  db-kil: {plant: healer, reason: r}\n", 4, "the policy has no drill 'db-kil'; did you mean 'db-kill'?"),
        ("  db-kill: {plant: heeler, reason: r}\n", 4, "unknown way to break a recovery 'heeler'"),
        ("  db-kill: {planted: p}\n", 4, "expected the steps that stand for the drill's own"),
        ("  db-kill: {plant: claims, reason: r, because: b}\n", 4, "expected no because without replace"),
        (
            "  db-kill:\n    replace:\n      4: {type: wait_ready, component: api}\n    planted: p\n    because: b\n",
            6,
            "expected the number of a step from 1 to 3, found '4'",
        ),
        (
            "  db-kill:\n    replace:\n      1: {type: wait_redy, component: api}\n    planted: p\n    because: b\n",
            6,
            "unknown step type 'wait_redy'; did you mean 'wait_ready'?",
        ),
        (
            "  db-kill:\n    replace:\n      1: {type: claim, component: api}\n    planted: p\n    because: b\n",
            6,
            "unknown step type 'claim'",
        ),
    ],
)
def test_a_mistake_has_its_line(policy: Policy, text: str, line: int, words: str) -> None:
    found = complaint(policy, text)
    assert f"{FILE}:{line}: " in found
    assert words in found


@pytest.mark.parametrize("name", systems_with_policy())
def test_the_files_of_all_systems_can_be_read(name: str) -> None:
    load_broken(load_policy(system_dir(name) / "policy.yaml"))
