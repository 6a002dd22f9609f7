"""Backups that look like backups: cut off in the middle, or old. Changed in their own folder, by exec in a pod.

What was there is put aside in the same folder under a name of its own, so that nothing is copied through anybody.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Final

from drillbook.errors import Refused
from drillbook.faults.fault import Aim, Candidate, Fault, Landing, Needs, PutBack, Target
from drillbook.faults.objects import target_of
from drillbook.faults.places import exec_permissions, needs_tools, place_of, shell_or_abort, wait_place
from drillbook.faults.settings import Setting
from drillbook.faults.sql import whose
from drillbook.faults.workloads import PLURALS, is_ready, read_workload, workload_of
from drillbook.model.policy import Workload

if TYPE_CHECKING:
    from drillbook.clients.kube import Kube

ASIDE: Final = ".drillbook-aside."
PATH: Final = Setting("", "the backups' files as a shell pattern, such as /backups/*.sql.gz")
# $1 is a pattern, so it is not quoted where it is to be expanded.
_NEWEST: Final = (
    'for f in $1; do [ -f "$f" ] && echo "$f"; done | while read -r f; do ls -1t $1; break; done | head -n 1'
)
_STATE: Final = 'for f in $1; do [ -f "$f" ] && echo "$(stat -c "%s %Y" "$f") $f"; done; :'
_CUT: Final = f"""
set -e
f=$({_NEWEST})
aside="$(dirname "$f")/{ASIDE}$(basename "$f")"
[ ! -e "$aside" ] || {{ echo "an earlier drill left $aside" >&2; exit 3; }}
mv "$f" "$aside"
head -c $(( $(stat -c %s "$aside") * $2 / 100 )) "$aside" > "$f"
touch -r "$aside" "$f"
"""
_AGE: Final = f"""
set -e
for f in $1; do
  [ -f "$f" ] || continue
  aside="$(dirname "$f")/{ASIDE}$(basename "$f")"
  [ ! -e "$aside" ] || {{ echo "an earlier drill left $aside" >&2; exit 3; }}
  : > "$aside"
  touch -r "$f" "$aside"
  touch -d "@$(( $(stat -c %Y "$f") - $2 * 86400 ))" "$f"
done
"""
_BACK: Final = f"""
for f in $1; do echo "$(dirname "$f")"; done | sort -u | while read -r folder; do
  for aside in "$folder"/{ASIDE}*; do
    [ -e "$aside" ] || continue
    f="$folder/${{aside##*/{ASIDE}}}"
    if [ "$2" = whole ]; then mv -f "$aside" "$f"; else
      [ ! -e "$f" ] || [ "$(stat -c %Y "$f")" -gt "$(stat -c %Y "$aside")" ] || touch -r "$aside" "$f"
      rm -f "$aside"
    fi
    echo "$f"
  done
done
"""


class BackupFault(Fault):
    """What both have in common."""

    script: str
    whole: bool
    """Whether the files themselves are put aside, and not only their times."""

    def amount(self, aim: Aim) -> int:
        """The script's second word."""
        raise NotImplementedError

    def needs(self, aim: Aim) -> Needs:
        from drillbook.clients.kube import Permission

        namespace = aim.component.namespace
        plural = PLURALS[workload_of(aim.component).kind]
        both = (Permission("get", plural, "apps", namespace), *exec_permissions(namespace))
        return Needs(both, both)

    async def how(self, kube: Kube, aim: Aim) -> str:
        place = await place_of(kube, aim)
        await needs_tools(kube, place, "stat", "touch", "head", "mv", "ls", "dirname", "basename", "sort")
        files = await _state(kube, aim)
        if not files:
            raise Refused(f"no file matches {_path(aim)} in {place}, so no backup is there to be spoilt")
        return f"{self.about} Done by exec in {place}, with {len(files)} files that match {_path(aim)}"

    async def candidates(self, kube: Kube, aim: Aim) -> tuple[Candidate, ...]:
        state = await read_workload(kube, workload_of(aim.component), aim.component.namespace)
        ordered = sorted(state.pods, key=lambda pod: str(pod["metadata"]["name"]))
        return tuple(Candidate(target_of("Pod", pod), "" if is_ready(pod) else "is not Ready") for pod in ordered)

    async def put_back(self, kube: Kube, aim: Aim) -> PutBack:
        return {**whose(aim), "path": _path(aim), "files": await _state(kube, aim)}

    async def inject(self, kube: Kube, aim: Aim, targets: Sequence[Target]) -> tuple[Target, ...]:
        # The folder is one, whichever pod it is seen from.
        place = await place_of(kube, aim)
        if place.uid not in {target.uid for target in targets}:
            raise Refused(f"{place} is another pod than was chosen")
        await shell_or_abort(kube, place, self.script, _path(aim), str(self.amount(aim)))
        return tuple(targets)

    async def landed(self, kube: Kube, aim: Aim, targets: Sequence[Target], before: PutBack) -> Landing:
        if not targets:
            return Landing(False)
        now, then = await _state(kube, aim), before.get("files") or {}
        changed = {
            name: {"before": then[name], "now": now[name]} for name in now if then.get(name, now[name]) != now[name]
        }
        return Landing(bool(changed), {"size and time": changed})

    async def undo(self, kube: Kube, put_back: PutBack, seconds: float) -> str:
        workload = Workload(put_back["kind"], put_back["workload"])
        place = await wait_place(kube, workload, str(put_back["namespace"]), seconds)
        words = (str(put_back["path"]), "whole" if self.whole else "times")
        done = (await shell_or_abort(kube, place, _BACK, *words)).split("\n")
        return f"{len([line for line in done if line])} backups are put back in {place}"


class BackupTruncated(BackupFault):
    """Cuts the newest backup off."""

    name = "backup-truncated"
    about = "The newest backup is cut off in the middle."
    script = _CUT
    whole = True
    settings: ClassVar = {"path": PATH, "percent": Setting(50, "how much of it is left", low=0, high=99, unit="%")}

    def amount(self, aim: Aim) -> int:
        return int(aim.settings["percent"])


class BackupStale(BackupFault):
    """Makes every backup older."""

    name = "backup-stale"
    about = "The newest backup is too old: every backup's time is set back."
    script = _AGE
    whole = False
    settings: ClassVar = {"path": PATH, "days": Setting(30, "by how much", low=1, high=3650, unit="d")}

    def amount(self, aim: Aim) -> int:
        return int(aim.settings["days"])


def _path(aim: Aim) -> str:
    path = str(aim.settings["path"])
    if not path.startswith("/"):
        raise Refused(f"the experiment must say where the backups are, as an absolute path; found {path!r}")
    return path


async def _state(kube: Kube, aim: Aim) -> dict[str, list[int]]:
    """Size and time of each backup. Raises Refused where the experiment names none."""
    found = await shell_or_abort(kube, await place_of(kube, aim), _STATE, _path(aim))
    lines = [line.split(" ", 2) for line in found.splitlines()]
    return {name: [int(size), int(time)] for size, time, name in lines}
