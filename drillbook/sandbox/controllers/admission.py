"""Creating an object as the API would: with the defaults that its users count on."""

from __future__ import annotations

from drillbook.sandbox.api.defaults import complete
from drillbook.sandbox.kinds import Kind, Object
from drillbook.sandbox.store import Store, clone


def create(store: Store, kind: Kind, given: Object) -> Object:
    """Store a new object. ApiError 409 when its name is taken."""
    obj = clone(given)
    complete(kind, obj, store)
    return store.create(kind, obj)
