"""Proofs run in sandboxes only, begin clean, and say what they found while they go on."""

from __future__ import annotations

import asyncio
import io
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from rich.console import Console

from drillbook.cli.prove import prove
from drillbook.cli.proving_table import ProvingTable
from drillbook.errors import ExitCode, Refused
from drillbook.model.environment import EnvironmentClass
from drillbook.model.proof import Proof, ProofStatus
from drillbook.model.verdict import Status
from drillbook.proof.rehearsal import NotClean, Rehearsal, settled
from tests.proof.worlds import POLICY, SANDBOX, World, ceiling


@pytest.mark.parametrize(
    "change", [{"environment_class": EnvironmentClass.STAGING}, {"kubeconfig": Path("admin.conf")}]
)
def test_nothing_but_a_sandbox_is_ever_broken(change: dict[str, object]) -> None:
    elsewhere = replace(SANDBOX, **change)  # type: ignore[arg-type]
    with pytest.raises(Refused, match="not injecting: proofs break what they look at") as refused:
        Rehearsal(POLICY, elsewhere, (), (), {}, print, print).run()
    assert refused.value.exit_code == ExitCode.DRILL_ABORTED


def test_what_only_starts_up_is_asked_again_until_it_passes() -> None:
    world = World((ceiling("latency"), ceiling("disk")), {"disk": 99})

    async def run() -> list[Status]:
        asyncio.get_running_loop().call_later(0.5, world.values.update, {"disk": 1})
        return [verdict.status for verdict in await settled(world.check, world.objectives, 10)]

    assert asyncio.run(run()) == [Status.PASS, Status.PASS]
    assert len(world.asked) == 2


def test_what_passed_once_isnt_taken_back_while_others_start_up() -> None:
    world = World((ceiling("latency"), ceiling("disk")), {"disk": 99})

    async def run() -> list[Status]:
        asyncio.get_running_loop().call_later(0.5, world.values.update, {"disk": 1, "latency": 99})
        return [verdict.status for verdict in await settled(world.check, world.objectives, 10)]

    assert asyncio.run(run()) == [Status.PASS, Status.PASS]


def test_what_never_passes_is_said_after_a_while() -> None:
    world = World((ceiling("disk"),), {"disk": 99})
    assert [verdict.status for verdict in asyncio.run(settled(world.check, world.objectives, 0.1))] == [Status.FAIL]


def test_the_refusal_names_the_first_that_doesnt_pass_and_counts_the_others() -> None:
    world = World((ceiling("disk"), ceiling("latency")), {"disk": 99, "latency": 99})
    bad = asyncio.run(world.check(world.objectives))
    said = NotClean(bad)
    assert str(said).startswith(
        "shop/disk does not pass before anything is violated (fail: expected <= 10, observed 99"
    )
    assert "and 1 more does not either" in str(said)
    assert (said.exit_code, said.verdicts) == (ExitCode.INCONCLUSIVE, bad)


@pytest.mark.parametrize("width", [110, 400])
def test_the_table_has_a_heading_and_a_line_for_each_proof(width: int) -> None:
    out = io.StringIO()
    table = ProvingTable(Console(file=out, width=width, force_terminal=width < 200, color_system=None))
    for name, status in (("a", ProofStatus.PROVEN), ("b" * 99, ProofStatus.FALSE_ALARM)):
        table.add(Proof(f"shop/{name}", status, "because", "<= 2 s", "what was broken " * 9, detected_seconds=1.5))
    lines = out.getvalue().splitlines()
    assert len(lines) == 3
    assert all(len(line.rstrip()) <= width for line in lines)
    assert "back" in lines[0]
    assert lines[1].startswith("proven")
    assert lines[2].startswith("false alarm")
    assert "1.50 s" in lines[1]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((), "expected a SYSTEM to prove, or --offline RUN"),
        (("--offline", ".", "--sandbox", "x"), "expected no --only, --sandbox or --reports"),
    ],
)
def test_a_call_that_makes_no_sense_is_said_so(arguments: tuple[str, ...], sentence: str) -> None:
    answer = CliRunner().invoke(prove, arguments)
    assert (answer.exit_code, sentence in answer.output) == (ExitCode.USAGE, True)
