"""Defaults of NetworkChaos, as Chaos Mesh's webhook fills them in."""

from __future__ import annotations

from drillbook.sandbox.api.defaults.new import New


def network_chaos(new: New) -> None:
    """Selectors look in the experiment's own namespace, faults take hold of what goes to the target."""
    spec, home = new.spec, new.object["metadata"].get("namespace", "")
    for chosen in (spec, spec.get("target")):
        if isinstance(chosen, dict):
            selector = chosen.setdefault("selector", {})
            if not selector.get("namespaces"):
                selector["namespaces"] = [home]
    if not spec.get("direction"):
        spec["direction"] = "to"
    if spec.get("delay"):
        spec["delay"].setdefault("jitter", "0ms")
    for name in ("delay", "loss", "duplicate", "corrupt"):
        if spec.get(name):
            spec[name].setdefault("correlation", "0")
