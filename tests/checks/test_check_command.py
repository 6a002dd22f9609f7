"""``drillbook check``: what it prints, what it writes, and the exit code that says what came of it."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from drillbook.cli import main
from tests.checks.systems import POLICY, WAIVERS, write_system
from tests.clients.servers import closed_port, serving


@pytest.fixture(autouse=True)
def working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DRILLBOOK_REPORTS", raising=False)
    return tmp_path


def check(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """Run the command line, return its exit code."""
    monkeypatch.setattr(sys, "argv", ["drillbook", "check", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    assert isinstance(ended.value.code, int)
    return ended.value.code


def newest_run(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "reports" / "latest" / "run.json").read_text()))


async def good(_: web.Request) -> web.Response:
    return web.Response()


def failing(every: int) -> Any:
    asked = iter(range(10_000))

    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=500 if request.path != "/health" and next(asked) % every == 0 else 200)

    return answer


def test_what_holds_passes_with_0_and_is_in_the_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(good) as server:
        write_system(tmp_path, server.port)
        code = check(monkeypatch, "shop", "-e", "test", "--only", "health", "--only", "http.error_ratio")
    assert code == 0
    run = newest_run(tmp_path)
    assert {verdict["id"]: verdict["status"] for verdict in run["verdicts"]} == {
        "shop/health": "pass",
        "shop/error-ratio": "pass",
    }
    assert run["run"]["exit_code"] == 0


def test_a_broken_limit_fails_with_1_and_says_where_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(failing(every=10)) as server:
        write_system(tmp_path, server.port)
        code = check(monkeypatch, "shop", "-e", "test", "--only", "http.error_ratio")
    printed = capsys.readouterr().out
    assert code == 1
    assert "shop/error-ratio" in printed
    assert "shop.md:7" in printed


def test_a_waived_violation_is_visible_and_passes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(failing(every=10)) as server:
        write_system(tmp_path, server.port, waivers=WAIVERS)
        code = check(monkeypatch, "shop", "-e", "test", "--only", "error-ratio")
    assert code == 0
    [verdict] = newest_run(tmp_path)["verdicts"]
    assert verdict["status"] == "waived"
    assert verdict["waiver"]["owner"] == "shop-team"
    assert verdict["value"] == pytest.approx(0.1, abs=0.01)


def test_what_can_not_be_told_is_3(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(good) as server:
        write_system(tmp_path, server.port)
        code = check(monkeypatch, "shop", "-e", "test")
    assert code == 3
    statuses = {verdict["id"]: verdict["status"] for verdict in newest_run(tmp_path)["verdicts"]}
    assert statuses == {"shop/health": "pass", "shop/error-ratio": "pass", "shop/replicas": "inconclusive"}


def test_a_violation_outweighs_what_can_not_be_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_system(tmp_path, closed_port())
    assert check(monkeypatch, "shop", "-e", "test") == 1


def test_json_is_the_report_on_standard_output(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(good) as server:
        write_system(tmp_path, server.port)
        check(monkeypatch, "shop", "-e", "test", "--only", "health", "--format", "json")
    printed = capsys.readouterr()
    assert json.loads(printed.out) == newest_run(tmp_path)
    assert "checking 1 objective of Shop - Operations Runbook in environment test" in printed.err


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (("shop", "-e", "test", "--only", "healht"), 5, "did you mean health"),
        (("shop", "-e", "test", "--only", "low"), 5, "no severity in use is called that"),
        (("shop", "-e", "tset"), 2, "no environment 'tset'"),
        (("shpo",), 2, "no system named 'shpo'"),
        (("shop", "-e", "test", "--sandbox", "other"), 2, "has no sandbox"),
        (("shop", "-e", "test", "--kubeconfig", "nowhere"), 2, "nowhere"),
        (("shop", "-e", "test", "--format", "xml"), 2, "xml"),
        ((), 2, "SYSTEM"),
    ],
)
def test_a_wrong_argument_is_one_sentence_and_its_documented_code(
    arguments: tuple[str, ...],
    code: int,
    sentence: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    write_system(tmp_path, closed_port())
    assert check(monkeypatch, *arguments) == code
    printed = capsys.readouterr()
    assert sentence in printed.err
    assert "Traceback" not in printed.err
    assert not (tmp_path / "reports").exists()


def test_a_bad_policy_is_a_sentence_with_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_system(tmp_path, closed_port(), policy=POLICY.replace("<= 5 %", "<= 5 parsecs"))
    assert check(monkeypatch, "shop", "-e", "test") == 2
    printed = capsys.readouterr().err
    assert "policy.yaml:19" in printed
    assert "parsecs" in printed
    assert "Traceback" not in printed


def test_a_cluster_that_refuses_is_said_once_and_quickly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(
        f"apiVersion: v1\nkind: Config\ncurrent-context: x\ncontexts: [{{name: x, context: {{cluster: c, user: u}}}}]\n"
        f"clusters: [{{name: c, cluster: {{server: 'https://127.0.0.1:{closed_port()}'}}}}]\n"
        "users: [{name: u, user: {token: hunter2}}]\n"
    )
    write_system(tmp_path, closed_port())
    begin = time.monotonic()
    code = check(monkeypatch, "shop", "-e", "test", "--only", "replicas", "--kubeconfig", str(kubeconfig))
    assert time.monotonic() - begin < 15
    assert code == 3
    printed = capsys.readouterr()
    assert "Connection refused" in printed.out
    assert "hunter2" not in printed.out + printed.err + (tmp_path / "reports" / "latest" / "run.json").read_text()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_it_ends_at_once_with_130_and_the_report_says_so(number: signal.Signals, tmp_path: Path) -> None:
    asked = threading.Event()

    async def never(_: web.Request) -> web.Response:
        asked.set()
        await asyncio.sleep(60)
        return web.Response()

    with serving(never) as server:
        write_system(tmp_path, server.port)
        command = [sys.executable, "-c", "from drillbook.cli import main; main()", "check", "shop", "-e", "test"]
        process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert asked.wait(20)
        begin = time.monotonic()
        process.send_signal(number)
        _, said = process.communicate(timeout=20)
    assert time.monotonic() - begin < 8
    assert process.returncode == 130
    assert "Traceback" not in said
    assert newest_run(tmp_path)["run"]["status"] == "interrupted"
