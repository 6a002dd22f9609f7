"""Post-conditions of the whole system, read off what the drill has seen: objectives, requests, drift, the rules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from drillbook.drills.afterwards.occasion import AfterWay, Kept, Occasion
from drillbook.judge import afterwards as judged
from drillbook.judge.outcome import Outcome, unseen
from drillbook.model.procedures import Entry

TRIES: Final = "alert.findings"
"""The indicator that tries a loaded rule on series with the fault and without."""


async def _objectives(occasion: Occasion, entry: Entry, _kept: Kept) -> Outcome:
    return judged.objectives(entry.values["hold"], occasion.objectives)


async def _no_failed_request(occasion: Occasion, _entry: Entry, _kept: Kept) -> Outcome:
    return judged.failed_requests(occasion.timeline(), occasion.begun, occasion.ended)


async def _no_drift(occasion: Occasion, _entry: Entry, _kept: Kept) -> Outcome:
    return judged.drift(await occasion.drift())


async def _rule_fires(occasion: Occasion, entry: Entry, _kept: Kept) -> Outcome:
    """By the objectives that try that rule: runbooks write ``High Error Rate``, and rules ``HighErrorRate``."""
    wanted = _plain(entry.values["alert"])
    names = [
        one.id
        for one in occasion.ground.policy.objectives
        if one.indicator == TRIES and _plain(str(one.parameters["alert"])) == wanted
    ]
    if not names:
        return unseen(f"no objective of the policy tries the rule {entry.values['alert']} ({TRIES})")
    return judged.objectives(names, occasion.objectives)


def _plain(name: str) -> str:
    return "".join(filter(str.isalnum, name)).lower()


WAYS: Final[Mapping[str, AfterWay]] = {
    "objectives": AfterWay(_objectives, more=lambda entry: ", ".join(entry.values["hold"])),
    "zero_failed_requests": AfterWay(_no_failed_request),
    "no_drift": AfterWay(_no_drift),
    "alert_expression_fires": AfterWay(_rule_fires, more=lambda entry: str(entry.values["alert"])),
}
