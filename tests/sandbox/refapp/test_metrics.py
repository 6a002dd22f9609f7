"""Metrics are in Prometheus' format, whatever they hold."""

from __future__ import annotations

import time

import psutil
from hypothesis import given
from hypothesis import strategies as st

from drillbook.sandbox.refapp.metrics import BUCKETS, Counter, Histogram, Registry
from tests.sandbox.refapp.prometheus import parse

TEXTS = st.text(st.characters(exclude_categories=["Cs", "Zl", "Zp"], exclude_characters="\r\x0b\x0c\x1c\x1d\x1e\x85"))


@given(st.dictionaries(st.tuples(TEXTS, TEXTS), st.integers(1, 5), max_size=5))
def test_a_counter_is_read_back_whatever_its_labels_are(counts: dict[tuple[str, str], int]) -> None:
    registry = Registry()
    counter = registry.add(Counter("seen_total", "How often.", ("one", "two")))
    for labels, times in counts.items():
        for _ in range(times):
            counter.inc(*labels)
    found = parse(registry.text())["seen_total"]
    assert {(one, two): found.value("seen_total", one=one, two=two) for one, two in counts} == counts


@given(st.lists(st.floats(0, 100), max_size=30))
def test_a_histogram_counts_each_duration_at_or_below_each_edge(durations: list[float]) -> None:
    registry = Registry()
    histogram = registry.add(Histogram("took_seconds", "How long.", ("path",)))
    for seconds in durations:
        histogram.observe(seconds, "/")
    found = parse(registry.text())["took_seconds"]
    for edge in BUCKETS if durations else ():
        expected = sum(1 for seconds in durations if seconds <= edge)
        assert found.value("took_seconds_bucket", path="/", le=repr(edge)) == expected


def test_a_limit_of_two_seconds_has_an_edge_of_its_own() -> None:
    assert 2.0 in BUCKETS


def test_a_process_tells_of_itself() -> None:
    found = parse(Registry().text())
    value = {name: family.value(name) for name, family in found.items()}
    assert 0 < (value["process_cpu_seconds_total"] or 0) <= time.process_time()
    assert 1e6 < (value["process_resident_memory_bytes"] or 0) < (value["process_virtual_memory_bytes"] or 0)
    assert 0 < (value["process_open_fds"] or 0) < (value["process_max_fds"] or 0)
    assert abs(psutil.Process().create_time() - (value["process_start_time_seconds"] or 0)) < 1
