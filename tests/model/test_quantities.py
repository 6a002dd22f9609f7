"""Quantities are exact: what is written is what is meant, and what is printed can be read back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drillbook.model.quantity import UNITS, Dimension, Quantity, duration, render

EXACT = [d for d in UNITS if d is not Dimension.RATE]
"""A per-minute rate is a sixtieth of a base unit, which no Decimal holds exactly."""


def read(text: str, dimension: Dimension) -> Decimal:
    return Quantity.parse(text, dimension).value


@st.composite
def written_quantities(draw: st.DrawFn, dimensions: Sequence[Dimension] = EXACT) -> tuple[str, Dimension, Fraction]:
    """A quantity as text, its dimension, and its value in base units."""
    dimension = draw(st.sampled_from(dimensions))
    unit = draw(st.sampled_from(sorted(UNITS[dimension])))
    if dimension is Dimension.RATIO and not unit:
        number = draw(st.decimals(0, 1, places=6))
    else:
        number = draw(st.decimals(-(10**12), 10**12, places=draw(st.integers(0, 6))))
    space = draw(st.sampled_from(["", " "]))
    return f"{number:f}{space}{unit}", dimension, Fraction(number) * Fraction(UNITS[dimension][unit])


@given(written_quantities())
def test_a_quantity_is_kept_exactly(written: tuple[str, Dimension, Fraction]) -> None:
    text, dimension, value = written
    assert Fraction(read(text, dimension)) == value


@given(written_quantities([*UNITS]))
def test_what_is_printed_is_read_back_as_the_same_quantity(written: tuple[str, Dimension, Fraction]) -> None:
    quantity = Quantity.parse(written[0], written[1])
    assert Quantity.parse(str(quantity), quantity.dimension) == quantity


@given(st.sampled_from([*UNITS]), st.decimals(-(10**15), 10**15, places=9))
def test_any_number_can_be_printed_and_read_back(dimension: Dimension, value: Decimal) -> None:
    quantity = Quantity(value, dimension)
    assert read(str(quantity), dimension) == value


@given(st.lists(st.tuples(st.integers(0, 10**6), st.sampled_from(["h", "min", "s", "ms"])), min_size=1, max_size=4))
def test_the_terms_of_a_duration_add_up(terms: list[tuple[int, str]]) -> None:
    text = " ".join(f"{number}{unit}" for number, unit in terms)
    seconds = {"h": Fraction(3600), "min": Fraction(60), "s": Fraction(1), "ms": Fraction(1, 1000)}
    assert Fraction(read(text, Dimension.DURATION)) == sum(number * seconds[unit] for number, unit in terms)


@given(written_quantities([Dimension.BYTES]), written_quantities([Dimension.BYTES]))
def test_quantities_compare_as_plain_arithmetic_does_whatever_their_units(
    one: tuple[str, Dimension, Fraction], other: tuple[str, Dimension, Fraction]
) -> None:
    first, second = read(one[0], one[1]), read(other[0], other[1])
    assert (first < second, first == second) == (one[2] < other[2], one[2] == other[2])


@pytest.mark.parametrize(
    ("text", "dimension", "base"),
    [
        ("500 ms", Dimension.DURATION, "0.5"),
        ("1h30m", Dimension.DURATION, "5400"),
        ("15 min", Dimension.DURATION, "900"),
        ("1 w", Dimension.DURATION, "604800"),
        ("5 %", Dimension.RATIO, "0.05"),
        ("0.05", Dimension.RATIO, "0.05"),
        ("1", Dimension.RATIO, "1"),
        ("130 %", Dimension.RATIO, "1.3"),
        ("512Mi", Dimension.BYTES, "536870912"),
        ("2Gi", Dimension.BYTES, "2147483648"),
        ("1.5 GiB", Dimension.BYTES, "1610612736"),
        ("1 MB", Dimension.BYTES, "1000000"),
        ("2000m", Dimension.CORES, "2"),
        ("0.1", Dimension.CORES, "0.1"),
        ("80", Dimension.COUNT, "80"),
        ("0", Dimension.COUNT, "0"),
        ("1e3", Dimension.COUNT, "1000"),
        ("20 /s", Dimension.RATE, "20"),
    ],
)
def test_quantities_are_read_as_runbooks_and_kubernetes_write_them(text: str, dimension: Dimension, base: str) -> None:
    assert read(text, dimension) == Decimal(base)


def test_the_same_amount_is_equal_however_it_is_written() -> None:
    assert read("2000m", Dimension.CORES) == read("2", Dimension.CORES)
    assert read("1Gi", Dimension.BYTES) == read("1024Mi", Dimension.BYTES)
    assert read("0.1", Dimension.CORES) * 3 == read("0.3", Dimension.CORES)


@pytest.mark.parametrize(
    ("text", "dimension", "sentence"),
    [
        ("", Dimension.COUNT, "expected a count such as '80', found ''"),
        ("abc", Dimension.COUNT, "expected a count such as '80', found 'abc'"),
        ("nan", Dimension.COUNT, "expected a count such as '80', found 'nan'"),
        ("inf", Dimension.DURATION, "expected a duration such as '500 ms' or '1h30m', found 'inf'"),
        ("1 2", Dimension.COUNT, "expected a count such as '80', found '1 2'"),
        ("5m 5m", Dimension.CORES, "expected a number of cores such as '500m' or '2', found '5m 5m'"),
        ("1h-30m", Dimension.DURATION, "expected a duration such as '500 ms' or '1h30m', found '1h-30m'"),
        ("0x10", Dimension.COUNT, "unknown unit 'x' in '0x10': a count takes none: a plain number"),
        ("1e999999", Dimension.COUNT, "expected a count such as '80', found '1e999999'"),
        (
            "5 parsecs",
            Dimension.BYTES,
            "unknown unit 'parsecs' in '5 parsecs': a size in bytes takes 'B', 'k', 'kB', 'M'",
        ),
        ("5 %", Dimension.COUNT, "unknown unit '%' in '5 %': a count takes none: a plain number"),
        ("80", Dimension.RATIO, "expected a ratio from 0 to 1 or a percentage, found '80'; did you mean '80 %'?"),
        ("2", Dimension.DURATION, "no unit in '2': a duration takes 'ns', 'us'"),
        ("٣", Dimension.COUNT, "expected a count such as '80', found '٣'"),
        ("9" * 41, Dimension.COUNT, "expected a count such as '80', found '999"),
    ],
)
def test_what_is_no_quantity_is_refused_in_a_sentence(text: str, dimension: Dimension, sentence: str) -> None:
    with pytest.raises(ValueError, match=r"^(expected|unknown unit|no unit)") as caught:
        read(text, dimension)
    assert str(caught.value).startswith(sentence)


@given(st.text(max_size=30), st.sampled_from([*UNITS]))
def test_any_text_is_a_quantity_or_a_value_error(text: str, dimension: Dimension) -> None:
    try:
        quantity = Quantity.parse(text, dimension)
    except ValueError:
        return
    assert quantity.value.is_finite()


@pytest.mark.parametrize(
    ("text", "dimension", "printed"),
    [
        ("2 s", Dimension.DURATION, "2 s"),
        ("0.5s", Dimension.DURATION, "500 ms"),
        ("90s", Dimension.DURATION, "90 s"),
        ("3600 s", Dimension.DURATION, "1 h"),
        ("14 d", Dimension.DURATION, "14 d"),
        ("0 s", Dimension.DURATION, "0 s"),
        ("0.05", Dimension.RATIO, "5 %"),
        ("512Mi", Dimension.BYTES, "512Mi"),
        ("2048Mi", Dimension.BYTES, "2Gi"),
        ("1 MB", Dimension.BYTES, "1000000 B"),
        ("2000m", Dimension.CORES, "2"),
        ("250m", Dimension.CORES, "250m"),
        ("80", Dimension.COUNT, "80"),
        ("20 /min", Dimension.RATE, "20 /min"),
        ("1.2345678 s", Dimension.DURATION, "1.2345678 s"),
    ],
)
def test_a_limit_is_printed_in_full_and_in_the_unit_that_suits_it(
    text: str, dimension: Dimension, printed: str
) -> None:
    assert str(Quantity.parse(text, dimension)) == printed


@pytest.mark.parametrize(
    ("value", "dimension", "printed"),
    [
        ("3.0149", Dimension.DURATION, "3.01 s"),
        ("0.0123", Dimension.DURATION, "12.3 ms"),
        ("0.9999", Dimension.DURATION, "1000 ms"),
        ("7200", Dimension.DURATION, "2 h"),
        ("Infinity", Dimension.DURATION, "no answer"),
        ("0.0421", Dimension.RATIO, "4.21 %"),
        ("0.00000012", Dimension.RATIO, "0.000012 %"),
        ("1536", Dimension.BYTES, "1.5Ki"),
        ("1024.5", Dimension.COUNT, "1024"),
        ("999.99", Dimension.COUNT, "1000"),
        ("1.5", Dimension.CORES, "1.5"),
        ("0.1234", Dimension.CORES, "123m"),
        ("-86400", Dimension.DURATION, "-1 d"),
    ],
)
def test_an_observed_value_is_printed_short(value: str, dimension: Dimension, printed: str) -> None:
    assert render(Decimal(value), dimension) == printed


@given(st.decimals(-(10**9), 10**9, places=9), st.sampled_from([*UNITS]))
def test_a_short_print_is_never_far_from_the_value(value: Decimal, dimension: Dimension) -> None:
    text = render(value, dimension)
    unit = text.lstrip("-0123456789. ")
    shown = Fraction(text.removesuffix(unit).strip()) * Fraction(UNITS[dimension][unit])
    assert abs(shown - Fraction(value)) <= abs(Fraction(value)) / 100


def test_a_duration_becomes_a_timedelta() -> None:
    assert duration("1h30m") == timedelta(minutes=90)
    assert duration("0.1 s") == timedelta(milliseconds=100)


def test_a_duration_beyond_all_calendars_is_a_sentence() -> None:
    with pytest.raises(ValueError, match="at most a million years"):
        duration("999999999999 d")
