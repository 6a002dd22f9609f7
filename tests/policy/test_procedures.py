"""Procedures: typed steps and what must be true afterwards, read strictly, in policy.yaml or beside it."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drillbook.errors import ConfigError
from drillbook.model.procedures import AFTERWARDS, STEPS
from drillbook.model.procedures.entry import COMMON
from drillbook.policy import load_policy
from tests.policy.texts import POLICY, changed, complaint, written

STEP = "      - {type: rollout_restart, component: api, line: 35}\n"
BESIDE = """\
apiVersion: drillbook/v1
kind: Procedures
procedures:
  - id: look
    source: {section: Playbook, lines: [50, 60]}
    steps:
      - {type: check, hold: [api-latency], within: 2 min, line: 51}
      - {type: exec, component: api, command: [df, -h], line: 52, note: how full the disk is}
      - {type: human, what: decide, line: 53}
    then:
      - {type: objectives, hold: [api-latency, db-connections]}
      - {type: replicas_restored, component: api, replicas: 3, line: 54}
      - {type: exit_code_honest, step: 2}
"""


def with_step(text: str) -> str:
    return changed(POLICY, STEP, f"      - {{{text}}}\n")


def with_then(text: str) -> str:
    return changed(POLICY, "drills:\n", f"    then: [{{{text}}}]\ndrills:\n")


def test_procedures_may_stand_in_a_file_of_their_own(tmp_path: Path) -> None:
    written(tmp_path, BESIDE, "procedures.yaml")
    policy = load_policy(written(tmp_path, POLICY))
    assert list(policy.procedures) == ["restart", "look"]
    look = policy.procedures["look"]
    check, run, human = look.steps
    assert (check.values, check.within, check.span) == ({"hold": ("api-latency",)}, timedelta(minutes=2), "51")
    assert run.values == {"command": ("df", "-h"), "container": None, "exit_code": 0, "writes": False}
    assert (human.component, run.note) == (None, "how full the disk is")
    objectives, replicas, honest = look.then
    assert objectives.values == {"hold": ("api-latency", "db-connections")}
    assert (replicas.component, replicas.values, replicas.lines) == ("api", {"replicas": 3}, (54, 54))
    assert honest.values == {"step": 2}


def test_a_mistake_beside_the_policy_has_that_files_name_and_line(tmp_path: Path) -> None:
    written(tmp_path, changed(BESIDE, "step: 2", "step: 4"), "procedures.yaml")
    said = complaint(tmp_path, POLICY)
    assert said == "procedures.yaml:13: procedures[0].then[2].step: expected the number of a step from 1 to 3, found 4"


def test_a_mistake_of_the_policy_is_told_before_what_follows_from_it(tmp_path: Path) -> None:
    written(tmp_path, BESIDE, "procedures.yaml")
    said = complaint(tmp_path, changed(POLICY, "id: api-latency", "id: api-latencies").replace("<= 80", "<= x"))
    assert "procedures.yaml" not in said
    assert "objectives[1].limit" in said


def test_an_id_of_the_policy_is_taken_beside_it_too(tmp_path: Path) -> None:
    written(tmp_path, changed(BESIDE, "id: look", "id: restart"), "procedures.yaml")
    assert (
        complaint(tmp_path, POLICY) == "procedures.yaml:4: procedures[0].id: 'restart' is taken already, in policy.yaml"
    )


def test_a_file_without_procedures_is_refused(tmp_path: Path) -> None:
    written(tmp_path, "apiVersion: drillbook/v1\nkind: Procedures\nprocedures: []\n", "procedures.yaml")
    assert "procedures: expected a list of at least one procedure, found an empty list" in complaint(tmp_path, POLICY)


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ("type: set_image, component: api", "image: expected a text, found nothing: this key is required"),
        (
            "type: scale, component: api, replicas: many",
            "expected a whole number from 0 to 1000, found the text 'many'",
        ),
        ("type: exec, component: api, command: df -h", "command: expected a list, found a single value"),
        ("type: exec, component: api, command: []", "expected a list of texts, one for each word, found an empty list"),
        ("type: exec, component: api, command: [df], writes: maybe", "writes: expected true or false, found the text"),
        ("type: sql, component: api, statements: [SELECT 1]", "a sql step needs the engine postgres"),
        ("type: sql, component: database, statements: [[x]]", "statements[0]: expected a text, found a list"),
        ("type: check, hold: [api-latencie]", "unknown objective 'api-latencie'; did you mean 'api-latency'?"),
        ("type: check, component: api, hold: [api-latency]", "component: a check step has no such key"),
        ("type: apply, file: ../other.yaml", "expected a path below the system's folder, found '../other.yaml'"),
        ("type: apply, file: nowhere.yaml", "expected a file of the system's folder, found nothing at 'nowhere.yaml'"),
        ("type: delete_object, component: api, object: settings", "expected an object such as configmap/settings"),
        ("type: renew_certificate, component: api, certificate: tls, how: hope", "unknown how 'hope'; known are annot"),
        ("type: restore_backup, component: database, from: mail, path: /b", "expected a component with a workload"),
        ("type: set_env, component: api, values: {A: [b]}", "values.A: expected a text, found a list"),
        ("type: wait_ready, component: api, within: soon", "within: expected"),
    ],
)
def test_each_mistake_in_a_step_is_told(tmp_path: Path, step: str, said: str) -> None:
    found = complaint(tmp_path, with_step(step))
    assert found.startswith("policy.yaml:46: procedures[0].steps[1]")
    assert said in found


@pytest.mark.parametrize(
    ("then", "said"),
    [
        ("type: restored", "then[0].type: unknown post-condition type 'restored'"),
        ("type: restore_fidelity, component: api", "a restore_fidelity post-condition needs the engine postgres"),
        ("type: objectives, hold: []", "expected a list of the policy's objectives, found an empty list"),
        ("type: no_drift, within: 2 min", "within: a no_drift post-condition has no such key"),
        ("type: credentials_cut_over, component: api, secret: s", "keys: expected a list of names, found nothing"),
    ],
)
def test_each_mistake_in_what_must_be_true_afterwards_is_told(tmp_path: Path, then: str, said: str) -> None:
    assert said in complaint(tmp_path, with_then(then))


def test_a_procedure_of_people_alone_has_no_steps(tmp_path: Path) -> None:
    text = changed(BESIDE, "      - {type: check, hold: [api-latency], within: 2 min, line: 51}\n", "")
    text = changed(
        text, "      - {type: exec, component: api, command: [df, -h], line: 52, note: how full the disk is}\n", ""
    )
    written(tmp_path, changed(text, "      - {type: exit_code_honest, step: 2}\n", ""), "procedures.yaml")
    assert "expected a step that a machine can do, found only human ones: say document_only" in complaint(
        tmp_path, POLICY
    )


def test_no_key_of_a_type_hides_a_common_one() -> None:
    for kind in (*STEPS.values(), *AFTERWARDS.values()):
        names = [key.name for key in kind.keys]
        assert len(set(names)) == len(names)
        assert not {*COMMON, "within"} & set(names)
        assert kind.about


@given(
    st.sampled_from(sorted(STEPS)), st.dictionaries(st.sampled_from(["command", "replicas", "file", "hold"]), st.text())
)
def test_any_step_is_read_or_refused_with_a_sentence(
    tmp_path_factory: pytest.TempPathFactory, kind: str, values: dict[str, str]
) -> None:
    written_values = ", ".join(f"{name}: {value!r}" for name, value in values.items())
    path = written(tmp_path_factory.mktemp("any"), with_step(f"type: {kind}, component: api, {written_values}"))
    with suppress(ConfigError):
        load_policy(path)
