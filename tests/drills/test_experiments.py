"""Experiments are read strictly: everything that Chaos Toolkit would ignore is an error with its place."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drillbook import places
from drillbook.drills.experiment import load_experiment
from drillbook.drills.plan import aimed, brief
from drillbook.errors import ConfigError
from drillbook.faults import FAULTS
from drillbook.policy import load_policy
from tests.drills.conftest import Solar

SHIPPED = sorted(places.bundled("experiments").glob("*.yaml"))


@pytest.fixture
def good() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((places.bundled("experiments") / "pod-kill.yaml").read_text())
    return found


def problems(document: Any, folder: Path) -> str:
    path = folder / "experiment.yaml"
    path.write_text(document if isinstance(document, str) else yaml.safe_dump(document))
    with pytest.raises(ConfigError) as error:
        load_experiment(path)
    return str(error.value)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_shipped_experiment_is_valid(path: Path) -> None:
    experiment = load_experiment(path)
    assert experiment.injection.arguments["fault"] in FAULTS
    # Its component is one of Solar's, and its settings are ones that the fault has, in their ranges.
    policy = load_policy(places.system_dir("solar") / "policy.yaml")
    _, aim, _ = aimed(policy, experiment.configuration["component"], experiment.injection.arguments)
    assert set(aim.settings) == set(FAULTS[experiment.injection.arguments["fault"]].settings)


def test_variables_are_filled_from_the_environment_that_is_given(good: dict[str, Any], tmp_path: Path) -> None:
    good["method"][0]["provider"]["arguments"]["fault"] = "${kind}"
    good["configuration"]["kind"] = {"type": "env", "key": "KIND", "default": "noop"}
    path = tmp_path / "experiment.yaml"
    path.write_text(yaml.safe_dump(good))
    assert load_experiment(path).injection.arguments["fault"] == "noop"
    assert load_experiment(path, {"KIND": "pod-kill"}).injection.arguments["fault"] == "pod-kill"


def test_a_misspelt_key_is_an_error(good: dict[str, Any], tmp_path: Path) -> None:
    good["rolbacks"] = good.pop("rollbacks")
    said = problems(good, tmp_path)
    assert "unknown key 'rolbacks'" in said
    assert "rollbacks: expected at least one activity, found nothing" in said


def test_a_misspelt_hypothesis_is_an_error(good: dict[str, Any], tmp_path: Path) -> None:
    good["steady-state-hypotesis"] = good.pop("steady-state-hypothesis")
    assert "unknown key 'steady-state-hypotesis'" in problems(good, tmp_path)


def test_an_empty_list_of_probes_is_an_error(good: dict[str, Any], tmp_path: Path) -> None:
    good["steady-state-hypothesis"]["probes"] = []
    assert "steady-state-hypothesis: expected at least one activity, found an empty list" in problems(good, tmp_path)


def test_an_unknown_variable_is_an_error(good: dict[str, Any], tmp_path: Path) -> None:
    good["method"][0]["provider"]["arguments"]["fault"] = "${falt}"
    assert "method[0].provider.arguments: ${falt} is not in configuration" in problems(good, tmp_path)


def test_a_variable_that_is_not_set_and_has_no_default_is_an_error(good: dict[str, Any], tmp_path: Path) -> None:
    good["configuration"]["token"] = {"type": "env", "key": "NOT_SET_ANYWHERE"}
    assert "configuration.token: $NOT_SET_ANYWHERE is not set" in problems(good, tmp_path)


@pytest.mark.parametrize("tolerance", [1, 1.0, "true", None, [True], {"type": "range", "range": [0, 1]}])
def test_a_tolerance_that_is_not_plainly_true_is_an_error(good: dict[str, Any], tmp_path: Path, tolerance: Any) -> None:
    good["steady-state-hypothesis"]["probes"][0]["tolerance"] = tolerance
    assert "probes" in str(good)
    assert "tolerance: expected true" in problems(good, tmp_path)


def test_a_tolerance_in_the_method_is_an_error_because_it_is_ignored(good: dict[str, Any], tmp_path: Path) -> None:
    good["method"][1]["tolerance"] = True
    assert "method[1].tolerance: Chaos Toolkit ignores it" in problems(good, tmp_path)


def test_an_argument_that_the_function_does_not_take_is_an_error(good: dict[str, Any], tmp_path: Path) -> None:
    good["method"][0]["provider"]["arguments"]["most_podz"] = 1
    assert "unexpected keyword argument 'most_podz'" in problems(good, tmp_path)


def test_an_unknown_function_is_an_error_that_lists_those_there_are(good: dict[str, Any], tmp_path: Path) -> None:
    good["method"][0]["provider"]["func"] = "injekt"
    assert "has no 'injekt'; it has inject, undo" in problems(good, tmp_path)


@pytest.mark.parametrize(
    "provider",
    [
        {"type": "process", "path": "rm"},
        {"type": "http", "url": "http://127.0.0.1"},
        {"type": "python", "module": "os", "func": "system"},
    ],
)
def test_a_provider_that_no_guard_stands_before_is_an_error(
    good: dict[str, Any], tmp_path: Path, provider: dict[str, str]
) -> None:
    good["method"].append({"type": "action", "name": "more", "provider": provider})
    assert "method[2].provider: expected type python and one of drillbook.chaos.actions" in problems(good, tmp_path)


def test_two_injections_are_an_error(good: dict[str, Any], tmp_path: Path) -> None:
    good["method"].append(copy.deepcopy(good["method"][0]))
    assert "method: expected exactly one activity with func inject, found 2" in problems(good, tmp_path)


def test_an_experiment_without_an_undo_is_an_error(good: dict[str, Any], tmp_path: Path) -> None:
    good["rollbacks"] = [copy.deepcopy(good["method"][1])]
    assert "rollbacks: expected an activity with func undo" in problems(good, tmp_path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "expected a mapping with title, method and rollbacks, found nothing"),
        ("- a\n- b\n", "found a list"),
        ("title: [", "expected YAML"),
        ("x" * 1_000_001, "more than 1,000,000 bytes"),
    ],
)
def test_a_file_that_is_no_experiment_is_one_sentence(tmp_path: Path, text: str, words: str) -> None:
    assert words in problems(text, tmp_path)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=5), lambda inner: (
    st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(
        ["title", "method", "rollbacks", "configuration", "steady-state-hypothesis", "probes", "provider", "controls"]
    ), inner, max_size=4)
), max_leaves=12))  # fmt: skip
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None)
def test_any_yaml_is_either_valid_or_a_sentence(tmp_path: Path, document: Any) -> None:
    path = tmp_path / "experiment.yaml"
    path.write_text(yaml.safe_dump(document))
    with pytest.raises(ConfigError):
        load_experiment(path)


def test_a_drill_fills_the_settings_of_its_experiment_and_no_others(system: Solar) -> None:
    order = system.order("pod-kill", experiment="secret-rotated", component="database", settings={"key": "PASSWORD"})
    assert brief(order).aim.settings == {"secret": "solar-secrets", "key": "PASSWORD"}
    for unknown in ({"kye": "PASSWORD"}, {"component": "api"}):
        wrong = system.order("pod-kill", experiment="secret-rotated", component="database", settings=unknown)
        with pytest.raises(ConfigError, match=r"takes no setting '(kye|component)'; it takes secret, key"):
            brief(wrong)
