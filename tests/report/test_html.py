"""report.html: one file that fetches nothing, whatever texts the system under test has put into it."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from drillbook.report import encode, encode_timeline
from drillbook.report.html import page
from tests.report.drill_samples import drill
from tests.report.samples import HOSTILE, run, samples
from tests.report.verdict_samples import broken, unseen, verdict

FETCHES = ("src", "srcset", "data", "poster", "action", "background", "xlink:href")
VOID = {"meta", "link", "br", "wbr", "img", "hr", "input"}


class Reader(HTMLParser):
    """Collects tags, attributes and text, and checks that every tag is closed by its own."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    @property
    def words(self) -> str:
        return " ".join(" ".join(self.text).split())


def html(name_or_run: object) -> str:
    record = samples()[name_or_run] if isinstance(name_or_run, str) else name_or_run
    names = encode_timeline.timeline_names(record.drills)  # type: ignore[attr-defined]
    timelines = {n: encode_timeline.timeline(d) for n, d in zip(names, record.drills, strict=True)}  # type: ignore[attr-defined]
    return page(encode.run(record), timelines)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", samples())
def test_every_kind_of_run_is_one_well_formed_page(name: str) -> None:
    reader = Reader(html(name))
    assert reader.tags[0][0] == "html"
    assert ("meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"}) in reader.tags


@pytest.mark.parametrize("name", samples())
def test_nothing_is_fetched_and_nothing_is_run(name: str) -> None:
    text = html(name)
    reader = Reader(text)
    for tag, attributes in reader.tags:
        assert tag not in {"script", "iframe", "object", "embed", "img", "video", "audio", "base", "form"}
        assert not set(attributes) & set(FETCHES)
        assert not any(key.startswith("on") for key in attributes)
        if tag == "link":
            assert attributes["href"] == "data:,"
        elif "href" in attributes:
            assert re.fullmatch(r"run\.json|junit\.xml|timeline-[\w.-]+\.json", attributes["href"] or "")
    style = text.split("<style>")[1].split("</style>")[0]
    assert "url(" not in style
    assert "@import" not in style


def test_hostile_texts_are_shown_and_not_obeyed() -> None:
    reader = Reader(html("hostile"))
    assert "alert('x')" in reader.words
    assert "{{ 7*7 }}" in reader.words
    assert "\x1b" not in html("hostile")
    assert "\u202e" not in html("hostile")


def test_the_verdict_comes_before_everything_else() -> None:
    words = Reader(html("fail")).words
    assert words.index("Of 12 limits, 1 is broken") < words.index("Objectives") < words.index("Drills")


def test_what_failed_comes_first_and_is_open() -> None:
    text = html(run([verdict("a"), unseen(), verdict("b"), broken()]))
    found = re.findall(r'<details class="objective (\w+)"( open)?>', text)
    assert found == [("fail", " open"), ("inconclusive", " open"), ("pass", ""), ("pass", "")]


def test_each_objective_shows_limit_value_margin_samples_and_runbook_line() -> None:
    words = Reader(html(run([verdict(low="0.029", high="0.052")]))).words
    for part in ("≤ 2 s", "34 ms", "29 ms to 52 ms", "97 % to spare", "400 samples", "operations-runbook.md :232"):
        assert part in words


def test_a_drill_has_a_drawing_for_the_desk_and_one_for_the_phone() -> None:
    text = html(run([], [drill()]))
    assert text.count('<svg class="timeline"') == 2
    for label in ("fault", "detected +310 ms", "recovered +1.46 s", "out for"):
        assert label in text


def test_a_drill_that_was_never_sampled_has_no_drawing() -> None:
    from drillbook.model.timeline import Timeline

    assert '<svg class="timeline"' not in html(run([], [drill(timeline=Timeline((), (), {}))]))


def test_the_same_run_gives_the_same_page() -> None:
    assert html("pass") == html("pass")


def test_the_title_tells_the_verdict() -> None:
    assert "<title>Fail: Solar PV LLM AI · Drillbook</title>" in html("fail")
    assert HOSTILE not in html("hostile")
