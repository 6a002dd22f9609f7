"""The catalogue of post-conditions and how they are seen are held to each other, and the systems' own can be told."""

from __future__ import annotations

import pytest

from drillbook import places
from drillbook.drills.afterwards import AFTERWARDS_WAYS
from drillbook.drills.afterwards.conditions import described, place_of
from drillbook.model.procedures import AFTERWARDS
from drillbook.policy import load_policy

SYSTEMS = ("aic", "arbor", "rag7", "smartcloudops", "solar")


def test_every_type_of_post_condition_can_be_seen() -> None:
    assert set(AFTERWARDS_WAYS) == set(AFTERWARDS)


@pytest.mark.parametrize("system", SYSTEMS)
def test_every_post_condition_of_a_system_has_words_and_a_line(system: str) -> None:
    policy = load_policy(places.system_dir(system) / "policy.yaml")
    for procedure in policy.procedures.values():
        for entry in procedure.then:
            assert described(entry).startswith(entry.type)
            source = place_of(policy, procedure, entry)
            assert source.document == policy.document
            assert source.lines == (entry.lines or procedure.source.lines)
