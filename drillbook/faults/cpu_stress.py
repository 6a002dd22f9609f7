"""Processors are kept busy in chosen pods, by loops of the shell beside the container's own program."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, ClassVar, Final

from drillbook.faults import processes
from drillbook.faults.fault import Aim, Landing
from drillbook.faults.places import Place, shell_or_abort
from drillbook.faults.settings import Setting
from drillbook.faults.stress import Stress

if TYPE_CHECKING:
    from drillbook.clients.kube import Kube

_BURN: Final = """
count=$1
while [ "$count" -gt 0 ]; do
  while :; do :; done &
  count=$((count - 1))
done
wait
"""
_USED: Final = 'for one; do cut -d " " -f 14,15 "/proc/$one/stat"; done 2>/dev/null; exit 0'
TICKS: Final = 100
"""In a second, on every Linux that Kubernetes runs on (USER_HZ)."""
LOOK_SECONDS: Final = 0.5


class CpuStress(Stress):
    """Burns processor time."""

    name = "cpu-stress"
    about = "Processors are kept busy in chosen pods."
    settings: ClassVar = {
        "workers": Setting(1, "how many loops, each of which can fill one core", low=1, high=128),
        "seconds": Setting(120, "after so long they end by themselves", low=1, high=3600, unit="s"),
    }

    async def script(self, kube: Kube, place: Place, aim: Aim) -> tuple[str, tuple[str, ...]]:
        return _BURN, (str(aim.settings["workers"]),)

    async def seen(self, kube: Kube, place: Place, aim: Aim) -> Landing:
        before = await self._seconds(kube, place)
        await asyncio.sleep(LOOK_SECONDS)
        after = await self._seconds(kube, place)
        burnt: dict[str, Any] = {"cpu seconds": round(after, 2)}
        return Landing(after > before, burnt)

    async def _seconds(self, kube: Kube, place: Place) -> float:
        """The processor time that the loops have used until now."""
        pids = await processes.running(kube, place, self.name)
        if not pids:
            return 0.0
        said = await shell_or_abort(kube, place, _USED, *map(str, pids))
        return sum(int(word) for word in said.split()) / TICKS
