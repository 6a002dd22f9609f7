"""One certificate authority for all tests of controllers: making one takes time, and nothing changes it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from drillbook.sandbox.certificates import Authority
from drillbook.sandbox.controllers.autoscaler import Autoscalers
from drillbook.sandbox.controllers.job import Jobs
from tests.sandbox.controllers.scaling import Meter
from tests.sandbox.controllers.stage import Stage, staged


@pytest.fixture(scope="session")
def authority() -> Authority:
    return Authority("test")


@pytest.fixture
def stage(authority: Authority) -> Iterator[Stage]:
    """An empty stage."""
    with staged(authority) as made:
        yield made


@pytest.fixture
def meter(stage: Stage) -> Meter:
    """What the pods use, for the test to say."""
    return Meter(stage)


@pytest.fixture
def autoscaled(stage: Stage, meter: Meter) -> Stage:
    """A stage with autoscalers that read the meter."""
    stage.add(lambda cluster: Autoscalers(cluster, meter, stage.clock))
    return stage


@pytest.fixture
def jobs(stage: Stage) -> Stage:
    """A stage with the controller of Jobs."""
    stage.add(lambda cluster: Jobs(cluster, stage.clock))
    return stage
