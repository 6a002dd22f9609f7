"""Selectors pick what they say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drillbook.sandbox.api.selectors import field_match, field_value, label_match, parse_labels, selector_match
from drillbook.sandbox.kinds import CONFIG_MAP, EVENT, POD, Object
from drillbook.sandbox.status import ApiError

KEYS = st.sampled_from(["app", "tier", "example.com/team", "canary"])
VALUES = st.from_regex(r"[a-z0-9]([a-z0-9._-]{0,5}[a-z0-9])?", fullmatch=True)
LABELS = st.dictionaries(KEYS, VALUES, max_size=4)


def fits(text: str, labels: dict[str, str]) -> bool:
    match = label_match(text)
    return match is None or match({"metadata": {"labels": labels}})


@given(KEYS, VALUES, LABELS)
def test_equality_means_that_the_label_has_that_value(key: str, value: str, labels: dict[str, str]) -> None:
    assert fits(f"{key}={value}", labels) == (labels.get(key) == value)
    assert fits(f"{key} == {value}", labels) == (labels.get(key) == value)


@given(KEYS, VALUES, LABELS)
def test_inequality_holds_without_the_label_too(key: str, value: str, labels: dict[str, str]) -> None:
    assert fits(f"{key}!={value}", labels) == (labels.get(key) != value)


@given(KEYS, st.sets(VALUES, min_size=1, max_size=3), LABELS)
def test_notin_is_the_opposite_of_in(key: str, values: set[str], labels: dict[str, str]) -> None:
    listed = ", ".join(sorted(values))
    assert fits(f"{key} in ({listed})", labels) == (labels.get(key) in values)
    assert fits(f"{key} notin ({listed})", labels) != fits(f"{key} in ({listed})", labels)


@given(KEYS, LABELS)
def test_absence_is_the_opposite_of_presence(key: str, labels: dict[str, str]) -> None:
    assert fits(key, labels) == (key in labels)
    assert fits(f"!{key}", labels) != fits(key, labels)


@given(LABELS, LABELS)
def test_a_comma_means_and(wanted: dict[str, str], labels: dict[str, str]) -> None:
    text = ",".join(f"{key}={value}" for key, value in wanted.items())
    assert fits(text, labels) == (wanted.items() <= labels.items())


@given(LABELS, LABELS)
def test_a_selector_object_picks_as_its_text_does(wanted: dict[str, str], labels: dict[str, str]) -> None:
    text = ",".join(f"{key}={value}" for key, value in wanted.items())
    assert selector_match({"matchLabels": wanted})(labels) == fits(text, labels)


def test_numbers_compare_as_numbers() -> None:
    assert fits("size>9", {"size": "10"})
    assert not fits("size<9", {"size": "10"})
    assert not fits("size>9", {"size": "big"})
    assert not fits("size>9", {})


def test_an_absent_selector_object_picks_nothing_and_an_empty_one_everything() -> None:
    assert not selector_match(None)({"app": "web"})
    assert selector_match({})({"app": "web"})


@pytest.mark.parametrize("text", ["app=", "app in ()", "app in (a,)", "a=b , c in (d)", "a", "!a"])
def test_these_can_be_read(text: str) -> None:
    assert parse_labels(text)


@pytest.mark.parametrize("text", ["app in", "=web", "app=a b", "app in (a", ",", "app=web,,b=c", "a>b", "-a=b", "a=b)"])
def test_what_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(ApiError) as refused:
        parse_labels(text)
    assert refused.value.code == 400


def test_an_unsupported_field_is_refused_by_name() -> None:
    with pytest.raises(ApiError, match=r"field label not supported: spec\.color"):
        field_match("spec.color=red", POD)
    with pytest.raises(ApiError, match=r"status\.phase"):
        field_match("status.phase=Running", CONFIG_MAP)


def test_fields_of_pods_and_events_select() -> None:
    pod: Object = {
        "metadata": {"name": "web", "namespace": "a"},
        "spec": {"nodeName": "n"},
        "status": {"phase": "Running"},
    }
    assert field_match("status.phase=Running,spec.nodeName=n,metadata.name!=db", POD)(pod)  # type: ignore[misc]
    assert not field_match("status.phase!=Running", POD)(pod)  # type: ignore[misc]
    event: Object = {"metadata": {"name": "e"}, "involvedObject": {"kind": "Pod", "uid": "1"}, "type": "Warning"}
    assert field_match("involvedObject.kind=Pod,involvedObject.uid=1,type=Warning", EVENT)(event)  # type: ignore[misc]


def test_an_absent_field_compares_as_empty_and_a_boolean_as_a_word() -> None:
    assert field_value({"metadata": {}}, "spec.nodeName") == ""
    assert field_value({"metadata": {}}, "spec.unschedulable") == "false"
    assert field_value({"spec": {"unschedulable": True}}, "spec.unschedulable") == "true"
