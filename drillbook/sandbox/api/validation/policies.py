"""NetworkPolicies."""

from __future__ import annotations

import ipaddress
from typing import Any, Final

from drillbook.sandbox.api.names import Cause, forbidden_field, invalid, label_causes, required, unsupported
from drillbook.sandbox.api.validation.pods import port_cause
from drillbook.sandbox.kinds import Object

_TYPES: Final = ("Egress", "Ingress")
_PROTOCOLS: Final = ("SCTP", "TCP", "UDP")


def network_policy(obj: Object) -> list[Cause]:
    """Everything that is wrong with a policy."""
    spec = obj["spec"]
    causes = _selector(spec.get("podSelector"), "spec.podSelector")
    for i, type_ in enumerate(spec.get("policyTypes") or ()):
        if type_ not in _TYPES:
            causes.append(unsupported(type_, _TYPES, f"spec.policyTypes[{i}]"))
    for rules, peers in (("ingress", "from"), ("egress", "to")):
        for i, rule in enumerate(spec.get(rules) or ()):
            at = f"spec.{rules}[{i}]"
            for j, port in enumerate(rule.get("ports") or ()):
                causes += _port(port, f"{at}.ports[{j}]")
            for j, peer in enumerate(rule.get(peers) or ()):
                causes += _peer(peer, f"{at}.{peers}[{j}]")
    return causes


def _peer(peer: Object, at: str) -> list[Cause]:
    block = peer.get("ipBlock")
    selectors = [name for name in ("podSelector", "namespaceSelector") if name in peer]
    if not selectors and block is None:
        return [required(at, "must specify a peer")]
    if selectors and block is not None:
        return [forbidden_field(at, "may not specify both ipBlock and another peer")]
    if block is None:
        return [cause for name in selectors for cause in _selector(peer[name], f"{at}.{name}")]
    outer = _network(block.get("cidr", ""))
    if outer is None:
        return [_no_network(block.get("cidr", ""), f"{at}.ipBlock.cidr")]
    causes: list[Cause] = []
    for i, text in enumerate(block.get("except") or ()):
        inner = _network(text)
        here = f"{at}.ipBlock.except[{i}]"
        if inner is None:
            causes.append(_no_network(text, here))
        elif inner.version != outer.version or not _is_inside(inner, outer):
            causes.append(invalid(text, f"must be a strict subset of `cidr` {block['cidr']!r}", here))
    return causes


def _port(port: Object, at: str) -> list[Cause]:
    causes: list[Cause] = []
    number, last = port.get("port"), port.get("endPort")
    if port.get("protocol", "TCP") not in _PROTOCOLS:
        causes.append(unsupported(port["protocol"], _PROTOCOLS, f"{at}.protocol"))
    if isinstance(number, int) and not 0 < number < 65536:
        causes.append(port_cause(number, f"{at}.port"))
    if last is not None and not isinstance(number, int):
        why = "may not be specified when `port` is " + ("not specified" if number is None else "non-numeric")
        causes.append(forbidden_field(f"{at}.endPort", why))
    elif last is not None and last < number:
        causes.append(invalid(last, "must be greater than or equal to `port`", f"{at}.endPort"))
    return causes


def _selector(selector: Any, at: str) -> list[Cause]:
    return label_causes((selector or {}).get("matchLabels"), f"{at}.matchLabels")


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(text, strict=False) if "/" in text else None
    except ValueError:
        return None


def _no_network(text: str, at: str) -> Cause:
    return invalid(text, "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)", at)


def _is_inside(inner: Any, outer: Any) -> bool:
    return bool(inner.subnet_of(outer)) and inner != outer
