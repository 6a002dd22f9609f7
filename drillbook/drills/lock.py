"""The lock: one drill at a time in a namespace, as a Lease in the cluster, which everybody sees and which expires.

Whether another's Lease has expired is not for this machine's time of day to say: the clock of who renews it may be an
hour off. As in client-go's leader election, it has expired when nobody renewed it for as long as it lasts, by our own
monotonic clock, from when we first saw it. The time of day only says of which drill it isn't worth waiting for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from drillbook.clock import SYSTEM_CLOCK, Clock
from drillbook.errors import DrillAborted, Refused, Unreachable

if TYPE_CHECKING:
    from drillbook.clients.kube import Kube, Object

NAME: Final = "drillbook-drill"
LASTS_SECONDS: Final = 30
"""How long the lock outlives a drill that died without releasing it."""
LOOK_SECONDS: Final = 0.5
"""How often another's lock is looked at that may have expired."""


def _silently(_text: str) -> None:
    """Tell nobody."""


class Lock:
    """A Lease with this drill as its holder."""

    def __init__(
        self,
        namespace: str,
        holder: str,
        clock: Clock = SYSTEM_CLOCK,
        lasts_seconds: int = LASTS_SECONDS,
        *,
        vanishes: bool = False,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """``holder``: who it is, and unlike anybody else: ``RUN/DRILL``.

        ``vanishes``: the namespace goes with the fault and comes back without its Leases, and the lock is taken again.
        ``pause``: waits for seconds, between two looks at another's lock.
        """
        self.namespace, self.holder, self.lasts_seconds, self._clock = namespace, holder, lasts_seconds, clock
        self.vanishes, self._pause = vanishes, pause

    async def take(self, kube: Kube) -> None:
        """Become the holder. Raises Refused when another drill holds the lock.

        One that looks expired is watched for as long as it lasts: its holder may be alive, and its clock wrong.
        """
        await self._take(kube, _silently, waits=False)

    async def take_over(self, kube: Kube, say: Callable[[str], None]) -> None:
        """Become the holder as soon as the lock is given back or has expired.

        Raises Refused as soon as it is renewed, or another has it: its holder is alive.
        """
        await self._take(kube, say, waits=True)

    async def _take(self, kube: Kube, say: Callable[[str], None], *, waits: bool) -> None:
        from drillbook.clients.kube import ApiRefusal, path_of

        watch: _Watch | None = None
        while True:
            found = await kube.find(self._path)
            try:
                if found is None:
                    await kube.create(path_of("leases", self.namespace), self._body({}))
                    return
                if self._is_free(found) or (watch is not None and watch.is_over(found)):
                    # The resource version in it makes the API server refuse when somebody else was faster.
                    await kube.replace(self._path, self._body(found))
                    return
            except ApiRefusal as refused:
                if refused.code == 409:
                    raise Refused(f"another drill has just taken the lock {self}") from refused
                raise
            holder, seconds = found["spec"]["holderIdentity"], self._lasts(found).total_seconds()
            if watch is None:
                if not waits:
                    self._refuse_fresh(found)
                watch = _Watch(self._clock, found["spec"], seconds, self._clock.monotonic())
                say(f"{self._held(holder)}: waiting at most {seconds:g} s until it expires, or is renewed")
            elif watch.spec != found["spec"]:
                raise Refused(f"{self._held(holder)}; it is alive, and puts everything back by itself")
            await self._pause(LOOK_SECONDS)

    async def see_free(self, kube: Kube) -> None:
        """Look once, and take nothing. Raises Refused when another drill holds the lock.

        One that looks expired is let through: whoever takes it watches it first.
        """
        found = await kube.find(self._path)
        if found is not None and not self._is_free(found):
            self._refuse_fresh(found)

    def _is_free(self, found: Object) -> bool:
        return (found.get("spec") or {}).get("holderIdentity") in {None, "", self.holder}

    def _refuse_fresh(self, found: Object) -> None:
        """Raises Refused where the time of day is no reason to think that another's lock has expired."""
        try:
            until = datetime.fromisoformat(str(found["spec"]["renewTime"])) + self._lasts(found)
            expired = self._clock.now() > until
        except (KeyError, TypeError, ValueError) as error:
            raise self._unclear(error) from error
        if not expired:
            held = self._held(found["spec"]["holderIdentity"])
            raise Refused(f"{held}; wait for its end, or until it expires")

    def _lasts(self, found: Object) -> timedelta:
        try:
            return timedelta(seconds=int(found["spec"]["leaseDurationSeconds"]))
        except (KeyError, TypeError, ValueError) as error:
            raise self._unclear(error) from error

    def _unclear(self, error: Exception) -> Refused:
        """A Lease of somebody that doesn't say until when: as long as it is there, it is held."""
        return Refused(f"nobody can tell whether the lock {self} has expired: {error!r} in its spec")

    def _held(self, holder: str) -> str:
        return f"another drill holds the lock {self}: {holder}"

    async def renew_for_ever(self, kube: Kube) -> None:
        """Renew three times per life time.

        Raises DrillAborted when the lock is somebody else's, or was taken out; Unreachable when the cluster can't be
        reached for so long that the lock is about to expire.
        """
        loop = asyncio.get_running_loop()
        renewed = loop.time()
        while True:
            await asyncio.sleep(self.lasts_seconds / 3)
            try:
                await self._renew(kube)
                renewed = loop.time()
            except Unreachable:
                if loop.time() - renewed > 0.8 * self.lasts_seconds:
                    raise

    async def _renew(self, kube: Kube) -> None:
        found = await kube.find(self._path)
        if found is None and self.vanishes:
            await self._take_again(kube)
            return
        holder = found["spec"].get("holderIdentity") if found else None
        if found is None or holder != self.holder:
            raise DrillAborted(f"the lock {self} was taken away: {holder or 'nobody'} has it now")
        await kube.replace(self._path, self._body(found))

    async def _take_again(self, kube: Kube) -> None:
        """In a namespace that is away, or on its way out, nobody drills, and nobody can hold a lock."""
        from drillbook.clients.kube import ApiRefusal

        try:
            await self.take(kube)
        except ApiRefusal as refused:
            if refused.code not in {403, 404}:
                raise
        except Refused as refused:
            raise DrillAborted(f"the lock {self} was taken away: {refused}") from refused

    async def release(self, kube: Kube) -> None:
        """Take the Lease out, if it is still ours. Safe twice."""
        from drillbook.clients.kube import ApiRefusal

        found = await kube.find(self._path)
        if found is None or found["spec"].get("holderIdentity") != self.holder:
            return
        try:
            await kube.delete(self._path, uid=found["metadata"]["uid"])
        except ApiRefusal as refused:
            if refused.code not in {404, 409}:
                raise

    @property
    def _path(self) -> str:
        from drillbook.clients.kube import path_of

        return path_of("leases", self.namespace, NAME)

    def _body(self, found: Object) -> dict[str, Any]:
        now = self._clock.now().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        spec = found.get("spec") or {}
        ours = spec.get("holderIdentity") == self.holder
        return {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": found.get("metadata") or {"name": NAME, "namespace": self.namespace},
            "spec": {
                "holderIdentity": self.holder,
                "leaseDurationSeconds": self.lasts_seconds,
                "acquireTime": spec["acquireTime"] if ours else now,
                "renewTime": now,
            },
        }

    def __str__(self) -> str:
        return f"Lease {self.namespace}/{NAME}"


@dataclass(frozen=True, slots=True)
class _Watch:
    """Another's Lease as it was when we first looked."""

    clock: Clock
    spec: Object
    seconds: float
    """How long it lasts when nobody renews it."""
    since: float
    """By our monotonic clock."""

    def is_over(self, found: Object) -> bool:
        """Whether nobody has renewed it for as long as it lasts."""
        return bool(found["spec"] == self.spec) and self.clock.monotonic() - self.since > self.seconds


class Both:
    """Two locks that are held together: of a namespace that goes with the fault, and of the one that outlasts it."""

    def __init__(self, *locks: Lock) -> None:
        self.locks = locks

    async def take(self, kube: Kube) -> None:
        """Become the holder of each, or of none. Raises Refused."""
        try:
            # Twice: while the second was watched, the first may have expired.
            for lock in (*self.locks, *self.locks):
                await lock.take(kube)
        except BaseException:
            await self.release(kube)
            raise

    async def see_free(self, kube: Kube) -> None:
        """Look, and take nothing. Raises Refused."""
        for lock in self.locks:
            await lock.see_free(kube)

    async def renew_for_ever(self, kube: Kube) -> None:
        """As each of them."""
        await asyncio.gather(*(lock.renew_for_ever(kube) for lock in self.locks))

    async def release(self, kube: Kube) -> None:
        """Give up each that is ours. Safe twice."""
        for lock in self.locks:
            await lock.release(kube)


def drill_lock(
    namespace: str, home: str, holder: str, clock: Clock = SYSTEM_CLOCK, lasts_seconds: int = LASTS_SECONDS
) -> Lock | Both:
    """The lock of a drill of ``namespace`` whose journal is in ``home``, nearly always the same."""
    if home in {"", namespace}:
        return Lock(namespace, holder, clock, lasts_seconds)
    return Both(Lock(home, holder, clock, lasts_seconds), Lock(namespace, holder, clock, lasts_seconds, vanishes=True))


async def holder_of(kube: Kube, namespace: str) -> str | None:
    """Who holds the lock of a namespace; None where nobody does."""
    from drillbook.clients.kube import path_of

    found = await kube.find(path_of("leases", namespace, NAME))
    return str(found["spec"].get("holderIdentity")) if found else None
