"""Waivers: what a good file becomes, and what is said of a bad one."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from drillbook.errors import ConfigError
from drillbook.policy import load_policy, load_waivers
from tests.policy.texts import POLICY, WAIVERS, changed, written

CASES = {
    "unknown-objective": (
        "objective: api-latency", "objective: api-latenci",
        "waivers.yaml:4: waivers[0].objective: unknown objective 'api-latenci'; did you mean 'api-latency'?",
    ),
    "no-owner": (
        "    owner: platform team\n", "",
        "waivers.yaml:4: waivers[0].owner: expected the name of who answers for it, "
        "found nothing: this key is required",
    ),
    "empty-owner": (
        "platform team", '""',
        "waivers.yaml:5: waivers[0].owner: expected the name of who answers for it, found an empty text",
    ),
    "no-reason": (
        "    reason: the cache is being moved\n", "",
        "waivers.yaml:4: waivers[0].reason: expected the reason, found nothing: this key is required",
    ),
    "no-expiry": (
        "    expires: 2026-12-31\n", "",
        "waivers.yaml:4: waivers[0].expires: expected a day such as 2026-12-31 (UTC, to its end), "
        "found nothing: this key is required",
    ),
    "expiry-in-another-format": (
        "2026-12-31", "31.12.2026",
        "waivers.yaml:7: waivers[0].expires: expected a day such as 2026-12-31 (UTC, to its end), "
        "found the text '31.12.2026'",
    ),
    "expiry-with-a-time": (
        "2026-12-31", "2026-12-31T12:00:00Z",
        "waivers.yaml:7: waivers[0].expires: expected a day such as 2026-12-31 (UTC, to its end), "
        "found the date 2026-12-31T12:00:00Z",
    ),
    "a-day-that-there-is-not": (
        "2026-12-31", "2026-02-30",
        "waivers.yaml:7: waivers[0].expires: expected a day such as 2026-12-31 (UTC, to its end), "
        "found '2026-02-30': day is out of range for month",
    ),
    "no-ceiling": (
        '    ceiling: "<= 3 s"\n', "",
        'waivers.yaml:4: waivers[0].ceiling: expected the worst value that is accepted, as a limit such as "<= 3 s", '
        "found nothing: this key is required",
    ),
    "ceiling-in-another-unit": (
        "<= 3 s", "<= 3 %",
        "waivers.yaml:8: waivers[0].ceiling: unknown unit '%' in '3 %': a duration takes "
        "'ns', 'us', 'µs', 'ms', 's', 'm', 'min', 'h', 'd', 'w'",
    ),
    "ceiling-below-the-limit": (
        "<= 3 s", "<= 1 s",
        "waivers.yaml:8: waivers[0].ceiling: '<= 1 s' accepts less than the limit of api-latency, <= 2 s",
    ),
    "ceiling-in-the-other-direction": (
        "<= 3 s", ">= 1 s",
        "waivers.yaml:8: waivers[0].ceiling: '>= 1 s' accepts less than the limit of api-latency, <= 2 s",
    ),
    "ceiling-at-the-limit": (
        "<= 3 s", "<= 2000 ms",
        "waivers.yaml:8: waivers[0].ceiling: '<= 2000 ms' accepts no more than the limit of api-latency, <= 2 s: "
        "it waives nothing",
    ),
    "unknown-key": (
        "ticket:", "tickets:",
        "waivers.yaml:9: waivers[0].tickets: unknown key; did you mean 'ticket'?",
    ),
    "another-kind-of-file": (
        "kind: Waivers", "kind: Policy",
        "waivers.yaml:2: kind: unknown kind 'Policy'; known are Waivers",
    ),
}  # fmt: skip


def said_of(folder: Path, text: str) -> str:
    policy = load_policy(written(folder, POLICY))
    with pytest.raises(ConfigError) as caught:
        load_waivers(written(folder, text, "waivers.yaml"), policy)
    return str(caught.value).replace(f"{folder}/", "")


@pytest.mark.parametrize("case", CASES)
def test_each_mistake_is_told_with_its_line_and_field(tmp_path: Path, case: str) -> None:
    old, new, expected = CASES[case]
    assert said_of(tmp_path, changed(WAIVERS, old, new)) == expected


def test_a_waiver_says_who_why_until_when_and_up_to_what(tmp_path: Path) -> None:
    policy = load_policy(written(tmp_path, POLICY))
    (waiver,) = load_waivers(written(tmp_path, WAIVERS, "waivers.yaml"), policy)
    assert (waiver.objective, waiver.owner, waiver.ticket) == ("api-latency", "platform team", "OPS-212")
    assert (waiver.expires, str(waiver.ceiling), waiver.line) == (date(2026, 12, 31), "<= 3 s", 4)


def test_a_system_without_a_file_of_waivers_has_none(tmp_path: Path) -> None:
    policy = load_policy(written(tmp_path, POLICY))
    assert load_waivers(tmp_path / "waivers.yaml", policy) == ()


def test_an_empty_list_holds_no_waivers(tmp_path: Path) -> None:
    policy = load_policy(written(tmp_path, POLICY))
    text = "apiVersion: drillbook/v1\nkind: Waivers\nwaivers: []\n"
    assert load_waivers(written(tmp_path, text, "waivers.yaml"), policy) == ()


def test_a_link_to_nowhere_is_not_the_same_as_no_file(tmp_path: Path) -> None:
    policy = load_policy(written(tmp_path, POLICY))
    (tmp_path / "waivers.yaml").symlink_to(tmp_path / "moved.yaml")
    with pytest.raises(ConfigError, match="expected a list of waivers file, found nothing at this path"):
        load_waivers(tmp_path / "waivers.yaml", policy)


def test_an_exact_limit_can_be_waived_in_one_direction(tmp_path: Path) -> None:
    policy = load_policy(written(tmp_path, POLICY))
    text = changed(changed(WAIVERS, "api-latency", "backend-cpu"), "<= 3 s", ">= 500m")
    (waiver,) = load_waivers(written(tmp_path, text, "waivers.yaml"), policy)
    assert str(waiver.ceiling) == ">= 500m"


def test_a_ceiling_that_accepts_everything_is_none(tmp_path: Path) -> None:
    text = changed(changed(WAIVERS, "api-latency", "backend-cpu"), "<= 3 s", ">= 0")
    assert said_of(tmp_path, text) == (
        "waivers.yaml:8: waivers[0].ceiling: '>= 0' accepts every value of workload.cpu: a waiver needs a worst value"
    )


def test_two_waivers_of_one_objective_are_refused(tmp_path: Path) -> None:
    second = WAIVERS.partition("waivers:\n")[2]
    assert said_of(tmp_path, WAIVERS + second) == (
        "waivers.yaml:10: waivers[1].objective: 'api-latency' is taken already, on line 4"
    )
