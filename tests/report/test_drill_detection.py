"""The documented alert and the recovery point in every report, and their absence in words."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from drillbook.model.drill import RecoveryPoint
from drillbook.model.run import Run
from drillbook.report import encode
from tests.report.drill_samples import detected, drill
from tests.report.samples import run
from tests.report.test_html import html
from tests.report.test_terminal import printed

NONE = "no alert is documented for this"


@pytest.mark.parametrize("show", [html, printed])
def test_a_drill_without_a_documented_alert_says_so(show: Callable[[Run], str]) -> None:
    assert NONE in " ".join(show(run([], [drill()])).split())


@pytest.mark.parametrize("show", [html, printed])
def test_what_became_of_the_alert_is_told(show: Callable[[Run], str]) -> None:
    text = " ".join(show(run([], [drill(detection=detected())])).split())
    assert "alert ApplicationDown fired after 3 s; it cleared 2 s after the recovery" in text
    assert NONE not in text


@pytest.mark.parametrize(
    ("limit", "words"), [(None, "documented"), (86400.0, "documented: 1 d")], ids=["undocumented", "documented"]
)
def test_how_old_a_restored_backup_was_is_told_beside_how_old_it_may_be(limit: float | None, words: str) -> None:
    one = drill(recovery_point=RecoveryPoint("/backups/latest.sql.gz", 180.0, limit))
    for text in (html(run([], [one])), printed(run([], [one]))):
        assert "/backups/latest.sql.gz" in text
        assert words in " ".join(text.split())


def test_run_json_has_both_or_null() -> None:
    plain = encode.drill(drill(), "t.json")
    assert (plain["detection"], plain["recovery_point"]) == (None, None)
    point = RecoveryPoint("/backups/latest.sql.gz", 180.0, None)
    told = encode.drill(drill(detection=detected(), recovery_point=point), "t.json")
    assert told["detection"]["fired_seconds"] == 3
    assert told["recovery_point"] == {"backup": "/backups/latest.sql.gz", "seconds": 180, "limit_seconds": None}
