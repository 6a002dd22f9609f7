"""junit.xml: well-formed for every run, and every status where CI systems look for it."""

from __future__ import annotations

from xml.etree import ElementTree as Tree

import pytest

from drillbook.report import encode
from drillbook.report.junit import junit
from tests.report.drill_samples import drill
from tests.report.samples import run, samples
from tests.report.verdict_samples import broken, unclear, verdict, waived


def parsed(name_or_run: object) -> Tree.Element:
    record = samples()[name_or_run] if isinstance(name_or_run, str) else name_or_run
    return Tree.fromstring(junit(encode.run(record)).encode())  # type: ignore[arg-type]


@pytest.mark.parametrize("name", samples())
def test_every_kind_of_run_is_well_formed(name: str) -> None:
    root = parsed(name)
    assert root.tag == "testsuites"
    for case in root.iter("testcase"):
        assert float(case.get("time", "")) >= 0


@pytest.mark.parametrize("name", samples())
def test_names_are_unique(name: str) -> None:
    found = [(c.get("classname"), c.get("name")) for c in parsed(name).iter("testcase")]
    assert len(found) == len(set(found))


def test_the_same_objective_twice_gets_two_names() -> None:
    found = [c.get("name") for c in parsed(run([verdict(), verdict()])).iter("testcase")]
    assert found == ["solar/api-latency", "solar/api-latency #2"]


def test_each_status_is_where_ci_systems_look_for_it() -> None:
    root = parsed(run([verdict("a"), broken(), unclear(), waived()]))
    assert {k: root.get(k) for k in ("tests", "failures", "errors", "skipped")} == {
        "tests": "4",
        "failures": "1",
        "errors": "1",
        "skipped": "1",
    }
    failure = root.find(".//failure")
    error = root.find(".//error")
    skipped = root.find(".//skipped")
    assert failure is not None
    assert failure.get("type") == "threshold"
    assert "expected  <= 2 s" in (failure.text or "")
    assert error is not None
    assert error.get("type") == "inconclusive"
    assert skipped is not None
    assert skipped.get("message") == "waived until 2026-12-31 by data-platform: the bigger volume is ordered"


def test_a_failing_case_says_where_the_runbook_says_so() -> None:
    (case,) = parsed(run([broken()])).iter("testcase")
    found = {p.get("name"): p.get("value") for p in case.iter("property")}
    assert found["runbook"] == "operations-runbook.md:232"
    assert found["value"] == "3.04 s"
    assert found["samples"] == "400"


def test_drills_are_a_suite_with_the_objectives_after_them() -> None:
    root = parsed(run([verdict()], [drill(after=[broken()])]))
    suites = {s.get("name"): [c.get("name") for c in s.iter("testcase")] for s in root.iter("testsuite")}
    assert suites["solar.drills"] == ["solar/database-kill", "after solar/database-kill: solar/api-latency"]


def test_why_a_run_was_cut_short_is_there() -> None:
    root = parsed("interrupted")
    assert "interrupted after" in (root.findtext(".//system-err") or "")
