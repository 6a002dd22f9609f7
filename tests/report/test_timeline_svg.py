"""The drawing of a drill: every moment where it belongs, no two labels on each other."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree as Tree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drillbook.model.timeline import Event, EventKind, Sample, Timeline
from drillbook.report import encode_timeline
from drillbook.report.spans import Span, span
from drillbook.report.timeline_svg import CHARACTER, draw, zoom
from tests.report.drill_samples import drill, timeline
from tests.report.samples import HOSTILE


def drawn(line: Timeline, width: int = 1000, **more: Any) -> Tree.Element:
    return Tree.fromstring(str(draw(encode_timeline.timeline(drill(timeline=line, **more)), width)))


def boxes(root: Tree.Element) -> list[tuple[float, float, float]]:
    """Begin, end and baseline of the moments' labels."""
    found = []
    for text in (t for t in root.iter("text") if "mark" in t.get("class", "")):
        x, wide = float(text.get("x", "")), len("".join(text.itertext())) * CHARACTER
        begin = x - wide if text.get("text-anchor") == "end" else x
        found.append((begin, begin + wide, float(text.get("y", ""))))
    return found


@given(
    st.lists(st.floats(0, 20), min_size=1, max_size=3),
    st.sampled_from([340, 1000]),
)
def test_labels_never_overlap_and_stay_inside(moments: list[float], width: int) -> None:
    kinds = [EventKind.INJECTING, EventKind.DETECTED, EventKind.RECOVERED]
    events = tuple(Event(kind, at) for kind, at in zip(kinds, sorted(moments), strict=False))
    samples = tuple(Sample("read", n / 10, 0.01, True) for n in range(220))
    labels = boxes(drawn(Timeline(events, samples, {"read": 0.1}), width))
    for index, (begin, end, y) in enumerate(labels):
        assert begin >= 0
        assert end <= width
        for other_begin, other_end, other_y in labels[index + 1 :]:
            assert y != other_y or end < other_begin or begin > other_end


def test_bad_answers_are_drawn_where_they_were() -> None:
    root = drawn(timeline(outage=2.0))
    bad = [r for r in root.iter("rect") if r.get("class") == "bad"]
    assert len(bad) == 2
    longest = max(float(r.get("width", "")) for r in bad)
    # Writes were out for 2 s; the drawing is 944 units wide between its margins.
    begin, end = zoom(encode_timeline.timeline(drill(timeline=timeline(outage=2.0), outage=2.0)))
    assert longest == pytest.approx(2.0 / (end - begin) * 944, abs=8)


def test_time_that_nobody_probed_is_not_drawn_as_good() -> None:
    samples = tuple(Sample("read", n / 10, 0.01, True) for n in range(200) if not 50 <= n < 150)
    root = drawn(Timeline((), samples, {"read": 0.1}), outage=0)
    good = [r for r in root.iter("rect") if r.get("class") == "good"]
    assert len(good) == 2


def test_a_long_drill_stays_a_small_drawing_and_loses_no_peak() -> None:
    samples = tuple(Sample("read", n / 50, 9.0 if n == 31_234 else 0.01, True) for n in range(60_000))
    text = str(draw(encode_timeline.timeline(drill(timeline=Timeline((), samples, {"read": 0.02}), outage=0)), 1000))
    assert len(text) < 60_000
    heights = {float(y) for y in re.findall(r"M[\d.]+ ([\d.]+)h0", text)}
    assert min(heights) < max(heights) - 100


def test_the_drawing_says_in_words_what_it_shows() -> None:
    root = drawn(timeline())
    assert root.get("role") == "img"
    assert "write out from 4.02 s to 5.48 s" in (root.findtext("title") or "")


def test_hostile_names_of_signals_are_text() -> None:
    samples = tuple(Sample(HOSTILE, n / 10, 0.01, True) for n in range(20))
    root = drawn(Timeline((), samples, {}), outage=0)
    assert not list(root.iter("script"))


@given(
    st.lists(st.tuples(st.floats(0, 1e5), st.floats(0, 1e4), st.booleans()), min_size=1, max_size=30),
    st.none() | st.floats(0, 1e5),
    st.sampled_from([340, 1000]),
)
def test_any_timeline_can_be_drawn(probes: list[tuple[float, float, bool]], fault: float | None, width: int) -> None:
    samples = tuple(Sample("read", due, took, good) for due, took, good in probes)
    events = () if fault is None else (Event(EventKind.INJECTING, fault),)
    assert drawn(Timeline(events, samples, {"read": 0.05}), width).tag == "svg"


@pytest.mark.parametrize(
    ("seconds", "how", "text"),
    [
        (0, Span.PLAIN, "0 s"),
        (0.31, Span.PLAIN, "310 ms"),
        (1.4, Span.PLAIN, "1.40 s"),
        (38.4, Span.PLAIN, "38.4 s"),
        (3600, Span.PLAIN, "1 h"),
        (-2, Span.SIGNED, "−2 s"),
        (0.31, Span.SIGNED, "+310 ms"),
        (0.9999, Span.PLAIN, "1.00 s"),
    ],
)
def test_lengths_of_time_read_well(seconds: float, how: Span, text: str) -> None:
    assert span(seconds, how) == text


@given(st.floats(-1e6, 1e6), st.sampled_from(Span))
def test_every_length_of_time_has_words(seconds: float, how: Span) -> None:
    assert "e+" not in span(seconds, how)
