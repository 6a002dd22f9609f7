"""When a certificate is renewed."""

from __future__ import annotations

from datetime import datetime, timedelta

from drillbook.sandbox.certmanager.wish import Wish


def renewal_time(not_before: datetime, not_after: datetime, wish: Wish) -> datetime:
    """``renewBefore`` before the end, else that percentage of the lifetime before it, else a third of it.

    What was asked for counts only when it is shorter than the lifetime: otherwise the certificate would be renewed as
    soon as it was issued. Whole seconds, as the status has them. Source: cert-manager's ``renewaltime.go``.
    """
    lifetime = not_after - not_before
    before = lifetime / 3
    percent = wish.renew_before_percent
    if wish.renew_before is not None and timedelta(0) < wish.renew_before < lifetime:
        before = wish.renew_before
    elif percent is not None and 0 < percent < 100:
        before = lifetime * percent / 100
    return (not_after - before).replace(microsecond=0)
