"""What all faults share: settings are read strictly, secrets are kept, and every fault can be described and drilled."""

from __future__ import annotations

import inspect
import logging
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drillbook import places
from drillbook.drills.blast_radius import Radius, choose
from drillbook.drills.experiment import load_experiment
from drillbook.errors import ConfigError, Refused
from drillbook.faults import FAULTS, fault_named
from drillbook.faults.fault import Aim, Candidate, Target
from drillbook.faults.settings import Setting, read_settings
from drillbook.model.policy import Component

EXPERIMENTS = sorted(places.bundled("experiments").glob("*.yaml"))
COUNT = Setting(5, "how many", low=1, high=9, unit="pods")
KIND = Setting("one", "which", choices=("one", "two"))
DECLARED = {
    "count": COUNT,
    "share": Setting(0.5, "how much", low=0, high=1),
    "kind": KIND,
    "all": Setting(False, "all"),
}


def test_settings_that_nobody_gives_have_their_defaults() -> None:
    assert read_settings("x", DECLARED, None) == {"count": 5, "share": 0.5, "kind": "one", "all": False}


def test_numbers_may_come_as_texts_because_environment_variables_do() -> None:
    given = {"count": "7", "share": "1", "all": "true", "kind": "two"}
    assert read_settings("x", DECLARED, given) == {"count": 7, "share": 1.0, "kind": "two", "all": True}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"cuont": 1}, "fault x has no setting 'cuont'; its settings are count, share, kind, all"),
        ({"count": 10}, r"setting count of fault x: expected a whole number from 1 to 9 \(pods\), found 10"),
        ({"count": 0}, "found 0"),
        ({"count": True}, "found True"),
        ({"count": 2.5}, "found 2.5"),
        ({"count": "many"}, "found 'many'"),
        ({"share": float("nan")}, "expected a number from 0 to 1, found nan"),
        ({"share": "inf"}, "found 'inf'"),
        ({"kind": "three"}, "expected one of one, two, found 'three'"),
        ({"kind": 1}, "found 1"),
        ({"all": "maybe"}, "expected true or false, found 'maybe'"),
        ([], "settings of fault x: expected a mapping, found list"),
    ],
)
def test_a_setting_that_makes_no_sense_is_one_sentence(given: Any, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        read_settings("x", DECLARED, given)


@given(st.dictionaries(st.sampled_from(list(DECLARED)), st.none() | st.booleans() | st.floats() | st.text(max_size=4)))
def test_settings_are_within_their_range_or_refused(given: dict[str, Any]) -> None:
    try:
        found = read_settings("x", DECLARED, given)
    except ConfigError:
        return
    assert 1 <= found["count"] <= 9
    assert 0 <= found["share"] <= 1
    assert found["kind"] in {"one", "two"}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=list(FAULTS))
def test_every_fault_says_what_it_is_and_its_defaults_are_allowed(fault: Any) -> None:
    assert fault.about.endswith(".")
    for name, setting in fault.settings.items():
        assert setting.about, name
        assert setting.read(setting.default) == setting.default
    for method in ("needs", "how", "candidates", "put_back", "inject", "landed", "undo"):
        assert inspect.signature(getattr(type(fault), method)).parameters.keys() >= {"self"}


def test_every_fault_is_in_the_page_about_faults() -> None:
    page = (places.PACKAGE.parent / "docs" / "faults.md").read_text()
    assert [name for name in FAULTS if f"`{name}`" not in page] == []


def test_every_fault_has_an_experiment() -> None:
    used = {load_experiment(path).injection.arguments["fault"] for path in EXPERIMENTS}
    assert used == set(FAULTS)


def test_every_experiment_is_valid_for_chaos_toolkit_too() -> None:
    from chaoslib.experiment import ensure_experiment_is_valid
    from chaoslib.loader import load_experiment as load

    logger = logging.getLogger("chaostoolkit")
    before, logger.disabled = logger.disabled, True
    try:
        for path in EXPERIMENTS:
            ensure_experiment_is_valid(load(str(path)))
    finally:
        logger.disabled = before


def test_a_setting_that_the_fault_does_not_have_makes_an_experiment_invalid(tmp_path: Any) -> None:
    text = (places.bundled("experiments") / "cpu-stress.yaml").read_text()
    for wrong, words in (
        (text.replace("workers:", "worker:", 2).replace("${worker}", "1"), "fault cpu-stress has no setting 'worker'"),
        (text.replace("fault: cpu-stress", "fault: gpu-stress"), "no fault named 'gpu-stress'"),
        (text.replace("default: 60}", "default: 0}"), "setting seconds of fault cpu-stress: expected a whole number"),
    ):
        path = tmp_path / "experiment.yaml"
        path.write_text(wrong)
        with pytest.raises(ConfigError, match=words):
            load_experiment(path)


def test_a_candidate_counts_with_the_pods_that_it_takes_along() -> None:
    aim = Aim(Component("api", "shop"))
    whole = [Candidate(Target("Deployment", "shop", "api", "uid"), pods=3)]
    assert choose(whole, aim, Radius(frozenset({"shop"}), 3, 100)).chosen == (whole[0].target,)
    with pytest.raises(Refused, match=r"3 of 3 pods \(100 %\)"):
        choose(whole, aim, Radius(frozenset({"shop"}), 2, 100))


def test_what_belongs_to_no_namespace_must_be_allowed_by_name() -> None:
    aim = Aim(Component("api", "shop"))
    node = [Candidate(Target("Node", "", "node-1", "uid"))]
    with pytest.raises(Refused, match=r"node/node-1 belongs to no namespace, .*; raise most_nodes of the experiment"):
        choose(node, aim, Radius(frozenset({"shop"}), 10, 100))
    assert choose(node, aim, Radius(frozenset({"shop"}), 10, 100, most_nodes=1)).chosen == (node[0].target,)


def test_no_fault_imports_an_sdk_until_it_is_used() -> None:
    import subprocess

    code = "import sys, drillbook.faults; print([m for m in ('kubernetes', 'psycopg', 'redis') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_an_unknown_fault_is_a_sentence_that_lists_those_there_are() -> None:
    with pytest.raises(ConfigError, match=r"there are .*database-rows, .*volume-lost"):
        fault_named("volume-los")
