"""Creating an object as the API would: with the defaults that its users count on, inside its namespace's limits."""

from __future__ import annotations

from drillbook.sandbox.api.account_volumes import mount_account
from drillbook.sandbox.api.defaults import complete
from drillbook.sandbox.api.pod_references import check_references
from drillbook.sandbox.kinds import POD, Kind, Object
from drillbook.sandbox.limit_range import apply_limit_ranges
from drillbook.sandbox.quota import check_quota
from drillbook.sandbox.store import Store, clone


def create(store: Store, kind: Kind, given: Object) -> Object:
    """Store a new object. ApiError 409 when its name is taken, 403 when a quota or another rule says no."""
    obj = clone(given)
    complete(kind, obj, store)
    if kind == POD:
        check_references(store, obj)
        mount_account(store, obj)
        apply_limit_ranges(store, obj)
    check_quota(store, kind, obj)
    return store.create(kind, obj)
