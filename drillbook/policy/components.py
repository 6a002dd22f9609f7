"""The ``components`` of a policy: the named parts of a system, and how the platform knows them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import yaml

from drillbook.model.policy import Component, Route, Workload, WriteRoutes
from drillbook.policy.problems import described, nearest, plain
from drillbook.policy.section import NAME, Section, section

KEYS: Final = (
    *("workload", "namespace", "service", "ingress", "port", "health"),
    *("engine", "database", "user", "routes", "writes"),
)
KINDS: Final = ("deployment", "statefulset")
ENGINES: Final = ("postgres", "redis", "prometheus", "alertmanager")
METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")
_ROUTE: Final = re.compile(r"([A-Z]+) (/\S*)")
_REQUEST: Final = "a request such as 'GET /orders'"


def read_components(top: Section, namespace: str | None) -> Mapping[str, Component]:
    """Every component by its name; ``namespace`` is the policy's own, for those that name none."""
    return {name: _component(name, inner, namespace) for name, inner in top.named("components", KEYS)}


def _component(name: str, one: Section, namespace: str | None) -> Component:
    if not NAME.fullmatch(name):
        one.problem("", f"expected a name of lower case letters, digits and dashes, found {name!r}")
    own = one.optional_name("namespace")
    if one.get("namespace") is None and namespace is None:
        one.missing("namespace", "a namespace here or in metadata.namespace")
    engine = one.choice("engine", ENGINES, "engine", default="") or None
    if engine == "postgres" and not (one.get("database") and one.get("user")):
        one.problem("engine", "a postgres component needs the keys database and user")
    return Component(
        id=name,
        namespace=own or namespace or "",
        workload=_workload(one),
        service=one.optional_name("service"),
        ingress=one.optional_name("ingress"),
        port=one.integer("port", 1, 65535) if one.get("port") else None,
        health=_path(one, "health"),
        engine=engine,
        database=one.optional_text("database"),
        user=one.optional_text("user"),
        routes=tuple(r for path, node in one.items("routes") if (r := _route(one, path, node)) is not None),
        writes=_writes(one),
    )


def _workload(one: Section) -> Workload | None:
    text = one.optional_text("workload", "a workload such as deployment/backend")
    if text is None:
        return None
    kind, slash, name = text.partition("/")
    if not slash or not name or "/" in name:
        one.problem("workload", f"expected a workload such as deployment/backend, found {text!r}")
    elif kind not in KINDS:
        one.problem("workload", f"unknown workload kind {kind!r}{nearest(kind, KINDS)}")
    return Workload(kind, name)


def _path(one: Section, key: str) -> str | None:
    path = one.optional_text(key, "a path such as /health")
    if path is not None and not re.fullmatch(r"/\S*", path):
        one.problem(key, f"expected a path such as /health, found {path!r}")
    return path


def _route(one: Section, path: str, node: yaml.Node) -> Route | None:
    """``GET /orders``, or a mapping with method, path, weight and body."""
    if isinstance(node, yaml.ScalarNode):
        match = _ROUTE.fullmatch(node.value)
        if match is None:
            one.problems.add(node, path, f"expected {_REQUEST}, found {described(node)}")
            return Route("GET", "/")  # Stands in, so that nothing complains of a missing route as well.
        if match[1] not in METHODS:
            one.problems.add(node, path, f"unknown method {match[1]!r}{nearest(match[1], METHODS)}")
        return Route(match[1], match[2])
    inner = section(node, path, one.problems, ("method", "path", "weight", "body"))
    if inner is None:
        return None
    if inner.get("path") is None:
        inner.missing("path", "a path such as /orders")
    return Route(
        method=inner.choice("method", METHODS, "method"),
        path=_path(inner, "path") or "",
        weight=inner.integer("weight", 1, 1000, default=1),
        body=_body(inner),
    )


def _body(one: Section) -> Mapping[str, object] | None:
    node = one.get("body")
    if node is None:
        return None
    if not isinstance(node, yaml.MappingNode):
        one.problem("body", f"expected a mapping, found {described(node)}")
        return None
    return {str(key): value for key, value in plain(node).items()}


def _writes(one: Section) -> WriteRoutes | None:
    """How the write ledger writes and reads back: both must carry the key of the write."""
    inner = one.child("writes", ("write", "read", "listing"))
    if inner is None:
        return None
    found: dict[str, Route | None] = {}
    for key, mark in (("write", "{key}"), ("read", "{key}"), ("listing", "{prefix}")):
        node = inner.get(key)
        if node is None:
            if key != "listing":
                inner.missing(key, _REQUEST)
            found[key] = None
            continue
        route = found[key] = _route(inner, inner.at(key), node)
        if route is not None and mark not in f"{route.path}{route.body}":
            inner.problem(key, f"expected {mark} in the path or the body, to tell one write from another; found none")
    if found["write"] is None or found["read"] is None:
        return None
    return WriteRoutes(found["write"], found["read"], found["listing"])
