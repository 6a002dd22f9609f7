"""Every check is proven able to fail: an indicator without a violation is an indicator without a proof."""

from __future__ import annotations

import pytest

from drillbook.model.indicators import INDICATORS
from drillbook.model.indicators.attested import ATTESTED
from drillbook.model.indicators.aws import AWS
from drillbook.proof.violations import VIOLATIONS

OBSERVED = sorted(name for name in INDICATORS if not name.startswith((ATTESTED, AWS)))


@pytest.mark.parametrize("name", OBSERVED)
def test_every_indicator_that_a_machine_observes_has_a_violation(name: str) -> None:
    assert name in VIOLATIONS or {f"{name}/{via}" for via in INDICATORS[name].vias} <= set(VIOLATIONS)


@pytest.mark.parametrize("name", sorted(VIOLATIONS))
def test_every_violation_is_of_an_indicator_and_a_source_that_there_are(name: str) -> None:
    indicator, _, via = name.partition("/")
    assert indicator in INDICATORS
    assert not via or via in INDICATORS[indicator].vias
