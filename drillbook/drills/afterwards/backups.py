"""Post-conditions of backups: a new one that can be restored, bad ones that are refused, and what is in them."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from drillbook.drills.afterwards.occasion import AfterWay, Kept, Occasion
from drillbook.drills.afterwards.scratch import SECONDS, NoScratch, load, psql, refuse_leaving, scratch_database
from drillbook.drills.steps.backups import LAST_LINES_OF, NEWEST, PLAIN, TRAILER, restore_as_documented
from drillbook.drills.steps.commands import Spot, exec_needs, run_in, spot_of, told
from drillbook.drills.steps.ground import Ground
from drillbook.errors import DrillAborted
from drillbook.judge import afterwards_data as judged
from drillbook.judge.outcome import Outcome, broken, holds, unseen
from drillbook.model.policy import Component
from drillbook.model.procedures import Entry
from drillbook.model.verdict import Status

_CLOCK: Final = ["date", "+%s"]
_STAT: Final = 'newest=$(ls -1t $1 2>/dev/null | head -n 1); test -n "$newest" && stat -L -c "%Y %s %n" -- "$newest"'
_SPOILT: Final = (
    f'set -e; mkdir -p "$2"; {PLAIN} > "$2/old.sql"; : > "$2/empty.sql"; '
    'head -n $(($(wc -l < "$2/old.sql") / 2)) "$2/old.sql" > "$2/cut.sql"; touch -t 200001010000 "$2/old.sql"'
)
"""Of a whole dump, an empty one, half a one, and one that is as old as nobody's are."""
_BAD: Final = {"an empty": "empty.sql", "a cut-off": "cut.sql", "an old": "old.sql"}
_EACH: Final = 'for file in $(find "$1" -type f -size +0 2>/dev/null); do '
_TEXT: Final = 'case "$file" in *.gz|*.tgz) gunzip -c "$file" 2>/dev/null;; *) cat "$file";; esac '
_HOLDS: Final = (
    f'{_EACH}case "$file" in *"$2"*) exit 0;; esac; {_TEXT}| grep -a -q -i -E "^kind: *$2\\$" && exit 0; done; exit 1'
)
"""Whether a folder has a file of that name, or one with an object of that kind."""
_READABLE: Final = f'{_EACH}{_TEXT}| grep -a -q -E "^kind: *Secret\\$" && echo "$file"; done; true'
"""The files of a folder in which a Secret can be read."""


async def _ask(ground: Ground, spot: Spot, *words: str) -> str:
    answer = await run_in(ground, spot, ["sh", "-c", words[0], "sh", *words[1:]], SECONDS)
    if answer.exit_code != 0:
        raise DrillAborted(f"{spot}: {told(answer.stderr) or f'exit code {answer.exit_code}'}")
    return answer.stdout.strip()


async def _know_the_time(occasion: Occasion, entry: Entry, kept: Kept) -> None:
    """By the clock that will write the file."""
    spot = await spot_of(occasion.ground, occasion.component(entry))
    kept["begun"] = int((await run_in(occasion.ground, spot, _CLOCK, SECONDS)).stdout)


async def _taken(occasion: Occasion, entry: Entry, kept: Kept) -> Outcome:
    ground, path = occasion.ground, str(entry.values["path"])
    spot = await spot_of(ground, occasion.component(entry))
    answer = await run_in(ground, spot, ["sh", "-c", _STAT, "sh", path], SECONDS)
    if answer.exit_code != 0:
        return judged.backup_age(path, None, 0, kept["begun"])
    written, size, newest = answer.stdout.strip().split(" ", 2)
    found = judged.backup_age(newest, int(written), int(size), kept["begun"])
    if not found.settled:
        return found
    async with occasion.alone:
        return await _restorable(ground, spot, newest, found)


async def _restorable(ground: Ground, spot: Spot, newest: str, young: Outcome) -> Outcome:
    """Loaded into a database of its own; where there can be none, by its end mark alone, and it says which."""
    if TRAILER not in await _ask(ground, spot, LAST_LINES_OF, newest):
        return broken(f"{young.sentence}, and it is cut off: it doesn't end as pg_dump ends a dump")
    databases = [one for one in ground.policy.components.values() if one.engine == "postgres"]
    if len(databases) != 1:
        found = f"the policy has {len(databases)} databases"
        return holds(f"{young.sentence} and ends as a whole dump; it was not loaded anywhere, as {found}")
    try:
        async with scratch_database(ground, spot, databases[0]) as name:
            tables = await load(ground, spot, databases[0], newest, name)
    except NoScratch as error:
        return holds(f"{young.sentence} and ends as a whole dump; it was not loaded anywhere: {error}")
    except DrillAborted as error:
        return broken(f"{young.sentence}, and it can't be restored into an empty database: {error}")
    return holds(f"{young.sentence}, and was loaded into an empty database of its own, {tables} tables")


async def _refused(occasion: Occasion, entry: Entry, _kept: Kept) -> Outcome:
    """What the procedure does with an empty, a cut-off and an old dump, each on a database of its own."""
    steps = occasion.procedure.steps
    number = next((n for n, one in enumerate(steps) if one.type == "restore_backup"), None)
    if number is None:
        return unseen("the procedure has no step that restores a backup")
    step, ground, database = steps[number], occasion.ground, occasion.component(entry)
    spot = await spot_of(ground, ground.policy.components[step.values["from"]])
    newest = await _ask(ground, spot, NEWEST, step.values["path"])
    folder = f"/tmp/drillbook-bad-{secrets.token_hex(4)}"  # noqa: S108 - in the pod, a name that nobody else has
    tried = {}
    try:
        await _ask(ground, spot, _SPOILT, newest, folder)
        await refuse_leaving(ground, spot, f"{folder}/old.sql", newest)
        for kind, file in _BAD.items():
            bad = replace(step, values={**step.values, "path": f"{folder}/{file}"})
            if await _looked_at(ground, steps[:number], bad):
                tried[kind] = ""
                continue
            async with occasion.alone, scratch_database(ground, spot, database) as name:
                await psql(ground, spot, database, name, "--command", "CREATE TABLE kept (n integer)")
                tried[kind] = await _became(ground, spot, replace(database, database=name), bad)
    except NoScratch as error:
        return unseen(str(error))
    finally:
        await run_in(ground, spot, ["rm", "-rf", folder], SECONDS)
    return judged.refusals(tried)


async def _looked_at(ground: Ground, before: Sequence[Entry], bad: Entry) -> bool:
    """Whether a step before the restore looks at the backups, and would have found that one to be bad."""
    from drillbook.checking import check_objectives

    held = {name for step in before for name in step.values.get("hold", ())}
    there = {"path": bad.values["path"]}
    asked = tuple(
        replace(one, parameters={**one.parameters, **there})
        for one in ground.policy.objectives
        if one.id in held and one.indicator.startswith("backup.") and one.component == bad.values["from"]
    )
    if not asked:
        return False
    verdicts = await asyncio.to_thread(
        check_objectives, ground.policy, ground.environment, (), asked, clock=ground.clock
    )  # fmt: skip
    return any(verdict.status is Status.FAIL for verdict in verdicts)


async def _became(ground: Ground, spot: Spot, scratch: Component, step: Entry) -> str:
    """What became of a restore of a bad dump; empty where it was refused and nothing was destroyed."""
    components = {**ground.policy.components, scratch.id: scratch}
    there = replace(ground, policy=replace(ground.policy, components=components))
    try:
        await restore_as_documented(there, step)
        claimed = True
    except DrillAborted:
        claimed = False
    name = scratch.database or ""
    left = await psql(ground, spot, scratch, name, "--command", "SELECT coalesce(to_regclass('kept')::text, '')")
    if claimed:
        return "restored with success" + ("" if left else ", and the data of before gone")
    return "" if left else "that ended in an error, and the data of before gone"


async def _inventory(occasion: Occasion, entry: Entry, _kept: Kept) -> Outcome:
    """In the folders that the policy's objectives of backups name for that component."""
    ground, component = occasion.ground, occasion.component(entry)
    looked_at = [one for one in ground.policy.objectives if one.indicator.startswith("backup.")]
    said = {str(one.parameters["path"]) for one in looked_at if one.component == component.id}
    if not said:
        return unseen(f"no objective of the policy says where the backups of {component.id} are (backup.* with path)")
    spot, folders = await spot_of(ground, component), sorted({path.rpartition("/")[0] or "/" for path in said})
    found, plain = {}, list[str]()
    for word in entry.values["contains"]:
        looks = [await run_in(ground, spot, ["sh", "-c", _HOLDS, "sh", folder, word], SECONDS) for folder in folders]
        found[word] = any(look.exit_code == 0 for look in looks)
    for folder in folders:
        plain += (await _ask(ground, spot, _READABLE, folder)).splitlines()
    return judged.inventory(entry.values["contains"], found, plain)


WAYS: Final[Mapping[str, AfterWay]] = {
    "backup_taken": AfterWay(
        _taken, begin=_know_the_time, more=lambda entry: str(entry.values["path"]), needs=exec_needs
    ),
    # What it needs, the restore step needs too.
    "restore_detects_bad_backup": AfterWay(_refused),
    "backup_content_inventory": AfterWay(
        _inventory, more=lambda entry: ", ".join(entry.values["contains"]), needs=exec_needs
    ),
}
