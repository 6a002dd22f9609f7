"""Post-conditions of the system: pods, images, requests, objectives; pure.

Each function holds what was seen before and after a procedure against one thing that must be true after it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Final

from drillbook.judge.outage import by_signal, enough
from drillbook.judge.outcome import Outcome, broken, holds, unseen
from drillbook.judge.reading import LEAST_COVERAGE, TRAFFIC
from drillbook.model.timeline import Timeline
from drillbook.model.verdict import Status, Verdict

TOLD: Final = 3
"""So many names are told of a longer list."""


def objectives(wanted: Sequence[str], verdicts: Sequence[Verdict]) -> Outcome:
    """The named objectives, as they were judged after the recovery."""
    found = {verdict.objective.id: verdict for verdict in verdicts}
    asked = [found[name] for name in wanted if name in found]
    for status, tell in ((Status.FAIL, broken), (Status.INCONCLUSIVE, unseen)):
        if bad := [verdict for verdict in asked if verdict.status is status]:
            return tell(f"{bad[0].id} is {status}: {bad[0].reason}")
    if missing := [name for name in wanted if name not in found]:
        return unseen(f"nobody asked {listed(missing)} after the recovery: this environment has nothing to answer it")
    return holds(f"{listed([verdict.id for verdict in asked])} {'holds' if len(asked) == 1 else 'hold'}")


def replicas(wanted: int, before: bool, asked: int, ready: int, scaled_by: str) -> Outcome:
    """``before``: ``wanted`` is what there was; ``scaled_by``: the autoscaler that may ask for more, if any."""
    why = "as before the fault" if before else "as the runbook says"
    if asked > wanted and scaled_by and ready == asked:
        return holds(f"{ready} pods are ready, {asked - wanted} more than {why}: {scaled_by} asks for them")
    if asked != wanted:
        return broken(f"expected {wanted} replicas, {why}, found {asked} asked for")
    if ready != wanted:
        return broken(f"expected {wanted} ready pods, {why}, found {ready}")
    return holds(f"{ready} pods are ready, {why}")


type Images = Mapping[str, str]
"""By container."""


def images(intended: Images | str, live: Mapping[str, Images]) -> Outcome:
    """``intended``: the image that one container of each pod must run, or what all ran before; ``live`` by pod."""
    if not live:
        return broken("expected pods that run the intended image, found no pod")
    for pod, found in sorted(live.items()):
        if isinstance(intended, str):
            if intended not in found.values():
                return broken(f"expected pod {pod} to run {intended}, found {listed(sorted(found.values()))}")
            continue
        for container, image in intended.items():
            if found.get(container) != image:
                return broken(
                    f"expected container {container} of pod {pod} to run {image}, as before the fault, found "
                    f"{found.get(container, 'no such container')}"
                )
    what = intended if isinstance(intended, str) else f"{listed(sorted(set(intended.values())))}, as before the fault"
    return holds(f"{len(live)} pods run {what}")


def replaced(old: Mapping[str, str], now: Collection[str]) -> Outcome:
    """``old``: names by UID of the pods that there were when the procedure began; ``now``: the UIDs afterwards."""
    if staying := sorted(name for uid, name in old.items() if uid in now):
        return broken(f"expected every pod to be younger than the procedure, found {listed(staying)} still there")
    if not now:
        return broken("expected new pods, found none")
    if not old:
        return holds(f"there was no pod when the procedure began, and {len(now)} are there now")
    return holds(f"all {len(old)} pods of before are replaced")


def failed_requests(timeline: Timeline, begun: float, ended: float) -> Outcome:
    """Reads and writes that were due from the procedure's begin to the end of the watch after it.

    What failed already when the procedure began, and since without a good answer between, is the fault's. A good answer
    that came late is no failure; the outage counts it.
    """
    seen = 0
    for signal in TRAFFIC:
        samples = by_signal(timeline.samples).get(signal, ())
        within = [sample for sample in samples if begun <= sample.due <= ended]
        interval = timeline.interval_seconds.get(signal, 0.0)
        due = (ended - begun) / interval if interval > 0 else 0.0
        if len(within) < max(enough(0.0, interval), LEAST_COVERAGE * due - 1):
            return unseen(f"only {len(within)} of {due:.0f} due {signal} requests were sent meanwhile")
        # By when they were due: one that hung already when the procedure began failed by the fault.
        earlier = [sample for sample in samples if sample.due < begun]
        if earlier and not earlier[-1].good:
            first_good = next((n for n, sample in enumerate(within) if sample.good), None)
            if first_good is None:
                return unseen(f"every {signal} failed already when the procedure began, by the fault")
            within = within[first_good:]
        if bad := [sample for sample in within if sample.failed]:
            after = f"{bad[0].due - begun:.1f} s after its begin"
            return broken(f"{len(bad)} of {len(within)} {signal}s failed meanwhile, the first {after}: {bad[0].detail}")
        seen += len(within)
    return holds(f"none of {seen} reads and writes failed meanwhile")


def drift(differences: Sequence[str]) -> Outcome:
    """``differences``: what isn't as before, without what fault and procedure say."""
    if not differences:
        return holds("nothing differs from before but what the procedure says")
    more = f" (and {len(differences) - 1} more)" if len(differences) > 1 else ""
    return broken(f"{differences[0]}{more}")


def fits(waiting: Mapping[str, str], named: Outcome) -> Outcome:
    """``waiting``: why by pod that no node takes; ``named``: what became of the objectives that must hold."""
    if waiting:
        pod, why = sorted(waiting.items())[0]
        more = f" (and {len(waiting) - 1} more)" if len(waiting) > 1 else ""
        return broken(f"expected every pod to have a node, found pod {pod}{more} waiting for one: {why}")
    if named.status is not Status.PASS:
        return named
    return holds(f"every pod has a node{'; ' + named.sentence if named.sentence else ''}")


def listed(names: Sequence[str]) -> str:
    """The first few, and how many more there are."""
    more = f" and {len(names) - TOLD} more" if len(names) > TOLD else ""
    return ", ".join(names[:TOLD]) + more
