"""The ingress's configuration, made from Ingress objects. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from drillbook.sandbox.kinds import Object
from drillbook.sandbox.network.endpoint_names import name_of

HTTPS_PORT: Final = 8443
HTTP_PORT: Final = 8080
FALLBACK_NAME: Final = "ingress.local"
_NO_REDIRECT: Final = "nginx.ingress.kubernetes.io/ssl-redirect"
_REFRESH: Final = "100ms"

type TargetPort = Callable[[str, str, Object], int | None]
"""Namespace, Service name and the Ingress's port: the port that the pods listen on, None while nobody knows."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate with its key, PEM."""

    certificate: str
    key: str

    def __repr__(self) -> str:
        return "Pair(...)"


@dataclass(frozen=True, slots=True)
class Surface:
    """Where the ingress listens and whom it asks."""

    address: str
    admin: str
    names: str
    """Address and port of the name server that knows the endpoints."""
    fallback: Pair


def config(
    ingresses: Sequence[Object], pairs: Mapping[tuple[str, str], Pair], port_of: TargetPort, surface: Surface
) -> dict[str, Any]:
    """Caddy's whole configuration. ``pairs``: certificates by namespace and Secret."""
    secure = {
        host for ingress in ingresses for tls in ingress["spec"].get("tls") or () for host in tls.get("hosts") or ()
    }
    routes = _routes(ingresses, port_of, surface)
    loaded = [surface.fallback, *dict.fromkeys(pairs.values())]
    redirected = sorted(host for host in secure if _redirects(ingresses, host))
    return {
        "admin": {"listen": f"unix/{surface.admin}|0600", "config": {"persist": False}},
        "logging": {
            "logs": {"default": {"level": "WARN", "exclude": ["http.handlers.reverse_proxy", "http.log.error"]}}
        },
        "apps": {
            "tls": {
                "certificates": {"load_pem": [{"certificate": p.certificate, "key": p.key} for p in loaded]},
                "disable_ocsp_stapling": True,
            },
            "http": {
                "grace_period": "5s",
                "servers": {
                    "https": {
                        "listen": [f"{surface.address}:{HTTPS_PORT}"],
                        "protocols": ["h1", "h2"],
                        "automatic_https": {"disable": True},
                        "tls_connection_policies": [{"fallback_sni": FALLBACK_NAME, "default_sni": FALLBACK_NAME}],
                        "routes": [*routes, _nothing_here()],
                    },
                    "http": {
                        "listen": [f"{surface.address}:{HTTP_PORT}"],
                        "protocols": ["h1"],
                        "automatic_https": {"disable": True},
                        "routes": [*_redirects_to_https(redirected), *routes, _nothing_here()],
                    },
                },
            },
        },
    }


def _routes(ingresses: Sequence[Object], port_of: TargetPort, surface: Surface) -> list[dict[str, Any]]:
    """Named hosts before any host, exact paths before prefixes, long ones before short ones."""
    found: list[tuple[tuple[int, int, int, int], dict[str, Any]]] = []
    for ingress in ingresses:
        namespace = ingress["metadata"]["namespace"]
        for rule in ingress["spec"].get("rules") or ():
            host = rule.get("host")
            for path in (rule.get("http") or {}).get("paths") or ():
                match = ({"host": [host]} if host else {}) | _path_match(path)
                exact = path.get("pathType") == "Exact"
                rank = (not host, bool(host and host.startswith("*")), not exact, -len(path.get("path", "/")))
                route: dict[str, Any] = {
                    "handle": [_proxy(namespace, path["backend"], port_of, surface)],
                    "terminal": True,
                }
                if match:
                    route["match"] = [match]
                found.append(((int(rank[0]), int(rank[1]), int(rank[2]), rank[3]), route))
        default = ingress["spec"].get("defaultBackend")
        if default:
            route = {"handle": [_proxy(namespace, default, port_of, surface)], "terminal": True}
            found.append(((2, 0, 0, 0), route))
    return [route for _, route in sorted(found, key=lambda entry: entry[0])]


def _path_match(path: Object) -> dict[str, Any]:
    text = path.get("path") or "/"
    if path.get("pathType") == "Exact":
        return {"path": [text]}
    bare = text.rstrip("/")
    return {"path": [bare, f"{bare}/*"]} if bare else {}


def _proxy(namespace: str, backend: Object, port_of: TargetPort, surface: Surface) -> dict[str, Any]:
    service = backend["service"]
    port = port_of(namespace, service["name"], service.get("port") or {})
    if port is None:
        return {"handler": "static_response", "status_code": 503, "body": "no endpoints\n"}
    return {
        "handler": "reverse_proxy",
        "dynamic_upstreams": {
            "source": "a",
            "name": name_of(namespace, service["name"]),
            "port": str(port),
            "refresh": _REFRESH,
            "resolver": {"addresses": [f"udp/{surface.names}"]},
            "versions": {"ipv4": True, "ipv6": False},
        },
        # Another pod is tried only when the connection could not be made: nothing was sent yet.
        "load_balancing": {
            "selection_policy": {"policy": "round_robin"},
            "retries": 2,
            "try_interval": "5ms",
            "retry_match": [{"method": ["NEVER"]}],
        },
        "transport": {"protocol": "http", "dial_timeout": "5s", "response_header_timeout": "60s"},
    }


def _redirects(ingresses: Sequence[Object], host: str) -> bool:
    for ingress in ingresses:
        hosts = {h for tls in ingress["spec"].get("tls") or () for h in tls.get("hosts") or ()}
        if host in hosts and (ingress["metadata"].get("annotations") or {}).get(_NO_REDIRECT) == "false":
            return False
    return True


def _redirects_to_https(hosts: Sequence[str]) -> list[dict[str, Any]]:
    if not hosts:
        return []
    location = f"https://{{http.request.host}}:{HTTPS_PORT}{{http.request.uri}}"
    answer = {"handler": "static_response", "status_code": 308, "headers": {"Location": [location]}}
    return [{"match": [{"host": list(hosts)}], "handle": [answer], "terminal": True}]


def _nothing_here() -> dict[str, Any]:
    return {"handle": [{"handler": "static_response", "status_code": 404, "body": "default backend - 404\n"}]}
