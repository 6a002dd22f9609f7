"""``drillbook load``: bounded, judged, reported, and gone when it is stopped."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.load.conftest import Tiny

PRESS = ("load", "tiny", "--environment", "local")


def document(tiny: Tiny) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((tiny.folder / "reports" / "latest" / "run.json").read_text())
    return found


def started(tiny: Tiny, *options: str) -> subprocess.Popen[str]:
    """The command, once requests arrive."""
    process = subprocess.Popen(
        [str(Path(sys.executable).parent / "drillbook"), *PRESS, *options],
        cwd=tiny.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 30
    while len(tiny.asked) < 20 and time.monotonic() < deadline:
        time.sleep(0.02)
    assert len(tiny.asked) >= 20
    return process


def pressing(tiny: Tiny) -> list[psutil.Process]:
    """Locust processes that were started for this system's folder."""
    plans = [p for p in psutil.process_iter(["cmdline", "environ"]) if "locust" in (p.info["cmdline"] or ())]
    return [p for p in plans if str(tiny.folder) in ((p.info["environ"] or {}).get("DRILLBOOK_LOAD_RECORD", ""))]


def gone(tiny: Tiny, seconds: float = 10.0) -> bool:
    deadline = time.monotonic() + seconds
    while pressing(tiny) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not pressing(tiny)


def test_a_run_ends_by_itself_and_writes_a_report_with_its_verdicts_and_every_request(tiny: Tiny) -> None:
    begun = time.monotonic()
    done = tiny.run("drillbook", *PRESS, "--duration", "2s", "--rate", "60")
    assert done.returncode == 0, done.stdout + done.stderr
    assert time.monotonic() - begun < 15
    assert len(tiny.asked) == 120
    assert "sending 120 requests to http://127.0.0.1" in done.stderr
    found = document(tiny)
    assert found["load"]["requests"] == 120
    assert found["load"]["rate_per_second"] == pytest.approx(60, abs=0.5)
    assert [v["id"] for v in found["load"]["verdicts"]] == ["tiny/api-latency", "tiny/error-ratio"]
    lines = (tiny.folder / "reports" / "latest" / "load.jsonl").read_text().splitlines()
    assert [round(json.loads(line)["due"] * 60) for line in sorted(lines, key=lambda x: json.loads(x)["due"])] == list(
        range(120)
    )


def test_ten_percent_of_errors_break_a_limit_of_ten_percent_no_sooner_than_it_can_be_told(tiny: Tiny) -> None:
    tiny.every_nth_fails = 4
    done = tiny.run("drillbook", *PRESS, "--duration", "2", "--rate", "60")
    assert done.returncode == 1
    assert "FAIL tiny/error-ratio" in done.stdout
    assert "PASS tiny" not in done.stdout.split("\n\n")[1]


@pytest.mark.slow
def test_a_server_that_never_answers_is_given_up_on(tiny: Tiny) -> None:
    tiny.delay = 60.0
    done = tiny.run("drillbook", *PRESS, "--duration", "1", "--rate", "20")
    assert done.returncode == 1
    assert document(tiny)["load"]["verdicts"][0]["evidence"]["unanswered"] == {"no answer within 10 s": 12}


def test_a_system_that_is_not_there_fails_without_a_traceback(tiny: Tiny) -> None:
    tiny.environment("http://127.0.0.1:9")
    done = tiny.run("drillbook", *PRESS, "--duration", "1", "--rate", "30")
    assert done.returncode == 1
    assert "Connection refused" in json.dumps(document(tiny)["load"]["verdicts"])
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--duration", "2x"), "unknown unit 'x'"),
        (("--duration", "0s"), "expected from 1 s to 3600 s, found 0 s"),
        (("--duration", "2h"), "expected from 1 s to 3600 s"),
        (("--duration", "1h", "--rate", "1000"), "expected 1 to 500,000 requests"),
        (("--rate", "0"), "0.1<=x<=1000"),
        (("--users", "0"), "1<=x<=1000"),
        (("--environment", "mars"), "mars"),
    ],
)
def test_what_cannot_be_done_is_a_sentence_and_exits_with_2(
    tiny: Tiny, options: tuple[str, ...], sentence: str
) -> None:
    done = tiny.run("drillbook", *PRESS, *options)
    assert done.returncode == 2, done.stderr
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    assert not tiny.asked


@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])
def test_a_signal_ends_the_load_and_leaves_an_interrupted_report(tiny: Tiny, number: signal.Signals) -> None:
    process = started(tiny, "--duration", "60s")
    process.send_signal(number)
    _, said = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "Traceback" not in said
    assert document(tiny)["run"]["status"] == "interrupted"
    assert gone(tiny)


def test_a_killed_command_takes_its_locust_with_it(tiny: Tiny) -> None:
    process = started(tiny, "--duration", "60s")
    assert pressing(tiny)
    process.kill()
    process.communicate(timeout=20)
    assert gone(tiny)
    (folder,) = (p for p in (tiny.folder / "reports").iterdir() if not p.is_symlink())
    assert json.loads((folder / "run.json").read_text())["run"]["status"] == "interrupted"
