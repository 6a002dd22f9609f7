"""Runs to report on: every status, an outage, hostile texts, and as many objectives as one likes."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

from drillbook.errors import ExitCode
from drillbook.model.drill import DrillResult
from drillbook.model.environment import Environment, EnvironmentClass
from drillbook.model.policy import Policy
from drillbook.model.run import LoadResult, Run
from drillbook.model.verdict import Status, Verdict
from drillbook.report.outcome import outcome
from tests.report.drill_samples import conditions, detected, drill
from tests.report.verdict_samples import DOCUMENT, STARTED, broken, healthy, unclear, unseen, verdict, waived

POLICY = Policy("solar", "Solar PV LLM AI", DOCUMENT, Path("policy.yaml"), {}, ())


WAIVERS = {
    "used": ["api-latency"],
    "unused": ["pod-memory"],
    "findings": ["the waiver of pod-memory waives nothing: platform team removes it"],
}


ENVIRONMENT = Environment("sandbox", EnvironmentClass.SANDBOX, Path("sandbox.yaml"))


def run(
    verdicts: Iterable[Verdict] = (),
    drills: Iterable[DrillResult] = (),
    load: LoadResult | None = None,
    status: str | None = None,
    code: ExitCode | None = None,
    **more: Any,
) -> Run:
    """A run with the outcome that its parts give it, unless told another."""
    verdicts, drills = tuple(verdicts), tuple(drills)
    came_to = outcome(verdicts, drills, load)
    return Run(
        id=more.get("id", "20261121T094500Z-demo-solar-ab12"),
        command=more.get("command", "demo"),
        system=more.get("system", "solar"),
        title=more.get("title", "Solar PV LLM AI"),
        environment="sandbox",
        environment_class="sandbox",
        started=STARTED,
        finished=STARTED + timedelta(seconds=38.4),
        status=status or came_to.status,
        exit_code=came_to.exit_code if code is None else code,
        versions={"drillbook": "0.1.0", "python": "3.12.9"},
        verdicts=verdicts,
        drills=drills,
        load=load,
        waivers=more.get("waivers", {}),
        problems=more.get("problems", ()),
    )


HOSTILE = "<script>alert('x')</script> & \"quotes\" ]]> \x00\x1b[31m \ud800 {{ 7*7 }} \u202e"


LONG = "a sentence that goes on and on without ever saying anything of use " * 12


def samples() -> dict[str, Run]:
    """Every kind of run, by name."""
    background = LoadResult(212, 9, 19.8, 10.7)
    hostile = verdict(
        HOSTILE,
        Status.FAIL,
        value="9",
        reason=HOSTILE + LONG,
        where=HOSTILE,
        section=HOSTILE,
        document=HOSTILE,
        component=HOSTILE,
        note=HOSTILE,
        remedy=HOSTILE,
        evidence={HOSTILE: [HOSTILE, float("inf")]},
    )
    endless = verdict("x" * 200, reason=LONG, where="https://" + "a" * 300, document="d" * 120 + ".md", section=LONG)
    many = [
        verdict(f"objective-{n:02}", Status.FAIL if n % 17 == 3 else Status.PASS, value="9" if n % 17 == 3 else "0.5")
        for n in range(50)
    ]
    return {
        "pass": run(healthy(), [drill("pod-kill", outage=0), drill()], background),
        "fail": run(
            [broken(), *healthy()[1:]],
            [
                drill("pod-kill", outage=0),
                drill(
                    status=Status.FAIL,
                    outage=5.2,
                    lost=2,
                    after=[broken(), unclear()],
                    reason="2 acknowledged writes are gone",
                    residue=("deployment/backend has 2 replicas, had 3",),
                ),
            ],
        ),
        "inconclusive": run([unclear(), unseen(), *healthy()[2:]]),
        "waived": run([waived(), *healthy()[:5]], waivers=WAIVERS),
        "interrupted": run(
            healthy()[:4],
            [drill()],
            None,
            "interrupted",
            ExitCode.INTERRUPTED,
            problems=("interrupted after 12.3 s: this is what was known by then",),
        ),
        "error": run((), (), None, "error", ExitCode.INCONCLUSIVE, problems=("nothing answers at 127.64.0.1:6443",)),
        "aborted": run(
            healthy(),
            [
                drill(
                    status=Status.INCONCLUSIVE,
                    aborted=True,
                    undone=False,
                    landed=False,
                    recovery=None,
                    outage=0,
                    reason="the undo failed: 403",
                    residue=("lease drillbook is still held",),
                )
            ],
        ),
        "load": run((), (), LoadResult(200, 0, 20.0, 10.0, tuple(healthy()[:2]))),
        "many": run(many),
        "hostile": run(
            [hostile, endless],
            [drill(HOSTILE, reason=HOSTILE + LONG, then=conditions(HOSTILE), detection=detected(HOSTILE))],
            title=HOSTILE,
            problems=(HOSTILE,),
        ),
        "empty": run(),
    }
