"""Whatever a file holds, it becomes a policy or a sentence: never a traceback, never something half-read."""

from __future__ import annotations

import time
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drillbook.errors import ConfigError
from drillbook.model.policy import Policy
from drillbook.policy import load_environment, load_policy, load_waivers
from tests.policy.texts import ENVIRONMENT, POLICY, WAIVERS, written

same_folder = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
FRAGMENTS = (
    *("", "0", "-1", "1e99", "x", "[]", "{}", "~", "yes", '""', "2026-01-01", "{a: b}", "[1, [2]]", "&a", "*a", "% %"),
    *("<= 1", "1:30", "0x10", ".inf", ".nan", "!!str x", "<<", "=", "? a", "'", "|", "---", "99999999999999999999 d"),
)


def told_or_read(path: Path) -> Policy | None:
    """The policy, or None when it was refused in a sentence that names the file."""
    try:
        return load_policy(path)
    except ConfigError as error:
        said = str(error).splitlines()
    assert said
    assert all(line.startswith(str(path)) for line in said)
    return None


@same_folder
@given(st.binary(max_size=300))
def test_random_bytes_are_refused_in_a_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "policy.yaml"
    path.write_bytes(content)
    assert told_or_read(path) is None


@st.composite
def mutated(draw: st.DrawFn, text: str) -> str:
    """``text`` with some of its lines dropped, doubled or swapped, and some of its words replaced."""
    lines = text.splitlines()
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(lines) - 1))
        match draw(st.sampled_from(["drop", "double", "value", "word"])):
            case "drop" if len(lines) > 1:
                del lines[at]
            case "double":
                lines.insert(at, lines[at])
            case "value":
                lines[at] = f"{lines[at].partition(':')[0]}: {draw(st.sampled_from(FRAGMENTS))}"
            case _:
                words = lines[at].split(" ")
                words[draw(st.integers(0, len(words) - 1))] = draw(st.sampled_from(FRAGMENTS))
                lines[at] = " ".join(words)
    return "\n".join(lines) + "\n"


@same_folder
@given(mutated(POLICY))
def test_a_policy_with_random_mistakes_is_read_or_refused_in_sentences(tmp_path: Path, text: str) -> None:
    policy = told_or_read(written(tmp_path, text))
    if policy is not None:
        assert len({o.id for o in policy.objectives}) == len(policy.objectives) > 0
        assert all(o.component is None or o.component in policy.components for o in policy.objectives)
        assert all(d.procedure is None or d.procedure in policy.procedures for d in policy.drills)


@same_folder
@given(mutated(WAIVERS))
def test_waivers_with_random_mistakes_are_read_or_refused_in_sentences(tmp_path: Path, text: str) -> None:
    policy = load_policy(written(tmp_path, POLICY))
    try:
        waivers = load_waivers(written(tmp_path, text, "waivers.yaml"), policy)
    except ConfigError:
        return
    assert all(w.owner and w.reason and w.objective for w in waivers)


@same_folder
@given(mutated(ENVIRONMENT))
def test_environments_with_random_mistakes_are_read_or_refused_in_sentences(tmp_path: Path, text: str) -> None:
    written(tmp_path, text, "environments/prod.yaml")
    try:
        environment = load_environment(tmp_path, "prod")
    except ConfigError:
        return
    assert environment.cluster_uid or not environment.drills_allowed or environment.sandbox


def test_a_policy_of_hundreds_of_objectives_is_read_in_seconds(tmp_path: Path) -> None:
    head, _, tail = POLICY.partition("  - id: backend-cpu\n")
    one, _, rest = tail.partition("procedures:")
    many = "".join(f"  - id: backend-cpu-{n}\n{one}" for n in range(500))
    began = time.monotonic()
    policy = load_policy(written(tmp_path, f"{head}{many}procedures:{rest}"))
    assert len(policy.objectives) == 502
    assert time.monotonic() - began < 10
