"""Limits on texts, and limits that a runbook owes."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drillbook.model.quantity import Dimension
from drillbook.model.text_limit import OwedLimit, TextLimit

words = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1)


@given(words, words)
def test_a_text_equals_only_itself(wanted: str, found: str) -> None:
    assert TextLimit.parse(f"== {wanted}").holds_for(found) == (wanted == found)
    assert TextLimit.parse(f"!= {wanted}").holds_for(found) == (wanted != found)


def test_a_pattern_must_match_the_whole_text() -> None:
    release = TextLimit.parse(r"=~ v\d+\.\d+\.\d+")
    assert release.holds_for("v1.2.3")
    assert not release.holds_for("v1.2.3-dirty")
    assert TextLimit.parse("!~ latest").holds_for("v1.2.3")


@given(words)
def test_a_text_limit_is_read_back_as_it_is_printed(wanted: str) -> None:
    limit = TextLimit.parse(f"== {wanted}")
    assert TextLimit.parse(str(limit)) == limit


@pytest.mark.parametrize("text", ["postgres:15", "==", "< 3", "=~ (", ""])
def test_what_is_no_text_limit_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match=re.escape(repr(text)) if text not in {"=~ ("} else "regular expression"):
        TextLimit.parse(text)


def test_an_owed_limit_says_that_it_is_missing() -> None:
    assert "doesn't give" in str(OwedLimit(Dimension.DURATION))
