"""The tokens in pods' volumes: made when first asked for, made anew before they end."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from drillbook.sandbox.api.account_tokens import AccountTokens
from drillbook.sandbox.kinds import SERVICE_ACCOUNT, Object
from drillbook.sandbox.store import Store

USUAL: Final = 3600
FRESH: Final = 0.8
"""The part of its life for which a token is kept, as a kubelet does it."""
LONGEST: Final = 24 * 3600.0
"""Seconds after which any token is made anew."""

type _Use = tuple[str, str, int]


@dataclass(frozen=True, slots=True)
class _Kept:
    token: str
    until: float

    def __repr__(self) -> str:
        return f"_Kept(until={self.until})"


class PodTokens:
    """Tokens bound to pods, by pod, audience and lifetime."""

    def __init__(self, store: Store, accounts: AccountTokens, now: Callable[[], float] = time.time) -> None:
        """``now``: seconds since 1970."""
        self._store, self._accounts, self._now = store, accounts, now
        self._kept: dict[_Use, _Kept] = {}

    def of(self, pod: Object, source: Object) -> bytes | None:
        """The token for a volume's ``serviceAccountToken``; None as long as the pod's account isn't there."""
        meta, spec = pod["metadata"], pod["spec"]
        account = self._store.get(SERVICE_ACCOUNT, meta["namespace"], spec.get("serviceAccountName") or "default")
        if account is None:
            return None
        audience, seconds = source.get("audience") or "", int(source.get("expirationSeconds") or USUAL)
        use = (f"{meta['uid']} {account['metadata']['uid']}", audience, seconds)
        now = self._now()
        kept = self._kept.get(use)
        if kept is None or kept.until <= now:
            self._kept = {known: held for known, held in self._kept.items() if held.until > now}
            token = self._accounts.make(account, seconds, [audience] if audience else (), pod)
            kept = self._kept[use] = _Kept(token, now + min(LONGEST, seconds * FRESH))
        return kept.token.encode()
