"""Before anything is broken: guard, lock, steady state, baseline, journal. Every doubt here is a refusal."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from drillbook.checking import asked_in
from drillbook.drills import guard, landing, putting_back, residue, signals
from drillbook.drills.content import content_of
from drillbook.drills.journal import Entry, new_entry
from drillbook.drills.leash import watch_objectives
from drillbook.drills.ledger import Ledger
from drillbook.drills.plan import SUSTAINED_SECONDS
from drillbook.drills.watch import ANSWER_SECONDS, Watch
from drillbook.drills.work import Work
from drillbook.errors import Refused
from drillbook.faults.workloads import read_workload, workload_of
from drillbook.model.timeline import EventKind

if TYPE_CHECKING:
    from drillbook.clients.kube import Kube

BASELINE_SECONDS: Final = 15.0
"""How long the baseline may take to be good for SUSTAINED_SECONDS."""
POLL_SECONDS: Final = 0.02


def pass_the_guard(work: Work) -> None:
    """The guard's yes, and the lock, which is renewed from now on. Raises Refused."""
    work.say("looking whether this drill is allowed here")
    cleared = work.connections.on_kube(lambda kube: guard.clear(kube, work.briefing.intent, work.clock))
    work.connections.on_kube(work.lock.take)
    work.renewal = work.connections.start(work.lock.renew_for_ever(work.connections.kube))
    work.say(str(cleared.choice))


def see_the_steady_state(work: Work) -> None:
    """The policy's own objectives hold, and what the cluster looks like now. Raises Refused."""
    if not work.order.steady:
        count = len(asked_in(work.order.policy, work.order.environment))
        work.say(f"checking all {count} objectives before the fault, some seconds")
    work.found.before = work.order.steady or work.objectives()
    work.event(EventKind.STEADY, guard.objectives_hold(work.found.before))
    work.found.objects_before = work.connections.on_kube(lambda kube: _see_the_objects(kube, work))
    if work.is_postgres:
        component, environment = work.briefing.aim.component, work.order.environment
        work.found.server_before = work.connections.on_kube(
            lambda kube: landing.server_started(kube, environment, component)
        )


async def _see_the_objects(kube: Kube, work: Work) -> residue.Snapshot:
    """Everything there is, to compare with afterwards. Raises Refused where something could change unseen."""
    from drillbook.clients.kube_objects import Unlisted

    try:
        return await residue.take(kube, work.order.policy.namespaces)
    except Unlisted as error:
        raise Refused(str(error)) from error


def see_the_tables(work: Work) -> None:
    """One look at what every table holds, where the data is to be damaged; two of them tell which are written to."""
    component, environment = work.compared, work.order.environment
    if component is None:
        return
    found = work.connections.on_kube(lambda kube: content_of(kube, environment, component, work.prefix))
    if isinstance(found, str):
        raise Refused(f"what the tables hold can't be read, so nobody could tell whether it is back: {found}")
    work.found.content_before += (found,)


def see_the_baseline(work: Work) -> None:
    """Probes and writes on; there must be a stretch without a single bad answer. Raises Refused."""
    watch = begin_to_watch(work)
    work.say(
        f"watching with {1 / signals.TRAFFIC_INTERVAL:.0f} reads and as many writes per second; "
        f"baseline of {SUSTAINED_SECONDS:g} s"
    )
    begun = work.now()
    while watch.quiet_seconds(begun) < SUSTAINED_SECONDS + ANSWER_SECONDS / 2 or _silent(watch):
        if work.now() - begun > BASELINE_SECONDS:
            raise Refused(
                f"the baseline did not hold for {SUSTAINED_SECONDS:g} s within {BASELINE_SECONDS:g} s; "
                f"{_what_was_bad(watch)}"
            )
        time.sleep(POLL_SECONDS)
    watch.know_the_usual()


def _silent(watch: Watch) -> tuple[str, ...]:
    """The signals whose probes see nothing: what isn't looked at looks as quiet as what is well."""
    return watch.silent(watch.now() - SUSTAINED_SECONDS)


def _what_was_bad(watch: Watch) -> str:
    if silent := _silent(watch):
        why = next((event.text for event in watch.stalls if event.details["signal"] in silent), "no probe came back")
        return f"nothing was seen of {', '.join(silent)}: {why}"
    bad = next((s for s in reversed(watch.samples) if not s.good), None)
    return f"the last bad answer was to a {bad.signal}: {bad.detail}" if bad else "nothing answered"


def begin_to_watch(work: Work) -> Watch:
    """The three signals, from now on. Raises ConfigError where the policy has no routes for them."""
    entrance, route, writes = signals.entrance(work.order.policy)
    aim, connections = work.briefing.aim, work.connections
    work.http = http = connections.front_door(entrance, ANSWER_SECONDS)
    path = work.order.folder / f"writes-{work.order.plan.id}.tsv"
    work.book = book = Ledger(path, work.prefix, writes)
    connections.enter(book.flushing())
    state = connections.on_kube(lambda kube: read_workload(kube, workload_of(aim.component), work.namespace))
    work.watch = Watch(
        (
            signals.read_signal(http, route),
            signals.write_signal(http, book, work.now),
            signals.ready_signal(connections.kube, work.namespace, state.selector, state.replicas),
        ),
        work.origin,
        work.clock,
    )
    connections.run(work.watch.start())
    return work.watch


def put_on_the_leash(work: Work) -> None:
    """From now on whatever waits in this drill is ended by a breach of the objectives that are marked for it."""
    if any(o.abort for o in asked_in(work.order.policy, work.order.environment)):
        work.leash = work.connections.start(watch_objectives(work.abort_objectives))


def write_the_journal(work: Work) -> None:
    """What to put back, on disk and in the cluster, before anything is broken. Raises DrillbookError."""
    fault = work.briefing.fault

    async def prepare(kube: Kube) -> Entry:
        put_back = await fault.put_back(kube, work.briefing.aim)
        changed = await putting_back.keep(kube, work.kept_changes)
        return await new_entry(
            kube, work.order.id, fault.name, work.briefing.intent.home, put_back, work.clock, changed
        )

    entry = work.connections.on_kube(prepare)
    # Known before it is written: half a journal must be cleared away too.
    work.entry, work.found.undone = entry, False
    work.connections.on_kube(lambda kube: work.journal.intend(kube, entry))
    work.connections.on_kube(lambda kube: putting_back.seal(kube, entry.procedure))
    work.event(EventKind.JOURNALED, f"what to put back is in {work.journal.path.name} and in {entry.config_map}")
