"""``drillbook check``: what it prints, what it writes, and the exit code that says what came of it."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from drillbook.cli import main
from tests.checks.systems import POLICY, WAIVERS, write_system
from tests.clients.servers import closed_port
from tests.probes.test_http_probes import serving


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
    assert time.monotonic() - begin < 5
    assert code == 3
    printed = capsys.readouterr()
    assert "Connection refused" in printed.out
    assert "hunter2" not in printed.out + printed.err + (tmp_path / "reports" / "latest" / "run.json").read_text()
