"""The blast radius: what is chosen, and what is never touched."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drillbook.drills.blast_radius import Radius, choose
from drillbook.errors import Refused
from drillbook.faults.fault import Aim, Candidate, Target
from drillbook.model.policy import Component, Workload

API = Component("api", "shop", Workload("deployment", "backend"))
WIDE = Radius(frozenset({"shop"}), 100, 100)


def pods(*why_not: str, namespace: str = "shop") -> list[Candidate]:
    return [Candidate(Target("Pod", namespace, f"pod-{n}", f"uid-{n}"), why) for n, why in enumerate(why_not)]


def test_the_first_by_name_are_chosen_so_that_a_rehearsal_tells_the_truth() -> None:
    found = choose(list(reversed(pods("", "", ""))), Aim(API, pods=2), WIDE)
    assert [t.name for t in found.chosen] == ["pod-0", "pod-1"]
    assert (found.candidates, found.eligible) == (3, 3)


def test_a_pod_that_is_not_eligible_is_left_out_with_its_reason() -> None:
    found = choose(pods("is not Ready", ""), Aim(API), WIDE)
    assert [t.name for t in found.chosen] == ["pod-1"]
    assert found.left_out == ("pod/pod-0 is not Ready",)


def test_no_pod_at_all_is_a_refusal_and_not_an_empty_success() -> None:
    with pytest.raises(Refused, match=r"^not injecting: none of the 0 pods of component 'api' is eligible") as refused:
        choose([], Aim(API), WIDE)
    assert "see `kubectl -n shop get pods`" in str(refused.value)


def test_fewer_eligible_pods_than_asked_for_is_a_refusal() -> None:
    with pytest.raises(Refused, match=r"asks for 2 pods .* only 1 are eligible: pod/pod-1 is Pending"):
        choose(pods("", "is Pending"), Aim(API, pods=2), WIDE)


def test_a_pod_in_another_namespace_is_never_eligible() -> None:
    with pytest.raises(Refused, match="outside the blast radius"):
        choose(pods("", namespace="bank"), Aim(API), WIDE)


def test_more_pods_than_allowed_is_a_refusal() -> None:
    with pytest.raises(Refused, match="at most 1 pods and 100 %"):
        choose(pods("", "", ""), Aim(API, pods=2), Radius(frozenset({"shop"}), 1, 100))


@pytest.mark.parametrize(
    ("pods_allowed", "where"),
    [
        (None, "raise most_pods and most_percent of experiment pod-kill-some"),
        (5, "raise most_pods and most_percent of experiment pod-kill-some"),
        (0, "of experiment pod-kill-some, and leash.pods and leash.percent of environments/staging.yaml"),
    ],
)
def test_a_refusal_of_too_many_says_who_would_have_to_allow_more(pods_allowed: int | None, where: str) -> None:
    own = Radius(frozenset({"shop"}), 1, 100, experiment="experiment pod-kill-some")
    radius = own.within(pods_allowed, None, "environments/staging.yaml")
    with pytest.raises(Refused) as refused:
        choose(pods("", "", ""), Aim(API, pods=2), radius)
    assert str(refused.value).endswith(where)


def test_more_percent_than_allowed_is_a_refusal_even_for_one_pod() -> None:
    with pytest.raises(Refused, match=r"1 of 1 pods \(100 %\)"):
        choose(pods(""), Aim(API), Radius(frozenset({"shop"}), 1, 50))


def test_zero_pods_means_all_of_them() -> None:
    assert len(choose(pods("", "", ""), Aim(API, pods=0), WIDE).chosen) == 3


@given(
    st.lists(st.sampled_from(["", "is Pending"]), max_size=12),
    st.integers(0, 12),
    st.integers(0, 12),
    st.floats(0, 100),
)
def test_whatever_is_chosen_lies_within_the_radius(why_not: list[str], wanted: int, most: int, percent: float) -> None:
    candidates = pods(*why_not)
    try:
        found = choose(candidates, Aim(API, pods=wanted), Radius(frozenset({"shop"}), most, percent))
    except Refused:
        return
    eligible = {c.target for c in candidates if not c.why_not}
    assert 0 < len(found.chosen) <= most
    assert set(found.chosen) <= eligible
    assert 100 * len(found.chosen) <= percent * len(eligible) + 1e-6
