"""What must be true after the procedure, in every report: what isn't is told, with the runbook's line."""

from __future__ import annotations

from tests.report.drill_samples import conditions, drill
from tests.report.samples import run
from tests.report.test_html import html
from tests.report.test_junit import parsed
from tests.report.test_terminal import printed

WHY = "expected 3 replicas, found 2"
RUN = run([], [drill(then=conditions(WHY))])


def test_the_terminal_tells_what_is_not_true_and_what_nobody_could_see_and_no_more() -> None:
    text = " ".join(printed(RUN).split())
    assert "fail objectives latency (" in text
    assert f":290 (Disaster Recovery > Database Restore)): {WHY}" in text
    assert "inconclusive objectives errors (" in text
    assert "pass objectives health" not in text


def test_the_page_lists_all_of_them_and_is_open_where_one_needs_a_person() -> None:
    text = html(RUN)
    assert "True after the procedure" in text
    assert text.count(WHY) == 3
    assert '<details class="more" open><summary>True after the procedure' in text


def test_a_drill_without_a_procedure_has_no_such_list() -> None:
    assert "True after the procedure" not in html(run([], [drill()]))


def test_junit_has_a_case_for_each() -> None:
    names = [one.text for one in conditions(WHY)]
    cases = {str(case.get("name")).rpartition(": ")[2]: case for case in parsed(RUN).iter("testcase")}
    kinds = [[child.tag for child in cases[name] if child.tag != "properties"] for name in names]
    assert kinds == [[], ["failure"], ["error"]]
