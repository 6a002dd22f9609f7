"""Policies with something wrong in them: file, line, field, what was expected, what was found, and a hint."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.policy.mistakes import CASES
from tests.policy.texts import POLICY, changed, complaint


@pytest.mark.parametrize("case", CASES)
def test_each_mistake_is_told_with_its_line_and_field(tmp_path: Path, case: str) -> None:
    old, new, expected = CASES[case]
    assert sorted(complaint(tmp_path, changed(POLICY, old, new)).splitlines()) == sorted(expected.splitlines())


def test_all_problems_of_a_file_are_told_at_once_and_the_first_line_comes_first(tmp_path: Path) -> None:
    text = changed(changed(POLICY, "port: 8000", "port: no"), "line: 20", "line: x")
    text = changed(text, '"<= 80"', '"<= 80 %"')
    lines = [int(line.split(":")[1]) for line in complaint(tmp_path, text).splitlines()]
    assert lines == [11, 28, 38]


def test_a_file_full_of_problems_is_told_in_forty_lines_and_a_number(tmp_path: Path) -> None:
    keys = "".join(f"unknown{i}: x\n" for i in range(55))
    told = complaint(tmp_path, POLICY + keys).splitlines()
    assert len(told) == 41
    assert told[-1] == "policy.yaml: and 15 more"


def test_an_error_ratio_of_at_most_a_hundred_percent_can_never_fail(tmp_path: Path) -> None:
    text = changed(POLICY, "indicator: http.latency", "indicator: http.error_ratio")
    text = changed(changed(text, "    parameters: {percentile: 95}\n", ""), '"<= 2 s"', '"<= 100 %"')
    assert complaint(tmp_path, text) == (
        "policy.yaml:21: objectives[0].limit: '<= 100 %' can never fail: http.error_ratio is always from 0 % to 100 %"
    )


def test_a_certificate_can_be_past_its_end_so_a_floor_of_zero_can_fail(tmp_path: Path) -> None:
    text = changed(POLICY, "port: 8000", "ingress: shop")
    text = changed(text, "indicator: http.latency", "indicator: certificate.time_left")
    text = changed(changed(text, "    parameters: {percentile: 95}\n", ""), '"<= 2 s"', '">= 0"')
    assert "no unit in '0'" in complaint(tmp_path, text)
    assert "can never" not in complaint(tmp_path, text)
