"""Post-conditions of a cache that carries a queue too: what was to go is gone, what was to stay is there."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

from drillbook.drills.afterwards.occasion import AfterWay, Kept, Occasion, until_settled
from drillbook.drills.steps.commands import exec_needs, run_in, spot_of, told
from drillbook.errors import DrillAborted
from drillbook.judge import afterwards_data as judged
from drillbook.judge.outcome import Outcome, unseen
from drillbook.model.procedures import Entry

ENQUEUE_SECONDS: Final = 0.1
MOST_TASKS: Final = 500
LEAST_SECONDS: Final = 5.0
"""What was enqueued a moment ago needs this to be executed, whatever else is the matter."""
COMMAND_SECONDS: Final = 20.0
EXPIRES: Final = "3600"
"""Seconds after which what is put into the cache goes by itself, also where nobody puts it away."""


async def _ask(occasion: Occasion, entry: Entry, *command: str) -> str:
    spot = await spot_of(occasion.ground, occasion.component(entry))
    answer = await run_in(occasion.ground, spot, ["redis-cli", "-e", *command], COMMAND_SECONDS)
    if answer.exit_code != 0:
        raise DrillAborted(f"redis-cli {command[0]} in {spot}: {told(answer.stderr or answer.stdout)}")
    return answer.stdout.strip()


async def _put_two_keys(occasion: Occasion, entry: Entry, kept: Kept) -> None:
    mark = f"drillbook-{secrets.token_hex(6)}"
    kept["ours"], kept["other"] = str(entry.values["pattern"]).replace("*", mark), f"{mark}:other"
    for key in (kept["ours"], kept["other"]):
        await _ask(occasion, entry, "SET", key, "drillbook", "EX", EXPIRES)


async def _are_still_there(occasion: Occasion, entry: Entry, kept: Kept) -> None:
    """What the fault itself took away proves nothing of the procedure."""
    if await _ask(occasion, entry, "EXISTS", kept["ours"], kept["other"]) != "2":
        raise DrillAborted("the fault took away the keys that were put there to be looked at")


async def _gone(occasion: Occasion, entry: Entry, kept: Kept) -> Outcome:
    there = [await _ask(occasion, entry, "EXISTS", kept[name]) == "1" for name in ("ours", "other")]
    return judged.keys(entry.values["pattern"], *there)


async def _take_the_keys_away(occasion: Occasion, entry: Entry, kept: Kept) -> None:
    if "other" in kept:
        await _ask(occasion, entry, "DEL", kept["ours"], kept["other"])


async def _enqueue(occasion: Occasion, entry: Entry, kept: Kept) -> None:
    kept["keys"], kept["executed"] = list[str](), dict[str, int]()
    kept["enqueuing"] = asyncio.create_task(_enqueue_for_ever(occasion, entry, kept["keys"]))
    kept["looking"] = asyncio.create_task(_look_for_ever(occasion, entry, kept))


async def _enqueue_for_ever(occasion: Occasion, entry: Entry, keys: list[str]) -> None:
    """Ten a second until the look; only what was acknowledged counts."""
    from drillbook.clients.http import Request

    for number in range(MOST_TASKS):
        # Rows with the drill's own prefix are left out where tables are compared.
        key = f"{occasion.prefix}task-{number:04d}"
        answer = await occasion.http.send(Request("POST", entry.values["path"], {"key": key}))
        if answer.status is not None and 200 <= answer.status < 300:
            keys.append(key)
        await asyncio.sleep(ENQUEUE_SECONDS)


async def _look_for_ever(occasion: Occasion, entry: Entry, kept: Kept) -> None:
    """What was executed is noted when it is seen: a restore of the database forgets it."""
    while True:
        await _count(occasion, entry, kept)
        await asyncio.sleep(ENQUEUE_SECONDS)


async def _count(occasion: Occasion, entry: Entry, kept: Kept) -> None:
    from drillbook.clients.http import Request

    for key in [key for key in kept["keys"] if not kept["executed"].get(key)]:
        answer = await occasion.http.send(Request("GET", f"{entry.values['path']}/{quote(key, safe='')}"))
        if answer.status == 200:
            kept["executed"][key] = int(json.loads(answer.body).get("executions", 1))


async def _intact(occasion: Occasion, entry: Entry, kept: Kept) -> Outcome:
    await _end(kept)
    if not kept["keys"]:
        return unseen(f"POST {entry.values['path']} took no task at the front door, so none could be followed")
    restored = any(step.type == "restore_backup" for step in occasion.procedure.steps)

    async def look() -> Outcome:
        await _count(occasion, entry, kept)
        return judged.tasks(kept["keys"], kept["executed"], restored)

    return await until_settled(look, max(LEAST_SECONDS, occasion.settle_seconds))


async def _stop(_occasion: Occasion, _entry: Entry, kept: Kept) -> None:
    await _end(kept)


async def _end(kept: Kept) -> None:
    running = [kept[name] for name in ("enqueuing", "looking") if name in kept]
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)


WAYS: Final[Mapping[str, AfterWay]] = {
    "keys_gone": AfterWay(
        _gone,
        prepare=_put_two_keys,
        begin=_are_still_there,
        leave=_take_the_keys_away,
        more=lambda entry: str(entry.values["pattern"]),
        needs=exec_needs,
    ),
    "queue_intact": AfterWay(_intact, begin=_enqueue, leave=_stop),
}
