"""An object on its way into the store, to be completed in place."""

from __future__ import annotations

from dataclasses import dataclass

from drillbook.sandbox.kinds import Object
from drillbook.sandbox.store import Store


@dataclass(frozen=True, slots=True)
class New:
    """What a default may look at; it changes ``object`` only."""

    object: Object
    old: Object | None
    """The state that an update replaces; None for a new object."""
    store: Store

    @property
    def spec(self) -> Object:
        """The object's spec, made when it isn't there."""
        spec: Object = self.object.setdefault("spec", {})
        return spec
