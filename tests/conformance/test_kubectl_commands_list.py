"""The list of kubectl commands is complete in itself: what a test needs to run each form is there."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from tests.conformance.commands import CommandForm, forms, parameters

FORMS = forms()
NEEDS = {
    "a node to spare", "cache", "certificates", "database", "ephemeral containers", "metrics", "python", "tar",
}  # fmt: skip


def name(form: CommandForm) -> str:
    return form.id


def test_no_two_forms_share_a_name() -> None:
    assert [name for name, times in Counter(form.id for form in FORMS).items() if times > 1] == []


def test_no_two_forms_are_the_same_command() -> None:
    seen = Counter((form.kubectl, form.terminal, form.input is None) for form in FORMS)
    assert [command for command, times in seen.items() if times > 1] == []


def test_no_runbook_line_is_counted_twice() -> None:
    seen = Counter(source for form in FORMS for source in form.sources)
    assert [source for source, times in seen.items() if times > 1] == []


def test_the_parameters_are_exactly_those_that_some_form_uses() -> None:
    assert frozenset[str]().union(*(form.placeholders() for form in FORMS)) == parameters().keys()


def test_a_value_with_a_dot_stands_for_itself_in_the_expected_lines() -> None:
    form = CommandForm("x", "x", (), ("get", "{node}"), lines=("{node} +Ready",)).filled({"node": "node.1"})
    assert form.kubectl == ("get", "node.1")
    assert re.search(form.lines[0], "node.1   Ready")
    assert not re.search(form.lines[0], "nodes1   Ready")


def test_an_unknown_parameter_is_an_error_and_not_left_in_place() -> None:
    with pytest.raises(KeyError, match="node"):
        CommandForm("x", "x", (), ("get", "{node}")).filled({})


@pytest.mark.parametrize("form", FORMS, ids=name)
def test_a_form_says_where_it_comes_from_and_what_shows_that_it_worked(form: CommandForm) -> None:
    assert form.sources
    assert all(re.fullmatch(r"00[0-4]:\d+", source) for source in form.sources)
    assert all(re.compile(line) for line in form.filled(dict.fromkeys(parameters(), "value")).lines)
    assert set(form.needs) <= NEEDS
    assert (form.exit != 0 or bool(form.also_exits)) == (form.because is not None)
    assert form.types is None or form.terminal is not None, "only a terminal can be typed at"
    assert form.input is None or form.terminal is None, "stdin is either a terminal or not"


@pytest.mark.parametrize("form", [form for form in FORMS if "-it" in form.kubectl], ids=name)
def test_a_form_that_asks_for_a_terminal_says_which_it_gets(form: CommandForm) -> None:
    assert form.terminal is not None or form.input is not None
