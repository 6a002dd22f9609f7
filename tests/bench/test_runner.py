"""The bench's own promises: medians against limits, and a selection."""

from __future__ import annotations

import pytest

from bench import table
from bench.__main__ import main
from bench.catalogue import MEASUREMENTS
from bench.measurement import Measurement, Result


def result(samples: tuple[float, ...], limit: float = 2.0) -> Result:
    return Result(Measurement("answer", "time to answer", "s", limit, lambda _: samples), samples)


def test_the_median_is_held_to_the_limit_not_the_worst_sample() -> None:
    assert result((1.0, 1.5, 9.0)).kept
    assert not result((1.0, 2.5, 9.0)).kept
    assert result((1.0, 1.5, 9.0)).ratio == 0.75


def test_a_median_at_the_limit_is_missed() -> None:
    assert not result((2.0,)).kept


def test_the_table_says_what_was_kept_and_what_was_missed() -> None:
    lines = table.text([result((1.0, 1.5, 9.0)), result((3.0,))]).splitlines()
    assert lines[2].split() == ["answer", "1.50", "s", "<", "2.00", "s", "0.75", "1.00", "to", "9.00", "3", "kept"]
    assert lines[3].endswith("MISSED")


def test_every_measurement_has_a_name_of_its_own() -> None:
    names = [measurement.name for measurement in MEASUREMENTS]
    assert len(names) == len(set(names))


def test_an_unknown_name_is_refused_with_those_that_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--only", "everything"])
    assert "sandbox-up" in capsys.readouterr().err
