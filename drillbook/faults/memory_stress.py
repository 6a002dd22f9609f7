"""Memory is filled in chosen pods, at once or little by little, up to their limit or beyond it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from drillbook.errors import Refused
from drillbook.faults import processes
from drillbook.faults.fault import Aim, Landing
from drillbook.faults.memory_limits import memory_limit
from drillbook.faults.places import Place, shell_or_abort
from drillbook.faults.settings import Setting
from drillbook.faults.stress import Stress

if TYPE_CHECKING:
    from drillbook.clients.kube import Kube

# tail keeps a last line of which it hasn't seen the end.
_HOLD: Final = """
bytes=$1; turns=$2; seconds=$3
{
  turn=0
  while [ "$turn" -lt "$turns" ]; do
    head -c "$((bytes / turns))" /dev/zero
    turn=$((turn + 1))
    [ "$turn" -eq "$turns" ] || sleep 1
  done
  sleep "$seconds"
} | tail -n 1 >/dev/null
"""
_HELD: Final = 'for one; do sed -n "s/^VmRSS:[^0-9]*\\([0-9]*\\).*/\\1/p" "/proc/$one/status"; done 2>/dev/null; exit 0'


class MemoryStress(Stress):
    """Holds memory that is written to."""

    name = "memory-stress"
    about = "Memory is filled in chosen pods."
    settings: ClassVar = {
        "ratio": Setting(0.9, "how much, as a share of the container's limit; 1 kills it", low=0.01, high=2.0),
        "ramp_seconds": Setting(0, "how long the filling takes; 0 is at once", low=0, high=3600, unit="s"),
        "seconds": Setting(120, "after so long it ends by itself", low=1, high=3600, unit="s"),
        "most_bytes": Setting(4 * 1024**3, "a container that would take more is refused", low=1, unit="bytes"),
    }

    async def script(self, kube: Kube, place: Place, aim: Aim) -> tuple[str, tuple[str, ...]]:
        settings = aim.settings
        turns = max(1, int(settings["ramp_seconds"]))
        return _HOLD, (str(await self._bytes(kube, place, aim)), str(turns), str(settings["seconds"]))

    async def seen(self, kube: Kube, place: Place, aim: Aim) -> Landing:
        wanted = await self._bytes(kube, place, aim)
        pids = await processes.running(kube, place, self.name)
        said = await shell_or_abort(kube, place, _HELD, *map(str, pids)) if pids else ""
        held = sum(int(word) for word in said.split()) * 1024
        return Landing(held >= 0.9 * wanted, {"held_bytes": held, "wanted_bytes": wanted})

    async def _bytes(self, kube: Kube, place: Place, aim: Aim) -> int:
        wanted = int(await memory_limit(kube, place) * float(aim.settings["ratio"]))
        most = int(aim.settings["most_bytes"])
        if wanted > most:
            raise Refused(f"this would hold {wanted:,} bytes in {place}, and the setting most_bytes allows {most:,}")
        return wanted
