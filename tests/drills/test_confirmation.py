"""Who wants to drill anything but a sandbox names it; nobody at the keyboard is no yes."""

from __future__ import annotations

import io
import sys
from dataclasses import replace

import pytest

from drillbook import places
from drillbook.cli.drill import _confirmed
from drillbook.model.environment import EnvironmentClass
from drillbook.policy import load_environment, load_policy

POLICY = load_policy(places.system_dir("solar") / "policy.yaml")
SANDBOX = load_environment(places.system_dir("solar"), "sandbox", POLICY)
STAGING = replace(SANDBOX, environment_class=EnvironmentClass.STAGING)


@pytest.mark.parametrize(
    ("named", "confirmed"), [("solar", True), ("Solar", False), ("rag7", False), ("", False), (None, False)]
)
def test_only_the_systems_own_name_confirms(
    monkeypatch: pytest.MonkeyPatch, named: str | None, confirmed: bool
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("solar\n"))
    assert _confirmed(POLICY, STAGING, POLICY.drills, named) is confirmed


def test_nobody_is_asked_for_a_sandbox() -> None:
    assert _confirmed(POLICY, SANDBOX, POLICY.drills, None) is True
