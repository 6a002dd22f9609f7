"""What a drill learns of the alert that it waits for, from a real Prometheus: its times, and whether it is there."""

from __future__ import annotations

import asyncio

from drillbook.clients.prometheus import open_prometheus
from drillbook.clients.reach import Endpoint
from drillbook.drills.alert import first_look
from drillbook.judge.detection import AlertSight


def looked(address: str, alert: str) -> AlertSight:
    host, _, port = address.partition(":")

    async def look() -> AlertSight:
        async with open_prometheus(Endpoint(host, int(port), host, False, "test")) as prometheus:
            return await first_look(prometheus, AlertSight(alert), 7.0)

    return asyncio.run(look())


def test_the_loaded_rule_says_in_what_time_it_fires(remembering: str) -> None:
    found = looked(remembering, "HighErrorRatio")
    assert (found.loaded, found.for_seconds, found.evaluation_seconds, found.looks_back_seconds) == (
        True,
        120,
        0.5,
        300,
    )
    # It scrapes nothing: the past was written into its storage.
    assert (found.scrape_seconds, found.limit_seconds, found.severity) == (0, 421, "")
    assert [look.at for look in found.looks] == [7.0]
    assert found.looks[0].state in {"inactive", "pending", "firing"}


def test_an_alert_that_nobody_loaded_is_known_to_be_missing(remembering: str) -> None:
    found = looked(remembering, "NobodyWroteThis")
    assert (found.loaded, found.looks) == (False, ())
