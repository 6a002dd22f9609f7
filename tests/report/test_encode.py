"""run.json: valid by its schema for every run there can be, and exact in its numbers."""

from __future__ import annotations

import json
import math
from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped,unused-ignore]
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drillbook.model.quantity import Dimension
from drillbook.report import encode, encode_timeline
from drillbook.report.numbers import number, plain, text, words
from tests.report.drill_samples import drill
from tests.report.samples import HOSTILE, run, samples
from tests.report.verdict_samples import verdict

ROOT = Path(__file__).parents[2]
SCHEMA = json.loads((ROOT / "drillbook" / "report" / "run.schema.json").read_text())
CHECKER = jsonschema.Draft202012Validator(SCHEMA, format_checker=jsonschema.FormatChecker())


def as_read(document: dict[str, Any]) -> dict[str, Any]:
    """What a reader of the file gets; fails on anything that standard JSON can't hold."""
    found: dict[str, Any] = json.loads(json.dumps(document, allow_nan=False))
    return found


@pytest.mark.parametrize("name", samples())
def test_every_kind_of_run_is_valid_by_the_schema(name: str) -> None:
    CHECKER.validate(as_read(encode.run(samples()[name])))


def test_the_schema_refuses_what_it_does_not_name() -> None:
    document = as_read(encode.run(samples()["pass"]))
    document["verdicts"][0]["extra"] = 1
    with pytest.raises(jsonschema.ValidationError):
        CHECKER.validate(document)


def test_the_documented_example_is_valid_by_the_schema() -> None:
    prose = (ROOT / "reports" / "README.md").read_text()
    example = json.loads(prose.split("```json\n")[1].split("```")[0])
    CHECKER.validate(example)


def test_every_field_of_the_schema_is_documented() -> None:
    prose = (ROOT / "reports" / "README.md").read_text()

    def names(part: Any) -> set[str]:
        if isinstance(part, dict):
            own = set(part.get("properties", {})) if isinstance(part.get("properties"), dict) else set()
            return own.union(*(names(v) for v in part.values()))
        return set().union(*(names(v) for v in part)) if isinstance(part, list) else set()

    assert {
        name for name in names(SCHEMA) if f"`{name}" not in prose and f"{name}`" not in prose and name not in prose
    } == set()


def test_an_infinite_bound_is_null_with_words_beside_it() -> None:
    found = encode.verdict(verdict(value="0.3", low="0.2", high="Infinity"))
    assert found["bounds"]["upper"] is None
    assert found["bounds"]["text"] == "200 ms to no answer"
    assert found["value"] == 0.3


def test_a_documented_zero_is_a_zero() -> None:
    found = encode.verdict(verdict(limit="== 0", dimension=Dimension.COUNT, value="0"))
    assert (found["value"], found["limit"]["value"], found["bounds"]["lower"]) == (0, 0, 0)


def test_nothing_seen_is_null_and_never_a_number() -> None:
    found = encode.verdict(verdict(value=None))
    assert (found["value"], found["bounds"], found["text"]) == (None, None, "nothing seen")


def test_the_timeline_of_each_drill_has_a_file_of_its_own() -> None:
    twice = run([], [drill("pod-kill"), drill("database-kill"), drill("pod-kill"), drill("pod-kill")])
    names = [d["timeline"] for d in encode.run(twice)["drills"]]
    assert names == [
        "timeline-pod-kill.json",
        "timeline-database-kill.json",
        "timeline-pod-kill.2.json",
        "timeline-pod-kill.3.json",
    ]


def test_a_drill_named_like_a_path_stays_in_its_folder() -> None:
    (name,) = encode_timeline.timeline_names([drill("../../etc/passwd")])
    assert "/" not in name


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**30), max_value=10**30))
def test_a_decimal_comes_back_as_the_nearest_number(value: Decimal) -> None:
    found = json.loads(json.dumps(number(value), allow_nan=False))
    assert float(found) == float(value)
    if value == value.to_integral_value() and abs(value) < 2**53:
        assert Decimal(found) == value


@given(st.decimals() | st.floats())
def test_no_number_breaks_the_file(value: Decimal | float) -> None:
    found = number(value)
    assert found is None or math.isfinite(found)
    json.dumps(found, allow_nan=False)


@given(st.floats(min_value=-1e300, max_value=math.inf), st.sampled_from(Dimension))
def test_every_number_has_words(value: float, dimension: Dimension) -> None:
    assert words(value, dimension)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.decimals() | st.text() | st.binary() | st.dates()
    | st.datetimes() | st.just(HOSTILE) | st.builds(object),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner) | st.frozensets(st.integers()),
)  # fmt: skip


@given(ANYTHING)
def test_any_evidence_can_be_written(value: Any) -> None:
    json.dumps(plain(value), allow_nan=False).encode()


def test_evidence_that_contains_itself_ends() -> None:
    endless: dict[str, Any] = {}
    endless["self"] = endless
    json.dumps(plain(endless), allow_nan=False)


@given(st.dictionaries(st.text(), st.floats(allow_nan=False, allow_infinity=False)))
def test_numbers_in_evidence_stay_what_they_are(evidence: dict[str, float]) -> None:
    found = json.loads(json.dumps(plain(evidence), allow_nan=False))
    assert sorted(float(v) for v in found.values()) == sorted(
        float(v) for v in {text(k): v for k, v in evidence.items()}.values()
    )
