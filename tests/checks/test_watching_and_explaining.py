"""``check --watch`` goes round until somebody ends it, ``explain`` says everything of one objective."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from aiohttp import web

from drillbook.checking import Selection, load_system
from drillbook.cli import COMMANDS, main
from drillbook.cli.watching import watch
from tests.checks.systems import write_system
from tests.clients.servers import closed_port, serving


@pytest.fixture(autouse=True)
def working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DRILLBOOK_REPORTS", raising=False)
    return tmp_path


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["drillbook", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    assert isinstance(ended.value.code, int)
    return ended.value.code


async def good(_: web.Request) -> web.Response:
    return web.Response()


def test_watching_ends_with_the_code_of_the_last_round_and_keeps_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rounds = 0

    def sleep(seconds: float) -> None:
        nonlocal rounds
        rounds += 1
        assert 0 <= seconds <= 5
        if rounds == 2:
            raise KeyboardInterrupt

    write_system(tmp_path, closed_port())
    policy, where, waivers = load_system("shop", "test")
    code = watch(policy, where, waivers, Selection(("health",)).choose(policy, where), 5, sleep=sleep)
    printed = capsys.readouterr().out.splitlines()
    assert code == 1
    assert len(printed) == 4
    assert "fail: Of 1 limit, 1 is broken." in printed[0]
    assert "fail shop/health: " in printed[1]
    assert not (tmp_path / "reports").exists()


@pytest.mark.slow
def test_a_watch_that_is_interrupted_ends_with_0_while_all_is_well(tmp_path: Path) -> None:
    with serving(good) as server:
        write_system(tmp_path, server.port)
        command = [sys.executable, "-c", "from drillbook.cli import main; main()", "check", "shop", "-e", "test"]
        with subprocess.Popen(
            [*command, "--only", "health", "--watch", "--every", "60"], cwd=tmp_path, stdout=subprocess.PIPE, text=True
        ) as watching:
            assert watching.stdout is not None
            assert "The one limit that was checked holds." in watching.stdout.readline()
            watching.send_signal(signal.SIGINT)
            assert watching.wait(20) == 0


def test_a_watch_is_for_people(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_system(tmp_path, closed_port())
    assert run(monkeypatch, "check", "shop", "-e", "test", "--watch", "--format", "json") == 2


def test_a_check_that_does_not_pass_says_how_to_look_closer_and_explaining_shows_what_was_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(good) as server:
        write_system(tmp_path, server.port)
        run(monkeypatch, "check", "shop", "-e", "test", "--only", "health", "--only", "replicas")
    assert "drillbook explain shop/replicas" in capsys.readouterr().out
    (tmp_path / "reports" / "20990101T000000Z-broken").mkdir()
    (tmp_path / "reports" / "20990101T000000Z-broken" / "run.json").write_text("{")
    assert run(monkeypatch, "explain", "shop/health", "-e", "test") == 0
    printed = capsys.readouterr().out
    for part in (
        "shop.md:3 (Health)",
        "== 200, systems/shop/policy.yaml:9",
        "http.health of api",
        "environment test (staging)",
        "last values ",
        "pass          200",
    ):
        assert part in printed
    measured = next(line for line in printed.splitlines() if line.startswith("measured"))
    assert len(measured) > 30


def test_explaining_what_was_never_seen_says_how_to_see_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_system(tmp_path, closed_port())
    assert run(monkeypatch, "explain", "shop/health", "-e", "test") == 0
    assert "drillbook check shop --only health sees one" in capsys.readouterr().out


def test_explaining_shows_the_query_and_what_the_last_value_was_made_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(good) as server:
        write_system(tmp_path, server.port)
        run(monkeypatch, "check", "shop", "-e", "test", "--only", "health")
    run(monkeypatch, "explain", "shop/health", "-e", "test")
    assert "statuses: [200, 200, 200]" in capsys.readouterr().out
    run(monkeypatch, "explain", "solar/db-max-connections")
    assert "query       SELECT current_setting('max_connections')" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "sentence"),
    [("shop/healht", "did you mean 'health'?"), ("health", "expected SYSTEM/OBJECTIVE such as solar/api-latency")],
)
def test_what_is_not_there_is_told_with_the_nearest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, sentence: str
) -> None:
    write_system(tmp_path, closed_port())
    assert run(monkeypatch, "explain", name, "-e", "test") == 2
    assert sentence in capsys.readouterr().err


def test_objectives_that_share_one_problem_are_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_system(tmp_path, closed_port())
    policy = tmp_path / "systems" / "shop" / "policy.yaml"
    policy.write_text(
        policy.read_text()
        + "".join(
            f"  - id: more-{n}\n    indicator: workload.ready_replicas\n    component: api\n"
            f'    limit: ">= {n}"\n    severity: high\n    source: {{section: Limits, line: 9}}\n'
            for n in range(3, 6)
        )
    )
    run(monkeypatch, "check", "shop", "-e", "test", "--only", "workload.ready_replicas")
    printed = capsys.readouterr().out
    assert "INCONCLUSIVE 4 objectives for one reason" in printed
    assert "replicas, more-3, more-4, more-5" in printed
    assert printed.count("no kubeconfig at") <= 2
    document = json.loads((tmp_path / "reports" / "latest" / "run.json").read_text())
    assert len(document["verdicts"]) == 4


def test_an_unexpected_error_is_a_sentence_and_3_and_a_traceback_where_somebody_wants_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(COMMANDS, "check", ("tests.checks.test_watching_and_explaining:nothing", "broken"))
    assert run(monkeypatch, "check", "shop") == 3
    told = capsys.readouterr().err
    assert told.startswith("drillbook: stopped by an unexpected AttributeError: ")
    assert "Traceback" not in told
    monkeypatch.setenv("DRILLBOOK_DEBUG", "1")
    monkeypatch.setattr(sys, "argv", ["drillbook", "check", "shop"])
    with pytest.raises(AttributeError):
        main()
